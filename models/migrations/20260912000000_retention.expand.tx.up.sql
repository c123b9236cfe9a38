-- What was archived of a week, to compare files with, and when its events were dropped.
ALTER TABLE usage_weeks ADD events bigint, ADD cost numeric, ADD file text, ADD sha256 bytea, ADD dropped_at timestamptz;

-- Drops the events of a week that is closed for longer than an id is known and whose sums are sealed. Usage waits a second for it at most; a longer
-- reader is not waited for. It runs as the owner, because the serving role drops no tables.
CREATE FUNCTION drop_usage_week(old date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' AS $$
BEGIN
    PERFORM FROM usage_weeks AS w, usage_sealing AS s
    WHERE w.week = old AND w.dropped_at IS NULL AND w.closed_at < clock_timestamp() - interval '36 days' AND w.closed_at <= s.sealed_until
    FOR UPDATE OF w;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF old = '1970-01-05' THEN
        TRUNCATE usage_events;
    ELSE
        EXECUTE format('DROP TABLE %I, %I', to_char(old, '"weekly_events_"YYYYMMDD'), to_char(old, '"weekly_charges_"YYYYMMDD'));
    END IF;
    UPDATE usage_weeks SET dropped_at = clock_timestamp() WHERE week = old;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION drop_usage_week(date) FROM PUBLIC;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION drop_usage_week(date) SET search_path = %I, pg_temp', current_schema());
END $$;
