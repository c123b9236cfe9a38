package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

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
}

// insertVersion stores the current state of a profile; the snapshot is also what reads answer with. Other queries of
// the save are part of the same statement.
func insertVersion(
	ctx context.Context, tx database.Tx, actor permission.Actor, profile Profile, with []bun.Query,
) (json.RawMessage, error) {
	snapshot, err := json.Marshal(profile)
	if err != nil {
		return nil, fmt.Errorf("write snapshot: %w", err)
	}
	insert := tx.NewInsert().Model(&versionRow{
		AccessProfileID: profile.ID, Version: profile.Version, Name: profile.Name, Description: profile.Description,
		Snapshot: string(snapshot), ChangedBy: actor.Name, CreatedAt: profile.UpdatedAt,
	})
	for i, query := range with {
		insert = insert.With("part_"+strconv.Itoa(i), query)
	}
	if _, err := insert.Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert version with what differs: %w", err)
	}
	return snapshot, nil
}

// tagRow lets lists offer the tags in use without reading every profile.
type tagRow struct {
	bun.BaseModel `bun:"table:access_profile_tags"`

	AccessProfileID int64  `bun:",pk"`
	TagKey          string `bun:",pk"`
	Tag             string
}

func changeTags(tx database.Tx, old, profile Profile) []bun.Query {
	rows := func(tags []string) []tagRow {
		return policy.Positioned(tags, func(tag string, _ int) tagRow {
			return tagRow{AccessProfileID: profile.ID, TagKey: input.FoldCase(tag), Tag: tag}
		})
	}
	return policy.Changes(tx, rows(old.Tags), rows(profile.Tags), func(r tagRow) string { return r.TagKey },
		policy.Same[tagRow],
		"CONFLICT (access_profile_id, tag_key) DO UPDATE", "tag")
}
