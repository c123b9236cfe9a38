package connection

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Connection is a directory that provisions users.
type Connection struct {
	bun.BaseModel `bun:"table:scim_connections,alias:c" json:"-"`

	ID            int64     `json:"id" bun:",pk,autoincrement"`
	Name          string    `json:"name"`
	NameKey       string    `json:"-"`
	DefaultRoleID int64     `json:"default_role_id"`
	EmailDomains  []string  `json:"email_domains" bun:",array"`
	RetentionDays int64     `json:"retention_days"`
	IsEnabled     bool      `json:"is_enabled"`
	Version       int64     `json:"-"` // of its rules
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`

	DefaultRole string  `json:"default_role" bun:",scanonly"`
	Users       int64   `json:"users" bun:",scanonly"`
	Tokens      []Token `json:"tokens" bun:"-"`
}

// Actor is the connection as the actor of what its directory changes.
func (c Connection) Actor() permission.Actor {
	return permission.Actor{
		Name: "scim: " + c.Name, Permissions: permission.AllPermissions(), Door: permission.DoorSCIM,
	}
}

// record is a connection as audit rows show it.
func (c Connection) record() map[string]any {
	return map[string]any{
		"name": c.Name, "default_role_id": c.DefaultRoleID, "email_domains": c.EmailDomains,
		"retention_days": c.RetentionDays, "is_enabled": c.IsEnabled, "updated_at": c.UpdatedAt,
	}
}

func (c Connection) same(other Connection) bool {
	return c.Name == other.Name && c.DefaultRoleID == other.DefaultRoleID && c.RetentionDays == other.RetentionDays &&
		c.IsEnabled == other.IsEnabled && slices.Equal(c.EmailDomains, other.EmailDomains)
}

func selected(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("c.*").
		ColumnExpr("(SELECT r.name FROM roles AS r WHERE r.id = c.default_role_id) AS default_role").
		ColumnExpr("(SELECT count(*) FROM users AS u WHERE u.connection_id = c.id AND u.left_at IS NULL) AS users")
}

// List returns a page of connections by name, and how many match in all.
func List(ctx context.Context, db bun.IDB, q database.CatalogueQuery) ([]Connection, int64, error) {
	all := []Connection{}
	rows := selected(db.NewSelect().Model(&all))
	if q.Search != "" {
		rows = rows.Where("c.name_key LIKE ?", database.Contains(q.Search))
	}
	total, err := rows.Order("c.name_key").Limit(q.Limit).Offset(q.Offset).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list SCIM connections: %w", err)
	}
	return all, int64(total), addTokens(ctx, db, all)
}

// Get returns one connection with its tokens. Refusal: NotFound.
func Get(ctx context.Context, db bun.IDB, id int64) (Connection, error) {
	c, err := load(ctx, db.NewSelect(), id)
	if err != nil {
		return c, err
	}
	one := []Connection{c}
	err = addTokens(ctx, db, one)
	return one[0], err
}

func load(ctx context.Context, q *bun.SelectQuery, id int64) (Connection, error) {
	var c Connection
	if err := selected(q.Model(&c)).Where("c.id = ?", id).Scan(ctx); err != nil {
		return c, problem.NotFoundOr(err, "SCIM connection")
	}
	return c, nil
}

func addTokens(ctx context.Context, db bun.IDB, connections []Connection) error {
	ids := make([]int64, len(connections))
	for i := range connections {
		ids[i], connections[i].Tokens = connections[i].ID, []Token{}
	}
	var tokens []Token
	err := db.NewSelect().Model(&tokens).Where("t.connection_id = ANY (?)", pgdialect.Array(ids)).Order("t.id").Scan(ctx)
	if err != nil {
		return fmt.Errorf("read the tokens of SCIM connections: %w", err)
	}
	for _, token := range tokens {
		i := slices.Index(ids, token.ConnectionID)
		connections[i].Tokens = append(connections[i].Tokens, token)
	}
	return nil
}

// Names are the names of all connections.
func Names(ctx context.Context, db bun.IDB) ([]database.Named, error) {
	names := []database.Named{}
	if err := NamesPart(db, &names).Query.Scan(ctx, &names); err != nil {
		return nil, fmt.Errorf("list the names of SCIM connections: %w", err)
	}
	return names, nil
}

// NamesPart reads the same together with something else.
func NamesPart(db bun.IDB, names *[]database.Named) database.Part {
	return database.Part{
		Query: db.NewSelect().TableExpr("scim_connections").Column("id", "name").Order("name_key").Limit(1000), Rows: names,
	}
}
