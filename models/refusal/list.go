package refusal

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/money"
)

// LongestSpan is how many days a list of refusals may cover.
const LongestSpan = 31

// Query says which refusals a list shows.
type Query struct {
	Limit, Offset int64
	CountTo       int64 // counts no further than the day on which there are more; 0 counts all
	Days          int64 // back from now
	UserID        string
	ProfileID     int64
	Model         string // or tool, as it was asked for, or without its provider
	Reason        string // a type of decisions
}

// Row is what a user was refused on one day for one reason, by one limit as high as it was then, asking for the same.
// Days are those of UTC.
type Row struct {
	UserID      string    `json:"user_id,omitempty"` // left out when the subject is unknown
	UserName    string    `json:"user_name,omitempty"`
	ProfileID   int64     `json:"access_profile_id,omitempty" bun:"access_profile_id"`
	ProfileName string    `json:"access_profile_name,omitempty"`
	CopyID      int64     `json:"copy_id,omitempty"`
	Type        string    `json:"type" bun:"-"`
	Asked       string    `json:"asked"`
	Calls       int64     `json:"calls"`
	FirstAt     time.Time `json:"first_at"`
	LastAt      time.Time `json:"last_at"`
	Granted     bool      `json:"granted"`
	RefusedBy   *Decided  `json:"refused_by,omitempty" bun:"-"`
	GrantedBy   []Profile `json:"granted_by,omitempty" bun:"-"` // profiles that have it

	Raisable bool        `json:"-"` // the budget that decided is still there
	MostNow  int64       `json:"-"` // of that budget, with a raise that it has
	Estimate money.Money `json:"-"` // the most that a call was estimated to cost, by minute
	Zone     string      `json:"-"` // that decides when windows of the profile end; "" is UTC
	Reason   int         `json:"-"`
	Total    int64       `json:"-"`

	// The limit that decided, as it is stored.
	LineID        string    `json:"-"`
	Scope         string    `json:"-"`
	Kind          string    `json:"-"`
	ResetDuration string    `json:"-"`
	LineReason    string    `json:"-"`
	Used          int64     `json:"-"`
	Reserved      int64     `json:"-"`
	Most          int64     `json:"-"`
	ResetsAt      time.Time `json:"-"`
}

// RaisedTo is what the budget that decided allows now; ok is false unless that is more than when the calls were
// refused.
func (r Row) RaisedTo() (most money.Money, ok bool) {
	return money.Money(r.MostNow), r.Raisable && r.MostNow > r.Most
}

// Decided is the limit that refused the calls, with the most that was used of it.
type Decided struct {
	LimitID       string    `json:"line_id"`
	Scope         string    `json:"scope"`
	Kind          string    `json:"kind"`
	ResetDuration string    `json:"reset_duration"`
	Limit         any       `json:"limit"` // dollars of spend, or a count
	Used          any       `json:"used"`
	Reserved      any       `json:"reserved"`
	ResetsAt      time.Time `json:"resets_at"`
	Reason        string    `json:"reason"`
}

// Profile is a profile that grants what was refused.
type Profile struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// sameRow are the columns that rows of the log share when a list has one row for them, beside the day.
const sameRow = "r.user_id, r.reason, r.copy_id, r.line_id, r.line_reason, r.most, r.asked, r.access_profile_id"

// selectPage counts the rows of one day after the other, the latest first, as far as is asked for, and adds up only the
// days that the page shows: the rows of a day come before those of any day before it. Names are found for the rows
// shown. ?0 are the rows of a day, ?1 those of the days shown, added up.
const selectPage = `
WITH RECURSIVE counted AS (
    SELECT (now() AT TIME ZONE 'UTC')::date + 1 AS day, 0::bigint AS n, 0::bigint AS behind
    UNION ALL
    SELECT c.day - 1, d.n, c.behind + d.n
    FROM counted AS c CROSS JOIN LATERAL (SELECT count(*) AS n FROM (?0) AS same) AS d
    WHERE c.behind <= greatest(?4, ?3 + ?2) AND c.day > (now() AT TIME ZONE 'UTC')::date - ?5::int
), shown AS MATERIALIZED (
    SELECT min(day) FILTER (WHERE shown) AS first, max(day) FILTER (WHERE shown) AS last,
        coalesce(min(behind - n) FILTER (WHERE shown), 0) AS skipped, max(behind) AS total
    FROM (SELECT *, behind > ?3 AND behind - n < ?3 + ?2 AS shown FROM counted) AS c
)
SELECT s.*, coalesce(u.name, '') AS user_name, coalesce(p.name, '') AS profile_name, coalesce(o.calendar, '') AS zone,
    cap.most IS NOT NULL AS raisable, coalesce(cap.most, 0) AS most_now
FROM (
    SELECT *, (SELECT total FROM shown) AS total FROM (?1) AS s
    ORDER BY last_at DESC, user_id, asked, reason, line_id, most
    LIMIT ?2 OFFSET ?3 - (SELECT skipped FROM shown)
) AS s LEFT JOIN users AS u ON u.id = s.user_id LEFT JOIN access_profiles AS p ON p.id = s.access_profile_id
    LEFT JOIN policies AS o ON o.id = p.policy_id
    LEFT JOIN LATERAL (
        SELECT b.max_limit + coalesce(o.amount, 0) AS most
        FROM user_access_profiles AS c JOIN limit_lines AS b USING (policy_id)
            LEFT JOIN budget_overrides AS o ON o.budget_id = b.id AND o.kind = b.kind
                AND (o.ends_at IS NULL OR now() < o.ends_at)
        WHERE c.id = s.copy_id AND c.user_id = s.user_id AND b.id = s.line_id AND b.kind = s.kind AND s.kind = 'spend'
    ) AS cap ON true
ORDER BY s.last_at DESC, s.user_id, s.asked, s.reason, s.line_id, s.most`

