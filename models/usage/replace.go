package usage

import (
	"context"
	"fmt"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/ledger"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// replace replaces estimates with exact events, which were not stored because their ids exist. It returns those that
// did so. An estimate whose id exists changes nothing, and neither does an exact event after the time for which ids are
// known: a day later the week of its estimate is archived, and must stay as it is.
func (r *Recorder) replace(ctx context.Context, events []*Event) (replaced []bool, err error) {
	replaced, keys := make([]bool, len(events)), []string{}
	for _, e := range events {
		if !e.estimated {
			keys = append(keys, e.GatewayID.Key)
		}
	}
	if len(keys) == 0 {
		return replaced, nil
	}
	var found []estimateRow
	err = r.db.NewRaw(`SELECT e.event_id::text, e.provider, e.model FROM counted_events AS e JOIN usage_weeks AS w USING (week)
WHERE e.event_id = ANY (?0::uuid[]) AND e.estimated
    AND (w.closed_at IS NULL OR w.closed_at > clock_timestamp() - ?1 * interval '1 second')`,
		pgdialect.Array(keys), dedupHorizon.Seconds()).Scan(ctx, &found)
	if err != nil {
		return replaced, fmt.Errorf("look for estimates: %w", err)
	}
	open := map[string]estimateRow{}
	for _, estimate := range found {
		open[estimate.EventID] = estimate
	}
	for n, e := range events {
		estimate, found := open[e.GatewayID.Key]
		if e.estimated || !found {
			continue
		}
		if err = r.follow(ctx, e, estimate); err != nil {
			return replaced, err
		}
		if replaced[n], err = r.replaceOne(ctx, e); err != nil {
			return replaced, err
		}
		if replaced[n] {
			delete(open, e.GatewayID.Key)
		}
	}
	return replaced, nil
}

// estimateRow is which model an estimate was stored for.
type estimateRow struct{ EventID, Provider, Model string }

// follow gives an exact event the provider and the model of its estimate, and their price if the provider is known,
// when it was sent under a name that the estimate may have been stored for: copies or the catalogue have changed since.
func (r *Recorder) follow(ctx context.Context, e *Event, estimate estimateRow) error {
	provider, model := estimate.Provider, estimate.Model
	sameName := e.named != "" && (e.named == model || e.named == provider+"/"+model)
	if !sameName || provider == e.Provider && model == e.Model {
		return nil
	}
	offered, err := r.decider.CatalogueNow(ctx)
	if err != nil {
		return err
	}
	e.Provider, e.Model = provider, model
	if provider != "" {
		e.reprice(offered)
	}
	return nil
}

// replaceOne counts the difference between an exact event and its estimate, on the limits that the estimate was counted
// on.
func (r *Recorder) replaceOne(ctx context.Context, e *Event) (replaced bool, err error) {
	err = database.InTx(ctx, r.db, func(ctx context.Context, tx database.Tx) error {
		sealed, err := ledger.HoldSeal(ctx, tx)
		if err != nil {
			return err
		}
		week, err := ledger.LockEvent(ctx, tx, e.GatewayID.Key)
		if err != nil {
			return err
		}
		var n int
		err = tx.NewRaw(replaceEstimate, e.GatewayID.Key, e.UserID, e.Provider, e.Model, e.mcpClientID, e.toolName,
			e.nanos(), e.costComputed, e.Tokens, e.Requests, e.input, e.output, e.cacheRead, e.cacheWrite, e.reasoning,
			sealed, week, asUUID(e.reservation)).Scan(ctx, &n)
		if err != nil {
			return fmt.Errorf("replace an estimate: %w", err)
		}
		if replaced = n > 0; replaced {
			tx.InvalidateUsage(e.UserID)
		}
		return nil
	})
	if tooMuch(err) {
		return false, problem.Refuse(problem.Conflict, "", "counter_full",
			"These numbers are too large to count. Nothing was counted.")
	}
	if err == nil && replaced {
		r.decider.Counted(e.user)
	}
	return replaced, err
}

// replaceEstimate changes a locked estimate of the same call, unless more of it was taken back than the exact cost. It
// ends the hold that the exact event names.
// Locks are those of a batch of events, in their order.
const replaceEstimate = `
WITH estimate AS (
    SELECT e.*, coalesce(?6::bigint, 0) - coalesce(e.cost, 0) AS more_cost, ?8::bigint - e.tokens AS more_tokens,
        ?9::bigint - e.requests AS more_requests, e.received_at < ?15 AS sealed
    FROM counted_events AS e
    WHERE e.event_id = ?0::uuid AND e.week = ?16::date AND e.estimated
      AND (e.user_id, e.provider, e.model, e.mcp_client_id, e.tool_name) = (?1, ?2, ?3, ?4, ?5)
      AND coalesce(?6::bigint, 0) >= -(SELECT coalesce(sum(a.amount), 0) FROM usage_adjustments AS a
          WHERE a.event_id = e.event_id AND a.week = e.week)
), counters AS (
    SELECT w.line_id, w.kind, w.reset_duration, w.window_start,
           ` + policy.AmountOfEvent + ` AS more,
           e.sealed, e.received_at
    FROM (SELECT more_cost AS cost, more_tokens AS tokens, more_requests AS requests, sealed, received_at, line_ids,
        line_kinds, line_durations, window_starts FROM estimate) AS e
    CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.line_durations, e.window_starts) AS l(line_id, kind,
        reset_duration, window_start)
    JOIN limit_windows AS w USING (line_id, kind, reset_duration, window_start)
    ORDER BY 1, 2, 3, 4 FOR UPDATE OF w
), counted AS (
    UPDATE limit_windows AS w SET used = w.used + c.more, cleared = ` + ledger.ClearedWith + `,
        sealed = w.sealed + CASE WHEN c.sealed THEN c.more ELSE 0 END
    FROM counters AS c
    WHERE (w.line_id, w.kind, w.reset_duration, w.window_start) = (c.line_id, c.kind, c.reset_duration, c.window_start)
), sealed_day AS (
    UPDATE usage_sealed_days AS d
    SET cost = d.cost + more_cost, tokens = d.tokens + more_tokens, requests = d.requests + more_requests
    FROM estimate AS e WHERE e.sealed AND d.day = (e.occurred_at AT TIME ZONE 'UTC')::date
), daily AS (
    UPDATE usage_days AS d
    SET cost = d.cost + more_cost, tokens = d.tokens + more_tokens, requests = d.requests + more_requests,
        unpriced = d.unpriced + CASE WHEN e.tool_name <> '' THEN 0
            ELSE (?6::bigint IS NULL)::integer - (e.cost IS NULL)::integer END
    FROM estimate AS e
    WHERE d.day = (e.occurred_at AT TIME ZONE 'UTC')::date AND d.user_id = e.user_id
        AND d.access_profile_id = coalesce(e.access_profile_id, 0)
      AND d.provider = CASE WHEN e.tool_name = '' THEN e.provider ELSE 'mcp' END
      AND d.model = CASE WHEN e.tool_name = '' THEN e.model ELSE e.mcp_client_id || '/' || e.tool_name END
), ended AS (
    DELETE FROM reservations AS r USING estimate AS e WHERE r.id = ?17::uuid AND r.user_id = e.user_id
), latest AS (
    UPDATE usage_latest AS l SET cost = l.cost + e.more_cost FROM estimate AS e
    WHERE l.id IN (e.user_id, e.virtual_key_id) AND l.month = date_trunc('month',
        e.occurred_at AT TIME ZONE 'UTC')::date
), revised AS (
    INSERT INTO usage_revised_days SELECT (occurred_at AT TIME ZONE 'UTC')::date FROM estimate
    WHERE occurred_at < date_trunc('day', clock_timestamp(), 'UTC')
), before AS (
    UPDATE usage_events AS e
    SET estimated = false, cost = ?6::bigint, cost_computed = ?7, tokens = ?8, requests = ?9,
        input_tokens = ?10::bigint, output_tokens = ?11::bigint, cached_input_tokens = ?12::bigint,
        cache_write_input_tokens = ?13::bigint, reasoning_output_tokens = ?14::bigint
    FROM estimate WHERE e.event_id = estimate.event_id AND (e.copied OR estimate.week = '1970-01-05')
), weekly AS (
    UPDATE weekly_events AS e
    SET estimated = false, cost = ?6::bigint, cost_computed = ?7, tokens = ?8, requests = ?9,
        input_tokens = ?10::bigint, output_tokens = ?11::bigint, cached_input_tokens = ?12::bigint,
        cache_write_input_tokens = ?13::bigint, reasoning_output_tokens = ?14::bigint
    FROM estimate WHERE e.event_id = estimate.event_id AND e.week = estimate.week
)
SELECT count(*) FROM estimate`
