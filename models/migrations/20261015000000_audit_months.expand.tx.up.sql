-- The months of the audit log that are over and older than the log is kept. Of a month that was dropped the hash of its last row stays, to which the
-- chain of the rest is attached; the signature says that a console has dropped it.
CREATE TABLE audit_months (
    month      date PRIMARY KEY,
    rows       bigint NOT NULL,
    last_id    bigint NOT NULL,
    hash       bytea NOT NULL,
    file       text,
    sha256     bytea,
    dropped_at timestamptz,
    signature  bytea,
    CHECK ((dropped_at IS NULL) = (signature IS NULL))
);

-- Drops the rows of a month that was noted, the earliest first, and only whole. A row after them is older than 36 days: consoles that remember the
-- last row they saw find it. It runs as the owner, because the serving role deletes no audit rows.
CREATE FUNCTION drop_audit_month(old date, signed bytea) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    noted audit_months;
    found_rows bigint;
    younger boolean;
    next_at timestamptz;
BEGIN
    SELECT * INTO noted FROM audit_months WHERE month = old AND dropped_at IS NULL FOR UPDATE;
    IF NOT FOUND OR EXISTS (SELECT FROM audit_months WHERE month < old AND dropped_at IS NULL)
        OR NOT EXISTS (SELECT FROM audit_logs WHERE id = noted.last_id AND hash = noted.hash) THEN
        RETURN false;
    END IF;
    SELECT count(*), bool_or(created_at >= clock_timestamp() - interval '36 days') INTO found_rows, younger FROM audit_logs WHERE id <= noted.last_id;
    SELECT created_at INTO next_at FROM audit_logs WHERE id > noted.last_id ORDER BY id LIMIT 1;
    IF found_rows <> noted.rows OR younger OR next_at IS NULL OR next_at >= clock_timestamp() - interval '36 days' THEN
        RETURN false;
    END IF;
    DELETE FROM audit_logs WHERE id <= noted.last_id;
    UPDATE audit_months SET dropped_at = clock_timestamp(), signature = signed WHERE month = old;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION drop_audit_month(date, bytea) FROM PUBLIC;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION drop_audit_month(date, bytea) SET search_path = %I, pg_temp', current_schema());
END $$;
