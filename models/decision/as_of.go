package decision

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/entitlement"
	"tollgate/models/policy"
)

// asOf is what a user's copies of today would have been at an earlier time: their windows then, with what had been
// used of them by calls that ended before. Copies, profiles and raises are those of today, and what was held for calls
// under way is not known any more.
func asOf(ctx context.Context, db bun.IDB, user uuid.UUID, at time.Time) (*entitlement.Entitlements, error) {
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
FROM counted_events AS e CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.window_starts) AS l(line, kind, start)
WHERE e.user_id = ? AND e.occurred_at > ? AND l.line = ANY (?::uuid[]) GROUP BY 1, 2, 3`,
		user.String(), at, pgdialect.Array(texts(lines))).Scan(ctx, &later)
	if err != nil {
		return nil, fmt.Errorf("read what was used later: %w", err)
	}
	for _, l := range later {
		if c := byCounter[counterKey{l.Line, l.Kind, l.Start.UnixMicro()}]; c != nil {
			c.Used = max(0, c.Used-l.Amounts.Of(l.Kind))
		}
	}
	return h, nil
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
