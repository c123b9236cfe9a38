package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// eventSize is what an event takes in the table of a week, with its index, and what the lines take on which it was
// counted, which events of a copy share.
const eventSize = `
SELECT count(*) FILTER (WHERE s.sealed_until IS NULL OR e.received_at >= s.sealed_until), count(*),
    (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('weekly_events'))::bigint,
    (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('weekly_charges'))::bigint
FROM weekly_events AS e, usage_sealing AS s`

// measureStored records what the usage takes that was reported so far, and how long it takes to check it.
func (b *bench) measureStored(ctx context.Context) error {
	g, err := b.openGateway(ctx)
	if err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, g.owner)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	if _, err := db.Exec(ctx, "VACUUM ANALYZE weekly_events"); err != nil {
		return err
	}
	var open, events, size, charges int64
	if err := db.QueryRow(ctx, eventSize).Scan(&open, &events, &size, &charges); err != nil {
		return err
	}
	b.add(line{
		id: "P9", what: fmt.Sprintf("an event of %d, with its index", events), ours: fmt.Sprintf("%d B", size/events),
		other: fmt.Sprintf("%d B of lines", charges/events), bar: "≤ 240 B",
		verdict: atMost(240).verdict(float64(size) / float64(events)),
	})
	begin := time.Now()
	if _, err := g.run(ctx, b.options.console, "ledger", "verify"); err != nil {
		return err
	}
	took := time.Since(begin)
	b.add(line{
		id: "P9", what: fmt.Sprintf("ledger verify, %d events not sealed", open), ours: brief(took), bar: "≤ 3s",
		verdict: atMost(3).verdict(took.Seconds()),
	})
	return nil
}
