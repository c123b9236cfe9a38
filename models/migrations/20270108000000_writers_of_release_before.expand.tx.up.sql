-- Numbers of transactions have gaps, which are no loss of usage. So that consoles can tell the writers of the release before from their own, whose
-- numbers have none, their ids are UUIDs of version 3; those of consoles are of version 4.
CREATE OR REPLACE FUNCTION feed_usage_of_release_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A connection has one transaction under way at a time.
    INSERT INTO usage_feed AS f (writer, seq, users, at)
    SELECT overlay(md5(pg_backend_pid() || ' ' || pg_postmaster_start_time()) PLACING '3' FROM 13)::uuid, pg_current_xact_id()::text::bigint,
        array_agg(user_id::uuid), clock_timestamp()
    FROM changed WHERE xact = pg_current_xact_id() AND user_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' HAVING count(*) > 0
    ON CONFLICT (writer, seq) DO UPDATE SET users = f.users || excluded.users;
    RETURN NULL;
END
$$;
