package models

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// BulkInput is what the list sends for the rows that are ticked.
type BulkInput struct {
	Row
	IDs List[Value] `json:"ids"`
	Op  Value       `json:"op"`
	Tag Value       `json:"tag"`
}

// Rows reads the ids, ascending, which is also the order in which rows are locked.
func (in BulkInput) Rows() ([]int64, error) {
	c := &checker{}
	if len(in.IDs.Items) == 0 {
		c.add("ids", "required", "Tick at least one profile.")
	}
	if len(in.IDs.Items) > 100 {
		c.add("ids", "too_many_items", "Tick at most 100 profiles.")
	}
	var ids []int64
	for i, v := range in.IDs.Items {
		if id, ok := c.count(at("ids", i), v, "a profile's id", 1, MaxCount); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), invalid(c.found)
}

// ChangeAccessProfiles activates, deactivates or tags all profiles named, or none. It returns how many there are. Refusals: Invalid,
// NotFound when one is gone.
func ChangeAccessProfiles(ctx context.Context, db bun.IDB, actor Actor, in BulkInput) (int, error) {
	ids, err := in.Rows()
	if err != nil {
		return 0, err
	}
	return len(ids), inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		for _, id := range ids {
			if err := changeOne(ctx, tx, actor, id, in); err != nil {
				return err
			}
		}
		return nil
	})
}

func changeOne(ctx context.Context, tx bun.Tx, actor Actor, id int64, in BulkInput) error {
	var err error
	switch in.Op.Text {
	case "activate", "deactivate":
		_, err = SetAccessProfileActive(ctx, tx, actor, id, nil, in.Op.Text == "activate")
	case "tag":
		err = addTag(ctx, tx, actor, id, in.Tag)
	default:
		err = Refuse(Invalid, "op", "invalid_op", "Choose what to do with the profiles.")
	}
	return err
}

// addTag adds a tag to a profile that does not have it yet.
func addTag(ctx context.Context, tx bun.Tx, actor Actor, id int64, tag Value) error {
	c := &checker{}
	c.required("tag", tag, "a tag")
	name, _ := c.text("tag", tag, textRule{what: "a tag", max: 64})
	if err := invalid(c.found); err != nil {
		return err
	}
	profile, err := lockProfile(ctx, tx, id)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(profile.Tags, func(has string) bool { return FoldCase(has) == FoldCase(name) }) {
		return nil
	}
	tags := profile.Input().Tags
	tags.Items = append(tags.Items, Typed(name))
	_, err = UpdateAccessProfile(ctx, tx, actor, id, nil, AccessProfileInput{Tags: tags})
	return err
}

// AccessProfileDocuments returns the profiles named that exist, as the API's documents, by id.
func AccessProfileDocuments(ctx context.Context, db bun.IDB, ids []int64) ([]json.RawMessage, error) {
	var snapshots []string
	err := db.NewRaw(`
SELECT v.snapshot FROM access_profiles p
JOIN access_profile_versions v ON v.access_profile_id = p.id AND v.version = p.version
WHERE p.id IN (?) ORDER BY p.id`, bun.List(ids)).Scan(ctx, &snapshots)
	if err != nil {
		return nil, fmt.Errorf("load access profiles: %w", err)
	}
	documents := make([]json.RawMessage, len(snapshots))
	for i, snapshot := range snapshots {
		documents[i] = json.RawMessage(snapshot)
	}
	return documents, nil
}
