-- The value of a new key can be read again for ten minutes by the session that made it, and by no other: it is sealed with the console's secret
-- and that session's token. A preview of a propagation is applied once.
CREATE TABLE shown_secrets (
    token_hash bytea NOT NULL REFERENCES sessions ON DELETE CASCADE,
    subject    text NOT NULL,
    sealed     bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (token_hash, subject)
);
CREATE INDEX shown_secrets_expires ON shown_secrets (expires_at);
ALTER TABLE propagation_jobs ADD preview_token bytea;
CREATE UNIQUE INDEX propagation_jobs_preview ON propagation_jobs (preview_token);
