-- Events that were received before sealed_until are added up in sealed, so that checking the counters reads later events only. One console at a
-- time, which has the lease, seals and checks.
ALTER TABLE limit_windows ADD sealed bigint NOT NULL DEFAULT 0;

CREATE TABLE usage_sealed_days (
    day      date PRIMARY KEY,
    cost     numeric NOT NULL,
    tokens   numeric NOT NULL,
    requests numeric NOT NULL
);

CREATE TABLE usage_sealing (
    single       boolean PRIMARY KEY DEFAULT true CHECK (single),
    sealed_until timestamptz NOT NULL DEFAULT to_timestamp(0), -- which stands for: nothing is sealed yet
    checked_at   timestamptz,
    skewed       bigint NOT NULL DEFAULT 0, -- counters that did not fit then
    fence        bigint NOT NULL DEFAULT 0,
    lease_until  timestamptz NOT NULL DEFAULT to_timestamp(0)
);
INSERT INTO usage_sealing DEFAULT VALUES;

CREATE INDEX usage_events_received ON usage_events USING brin (received_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX usage_adjustments_created ON usage_adjustments (created_at);
