package ledger

// The sums of days are what reports show and people are billed by. Events change only days of the last weeks, since
// older ones are refused.
const (
	skewedDays = `
WITH open AS (
    SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date - 36 AS first
), counted AS (
    SELECT day, sum(cost) AS cost, sum(tokens) AS tokens, sum(requests) AS requests FROM usage_days
    WHERE day >= (SELECT first FROM open) GROUP BY day
), charged AS (
    SELECT day, sum(cost) AS cost, sum(tokens) AS tokens, sum(requests) AS requests FROM (
        SELECT * FROM usage_sealed_days
        UNION ALL SELECT (occurred_at AT TIME ZONE 'UTC')::date, coalesce(cost, 0), tokens, requests FROM counted_events
            WHERE received_at >= ?0 AND week >= ?1::date
        UNION ALL SELECT (e.occurred_at AT TIME ZONE 'UTC')::date, a.amount, 0, 0
            FROM usage_adjustments AS a CROSS JOIN LATERAL (
                SELECT * FROM counted_events AS c WHERE c.event_id = a.event_id AND c.week = a.week OFFSET 0
            ) AS e
            WHERE a.created_at >= ?0
    ) AS events WHERE day >= (SELECT first FROM open) GROUP BY day
)` + daysThatDiffer
	// A sum over everybody may pass what a counter holds.
	daysThatDiffer = `
SELECT 'usage_days' AS line_id, v.kind, '1d' AS reset_duration, day::timestamp AT TIME ZONE 'UTC' AS window_start,
    least(coalesce(v.used, 0), 9223372036854775807)::bigint AS used,
    least(coalesce(v.events, 0), 9223372036854775807)::bigint AS events
FROM counted AS d FULL JOIN charged AS c USING (day)
CROSS JOIN LATERAL (VALUES ('spend', d.cost, c.cost), ('tokens', d.tokens, c.tokens),
    ('requests', d.requests, c.requests))
    AS v(kind, used, events)
WHERE coalesce(v.used, 0) <> coalesce(v.events, 0) ORDER BY day, v.kind LIMIT 1000`
)

// wholeDays compares with all events, and with further sums of days.
func wholeDays(further string) string {
	return `
WITH counted AS (
    SELECT day, sum(cost) AS cost, sum(tokens) AS tokens, sum(requests) AS requests FROM usage_days
    WHERE day > ?2::date AND day >= ?4::date GROUP BY day
), charged AS (
    SELECT day, sum(cost) AS cost, sum(tokens) AS tokens, sum(requests) AS requests FROM (
        SELECT (occurred_at AT TIME ZONE 'UTC')::date AS day, coalesce(cost, 0) AS cost, tokens, requests
            FROM counted_events
        UNION ALL SELECT (e.occurred_at AT TIME ZONE 'UTC')::date, a.amount, 0, 0
            FROM usage_adjustments AS a JOIN counted_events AS e USING (week, event_id)` + further + `
    ) AS events WHERE day > ?2::date AND day >= ?4::date GROUP BY day
)` + daysThatDiffer
}
