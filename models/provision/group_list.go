package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/connection"
	"tollgate/models/database"
)

// ListedGroup is a group in the list of a connection.
type ListedGroup struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	ExternalID string    `json:"external_id"`
	Members    int64     `json:"members"`
	RoleID     *int64    `json:"role_id"` // that a rule gives the members; null without one
	Role       *string   `json:"role"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// GroupsOf returns a page of the groups of a connection by name, and how many match in all. Refusal: NotFound.
func GroupsOf(
	ctx context.Context, db bun.IDB, connectionID int64, q database.CatalogueQuery,
) ([]ListedGroup, int64, error) {
	if _, err := connection.Get(ctx, db, connectionID); err != nil {
		return nil, 0, err
	}
	rows := []ListedGroup{}
	query := db.NewSelect().TableExpr("scim_groups AS g").ColumnExpr("g.id::text AS id").ColumnExpr("g.display_name AS name").
		Column("g.external_id", "g.updated_at", "r.role_id").ColumnExpr("o.name AS role").
		ColumnExpr("(SELECT count(*) FROM scim_members AS m WHERE m.group_id = g.id) AS members").
		Join("LEFT JOIN scim_rules AS r ON r.group_id = g.id").Join("LEFT JOIN roles AS o ON o.id = r.role_id").
		Where("g.connection_id = ?", connectionID)
	if q.Search != "" {
		query = query.Where("g.display_name ILIKE ?", database.LikeAnywhere(q.Search))
	}
	total, err := query.Order("g.display_key").Limit(q.Limit).Offset(q.Offset).ScanAndCount(ctx, &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("list the groups of a directory: %w", err)
	}
	return rows, int64(total), nil
}

// GroupChoice is a group that a rule can name.
type GroupChoice struct{ ID, Name string }

// GroupChoices are the groups of a connection by name.
func GroupChoices(ctx context.Context, db bun.IDB, connectionID int64) ([]GroupChoice, error) {
	choices := []GroupChoice{}
	err := db.NewRaw(`
SELECT id::text AS id, display_name AS name FROM scim_groups WHERE connection_id = ? ORDER BY display_key LIMIT 1000`,
		connectionID).Scan(ctx, &choices)
	if err != nil {
		return nil, fmt.Errorf("list groups to choose from: %w", err)
	}
	return choices, nil
}
