-- The time at which a week ends is read once no batch is under way in it: an UPDATE alone reads the clock first, and waits for the batches after that.
CREATE OR REPLACE FUNCTION open_usage_week(new_week date) RETURNS date LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF new_week <= (SELECT max(week) FROM usage_weeks) THEN
        RETURN NULL;
    END IF;
    LOCK TABLE weekly_events IN SHARE UPDATE EXCLUSIVE MODE; -- one console at a time
    IF new_week <= (SELECT max(week) FROM usage_weeks) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE weekly_events INCLUDING CONSTRAINTS, PRIMARY KEY (event_id))', to_char(new_week, '"weekly_events_"YYYYMMDD'));
    EXECUTE format('ALTER TABLE weekly_events ATTACH PARTITION %I FOR VALUES IN (%L)', to_char(new_week, '"weekly_events_"YYYYMMDD'), new_week);
    EXECUTE format('CREATE TABLE %I (LIKE weekly_charges, PRIMARY KEY (id))', to_char(new_week, '"weekly_charges_"YYYYMMDD'));
    EXECUTE format('ALTER TABLE weekly_charges ATTACH PARTITION %I FOR VALUES IN (%L)', to_char(new_week, '"weekly_charges_"YYYYMMDD'), new_week);
    PERFORM FROM usage_weeks WHERE closed_at IS NULL FOR UPDATE;
    UPDATE usage_weeks SET closed_at = clock_timestamp() WHERE closed_at IS NULL;
    INSERT INTO usage_weeks (week, opened_at) VALUES (new_week, clock_timestamp());
    RETURN new_week;
END
$$;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION open_usage_week(date) SET search_path = %I, pg_temp', current_schema());
END $$;
