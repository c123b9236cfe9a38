package usage

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/tally"
)

// openWeekTries is how often a batch looks for the open week; it is closed once a week.
const openWeekTries = 3

// batchRows is what is stored of a batch.
type batchRows struct {
	eventColumns
	events []*Event
	sets   []tally.Set  // of the events, in their order
	in     *tally.Weeks // where they are stored

	uuids struct{ users, ids, keys, reservations, sets tally.UUIDs }
}

// newBatchRows takes the first of the events with the same id.
func newBatchRows(events []*Event) *batchRows {
	b, seen := &batchRows{}, make(map[string]bool, len(events))
	for _, e := range events {
		if key := e.GatewayID.Key; !seen[key] {
			seen[key] = true
			b.add(e)
		}
	}
	return b
}

func (b *batchRows) add(e *Event) {
	b.eventColumns.add(e)
	set, u := e.chargeSet(), &b.uuids
	b.events, b.sets = append(b.events, e), append(b.sets, set)
	u.users, u.ids = append(u.users, pgtype.UUID{Bytes: e.user, Valid: true}), append(u.ids, asUUID(e.GatewayID.Key))
	u.keys, u.reservations = append(u.keys, asUUID(e.keyID)), append(u.reservations, asUUID(e.reservation))
	u.sets = append(u.sets, pgtype.UUID{Bytes: set.ID, Valid: set.Copy != 0})
}

// asUUID is an id as a column has it; "" is null.
func asUUID(text string) pgtype.UUID {
	id, err := uuid.Parse(text)
	return pgtype.UUID{Bytes: id, Valid: err == nil}
}

// storeReports stores the events that are not there yet, counts them, and ends their reservations, in one transaction:
// an event and what it adds are there together or not at all.
func storeReports(ctx context.Context, db *bun.DB, week *tally.OpenWeek, reports []*reportRows) error {
	var all []*Event
	for _, one := range reports {
		all = append(all, one.Events...)
	}
	var stored map[string]bool
	rows := newBatchRows(all)
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		var err error
		stored, err = rows.store(ctx, tx, week)
		return err
	})
	if err != nil {
		return fmt.Errorf("count usage: %w", err)
	}
	rows.in.Remember(rows.sets)
	// The first report with an event is the one that it was stored for.
	for _, one := range reports {
		one.stored = make(map[string]bool, len(one.Events))
		for _, event := range one.Events {
			if key := event.GatewayID.Key; stored[key] {
				one.stored[key] = true
				delete(stored, key)
			}
		}
	}
	return nil
}

// store stores events in the open week, and has the transaction end with what they add.
func (b *batchRows) store(ctx context.Context, tx database.Tx, week *tally.OpenWeek) (map[string]bool, error) {
	for range openWeekTries {
		in, err := week.Get(ctx, tx)
		if err != nil {
			return nil, err
		}
		b.in = in
		stored, outdated, err := b.storeIn(ctx, tx)
		if err != nil {
			return nil, err
		}
		if outdated {
			week.Forget(in)
			continue
		}
		return stored, b.count(tx, stored)
	}
	return nil, tally.ErrNoOpenWeek
}

// count has the transaction end with what the events that were stored add.
func (b *batchRows) count(tx database.Tx, stored map[string]bool) error {
	added := make([]tally.Event, 0, len(stored))
	for i, e := range b.events {
		if stored[e.GatewayID.Key] {
			added = append(added, e.adds(b.sets[i].Charges))
			tx.InvalidateUsage(e.UserID)
		}
	}
	if len(added) == 0 {
		return nil
	}
	sums, err := tally.Of(added)
	if err != nil {
		return err
	}
	sums.Last(tx)
	return nil
}

