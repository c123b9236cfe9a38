package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/problem"
)

// Actions are the actions that an audit row can record.
var Actions = []string{
	"create", "update", "delete", "propagate", "attach_role", "detach_role", "clone", "activate", "deactivate",
	"assign", "unassign", "override_set", "override_clear", "restore", "pause", "resume",
	"hand_over", "release", "purge", "sign_in", "break_glass", "sign_out", "link", "unlink",
}

// Resources are the kinds of things that an audit row can be about.
var Resources = []string{
	ofProfile, "user", "role", "virtual_key", "api_key", "provider", "mcp_client", "tool_group", "usage_event",
	"quarantined_usage", "scim_connection", "scim_token", "scim_group", "role_rules", "identity_provider",
	"sign_in_link", "access_request", "setting",
}

const ofProfile = "access_profile" // with its copies, which are not named in the metadata

// Entry is one row of the audit log: who did what to what, with the values before and after as JSON.
type Entry struct {
	ID              int64     `json:"id"`
	AccessProfileID *int64    `json:"access_profile_id"`
	UserID          *string   `json:"user_id"` // the user affected
	Actor           string    `json:"actor"`
	Action          string    `json:"action"`
	PreviousValues  *string   `json:"previous_values"`
	NewValues       *string   `json:"new_values"`
	Metadata        *string   `json:"metadata"`
	CreatedAt       time.Time `json:"created_at"`
	Origin
}

// Query says which rows a list of the audit log shows.
type Query struct {
	Limit, Offset int64
	ID            int64 // 0 is any
	ProfileID     *int64
	Action        string
	UserID        string // the user affected, also one of several
	Actor         string // part of the name, in any case
	Resource      string // what kind of thing was changed: one of Resources
	Search        string // part of a name, an address, a role or a reason that the change concerns, in any case
	Since, Until  *time.Time
	WithKeys      bool  // show which API keys made the changes
	After         int64 // the id of the last row of the page before: the place of Offset, without reading up to it
	CountTo       int64 // count no further than one more than this; 0 counts all
}

// Check refuses an action or a resource that no row has.
func (q Query) Check() error {
	if q.Action != "" && !slices.Contains(Actions, q.Action) {
		return problem.Refuse(problem.Unreadable, "action", "invalid_action", "Choose one of the actions of the audit log.")
	}
	if q.Resource != "" && !slices.Contains(Resources, q.Resource) {
		return problem.Refuse(problem.Unreadable, "resource", "invalid_resource",
			"Choose one of: "+strings.Join(Resources, ", ")+".")
	}
	return nil
}

// List returns a page of the audit log, newest first, and how many rows match. Refusal: NotFound for a profile that
// never existed.
func List(ctx context.Context, db bun.IDB, q Query) (rows []Entry, total int64, err error) {
	rows = []Entry{}
	page := q.filter(db.NewSelect()).Column(q.columns()...).Order("id DESC").Limit(q.Limit)
	if q.After > 0 {
		page = page.Where("id < ?", q.After)
	} else {
		page = page.Offset(q.Offset)
	}
	if err = page.Scan(ctx, &rows); err != nil {
		return nil, 0, fmt.Errorf("list audit rows: %w", err)
	}
	count := database.CatalogueQuery{CountTo: q.CountTo}
	if total, err = count.Count(ctx, db, q.filter(db.NewSelect()).ColumnExpr("1")); err != nil {
		return nil, 0, err
	}
	if q.ProfileID != nil && total == 0 {
		if err = everExisted(ctx, db, *q.ProfileID); err != nil {
			return nil, 0, err
		}
	}
	return rows, total, nil
}

func (q Query) columns() []string {
	columns := []string{
		"id", "access_profile_id", "user_id", "actor", "action", "previous_values", "new_values", "metadata", "created_at",
		"door",
	}
	if q.WithKeys {
		columns = append(columns, "api_key_name", "api_key_prefix")
	}
	return columns
}

// Each passes every row that matches to use, oldest first, in one snapshot.
func Each(ctx context.Context, db bun.IDB, q Query, use func(Entry) error) error {
	return database.EachOf(ctx, db, q.filter(db.NewSelect()).Column(q.columns()...).Order("id ASC"), use)
}

func (q Query) filter(s *bun.SelectQuery) *bun.SelectQuery {
	s = s.Table("audit_logs")
	if q.ID != 0 {
		s = s.Where("id = ?", q.ID)
	}
	if q.ProfileID != nil {
		s = s.Where("access_profile_id = ?", *q.ProfileID)
	}
	if q.Action != "" {
		s = s.Where("action = ?", q.Action)
	}
	if q.UserID != "" {
		s = s.Where(
			"(user_id = ?0 OR metadata IS NOT NULL AND metadata::jsonb -> 'user_ids' @> to_jsonb(?0::text))", q.UserID,
		)
	}
	if q.Actor != "" {
		s = s.Where("actor ILIKE ?", database.LikeAnywhere(q.Actor))
	}
	switch q.Resource {
	case "":
	case ofProfile:
		s = s.Where("access_profile_id IS NOT NULL")
	default:
		s = s.Where("metadata IS NOT NULL AND metadata::jsonb ->> 'resource' = ?", q.Resource)
	}
	if q.Search != "" {
		s = s.Where("audit_text(metadata, previous_values, new_values) ILIKE ?", database.LikeAnywhere(q.Search))
	}
	if q.Since != nil {
		s = s.Where("created_at >= ?", *q.Since)
	}
	if q.Until != nil {
		s = s.Where("created_at < ?", *q.Until)
	}
	return s
}

func everExisted(ctx context.Context, db bun.IDB, id int64) error {
	var known bool
	err := db.NewRaw("SELECT EXISTS (SELECT FROM access_profiles WHERE id = ?0) "+
		"OR EXISTS (SELECT FROM audit_logs WHERE access_profile_id = ?0)", id).
		Scan(ctx, &known)
	if err != nil {
		return fmt.Errorf("look for access profile %d: %w", id, err)
	}
	if !known {
		return problem.Missing("access profile")
	}
	return nil
}

// DeletedUsers are those of the folded addresses that a deleted user had.
func DeletedUsers(ctx context.Context, db bun.IDB, keys []string) (map[string]bool, error) {
	var rows []string
	err := db.NewRaw(`
SELECT DISTINCT key FROM (
    SELECT lower(previous_values::jsonb ->> 'email') AS key FROM audit_logs
    WHERE action IN ('delete', 'purge') AND user_id IS NOT NULL AND access_profile_id IS NULL
        AND metadata::jsonb ->> 'resource' = 'user'
) AS gone WHERE key = ANY (?)`, pgdialect.Array(keys)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look up deleted users: %w", err)
	}
	left := make(map[string]bool, len(rows))
	for _, key := range rows {
		left[key] = true
	}
	return left, nil
}
