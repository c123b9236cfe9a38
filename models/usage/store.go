package usage

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// eventColumns are the events of a batch, column by column, as parameters of one statement.
type eventColumns struct {
	users, ids, keys, servers, tools                 []string
	providers, models, named                         []string
	occurred                                         []time.Time
	copies, profiles, costs, tokens, inputs, outputs []*int64
	cacheReads, cacheWrites, reasoning               []*int64
	requests                                         []int64
	computed, estimated                              []bool
	names, reservations                              []*string
	// A row for each limit that an event is counted on.
	chargeOf                     []int64 // index of the event, from 1
	chargeLines                  [][16]byte
	chargeKinds, chargeDurations []string
	chargeStarts                 []time.Time
	chargeAmounts                []int64
	// The set of each event's copy and counters, and one event of each set that has it.
	sets  []*string // null without a copy
	setOf map[string]int64
}

// add appends an event; what is not known is null.
func (c *eventColumns) add(e *Event) {
	c.users, c.ids, c.keys = append(c.users, e.UserID), append(c.ids, e.GatewayID.Key), append(c.keys, e.keyID)
	c.providers, c.models = append(c.providers, e.Provider), append(c.models, e.Model)
	c.named = append(c.named, e.named)
	c.servers, c.tools = append(c.servers, e.mcpClientID), append(c.tools, e.toolName)
	c.occurred = append(c.occurred, e.OccurredAt)
	c.copies, c.profiles = append(c.copies, orNull(e.CopyID)), append(c.profiles, orNull(e.ProfileID))
	tokens := e.Tokens
	c.costs, c.tokens = append(c.costs, e.nanos()), append(c.tokens, &tokens)
	c.inputs, c.outputs = append(c.inputs, e.input), append(c.outputs, e.output)
	c.cacheReads = append(c.cacheReads, e.cacheRead)
	c.cacheWrites, c.reasoning = append(c.cacheWrites, e.cacheWrite), append(c.reasoning, e.reasoning)
	c.estimated = append(c.estimated, e.estimated)
	c.requests, c.computed = append(c.requests, e.Requests), append(c.computed, e.costComputed)
	var reservation *string
	if e.reservation != "" {
		reservation = &e.reservation
	}
	c.names, c.reservations = append(c.names, e.GatewayID.Name), append(c.reservations, reservation)
	for _, l := range e.Lines {
		start, _ := l.Window(e.OccurredAt)
		c.chargeOf = append(c.chargeOf, int64(len(c.ids)))
		c.chargeLines, c.chargeKinds = append(c.chargeLines, l.ID), append(c.chargeKinds, l.Kind)
		c.chargeDurations = append(c.chargeDurations, l.Duration)
		c.chargeStarts, c.chargeAmounts = append(c.chargeStarts, start), append(c.chargeAmounts, e.amounts().Of(l.Kind))
	}
	c.addSet(e)
}

// nanos is what an event cost in nano-dollars; nil when that is unknown.
func (e *Event) nanos() *int64 {
	if e.Cost == nil {
		return nil
	}
	nanos := int64(*e.Cost)
	return &nanos
}

// orNull is an id as a column has it: 0 is null.
func orNull(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

// storeReports stores the events that are not there yet, counts them, and ends their reservations, in one statement: an
// event and what it adds are there together or not at all. Counters are locked in the order of their keys, before those
// of usage_latest.
func storeReports(ctx context.Context, db *bun.DB, weeks *openWeek, reports []*reportRows) error {
	columns, seen := &eventColumns{}, map[string]bool{}
	for _, one := range reports {
		for _, event := range one.Events {
			if key := event.GatewayID.Key; !seen[key] {
				seen[key] = true
				columns.add(event)
			}
		}
	}
	var stored map[string]bool
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		var err error
		stored, err = columns.store(ctx, tx, weeks)
		return err
	})
	if err != nil {
		return fmt.Errorf("count usage: %w", err)
	}
	// The first report with an event is the one that it was stored for.
	for _, one := range reports {
		one.stored = map[string]bool{}
		for _, event := range one.Events {
			if key := event.GatewayID.Key; stored[key] {
				one.stored[key] = true
				delete(stored, key)
			}
		}
	}
	return nil
}

// store stores events in the open week.
func (c *eventColumns) store(ctx context.Context, tx database.Tx, week *openWeek) (map[string]bool, error) {
	for range openWeekTries {
		in, err := week.get(ctx, tx)
		if err != nil {
			return nil, err
		}
		stored, closed, err := c.storeIn(ctx, tx, in)
		if err != nil {
			return nil, err
		}
		if closed {
			week.forget(in)
			continue
		}
		for i, id := range c.ids {
			if stored[id] {
				tx.InvalidateUsage(c.users[i])
			}
		}
		return stored, nil
	}
	return nil, errNoOpenWeek
}

