-- A hold is one row with all its lines, found by the copy that they are of.
DROP FUNCTION reserve(uuid, text, bigint, uuid[], text[], text[], timestamptz[], bigint[], bigint[], interval);
ALTER TABLE reservations RENAME TO reservations_by_line;
ALTER INDEX reservations_pkey RENAME TO reservations_by_line_pkey;
DROP INDEX reservations_line, reservations_expiry;

CREATE TABLE reservations (
    id              uuid PRIMARY KEY,
    user_id         text COLLATE "C" NOT NULL,
    copy_id         bigint NOT NULL,
    expires_at      timestamptz NOT NULL,
    line_ids        uuid[] NOT NULL,
    kinds           text[] NOT NULL,
    reset_durations text[] NOT NULL,
    window_starts   timestamptz[] NOT NULL,
    amounts         bigint[] NOT NULL
);
INSERT INTO reservations
SELECT id, min(user_id), min(copy_id), min(expires_at), array_agg(line_id), array_agg(kind), array_agg(reset_duration), array_agg(window_start),
       array_agg(amount)
FROM reservations_by_line GROUP BY id;
DROP TABLE reservations_by_line;
CREATE INDEX reservations_copy ON reservations (copy_id, expires_at);
CREATE INDEX reservations_expiry ON reservations (expires_at);

-- Holds amounts, each in all of its lines or not at all, in the order in which they are given: the lines of the n-th have its number in of.
-- A hold gets true when all of its lines have room, false when one has none, and null when it depends on others here that get no true:
-- then it has to be asked again. The first is never null. Used and held are what was so of its lines, in their order, before.
--
-- Those who hold for the same user wait for each other at the note that something of the user changed. What there is room for is read by a
-- statement of its own, which sees what those before have done; it sees a report of usage whole or not at all, with the hold that it ends.
CREATE FUNCTION reserve(
    ids uuid[], users text[], copies bigint[], of bigint[], lines uuid[], kinds text[], durations text[], starts timestamptz[],
    asks bigint[], limits bigint[], lasts interval
) RETURNS TABLE (n bigint, holds boolean, used bigint[], held bigint[]) LANGUAGE plpgsql SET enable_seqscan = off AS $$ -- plans made while a table is small are kept
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
        SELECT hold.n, coalesce(bool_and(most - used > 0 AND held + amount <= most - used), true) AS possible,
               coalesce(bool_and(most - used > 0 AND held + ahead + amount <= most - used), true) AS fits,
               coalesce(array_agg(used ORDER BY place) FILTER (WHERE place IS NOT NULL), '{}') AS used,
               coalesce(array_agg(held ORDER BY place) FILTER (WHERE place IS NOT NULL), '{}') AS held
        FROM unnest(ids) WITH ORDINALITY AS hold(id, n) LEFT JOIN room ON room.n = hold.n GROUP BY hold.n
    ), stored AS (
        INSERT INTO reservations (id, user_id, copy_id, expires_at, line_ids, kinds, reset_durations, window_starts, amounts)
        SELECT ids[judged.n], users[judged.n], copies[judged.n], at + lasts,
               coalesce(array_agg(line_id) FILTER (WHERE line_id IS NOT NULL), '{}'), coalesce(array_agg(kind) FILTER (WHERE line_id IS NOT NULL), '{}'),
               coalesce(array_agg(reset_duration) FILTER (WHERE line_id IS NOT NULL), '{}'),
               coalesce(array_agg(window_start) FILTER (WHERE line_id IS NOT NULL), '{}'), coalesce(array_agg(amount) FILTER (WHERE line_id IS NOT NULL), '{}')
        FROM judged LEFT JOIN ask ON ask.n = judged.n WHERE fits GROUP BY judged.n
    )
    SELECT judged.n, CASE WHEN fits THEN true WHEN NOT possible THEN false END, judged.used, judged.held FROM judged;
END
$$;
