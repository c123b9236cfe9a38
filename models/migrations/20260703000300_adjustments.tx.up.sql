-- What of an event's charge was taken back: rows of the ledger beside the events, which stay as they were reported.
CREATE TABLE usage_adjustments (
    id         uuid PRIMARY KEY,
    name       text COLLATE "C",  -- the id as it was sent; null when it was made here or is a UUID
    event_id   uuid NOT NULL,
    amount     bigint NOT NULL CHECK (amount < 0), -- nano-dollars
    charge     bigint NOT NULL CHECK (charge >= 0), -- what is left of the event's
    reason     text NOT NULL,
    actor      text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX usage_adjustments_event ON usage_adjustments (event_id);
