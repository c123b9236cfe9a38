-- By which secrets consoles tell each other apart: a value derived from the secret, which tells nothing about it.
ALTER TABLE consoles ADD secret_check bytea;

-- When each secret was first used with this database. Keys that are older than the secret of a console are unknown to it.
CREATE TABLE secret_checks (
    secret_check  bytea PRIMARY KEY,
    first_used_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
