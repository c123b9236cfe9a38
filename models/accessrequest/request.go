package accessrequest

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// What a request is for.
const (
	KindBudget = "budget"
	KindAccess = "access"
)

// The states of a request. One that is open for too long is expired, which only its clock says.
const (
	Open      = "open"
	Granted   = "granted"
	Declined  = "declined"
	Withdrawn = "withdrawn"
	Expired   = "expired"
)

// States are all states, for a filter.
var States = []string{Open, Granted, Declined, Withdrawn, Expired}

// Request is what a user asks for, and what came of it.
type Request struct {
	ID            int64        `json:"id"`
	UserID        string       `json:"user_id"`
	UserName      string       `json:"user_name,omitempty"`
	UserEmail     string       `json:"user_email,omitempty"`
	Kind          string       `json:"kind"`
	CopyID        int64        `json:"copy_id,omitempty"`
	LineID        string       `json:"budget_id,omitempty"`
	ProfileName   string       `json:"access_profile_name,omitempty"`
	Scope         policy.Scope `json:"-" bun:"-"`
	ScopeText     string       `json:"scope,omitempty" bun:"scope"`
	ResetDuration string       `json:"reset_duration,omitempty"`
	MaxLimit      money.Money  `json:"-"`
	Asked         string       `json:"model,omitempty"`
	Amount        *money.Money `json:"amount,omitempty"`
	Reason        string       `json:"reason"`
	State         string       `json:"state"`
	DecidedBy     *string      `json:"decided_by,omitempty"`
	DecidedAt     *time.Time   `json:"decided_at,omitempty"`
	Note          *string      `json:"note,omitempty"`

	GrantedAmount  *money.Money `json:"granted_amount,omitempty"`
	GrantedProfile *string      `json:"granted_access_profile,omitempty"`
	GrantedUntil   *time.Time   `json:"granted_until,omitempty"`

	Joined *Joined `json:"joined_raise,omitempty" bun:"-"` // in the answer to a grant

	ExpiresAt time.Time `json:"expires_at"`
	CreatedAt time.Time `json:"created_at"`
}

// Joined is a raise that the budget had when more was granted. A budget has one raise, so the earlier one becomes part
// of the grant, and ends with it.
type Joined struct {
	Amount money.Money `json:"amount"`
	Ended  time.Time   `json:"would_have_ended_at"`
	Total  money.Money `json:"total_amount"` // by which the budget is raised now
}

// AfterScanRow reads the scope, and writes times in UTC.
func (r *Request) AfterScanRow(context.Context) error {
	for _, at := range []*time.Time{r.DecidedAt, r.GrantedUntil, &r.ExpiresAt, &r.CreatedAt} {
		if at != nil {
			*at = at.UTC()
		}
	}
	if r.Kind != KindBudget {
		return nil
	}
	return r.Scope.UnmarshalText([]byte(r.ScopeText))
}

const stateNow = "CASE WHEN r.state = 'open' AND r.expires_at <= now() THEN 'expired' ELSE r.state END"

func selectRequests(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().TableExpr("access_requests AS r").Join("JOIN users AS u ON u.id = r.user_id").
		Column("r.id", "r.user_id", "r.kind", "r.profile_name", "r.scope", "r.reset_duration", "r.max_limit", "r.asked").
		Column("r.amount", "r.reason", "r.decided_by", "r.decided_at", "r.note", "r.granted_amount", "r.granted_profile").
		Column("r.granted_until", "r.expires_at", "r.created_at").
		ColumnExpr("coalesce(r.copy_id, 0) AS copy_id, coalesce(r.line_id::text, '') AS line_id").
		ColumnExpr("u.name AS user_name, u.email AS user_email").ColumnExpr(stateNow + " AS state")
}

// Get returns one request. Refusal: NotFound.
func Get(ctx context.Context, db bun.IDB, id int64) (Request, error) {
	var r Request
	if err := selectRequests(db).Where("r.id = ?", id).Scan(ctx, &r); err != nil {
		return r, problem.NotFoundOr(err, "access request")
	}
	return r, nil
}

// Latest returns the last requests of a user.
func Latest(ctx context.Context, db bun.IDB, user string, limit int64) ([]Request, error) {
	rows := []Request{}
	err := selectRequests(db).Where("r.user_id = ?", user).OrderExpr("r.id DESC").Limit(limit).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list a user's access requests: %w", err)
	}
	return rows, nil
}

// Query says which requests a list shows.
type Query struct {
	Limit, Offset int64
	State, UserID string // "" for all
}

// List returns a page of requests and how many match: open ones the oldest first, others the latest first.
func List(ctx context.Context, db bun.IDB, q Query) ([]Request, int64, error) {
	rows := []Request{}
	s := selectRequests(db)
	if q.State != "" {
		s = s.Where(stateNow+" = ?", q.State)
	}
	if q.UserID != "" {
		s = s.Where("r.user_id = ?", q.UserID)
	}
	total, err := s.Clone().Count(ctx)
	if err == nil {
		order := "r.id DESC"
		if q.State == Open {
			order = "r.id"
		}
		err = s.OrderExpr(order).Limit(q.Limit).Offset(q.Offset).Scan(ctx, &rows)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list access requests: %w", err)
	}
	return rows, int64(total), nil
}