// storeIn stores events in a week, unless it is closed.
func (c *eventColumns) storeIn(
	ctx context.Context, tx database.Tx, in *weeks,
) (stored map[string]bool, closed bool, err error) {
	setIDs, setEvents := c.distinctSets()
	rows, err := database.QueryPlanned(ctx, tx, storeEvents,
		c.users, c.ids, c.keys, c.providers, c.models, c.servers, c.tools, c.occurred, c.copies, c.profiles, c.costs,
		c.tokens, c.inputs, c.outputs, c.requests, c.reservations, c.chargeOf, c.chargeLines, c.chargeKinds,
		c.chargeDurations, c.chargeStarts, c.chargeAmounts, c.computed, c.names, c.cacheReads, c.cacheWrites,
		c.reasoning, c.estimated, c.sets, setIDs, setEvents, in.open,
		in.before[0], in.before[1], in.before[2], in.before[3], in.before[4], in.before[5], in.before[6])
	if err != nil {
		return nil, false, err
	}
	return readStored(rows)
}

// readStored reads the ids of events that were stored; a null says that the week was closed.
func readStored(rows *sql.Rows) (stored map[string]bool, closed bool, err error) {
	defer rows.Close()
	stored = map[string]bool{}
	for rows.Next() {
		var id *string
		if err := rows.Scan(&id); err != nil {
			return nil, false, err
		}
		if id == nil {
			closed = true
			continue
		}
		stored[*id] = true
	}
	return stored, closed, rows.Err()
}

// storeEvents stores an event that is neither in the open week, nor in those before in which its id is looked up. The
// row of the open week stays locked until the transaction ends, so that the next week begins after it; when it is
// closed meanwhile, nothing is stored and the answer is null.
const storeEvents = `
WITH week AS (
    SELECT week FROM usage_weeks WHERE week = $32::date AND closed_at IS NULL FOR SHARE
), charge AS (
    SELECT * FROM unnest($17::bigint[], $18::uuid[], $19::text[], $20::text[], $21::timestamptz[], $22::bigint[])
        AS c(n, line_id, kind, reset_duration, window_start, amount)
), event AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::timestamptz[], $9::bigint[],
        $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::uuid[],
            $23::bool[], $24::text[],
        $25::bigint[], $26::bigint[], $27::bigint[], $28::bool[], $29::uuid[]) WITH ORDINALITY
        AS e(user_id, event_id, virtual_key_id, provider, model, mcp_client_id, tool_name, occurred_at, copy_id,
            access_profile_id, cost, tokens,
             input_tokens, output_tokens, requests, reservation_id, cost_computed, event_name,
             cached_input_tokens, cache_write_input_tokens, reasoning_output_tokens, estimated, charge_set, n)
), missing AS (
    SELECT week, id, n FROM week, missing_charge_sets($30::uuid[], $32::date) AS m(id)
        JOIN unnest($30::uuid[], $31::bigint[]) AS s(id, n) USING (id)
), lines AS (
    SELECT n, array_agg(line_id) AS ids, array_agg(kind) AS kinds, array_agg(reset_duration) AS durations,
        array_agg(window_start) AS starts
    FROM charge WHERE n IN (SELECT n FROM missing) GROUP BY n
), sets AS (
    INSERT INTO weekly_charges (week, id, copy_id, access_profile_id, line_ids, line_kinds, line_durations,
        window_starts)
    SELECT week, id, copy_id, access_profile_id, coalesce(ids, '{}'), coalesce(kinds, '{}'), coalesce(durations, '{}'),
        coalesce(starts, '{}')
    FROM missing JOIN event USING (n) LEFT JOIN lines USING (n) ORDER BY id
    ON CONFLICT DO NOTHING RETURNING 1
), stored AS (
    INSERT INTO weekly_events (week, user_id, event_id, occurred_at, received_at, virtual_key_id, charge_set,
        provider, model,
        mcp_client_id, tool_name, cost, tokens, input_tokens, output_tokens, requests, reservation_id, cost_computed,
            event_name,
        cached_input_tokens, cache_write_input_tokens, reasoning_output_tokens, estimated)
    SELECT week, user_id::uuid, event_id, occurred_at, clock_timestamp(), nullif(virtual_key_id, '')::uuid, charge_set,
        provider, model,
        mcp_client_id, tool_name, cost, tokens, input_tokens, output_tokens, requests, reservation_id, cost_computed,
            event_name,
        cached_input_tokens, cache_write_input_tokens, reasoning_output_tokens, estimated
    FROM week, event, (SELECT count(*) FROM sets) AS after_the_sets
    WHERE event_id NOT IN (SELECT stored_usage_events($2::uuid[], $33::date, $34::date, $35::date, $36::date, $37::date,
        $38::date, $39::date))
    ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING user_id, event_id, reservation_id, occurred_at
), counted AS (
    INSERT INTO limit_windows AS w (line_id, kind, reset_duration, window_start, used)
    SELECT line_id, kind, reset_duration, window_start, sum(amount)::bigint
    FROM charge JOIN event USING (n) JOIN stored USING (event_id)
    GROUP BY line_id, kind, reset_duration, window_start ORDER BY line_id, kind, reset_duration, window_start
    ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = w.used + excluded.used
    RETURNING 1
), daily AS (
    INSERT INTO usage_days AS d (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
    SELECT (event.occurred_at AT TIME ZONE 'UTC')::date, event.user_id, coalesce(access_profile_id, 0),
           CASE WHEN tool_name = '' THEN provider ELSE 'mcp' END, CASE WHEN tool_name = '' THEN model
               ELSE mcp_client_id || '/' || tool_name END,
           coalesce(sum(cost), 0), sum(tokens), sum(requests), count(*) FILTER (WHERE cost IS NULL AND tool_name = '')
    FROM event JOIN stored USING (event_id) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (day, user_id, access_profile_id, provider, model) DO UPDATE
    SET cost = d.cost + excluded.cost, tokens = d.tokens + excluded.tokens, requests = d.requests + excluded.requests,
        unpriced = d.unpriced + excluded.unpriced
), revised AS (
    INSERT INTO usage_revised_days SELECT DISTINCT (occurred_at AT TIME ZONE 'UTC')::date FROM stored
    WHERE occurred_at < date_trunc('day', clock_timestamp(), 'UTC')
), settled AS (
    DELETE FROM reservations AS r USING stored WHERE r.id = stored.reservation_id
        AND r.user_id = stored.user_id::text
), latest AS (
    INSERT INTO usage_latest AS l (id, last_used_at, month, cost)
    SELECT id, max(occurred_at), last_month, coalesce(sum(cost) FILTER (WHERE month = last_month), 0) FROM (
        SELECT used.id, event.occurred_at, cost, used.month, max(used.month) OVER (PARTITION BY used.id) AS last_month
        FROM event JOIN stored USING (event_id) CROSS JOIN LATERAL (
            SELECT id, date_trunc('month', event.occurred_at AT TIME ZONE 'UTC')::date AS month
                FROM (VALUES (event.user_id), (event.virtual_key_id)) AS v(id)
        ) AS used WHERE used.id <> ''
    ) AS used, (SELECT count(*) FROM counted) AS after_the_counters GROUP BY id, last_month ORDER BY id
    ON CONFLICT (id) DO UPDATE SET last_used_at = greatest(l.last_used_at, excluded.last_used_at),
        month = greatest(l.month, excluded.month),
        cost = CASE WHEN excluded.month >= l.month THEN excluded.cost ELSE 0 END + CASE WHEN excluded.month <= l.month
            THEN l.cost ELSE 0 END
)
SELECT event_id::text FROM stored UNION ALL SELECT NULL WHERE NOT EXISTS (SELECT FROM week)`

