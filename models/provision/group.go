package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/identity"
	"tollgate/models/problem"
	"tollgate/models/scim"
	"tollgate/models/scimquery"
)

// Group is a group of a connection.
type Group struct {
	ID string
	scim.Group
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// groupRow is a group as stored.
type groupRow struct {
	ID, DisplayName, ExternalID string
	Version                     int64
	CreatedAt, UpdatedAt        time.Time
}

func (r groupRow) group() Group {
	return Group{
		ID: r.ID, Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		Group: scim.Group{DisplayName: r.DisplayName, ExternalID: r.ExternalID, Members: map[string]bool{}},
	}
}

var groupColumns = scimquery.Columns{
	"id": {Expr: "g.id::text"}, "externalid": {Expr: "g.external_id"},
	"displayname":       {Expr: "g.display_key", Kind: scimquery.Folded},
	"meta.created":      {Expr: "g.created_at", Kind: scimquery.Moment},
	"meta.lastmodified": {Expr: "g.updated_at", Kind: scimquery.Moment},
	"members":           {Expr: "m.user_id", List: members},
	"members.value":     {Expr: "m.user_id", List: members},
}

const members = "(SELECT user_id FROM scim_members WHERE group_id = g.id) AS m"

func groups(db bun.IDB, connection int64) *bun.SelectQuery {
	return db.NewSelect().TableExpr("scim_groups AS g").Where("g.connection_id = ?", connection).
		Column("g.display_name", "g.external_id", "g.version", "g.created_at", "g.updated_at").ColumnExpr("g.id::text AS id")
}

// GetGroup returns a group of a connection, with its members if they are wanted. Refusal: NotFound.
func GetGroup(ctx context.Context, db bun.IDB, connection int64, id string, withMembers bool) (Group, error) {
	return getGroup(ctx, db, groups(db, connection), id, withMembers)
}

func getGroup(ctx context.Context, db bun.IDB, q *bun.SelectQuery, id string, withMembers bool) (Group, error) {
	if !identity.UserID.MatchString(id) {
		return Group{}, problem.Missing("group")
	}
	var r groupRow
	if err := q.Where("g.id = ?", id).Scan(ctx, &r); err != nil {
		return Group{}, problem.NotFoundOr(err, "group")
	}
	all := []Group{r.group()}
	var err error
	if withMembers {
		err = addMembers(ctx, db, all)
	}
	return all[0], err
}

// ListGroups returns a page of the groups of a connection, oldest first, and how many match in all. Refusal: Invalid
// for a filter of what is not kept.
func ListGroups(
	ctx context.Context, db bun.IDB, connection int64, q Query, withMembers bool,
) ([]Group, int64, error) {
	matching := groups(db, connection)
	if q.Filter != nil {
		condition, args, err := groupColumns.Condition(*q.Filter)
		if err != nil {
			return nil, 0, err
		}
		matching = matching.Where(condition, args...)
	}
	var rows []groupRow
	total, err := page(ctx, matching, q, "g.created_at, g.id", &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("list the groups of a directory: %w", err)
	}
	found := make([]Group, len(rows))
	for i, r := range rows {
		found[i] = r.group()
	}
	if withMembers {
		err = addMembers(ctx, db, found)
	}
	return found, total, err
}

// addMembers reads the members of groups in one statement.
func addMembers(ctx context.Context, db bun.IDB, all []Group) error {
	ids, at := make([]string, len(all)), map[string]int{}
	for i, g := range all {
		ids[i], at[g.ID] = g.ID, i
	}
	var rows []struct{ GroupID, UserID string }
	err := db.NewRaw("SELECT group_id::text AS group_id, user_id FROM scim_members WHERE group_id = ANY (?::uuid[])",
		pgdialect.Array(ids)).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read the members of groups: %w", err)
	}
	for _, row := range rows {
		all[at[row.GroupID]].Members[row.UserID] = true
	}
	return nil
}
