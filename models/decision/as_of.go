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
	"tollgate/models/input"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/tally"
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
		Used  int64
	}
	if err := db.NewRaw(usedLater, user.String(), at, pgdialect.Array(texts(lines))).Scan(ctx, &later); err != nil {
		return nil, fmt.Errorf("read what was used later: %w", err)
	}
	for _, l := range later {
		if c := byCounter[counterKey{l.Line, l.Kind, l.Start.UnixMicro()}]; c != nil {
			c.Used = max(0, c.Used-l.Used)
		}
	}
	return h, nil
}

// usedLater is by how much counters of a user ?0, of the limits ?2, have grown since ?1: by events, what was taken back
// of any, and resets.
const usedLater = `
SELECT line, kind, start, sum(used)::bigint AS used FROM (
    SELECT l.line, l.kind, l.start, ` + policy.AmountOfEvent + ` AS used
    FROM counted_events AS e
        CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.window_starts) AS l(line, kind, start)
    WHERE e.user_id = ?0 AND e.occurred_at > ?1
    UNION ALL
    SELECT l.line, l.kind, l.start, a.amount
    FROM usage_adjustments AS a JOIN counted_events AS e ON e.event_id = a.event_id AND e.week = a.week
        CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.window_starts) AS l(line, kind, start)
    WHERE a.created_at > ?1 AND e.user_id = ?0 AND l.kind = 'spend'
    UNION ALL
    SELECT line_id, kind, window_start, -cleared FROM limit_windows WHERE line_id = ANY (?2::uuid[]) AND cleared_at > ?1
) AS changed WHERE line = ANY (?2::uuid[]) GROUP BY 1, 2, 3`

// checkEvents refuses a time after which some events are dropped, so that what was used until then is not known.
func checkEvents(ctx context.Context, db bun.IDB, at time.Time) error {
	var dropped sql.NullTime
	err := db.NewRaw("SELECT "+tally.DroppedUntil).Scan(ctx, &dropped)
	if err != nil {
		return fmt.Errorf("look for the events that are kept: %w", err)
	}
	if !dropped.Valid || at.After(dropped.Time) {
		return nil
	}
	return problem.Refuse(problem.Unreadable, "at", "events_dropped", "Choose a time after "+
		dropped.Time.UTC().Format(input.MinuteForm)+
		" UTC: earlier usage is dropped, so that it is not known what was used then.")
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
