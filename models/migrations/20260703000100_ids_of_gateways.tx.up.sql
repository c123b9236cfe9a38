-- Ids that gateways make are any text: what is no UUID is stored under one made of it, with the text beside it, so that keys stay small and no
-- row is written anew.
ALTER TABLE usage_events ADD event_name text COLLATE "C"; -- null when event_id is what was sent

-- A hold that its caller named, with what was asked and what was answered: asked for again, it gets the same answer.
ALTER TABLE reservations ADD name text COLLATE "C", ADD content bytea, ADD decided_at timestamptz, ADD used bigint[], ADD held bigint[];

-- The same as reserve, for holds with a lease of their own, in seconds, and maybe a name. A name that is taken by a hold that lasts gets false
-- and taken. The locks that others wait for are those of reserve.
CREATE FUNCTION reserve_named(
    ids uuid[], users text[], copies bigint[], leases bigint[], names text[], contents bytea[],
    of bigint[], lines uuid[], kinds text[], durations text[], starts timestamptz[], asks bigint[], limits bigint[]
) RETURNS TABLE (n bigint, holds boolean, taken boolean, used bigint[], held bigint[]) LANGUAGE plpgsql SET enable_seqscan = off AS $$ -- plans made while a table is small are kept
#variable_conflict use_column
DECLARE
    at timestamptz;
BEGIN
    INSERT INTO usage_changes (user_id, xact)
    SELECT DISTINCT u COLLATE "C", pg_current_xact_id() FROM unnest(users) AS u ORDER BY 1
    ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact;

    at := clock_timestamp();
    RETURN QUERY
    WITH ask AS (
        SELECT * FROM unnest(of, lines, kinds, durations, starts, asks, limits) WITH ORDINALITY
            AS a(n, line_id, kind, reset_duration, window_start, amount, most, place)
    ), on_hold AS (
        SELECT l.line_id, l.kind, l.reset_duration, l.window_start, sum(l.amount)::bigint AS amount
        FROM (SELECT DISTINCT c FROM unnest(copies) AS c) AS of_copy
            CROSS JOIN LATERAL (SELECT * FROM reservations AS r WHERE r.copy_id = of_copy.c AND r.expires_at > at OFFSET 0) AS r
            CROSS JOIN LATERAL unnest(r.line_ids, r.kinds, r.reset_durations, r.window_starts, r.amounts)
                AS l(line_id, kind, reset_duration, window_start, amount)
        GROUP BY 1, 2, 3, 4
    ), room AS (
        SELECT ask.n, ask.place, ask.amount, ask.most, coalesce(on_hold.amount, 0) AS held,
               coalesce((
                   SELECT w.used - w.cleared FROM limit_windows AS w
                   WHERE w.line_id = ask.line_id AND w.kind = ask.kind AND w.reset_duration = ask.reset_duration AND w.window_start = ask.window_start
               ), 0) AS used,
               sum(ask.amount) OVER (PARTITION BY line_id, kind, reset_duration, window_start ORDER BY ask.n)::bigint - ask.amount AS ahead
        FROM ask LEFT JOIN on_hold USING (line_id, kind, reset_duration, window_start)
    ), judged AS (
        SELECT hold.n, hold.id,
               hold.name IS NOT NULL AND EXISTS (SELECT FROM reservations AS r WHERE r.id = hold.id AND r.expires_at > at) AS taken,
               coalesce(bool_and(most - used > 0 AND held + amount <= most - used), true) AS possible,
               coalesce(bool_and(most - used > 0 AND held + ahead + amount <= most - used), true) AS fits,
               coalesce(array_agg(used ORDER BY place) FILTER (WHERE place IS NOT NULL), '{}') AS used,
               coalesce(array_agg(held ORDER BY place) FILTER (WHERE place IS NOT NULL), '{}') AS held
        FROM unnest(ids, names) WITH ORDINALITY AS hold(id, name, n) LEFT JOIN room ON room.n = hold.n GROUP BY hold.n, hold.id, hold.name
    ), stored AS (
        INSERT INTO reservations AS r
            (id, user_id, copy_id, expires_at, line_ids, kinds, reset_durations, window_starts, amounts, name, content, decided_at, used, held)
        SELECT judged.id, users[judged.n], copies[judged.n], at + leases[judged.n] * interval '1 second',
               coalesce(array_agg(line_id ORDER BY place) FILTER (WHERE line_id IS NOT NULL), '{}'),
               coalesce(array_agg(kind ORDER BY place) FILTER (WHERE line_id IS NOT NULL), '{}'),
               coalesce(array_agg(reset_duration ORDER BY place) FILTER (WHERE line_id IS NOT NULL), '{}'),
               coalesce(array_agg(window_start ORDER BY place) FILTER (WHERE line_id IS NOT NULL), '{}'),
               coalesce(array_agg(amount ORDER BY place) FILTER (WHERE line_id IS NOT NULL), '{}'),
               names[judged.n], contents[judged.n], CASE WHEN names[judged.n] IS NOT NULL THEN at END,
               CASE WHEN names[judged.n] IS NOT NULL THEN judged.used END, CASE WHEN names[judged.n] IS NOT NULL THEN judged.held END
        FROM judged LEFT JOIN ask ON ask.n = judged.n WHERE fits AND NOT taken
        GROUP BY judged.n, judged.id, judged.used, judged.held ORDER BY judged.id
        ON CONFLICT (id) DO UPDATE
        SET user_id = excluded.user_id, copy_id = excluded.copy_id, expires_at = excluded.expires_at, line_ids = excluded.line_ids, kinds = excluded.kinds,
            reset_durations = excluded.reset_durations, window_starts = excluded.window_starts, amounts = excluded.amounts, name = excluded.name,
            content = excluded.content, decided_at = excluded.decided_at, used = excluded.used, held = excluded.held
        WHERE r.expires_at <= at
        RETURNING r.id
    )
    SELECT judged.n, CASE WHEN taken THEN false WHEN fits THEN stored.id IS NOT NULL WHEN NOT possible THEN false END,
           taken OR fits AND stored.id IS NULL, judged.used, judged.held
    FROM judged LEFT JOIN stored ON stored.id = judged.id;
END
$$;
