-- What a row of the audit log is about, in words that it is found by: names before and after, addresses, roles, reasons.
-- The values are read as text: the log also keeps documents that are not what they were.
CREATE FUNCTION audit_text(metadata text, previous_values text, new_values text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT concat_ws(' ',
        m ->> 'access_profile', m ->> 'name', m ->> 'id', m ->> 'role', m ->> 'roles', m ->> 'detached_roles', m ->> 'keys',
        substring(previous_values FROM '"name":"((?:[^"\\]|\\.)*)"'), substring(previous_values FROM '"email":"([^"]*)"'),
        substring(new_values FROM '"name":"((?:[^"\\]|\\.)*)"'), substring(new_values FROM '"email":"([^"]*)"'),
        substring(new_values FROM '"reason":"((?:[^"\\]|\\.)*)"'), substring(new_values FROM '"note":"((?:[^"\\]|\\.)*)"'))
    FROM (SELECT metadata::jsonb AS m) AS documents
$$;

CREATE INDEX audit_logs_resource ON audit_logs ((metadata::jsonb ->> 'resource'), id) WHERE metadata IS NOT NULL;

DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX audit_logs_text ON audit_logs
        USING gin (audit_text(metadata, previous_values, new_values) gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
    RAISE NOTICE 'pg_trgm is not available: the audit log is searched without an index';
END
$$;
