package decision

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/entitlement"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// asOf is what a user's copies of today would have been at an earlier time: their windows then, with what had been
// used of them by calls that ended before. Copies, profiles and raises are those of today, and what was held for calls
// under way is not known any more, nor what a reset cleared that was followed by another one. Refusal: Unreadable for a
// time after which events are dropped.
func asOf(ctx context.Context, db bun.IDB, user uuid.UUID, at time.Time) (*entitlement.Entitlements, error) {
	if err := checkEvents(ctx, db, at); err != nil {
		return nil, err
	}
	read, err := entitlement.LoadEntitlements(ctx, db, []uuid.UUID{user}, at)
	if err != nil {
		return nil, err
	}
	h := read[user]
	if h.Frozen != nil && h.Frozen.After(at) {
		h.Frozen = nil
	}
	byCounter := map[counterKey]*entitlement.Counter{}
	lines := [][16]byte{}
	for i := range h.Copies {
		for l := range h.Copies[i].All() {
			l.Reserved = 0
			byCounter[counterKey{l.ID, l.Kind, l.Start}] = l.Counter
			lines = append(lines, l.ID)
		}
	}
	var later []struct {
		Line  uuid.UUID
		Kind  string
		Start time.Time
		policy.Amounts
	}
	err = db.NewRaw(`
SELECT l.line, l.kind, l.start, coalesce(sum(e.cost), 0)::bigint AS spend, sum(e.tokens)::bigint AS tokens,
    sum(e.requests)::bigint AS requests
FROM (
    SELECT line_ids, line_kinds, window_starts, cost, tokens, requests FROM counted_events
    WHERE user_id = ?0 AND occurred_at > ?1
    UNION ALL
    SELECT e.line_ids, e.line_kinds, e.window_starts, a.amount, 0, 0
    FROM usage_adjustments AS a JOIN counted_events AS e ON e.event_id = a.event_id AND e.week = a.week
    WHERE a.created_at > ?1 AND e.user_id = ?0
) AS e CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.window_starts) AS l(line, kind, start)
WHERE l.line = ANY (?2::uuid[]) GROUP BY 1, 2, 3`,
		user.String(), at, pgdialect.Array(texts(lines))).Scan(ctx, &later)
	if err != nil {
		return nil, fmt.Errorf("read what was used later: %w", err)
	}
	var cleared []struct {
		Line   uuid.UUID
		Kind   string
		Start  time.Time
		Amount int64
	}
	err = db.NewRaw(`
SELECT line_id AS line, kind, window_start AS start, cleared AS amount FROM limit_windows
WHERE line_id = ANY (?::uuid[]) AND cleared_at > ?`, pgdialect.Array(texts(lines)), at).Scan(ctx, &cleared)
	if err != nil {
		return nil, fmt.Errorf("read what was reset later: %w", err)
	}
	for _, l := range cleared {
		if c := byCounter[counterKey{l.Line, l.Kind, l.Start.UnixMicro()}]; c != nil {
			c.Used += l.Amount
		}
	}
	for _, l := range later {
		if c := byCounter[counterKey{l.Line, l.Kind, l.Start.UnixMicro()}]; c != nil {
			c.Used = max(0, c.Used-l.Amounts.Of(l.Kind))
		}
	}
	return h, nil
}

// checkEvents refuses a time after which some events are dropped, so that what was used until then is not known.
func checkEvents(ctx context.Context, db bun.IDB, at time.Time) error {
	var dropped sql.NullTime
	err := db.NewRaw("SELECT max(closed_at) FROM usage_weeks WHERE dropped_at IS NOT NULL").Scan(ctx, &dropped)
	if err != nil {
		return fmt.Errorf("look for the events that are kept: %w", err)
	}
	if !dropped.Valid || at.After(dropped.Time) {
		return nil
	}
	return problem.Refuse(problem.Unreadable, "at", "events_dropped", "Choose a time after "+
		dropped.Time.UTC().Format("2006-01-02T15:04")+" UTC: earlier usage is dropped, so that it is not known what was used then.")
}

type counterKey struct {
	line  uuid.UUID
	kind  string
	start int64
}

func texts(ids [][16]byte) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = uuid.UUID(id).String()
	}
	return all
}
