package totals

// The rollups are made of the sums, in the transaction that changed those. Months are made anew as a whole: only the
// rows that differ are written. ?0 are the days that changed, ?1 says that any day may have.
const (
	rollUpGroups = `
WITH fresh AS (
    SELECT g.grouping, t.day, g.key, sum(t.cost) AS cost, sum(t.tokens) AS tokens, sum(t.requests)::bigint AS requests,
        sum(t.unpriced)::bigint AS unpriced
    FROM usage_totals AS t CROSS JOIN LATERAL (VALUES ('day', ''), ('provider', t.provider),
        ('model', t.provider || '/' || t.model), ('profile', t.access_profile_id::text)) AS g(grouping, key)
    WHERE ?1 OR t.day = ANY (?0::date[]) GROUP BY 1, 2, 3
), gone AS (
    DELETE FROM usage_groups AS t WHERE (?1 OR day = ANY (?0::date[]))
    AND NOT EXISTS (SELECT FROM fresh AS f WHERE (f.grouping, f.day, f.key) = (t.grouping, t.day, t.key))
)
INSERT INTO usage_groups SELECT f.* FROM fresh AS f LEFT JOIN usage_groups AS t USING (grouping, day, key)
WHERE (t.cost, t.tokens, t.requests, t.unpriced) IS DISTINCT FROM (f.cost, f.tokens, f.requests, f.unpriced)
ORDER BY grouping, day, key
ON CONFLICT (grouping, day, key) DO UPDATE
SET cost = excluded.cost, tokens = excluded.tokens, requests = excluded.requests, unpriced = excluded.unpriced`
	rollUpMonths = `
WITH changed AS (
    SELECT DISTINCT date_trunc('month', day)::date AS month FROM unnest(?0::date[]) AS d(day)
), fresh AS (
    SELECT date_trunc('month', t.day)::date AS month, t.user_id, sum(t.cost) AS cost, sum(t.tokens) AS tokens,
        sum(t.requests)::bigint AS requests, sum(t.unpriced)::bigint AS unpriced
    FROM usage_people AS t
    WHERE ?1 OR t.day = ANY (SELECT month + n FROM changed, generate_series(0, 30) AS n
        WHERE month + n < month + interval '1 month') GROUP BY 1, 2
), gone AS (
    DELETE FROM usage_months AS t WHERE (?1 OR month IN (SELECT month FROM changed))
    AND NOT EXISTS (SELECT FROM fresh AS f WHERE (f.month, f.user_id) = (t.month, t.user_id))
)
INSERT INTO usage_months SELECT f.* FROM fresh AS f LEFT JOIN usage_months AS t USING (month, user_id)
WHERE (t.cost, t.tokens, t.requests, t.unpriced) IS DISTINCT FROM (f.cost, f.tokens, f.requests, f.unpriced)
ORDER BY month, user_id
ON CONFLICT (month, user_id) DO UPDATE
SET cost = excluded.cost, tokens = excluded.tokens, requests = excluded.requests, unpriced = excluded.unpriced`
)