// conflicts finds the events that are stored with other content than was sent. A model that is named without a provider
// has the one that was found when it was stored. An estimate that comes after its exact event is no conflict.
func (r *Recorder) conflicts(ctx context.Context, events []*Event) ([]bool, error) {
	conflicts := make([]bool, len(events))
	if len(events) == 0 {
		return conflicts, nil
	}
	c := &eventColumns{}
	for _, event := range events {
		c.add(event)
	}
	rows, err := database.QueryPlanned(ctx, r.db, `
SELECT sent.n FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bool[], $11::text[],
    $12::text[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bool[]) WITH ORDINALITY
    AS sent(user_id, event_id, provider, model, mcp_client_id, tool_name, cost, tokens, requests, cost_computed,
        event_name, named,
            input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens, reasoning_output_tokens,
                estimated, n)
CROSS JOIN LATERAL (
    SELECT * FROM counted_events AS c WHERE c.event_id = sent.event_id ORDER BY week DESC LIMIT 1
) AS e
WHERE (e.estimated OR NOT sent.estimated)
  AND ((e.event_name, e.user_id, e.mcp_client_id, e.tool_name, CASE WHEN NOT e.cost_computed
      THEN e.cost END, e.tokens, e.requests)
    IS DISTINCT FROM (sent.event_name, sent.user_id, sent.mcp_client_id, sent.tool_name,
        CASE WHEN NOT sent.cost_computed THEN sent.cost END, sent.tokens, sent.requests)
   OR (coalesce(e.input_tokens, 0), coalesce(e.output_tokens, 0), coalesce(e.cached_input_tokens, 0),
       coalesce(e.cache_write_input_tokens, 0),
       coalesce(e.reasoning_output_tokens, 0)) <> (coalesce(sent.input_tokens, 0), coalesce(sent.output_tokens, 0),
       coalesce(sent.cached_input_tokens, 0), coalesce(sent.cache_write_input_tokens, 0),
           coalesce(sent.reasoning_output_tokens, 0))
   OR (e.provider, e.model) <> (sent.provider, sent.model)
       AND (sent.named = '' OR sent.named NOT IN (e.model, e.provider || '/' || e.model)))`,
		c.users, c.ids, c.providers, c.models, c.servers, c.tools, c.costs, c.tokens, c.requests, c.computed, c.names,
		c.named,
		c.inputs, c.outputs, c.cacheReads, c.cacheWrites, c.reasoning, c.estimated)
	if err != nil {
		return nil, fmt.Errorf("compare events with those stored: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, fmt.Errorf("compare events with those stored: %w", err)
		}
		conflicts[n-1] = true
	}
	return conflicts, rows.Err()
}
