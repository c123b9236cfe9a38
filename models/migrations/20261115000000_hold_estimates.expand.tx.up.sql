-- The same as reserve_estimates, which consoles of the release before call, with less to do. A user's row of usage_changes is locked, not written. What
-- earlier estimates of a call ask of a line, ahead of it, is told and not added up here. It is planned once: no other plan is better, and planning takes
-- as long as holding.
-- Each condition fits one index only: plans are kept, and one that was made while the tables were empty would read the holds of every user for each
-- copy, and the row of every user for each lock.
CREATE FUNCTION hold_estimates(
    ids uuid[], users text[], copies bigint[], leases bigint[], names text[], contents bytea[],
    of bigint[], lines uuid[], kinds text[], durations text[], starts timestamptz[], asks bigint[], aheads bigint[], limits bigint[]
) RETURNS TABLE (n bigint, holds boolean, taken boolean, used bigint[], held bigint[]) LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    at timestamptz;
BEGIN
    -- Rows are made before any is locked, so that those who make some wait for each other only.
    IF EXISTS (SELECT FROM unnest(users) AS u WHERE (SELECT true FROM usage_changes WHERE user_id = u) IS NULL) THEN
        INSERT INTO usage_changes (user_id) SELECT DISTINCT u COLLATE "C" FROM unnest(users) AS u ORDER BY 1 ON CONFLICT DO NOTHING;
    END IF;
    PERFORM FROM (SELECT DISTINCT u COLLATE "C" AS id FROM unnest(users) AS u ORDER BY 1) AS holder
        CROSS JOIN LATERAL (SELECT FROM usage_changes WHERE user_id = holder.id FOR NO KEY UPDATE) AS locked;

    at := clock_timestamp();
    RETURN QUERY
    WITH on_hold AS (
        SELECT line_id, kind, reset_duration, window_start, sum(amount)::bigint AS amount
        FROM (
            SELECT unnest(r.line_ids) AS line_id, unnest(r.kinds) AS kind, unnest(r.reset_durations) AS reset_duration,
                unnest(r.window_starts) AS window_start, unnest(r.amounts) AS amount
            FROM (SELECT DISTINCT c FROM unnest(copies) AS c) AS of_copy
                CROSS JOIN LATERAL (
                    SELECT * FROM reservations AS r WHERE r.copy_id = of_copy.c AND (r.copy_id, r.expires_at) > (of_copy.c, at) OFFSET 0
                ) AS r
        ) AS l GROUP BY 1, 2, 3, 4
    ), room AS (
        SELECT ask.n, ask.place, ask.amount, ask.ahead, ask.most, coalesce(on_hold.amount, 0) AS held,
               coalesce((
                   SELECT w.used - w.cleared FROM limit_windows AS w
                   WHERE w.line_id = ask.line_id AND w.kind = ask.kind AND w.reset_duration = ask.reset_duration AND w.window_start = ask.window_start
               ), 0) AS used
        FROM unnest(of, lines, kinds, durations, starts, asks, aheads, limits) WITH ORDINALITY
                AS ask(n, line_id, kind, reset_duration, window_start, amount, ahead, most, place)
            LEFT JOIN on_hold USING (line_id, kind, reset_duration, window_start)
        ORDER BY ask.n, ask.place -- which is the order in the arrays below: sorting each of them takes longer
    ), judged AS (
        SELECT n, min(place) AS first, max(place) AS last,
               bool_and(most - used > 0 AND held + amount <= most - used) AS possible,
               bool_and(most - used > 0 AND held + ahead + amount <= most - used) AS fits,
               array_agg(used) AS used, array_agg(held) AS held
        FROM room GROUP BY n
    ), hold AS (
        SELECT h.*, coalesce(first, 1) AS first, coalesce(last, 0) AS last, coalesce(possible, true) AS possible, coalesce(fits, true) AS fits,
               coalesce(used, '{}') AS used, coalesce(held, '{}') AS held,
               name IS NOT NULL AND coalesce((SELECT r.expires_at > at FROM reservations AS r WHERE r.id = h.id), false) AS taken
        FROM unnest(ids, users, copies, leases, names, contents) WITH ORDINALITY AS h(id, holder, copy, lease, name, content, n)
            LEFT JOIN judged USING (n)
    ), stored AS (
        INSERT INTO reservations AS r
            (id, user_id, copy_id, expires_at, line_ids, kinds, reset_durations, window_starts, amounts, name, content, decided_at, used, held)
        SELECT id, holder, copy, at + lease * interval '1 second', lines[first:last], kinds[first:last], durations[first:last], starts[first:last],
               asks[first:last], name, content, CASE WHEN name IS NOT NULL THEN at END, CASE WHEN name IS NOT NULL THEN used END,
               CASE WHEN name IS NOT NULL THEN held END
        FROM hold WHERE fits AND NOT taken ORDER BY id
        ON CONFLICT (id) DO UPDATE
        SET user_id = excluded.user_id, copy_id = excluded.copy_id, expires_at = excluded.expires_at, line_ids = excluded.line_ids, kinds = excluded.kinds,
            reset_durations = excluded.reset_durations, window_starts = excluded.window_starts, amounts = excluded.amounts, name = excluded.name,
            content = excluded.content, decided_at = excluded.decided_at, used = excluded.used, held = excluded.held
        WHERE r.expires_at <= at
        RETURNING r.id
    )
    SELECT hold.n, CASE WHEN taken THEN false WHEN fits THEN stored.id IS NOT NULL WHEN NOT possible THEN false END,
           taken OR fits AND stored.id IS NULL, hold.used, hold.held
    FROM hold LEFT JOIN stored ON stored.id = hold.id;
END
$$;
