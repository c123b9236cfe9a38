-- A key is found by its last four characters.
CREATE INDEX virtual_keys_last_four ON virtual_keys (last_four);

-- Users and keys are found by a part of their name where the server has trigrams; without them the same, slower.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX users_search ON users USING gin (name gin_trgm_ops, email gin_trgm_ops);
    CREATE INDEX virtual_keys_search ON virtual_keys USING gin (name gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
    RAISE NOTICE 'pg_trgm is not available: users and keys are found without an index';
END
$$;
