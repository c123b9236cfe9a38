-- Usage locks charges before events, and a reader or a refund events before charges, so what drops a week never holds both: the events go in one
-- transaction, which marks the week, and the charges, which nothing refers to any more, in another one.
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
        EXECUTE format('DROP TABLE %I', to_char(old, '"weekly_events_"YYYYMMDD'));
    END IF;
    UPDATE usage_weeks SET dropped_at = clock_timestamp() WHERE week = old;
    RETURN true;
END
$$;

-- Drops the charges of all weeks whose events were dropped, as far as they are there. Usage waits a second for it at most.
CREATE FUNCTION drop_usage_charges() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' AS $$
DECLARE
    charges text;
BEGIN
    FOR charges IN SELECT to_char(week, '"weekly_charges_"YYYYMMDD') FROM usage_weeks WHERE dropped_at IS NOT NULL ORDER BY week LOOP
        IF to_regclass(charges) IS NOT NULL THEN
            EXECUTE format('DROP TABLE IF EXISTS %I', charges);
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION drop_usage_charges() FROM PUBLIC;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION drop_usage_week(date) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION drop_usage_charges() SET search_path = %I, pg_temp', current_schema());
END $$;
