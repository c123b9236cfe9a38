-- Changes are followed by numbers in the order of commits instead of by transactions, whose numbers go back with a failover and which other
-- engines lack. Every change of access raises the head of the audit log, which it locks last, and is noted with its number.
ALTER TABLE audit_head ADD seq bigint NOT NULL DEFAULT 0;
ALTER TABLE access_changes ADD seq bigint NOT NULL DEFAULT 0;
CREATE INDEX access_changes_seq ON access_changes (seq);

-- Whose usage a transaction changed. A writer has one transaction under way at a time, so its numbers are in the order of commits. Rows are
-- kept for ten minutes.
CREATE TABLE usage_feed (
    writer uuid NOT NULL,
    seq    bigint NOT NULL,
    users  uuid[] NOT NULL,
    at     timestamptz NOT NULL,
    PRIMARY KEY (writer, seq)
);

-- usage_changes is only what holds of one user lock.
ALTER TABLE usage_changes ALTER xact SET DEFAULT '0';
ALTER TABLE access_changes ALTER xact SET DEFAULT '0';

-- The same as reserve_named, which consoles of the release before call.
CREATE FUNCTION reserve_estimates(
    ids uuid[], users text[], copies bigint[], leases bigint[], names text[], contents bytea[],
    of bigint[], lines uuid[], kinds text[], durations text[], starts timestamptz[], asks bigint[], limits bigint[]
) RETURNS TABLE (n bigint, holds boolean, taken boolean, used bigint[], held bigint[]) LANGUAGE plpgsql SET enable_seqscan = off AS $$ -- plans made while a table is small are kept
#variable_conflict use_column
DECLARE
    at timestamptz;
BEGIN
    INSERT INTO usage_changes AS c (user_id) SELECT DISTINCT u COLLATE "C" FROM unnest(users) AS u ORDER BY 1
    ON CONFLICT (user_id) DO UPDATE SET user_id = c.user_id;

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

-- What follows is for consoles of the release before, which run beside these during an upgrade. It goes with the columns xact one release later.
-- They note transactions, and do not know the numbers.
CREATE FUNCTION note_access_for_release_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xact := pg_current_xact_id();
    IF TG_OP = 'INSERT' THEN
        IF NEW.seq = 0 THEN
            NEW.seq := -1;
        END IF;
    ELSIF NEW.seq = OLD.seq THEN
        NEW.seq := -1;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER release_before BEFORE INSERT OR UPDATE ON access_changes
    FOR EACH ROW EXECUTE FUNCTION note_access_for_release_before();

CREATE FUNCTION number_access_of_release_before() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    next bigint;
BEGIN
    IF EXISTS (SELECT FROM access_changes WHERE seq = -1) THEN
        SELECT seq + 1 INTO next FROM audit_head FOR UPDATE;
        UPDATE access_changes SET seq = next WHERE seq = -1;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER release_before_numbers AFTER INSERT OR UPDATE ON access_changes
    FOR EACH STATEMENT EXECUTE FUNCTION number_access_of_release_before();

CREATE FUNCTION number_head_of_release_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq = OLD.seq AND NEW.hash <> OLD.hash THEN
        NEW.seq := OLD.seq + 1;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER release_before BEFORE UPDATE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION number_head_of_release_before();

CREATE FUNCTION feed_usage_of_release_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A connection has one transaction under way at a time.
    INSERT INTO usage_feed AS f (writer, seq, users, at)
    SELECT md5(pg_backend_pid() || ' ' || pg_postmaster_start_time())::uuid, pg_current_xact_id()::text::bigint, array_agg(user_id::uuid),
        clock_timestamp()
    FROM changed WHERE xact = pg_current_xact_id() AND user_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' HAVING count(*) > 0
    ON CONFLICT (writer, seq) DO UPDATE SET users = f.users || excluded.users;
    RETURN NULL;
END
$$;
CREATE TRIGGER release_before_inserts AFTER INSERT ON usage_changes REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION feed_usage_of_release_before();
CREATE TRIGGER release_before_updates AFTER UPDATE ON usage_changes REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION feed_usage_of_release_before();
