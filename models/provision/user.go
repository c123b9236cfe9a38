package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/problem"
	"tollgate/models/scim"
)

// User is a user of a connection as their directory knows them.
type User struct {
	ID string
	scim.User
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// row is a user as stored.
type row struct {
	UserID, UserName, ExternalID, Document string
	Active                                 bool
	Version                                int64
	CreatedAt, UpdatedAt                   time.Time
}

func (r row) user() (User, error) {
	u := User{ID: r.UserID, Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
	if err := database.ReadDocument([]byte(r.Document), &u.User); err != nil {
		return u, fmt.Errorf("read what is stored of user %s: %w", r.UserID, err)
	}
	u.UserName, u.ExternalID, u.Active = r.UserName, r.ExternalID, r.Active
	return u, nil
}

// users selects the users of a connection whom its directory has not deleted.
func users(db bun.IDB, connection int64) *bun.SelectQuery {
	return db.NewSelect().TableExpr("scim_users AS s").Join("JOIN users AS u ON u.id = s.user_id").
		Where("s.connection_id = ?", connection).Where("u.left_at IS NULL")
}

func columns(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Column("s.user_id", "s.user_name", "s.external_id", "s.version", "s.created_at", "s.updated_at").
		ColumnExpr("s.document::text AS document").ColumnExpr("u.deactivated_at IS NULL AS active")
}

// GetUser returns a user of a connection. Refusal: NotFound.
func GetUser(ctx context.Context, db bun.IDB, connection int64, id string) (User, error) {
	var r row
	if err := columns(users(db, connection)).Where("s.user_id = ?", id).Scan(ctx, &r); err != nil {
		return User{}, problem.NotFoundOr(err, "user")
	}
	return r.user()
}

// Query is one page of users or groups.
type Query struct {
	Filter *scim.Filter // nil for all
	Start  int64        // 1 for the first
	Count  int64        // 0 for none, only the total
}

// ListUsers returns a page of the users of a connection, oldest first, and how many match in all. Refusal: Invalid for
// a filter of what is not kept.
func ListUsers(ctx context.Context, db bun.IDB, connection int64, q Query) ([]User, int64, error) {
	matching := users(db, connection)
	if q.Filter != nil {
		condition, args, err := userColumns.Condition(*q.Filter)
		if err != nil {
			return nil, 0, err
		}
		matching = matching.Where(condition, args...)
	}
	var rows []row
	total, err := page(ctx, columns(matching), q, "s.created_at, s.user_id", &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("list the users of a directory: %w", err)
	}
	found := make([]User, len(rows))
	for i, r := range rows {
		if found[i], err = r.user(); err != nil {
			return nil, 0, err
		}
	}
	return found, total, nil
}

// page reads one page of what matches, and counts all of it.
func page(ctx context.Context, matching *bun.SelectQuery, q Query, order string, rows any) (int64, error) {
	total, err := matching.Count(ctx)
	if err != nil || q.Count == 0 || int64(total) < q.Start {
		return int64(total), err
	}
	return int64(total), matching.OrderExpr(order).Limit(q.Count).Offset(q.Start-1).Scan(ctx, rows)
}