// List returns a page of refusals, the latest first, and how many rows match, as far as they are counted.
func List(ctx context.Context, db bun.IDB, q Query) (rows []Row, total int64, err error) {
	rows = []Row{}
	days := func(first, last string) *bun.SelectQuery {
		return q.filter(db.NewSelect().TableExpr("refusals AS r")).
			Where("r.minute >= (" + first + ")::timestamp AT TIME ZONE 'UTC'").
			Where("r.minute < ((" + last + ") + 1)::timestamp AT TIME ZONE 'UTC'").
			GroupExpr(sameRow + ", (r.minute AT TIME ZONE 'UTC')::date")
	}
	same := days("c.day - 1", "c.day - 1").ColumnExpr("1")
	sums := days("SELECT first FROM shown", "SELECT last FROM shown").
		ColumnExpr(sameRow + `, sum(r.calls)::bigint AS calls, min(r.first_at) AS first_at, max(r.last_at) AS last_at,
    bool_and(r.granted) AS granted, max(r.scope) AS scope, max(r.kind) AS kind, max(r.reset_duration) AS reset_duration,
    max(r.used) AS used, max(r.reserved) AS reserved, max(r.resets_at) AS resets_at, ceil(max(r.estimated_cost / r.calls))::bigint AS estimate`)
	counted := q.CountTo
	if counted == 0 {
		counted = math.MaxInt64
	}
	if err := db.NewRaw(selectPage, same, sums, q.Limit, q.Offset, counted, q.Days).Scan(ctx, &rows); err != nil {
		return nil, 0, fmt.Errorf("list refusals: %w", err)
	}
	for i := range rows {
		rows[i].complete()
	}
	if len(rows) > 0 {
		return rows, rows[0].Total, nil
	}
	if q.Offset > 0 {
		q.Limit, q.Offset = 1, 0
		_, total, err = List(ctx, db, q)
	}
	return rows, total, err
}

func (q Query) filter(s *bun.SelectQuery) *bun.SelectQuery {
	s = s.Where("NOT r.watched AND r.minute >= date_trunc('minute', now()) - ? * interval '1 day'", q.Days)
	if q.UserID != "" {
		s = s.Where("r.user_id = ?", q.UserID)
	}
	if q.ProfileID != 0 {
		s = s.Where("r.access_profile_id = ?", q.ProfileID)
	}
	if q.Model != "" {
		s = s.Where("(r.asked = ?0 OR right(r.asked, length(?0) + 1) = '/' || ?0)", q.Model)
	}
	if q.Reason != "" {
		code, _ := reasonCode(q.Reason)
		s = s.Where("r.reason = ?", code)
	}
	return s
}

// complete writes the number of the reason and the limit in words.
func (r *Row) complete() {
	r.Type = Reasons[r.Reason]
	r.FirstAt, r.LastAt = r.FirstAt.UTC(), r.LastAt.UTC()
	if r.Kind == "" {
		return
	}
	amount := func(n int64) any {
		if r.Kind == "spend" {
			return money.Money(n)
		}
		return n
	}
	r.RefusedBy = &Decided{
		LimitID: r.LineID, Scope: r.Scope, Kind: r.Kind, ResetDuration: r.ResetDuration, Limit: amount(r.Most),
		Used: amount(r.Used), Reserved: amount(r.Reserved), ResetsAt: r.ResetsAt.UTC(), Reason: r.LineReason,
	}
}

// OfHolder reduces refusals to what their user may see: no other user, and no profile that they do not hold.
func OfHolder(ctx context.Context, db bun.IDB, user string, q Query) (rows []Row, total int64, err error) {
	q.UserID = user
	rows, total, err = List(ctx, db, q)
	if err != nil || len(rows) == 0 {
		return rows, total, err
	}
	held := []int64{}
	err = db.NewSelect().TableExpr("user_access_profiles").Column("access_profile_id").Where("user_id = ?", user).
		Scan(ctx, &held)
	if err != nil {
		return nil, 0, fmt.Errorf("look up which profiles a user has: %w", err)
	}
	has := map[int64]bool{}
	for _, id := range held {
		has[id] = true
	}
	for i := range rows {
		if !has[rows[i].ProfileID] {
			rows[i].ProfileID, rows[i].ProfileName, rows[i].CopyID = 0, "", 0
		}
	}
	return rows, total, nil
}

// lacking reports a model that no profile of the user has.
func (r Row) lacking() bool { return r.Type == "model_blocked" || r.Type == "provider_blocked" }

// KeptDays is for how many days refusals are kept.
func (l *Log) KeptDays() int { return l.keptDays }

// KeptSince is how far back refusals are kept.
func (l *Log) KeptSince(now time.Time) time.Time {
	return now.UTC().AddDate(0, 0, -l.keptDays).Truncate(time.Minute)
}

// silence is how long a console may be silent before it counts as ended.
const silence = 2*heartbeat + 10*time.Second

// Gaps are the times after which up to two seconds may be missing, because a console ended without warning.
func Gaps(ctx context.Context, db bun.IDB, days int64) ([]time.Time, error) {
	gaps := []time.Time{}
	err := db.NewSelect().Table("decision_consoles").Column("flushed_until").
		Where("ended_at IS NULL AND flushed_until BETWEEN now() - ? * interval '1 day' AND now() - ? * interval '1 second'",
			days, silence.Seconds()).
		Order("flushed_until DESC").Limit(20).Scan(ctx, &gaps)
	if err != nil {
		return nil, fmt.Errorf("look up consoles that ended without warning: %w", err)
	}
	for i := range gaps {
		gaps[i] = gaps[i].UTC()
	}
	return gaps, nil
}
