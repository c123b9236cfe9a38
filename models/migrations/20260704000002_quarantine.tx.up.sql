-- What became of usage whose user is not known: it was assigned to a user, who was charged, or dismissed for a reason.
ALTER TABLE usage_quarantine
    ADD outcome    text COLLATE "C" CHECK (outcome IN ('assigned', 'dismissed')),
    ADD settled_at timestamptz,
    ADD settled_by text,
    ADD user_id    text COLLATE "C",
    ADD reason     text;
CREATE INDEX usage_quarantine_open ON usage_quarantine (received_at, event_id) WHERE outcome IS NULL;
CREATE INDEX usage_quarantine_sender ON usage_quarantine ((event::jsonb ->> 'virtual_key'), (event::jsonb ->> 'user_id')) WHERE outcome IS NULL;
