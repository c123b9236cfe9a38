-- What deleted users and access profiles were called: reports still name whose usage it was.
CREATE TABLE former_names (
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('user', 'access_profile')),
    id   text COLLATE "C" NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE FUNCTION keep_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO former_names (kind, id, name) VALUES (TG_ARGV[0], OLD.id::text, OLD.name)
    ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_name AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION keep_name('user');
CREATE TRIGGER keep_name AFTER DELETE ON access_profiles FOR EACH ROW EXECUTE FUNCTION keep_name('access_profile');

-- Those deleted before are named by the audit log. A row that is no JSON any more names nobody and stops no start.
DO $$
DECLARE
    deleted record;
BEGIN
    FOR deleted IN SELECT access_profile_id, user_id, previous_values, metadata FROM audit_logs
                   WHERE action = 'delete' AND previous_values IS NOT NULL ORDER BY id LOOP
        BEGIN
            INSERT INTO former_names (kind, id, name)
            SELECT kind, id, name
            FROM (SELECT CASE WHEN deleted.metadata::jsonb ->> 'resource' = 'user' THEN 'user'
                              WHEN deleted.user_id IS NULL AND deleted.metadata::jsonb ->> 'resource' IS NULL THEN 'access_profile' END AS kind,
                         coalesce(deleted.user_id, deleted.access_profile_id::text) AS id, deleted.previous_values::jsonb ->> 'name' AS name) AS former
            WHERE kind IS NOT NULL AND id IS NOT NULL AND name IS NOT NULL
            ON CONFLICT (kind, id) DO NOTHING;
        EXCEPTION WHEN data_exception THEN
            NULL;
        END;
    END LOOP;
END
$$;
