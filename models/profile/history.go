package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/policy"
)

type versionRow struct {
	bun.BaseModel `bun:"table:access_profile_versions"`

	AccessProfileID int64
	Version         int64
	Name            string
	Description     *string
	Snapshot        string
	ChangedBy       string
	CreatedAt       time.Time
	Note            string `bun:",nullzero"`
}

// insertVersion stores the current state of a profile; the snapshot is also what reads answer with.
func insertVersion(
	ctx context.Context, tx database.Tx, actor permission.Actor, profile Profile,
) (json.RawMessage, error) {
	snapshot, err := json.Marshal(profile)
	if err != nil {
		return nil, fmt.Errorf("write snapshot: %w", err)
	}
	row := versionRow{
		AccessProfileID: profile.ID, Version: profile.Version, Name: profile.Name, Description: profile.Description,
		Snapshot: string(snapshot), ChangedBy: actor.Name, CreatedAt: profile.UpdatedAt,
		Note: profile.Note,
	}
	insert, err := database.Store(tx, []versionRow{row}, "")
	if err != nil {
		return nil, err
	}
	if err := tx.ExecPlanned(ctx, insert); err != nil {
		return nil, fmt.Errorf("insert version: %w", err)
	}
	return snapshot, nil
}

// noted adds why a version was saved to the audit row of the change.
func (p Profile) noted(c audit.Change) (audit.Change, error) {
	if p.Note == "" {
		return c, nil
	}
	return c, c.Documents(nil, nil, map[string]any{"note": p.Note})
}

// tagRow lets lists offer the tags in use without reading every profile.
type tagRow struct {
	bun.BaseModel `bun:"table:access_profile_tags"`

	AccessProfileID int64  `bun:",pk"`
	TagKey          string `bun:",pk"`
	Tag             string
}

func saveTags(ctx context.Context, tx database.Tx, old, profile Profile) error {
	rows := func(tags []string) []tagRow {
		return policy.Positioned(tags, func(tag string, _ int) tagRow {
			return tagRow{AccessProfileID: profile.ID, TagKey: input.FoldCase(tag), Tag: tag}
		})
	}
	return policy.SaveRows(ctx, tx, rows(old.Tags), rows(profile.Tags), func(r tagRow) string { return r.TagKey },
		"(access_profile_id, tag_key)", "tag")
}