// storeIn stores events in a week. It reports whether what is remembered of the week is outdated; then it stored none.
func (b *batchRows) storeIn(
	ctx context.Context, tx database.Tx,
) (stored map[string]bool, outdated bool, err error) {
	known, sets := b.in.Split(b.sets)
	before := b.in.Before
	var open, lost, n int
	var ids []string
	err = database.ScanPlanned(ctx, tx, []any{&open, &lost, &n, pgdialect.Array(&ids)}, storeEvents,
		b.in.Open, known, sets.IDs, sets.Copies, sets.Profiles, sets.Lines, sets.Kinds, sets.Durations, sets.Starts,
		b.uuids.users, b.uuids.ids, b.uuids.keys, b.providers, b.models, b.servers, b.tools, b.occurred, b.costs,
		b.tokens, b.inputs, b.outputs, b.cacheReads, b.cacheWrites, b.reasoning, b.requests, b.uuids.reservations, b.computed,
		b.names, b.estimated, b.uuids.sets,
		before[0], before[1], before[2], before[3], before[4], before[5], before[6])
	if err != nil {
		return nil, false, err
	}
	if n == len(b.ids) {
		ids = b.ids
	}
	stored = make(map[string]bool, len(ids))
	for _, id := range ids {
		stored[id] = true
	}
	return stored, open == 0 || lost > 0, nil
}

// storeEvents stores an event that is neither in the open week, nor in those before in which its id is looked up. The
// row of the open week stays locked until the transaction ends, so that the next week begins after it. When it is
// closed meanwhile, or a set that was stored before is lost, nothing is stored. The ids are those of the events that
// were stored, unless all of them were. No part joins others: its plan is right for any number of events.
const storeEvents = `
WITH week AS (
    SELECT week FROM usage_weeks WHERE week = $1::date AND closed_at IS NULL FOR SHARE
), lost AS (
    SELECT FROM week, missing_charge_sets($2::uuid[], $1::date)
), sets AS (
    INSERT INTO weekly_charges (week, id, copy_id, access_profile_id, line_ids, line_kinds, line_durations,
        window_starts)
    SELECT week, id, copy_id, access_profile_id,
        coalesce(array_agg(line_id) FILTER (WHERE line_id IS NOT NULL), '{}'),
        coalesce(array_agg(kind) FILTER (WHERE line_id IS NOT NULL), '{}'),
        coalesce(array_agg(duration) FILTER (WHERE line_id IS NOT NULL), '{}'),
        coalesce(array_agg(start) FILTER (WHERE line_id IS NOT NULL), '{}')
    FROM week, unnest($3::uuid[], $4::bigint[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::timestamptz[])
        AS s(id, copy_id, access_profile_id, line_id, kind, duration, start)
    WHERE NOT EXISTS (SELECT FROM lost)
    GROUP BY week, id, copy_id, access_profile_id ORDER BY id
    ON CONFLICT DO NOTHING RETURNING 1
), stored AS (
    INSERT INTO weekly_events (week, user_id, event_id, occurred_at, received_at, virtual_key_id, charge_set,
        provider, model, mcp_client_id, tool_name, cost, tokens, input_tokens, output_tokens, requests, reservation_id,
        cost_computed, event_name, cached_input_tokens, cache_write_input_tokens, reasoning_output_tokens, estimated)
    SELECT week, user_id, event_id, occurred_at, clock_timestamp(), virtual_key_id, charge_set,
        provider, model, mcp_client_id, tool_name, cost, tokens, input_tokens, output_tokens, requests, reservation_id,
        cost_computed, event_name, cached_input_tokens, cache_write_input_tokens, reasoning_output_tokens, estimated
    FROM week, (SELECT count(*) FROM sets) AS after_the_sets, unnest($10::uuid[], $11::uuid[], $12::uuid[], $13::text[],
        $14::text[], $15::text[], $16::text[], $17::timestamptz[], $18::bigint[], $19::bigint[], $20::bigint[],
        $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[], $26::uuid[], $27::bool[],
        $28::text[], $29::bool[], $30::uuid[]) AS e(user_id, event_id, virtual_key_id, provider, model, mcp_client_id,
        tool_name, occurred_at, cost, tokens, input_tokens, output_tokens, cached_input_tokens,
        cache_write_input_tokens, reasoning_output_tokens, requests, reservation_id, cost_computed, event_name,
        estimated, charge_set)
    WHERE NOT EXISTS (SELECT FROM lost) AND event_id NOT IN (SELECT stored_usage_events($11::uuid[], $31::date,
        $32::date, $33::date, $34::date, $35::date, $36::date, $37::date))
    ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
)
SELECT (SELECT count(*) FROM week), (SELECT count(*) FROM lost), n,
    CASE WHEN n < cardinality($11::uuid[]) THEN ids::text[] END
FROM (SELECT count(*) AS n, array_agg(event_id) AS ids FROM stored) AS s`
