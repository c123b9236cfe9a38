-- Calls that were refused, summed by minute. '' and zero stand for "none", so that a row can be added to.
CREATE TABLE refusals (
    user_id           text COLLATE "C" NOT NULL, -- '' when the subject is unknown
    minute            timestamptz NOT NULL,
    reason            smallint NOT NULL,
    watched           boolean NOT NULL,          -- it would have been refused
    copy_id           bigint NOT NULL,
    line_id           uuid NOT NULL,             -- of the limit that decided
    key_id            text COLLATE "C" NOT NULL,
    asked             text COLLATE "C" NOT NULL, -- the model or tool; never what looks like a secret
    access_profile_id bigint NOT NULL,
    template_version  bigint,
    granted           boolean NOT NULL,          -- a profile grants the call, so that only a limit blocks it
    calls             bigint NOT NULL,
    estimated_cost    numeric NOT NULL,          -- nano-dollars
    estimated_tokens  numeric NOT NULL,
    -- The limit at the first call.
    scope             text,
    kind              text COLLATE "C",
    reset_duration    text COLLATE "C",
    line_reason       text COLLATE "C",
    used              bigint,
    reserved          bigint,
    most              bigint,
    resets_at         timestamptz,
    first_at          timestamptz NOT NULL,
    last_at           timestamptz NOT NULL,
    PRIMARY KEY (user_id, minute, reason, watched, copy_id, line_id, key_id, asked)
);
CREATE INDEX refusals_profile ON refusals (access_profile_id, minute);
CREATE INDEX refusals_age ON refusals USING brin (minute) WITH (autosummarize = on);

-- Decisions by hour; reason 0 is allowed. Without users, so that they can be kept longer.
CREATE TABLE decision_hours (
    hour              timestamptz NOT NULL,
    access_profile_id bigint NOT NULL,
    reason            smallint NOT NULL,
    watched           boolean NOT NULL,
    calls             bigint NOT NULL,
    PRIMARY KEY (hour, access_profile_id, reason, watched)
);

-- Each console numbers what it adds to the sums, so that nothing is added twice.
CREATE TABLE decision_consoles (
    console       uuid PRIMARY KEY,
    started_at    timestamptz NOT NULL,
    flush         bigint NOT NULL,
    flushed_until timestamptz NOT NULL, -- what was decided before is in the sums
    ended_at      timestamptz           -- NULL while it runs, and when it ended without warning
);
