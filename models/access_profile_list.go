package models

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// AccessProfileQuery says which templates a list shows.
type AccessProfileQuery struct {
	Limit, Offset int64 // Limit is 1 to 100
	Search        string
	Tags          []string // all must match
	IsActive      *bool
	Sort          string // a key of AccessProfileSorts
}

// AccessProfileSorts are the orders a list can have; each also with a leading "-". The first is the default.
var AccessProfileSorts = []string{"name", "created_at", "updated_at"}

var profileOrder = map[string][]string{
	"name":        {"p.name_key ASC", "p.id ASC"},
	"-name":       {"p.name_key DESC", "p.id DESC"},
	"created_at":  {"p.created_at ASC", "p.id ASC"},
	"-created_at": {"p.created_at DESC", "p.id DESC"},
	"updated_at":  {"p.updated_at ASC", "p.id ASC"},
	"-updated_at": {"p.updated_at DESC", "p.id DESC"},
}

// ListAccessProfiles returns a page of templates as the API's documents, and how many match in all.
func ListAccessProfiles(ctx context.Context, db bun.IDB, q AccessProfileQuery) (documents []json.RawMessage, total int64, err error) {
	var snapshots []string
	err = q.filter(db.NewSelect()).
		Join("JOIN access_profile_versions AS v ON v.access_profile_id = p.id AND v.version = p.version").
		Column("v.snapshot").Order(profileOrder[q.Sort]...).Limit(q.Limit).Offset(q.Offset).Scan(ctx, &snapshots)
	if err != nil {
		return nil, 0, fmt.Errorf("list access profiles: %w", err)
	}
	total = q.Offset + int64(len(snapshots))
	// Counting costs more than the page; a page that is not full and not past the end has told the number already.
	if int64(len(snapshots)) == q.Limit || len(snapshots) == 0 && q.Offset > 0 {
		if total, err = q.filter(db.NewSelect()).Count(ctx); err != nil {
			return nil, 0, fmt.Errorf("count access profiles: %w", err)
		}
	}
	documents = make([]json.RawMessage, len(snapshots))
	for i, snapshot := range snapshots {
		documents[i] = json.RawMessage(snapshot)
	}
	return documents, total, nil
}

func (q AccessProfileQuery) filter(s *bun.SelectQuery) *bun.SelectQuery {
	s = s.TableExpr("access_profiles AS p")
	if q.Search != "" {
		s = s.Where("p.search_key LIKE ?", contains(q.Search))
	}
	if len(q.Tags) > 0 {
		keys := make([]string, len(q.Tags))
		for i, tag := range q.Tags {
			keys[i] = Fold(tag)
		}
		s = s.Where("p.tag_keys @> ?", pgdialect.Array(keys))
	}
	if q.IsActive != nil {
		s = s.Where("p.is_active = ?", *q.IsActive)
	}
	return s
}

// contains is the LIKE pattern of texts that contain search, folded; % and _ stand for themselves.
func contains(search string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(Fold(search)) + "%"
}

// AccessProfileDocument returns a template as the API's document. Refusal: NotFound.
func AccessProfileDocument(ctx context.Context, db bun.IDB, id int64) (json.RawMessage, error) {
	var snapshot string
	err := db.NewRaw(`
SELECT v.snapshot FROM access_profiles p
JOIN access_profile_versions v ON v.access_profile_id = p.id AND v.version = p.version WHERE p.id = ?`, id).Scan(ctx, &snapshot)
	if err != nil {
		return nil, found(err, "access profile")
	}
	return json.RawMessage(snapshot), nil
}

// AccessProfileVersion returns a template as it was at a version. Refusal: NotFound.
func AccessProfileVersion(ctx context.Context, db bun.IDB, id, version int64) (AccessProfile, error) {
	var snapshot string
	var profile AccessProfile
	err := db.NewRaw("SELECT snapshot FROM access_profile_versions WHERE access_profile_id = ? AND version = ?", id, version).
		Scan(ctx, &snapshot)
	if err != nil {
		return profile, found(err, "version")
	}
	if err := json.Unmarshal([]byte(snapshot), &profile); err != nil {
		return profile, fmt.Errorf("read version %d of access profile %d: %w", version, id, err)
	}
	return profile, nil
}

// AccessProfileTags lists the tags in use, each once, in order.
func AccessProfileTags(ctx context.Context, db bun.IDB) ([]string, error) {
	tags := []string{}
	err := db.NewRaw("SELECT DISTINCT ON (lower(tag)) tag FROM access_profiles, unnest(tags) AS tag ORDER BY lower(tag) LIMIT 50").Scan(ctx, &tags)
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	return tags, nil
}
