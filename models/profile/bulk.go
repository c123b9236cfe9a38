package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// BulkInput is what the list sends for the selected rows.
type BulkInput struct {
	input.Row
	IDs input.List[input.Value] `json:"ids"`
	Op  input.Value             `json:"op"`
	Tag input.Value             `json:"tag"`
}

// Rows reads the ids, ascending, which is also the order in which rows are locked.
func (in BulkInput) Rows() ([]int64, error) {
	c := &input.Reader{}
	if len(in.IDs.Items) == 0 {
		c.Add("ids", "required", "Tick at least one profile.")
	}
	if len(in.IDs.Items) > 100 {
		c.Add("ids", "too_many_items", "Tick at most 100 profiles.")
	}
	var ids []int64
	for i, v := range in.IDs.Items {
		if id, ok := c.Int(input.Index("ids", i), v, "a profile's id", 1, input.MaxCount); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), problem.InvalidInput(c.Problems)
}

// ChangeMany activates, deactivates or tags all profiles named, or none. It returns how many there are. Refusals:
// Invalid, NotFound when one was deleted.
func ChangeMany(ctx context.Context, db bun.IDB, actor permission.Actor, in BulkInput) (int, error) {
	ids, err := in.Rows()
	if err != nil {
		return 0, err
	}
	return len(ids), database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		for _, id := range ids {
			if err := changeOne(ctx, tx, actor, id, in); err != nil {
				return err
			}
		}
		return nil
	})
}

func changeOne(ctx context.Context, tx database.Tx, actor permission.Actor, id int64, in BulkInput) error {
	var err error
	switch in.Op.Text {
	case "activate", "deactivate":
		_, err = SetActive(ctx, tx, actor, id, nil, in.Op.Text == "activate")
	case "tag":
		err = addTag(ctx, tx, actor, id, in.Tag)
	default:
		err = problem.Refuse(problem.Invalid, "op", "invalid_op", "Choose what to do with the profiles.")
	}
	return err
}

// addTag adds a tag to a profile that does not have it yet.
func addTag(ctx context.Context, tx database.Tx, actor permission.Actor, id int64, tag input.Value) error {
	c := &input.Reader{}
	name, _ := readTag(c, "tag", tag)
	if err := problem.InvalidInput(c.Problems); err != nil {
		return err
	}
	profile, err := LockProfile(ctx, tx, id)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(profile.Tags, func(has string) bool { return input.FoldCase(has) == input.FoldCase(name) }) {
		return nil
	}
	if len(profile.Tags) >= maxTags {
		return problem.Refuse(problem.Invalid, "tag", "too_many_items", "Remove a tag of "+problem.Clip(profile.Name)+
			" first, or leave it out: it has "+strconv.Itoa(maxTags)+" tags, which is the most.")
	}
	tags := profile.Input().Tags
	tags.Items = append(tags.Items, input.FormValue(name))
	_, err = Update(ctx, tx, actor, id, nil, Input{Tags: tags})
	return err
}

// Documents returns the profiles named that exist, as the API's documents, by id.
func Documents(ctx context.Context, db bun.IDB, ids []int64) ([]json.RawMessage, error) {
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
