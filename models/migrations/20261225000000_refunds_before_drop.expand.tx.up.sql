-- Sealing finds the counters of a refund by its event, so the events of a week stay until the refunds of it are sealed. The lock waits for refunds
-- under way and lets no other begin. Usage waits a second for it at most.
CREATE OR REPLACE FUNCTION drop_usage_week(old date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' AS $$
BEGIN
    PERFORM FROM usage_weeks AS w, usage_sealing AS s
    WHERE w.week = old AND w.dropped_at IS NULL AND w.closed_at < clock_timestamp() - interval '36 days' AND w.closed_at <= s.sealed_until
    FOR UPDATE OF w;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF old = '1970-01-05' THEN
        LOCK TABLE usage_events;
    ELSE
        LOCK TABLE ONLY weekly_events; -- which dropping a part of it locks first, too
    END IF;
    PERFORM FROM usage_adjustments AS a, usage_sealing AS s WHERE a.week = old AND a.created_at >= s.sealed_until;
    IF FOUND THEN
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
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION drop_usage_week(date) SET search_path = %I, pg_temp', current_schema());
END $$;
