-- Rows about many people at once are found by each of them.
CREATE INDEX audit_logs_users ON audit_logs USING gin ((metadata::jsonb -> 'user_ids')) WHERE metadata IS NOT NULL;
