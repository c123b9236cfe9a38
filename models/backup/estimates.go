package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
)

// comparedAtOnce is how many estimates are looked up together.
const comparedAtOnce = 5_000

// estimate is an event of the copy whose cost was estimated.
type estimate struct {
	EventID, Week string
	Cost          int64
}

// withExact sets the cost of a day of the copy to what it is with the exact events that replaced its estimates in the
// live database since then.
func (d *day) withExact(ctx context.Context, live, restored *bun.DB, since, until time.Time) error {
	stored := restored.NewSelect().TableExpr("counted_events").
		ColumnExpr("event_id::text, week::text, coalesce(cost, 0) AS cost").Where("estimated").
		Where("received_at >= ? AND received_at < ?", since, until).
		Where("received_at >= ?0 AND received_at < ?0::timestamptz + interval '1 day'", d.Day)
	var some []estimate
	err := database.EachOf(ctx, restored, stored, func(e estimate) (err error) {
		if some = append(some, e); len(some) == comparedAtOnce {
			err, some = d.replace(ctx, live, some), nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read the estimates of the copy: %w", err)
	}
	return d.replace(ctx, live, some)
}

// replace puts exact costs in the place of estimates where the live database has them.
func (d *day) replace(ctx context.Context, live *bun.DB, some []estimate) error {
	ids, weeks, costs := make([]string, len(some)), make([]string, len(some)), make([]int64, len(some))
	for i, e := range some {
		ids[i], weeks[i], costs[i] = e.EventID, e.Week, e.Cost
	}
	err := live.NewRaw(`
SELECT (?::numeric + coalesce(sum(coalesce(e.cost, 0) - c.cost), 0))::text
FROM unnest(?::uuid[], ?::date[], ?::bigint[]) AS c(event_id, week, cost) CROSS JOIN LATERAL (
    SELECT * FROM counted_events AS e WHERE e.event_id = c.event_id AND e.week = c.week OFFSET 0
) AS e
WHERE NOT e.estimated`, d.Cost, pgdialect.Array(ids), pgdialect.Array(weeks), pgdialect.Array(costs)).
		Scan(ctx, &d.Cost)
	if err != nil {
		return fmt.Errorf("look for what replaced the estimates of the copy: %w", err)
	}
	return nil
}
