-- Sums of usage_days for reports: by what was called, and by user. The days up to through are in them, but for those in usage_revised_days:
-- those changed since, and are read from usage_days until they are added up again.
CREATE TABLE usage_totals (
    day               date NOT NULL,
    access_profile_id bigint NOT NULL,
    provider          text COLLATE "C" NOT NULL,
    model             text COLLATE "C" NOT NULL,
    cost              numeric NOT NULL,
    tokens            numeric NOT NULL,
    requests          bigint NOT NULL,
    unpriced          bigint NOT NULL,
    PRIMARY KEY (day, access_profile_id, provider, model)
);
CREATE TABLE usage_people (
    day      date NOT NULL,
    user_id  text COLLATE "C" NOT NULL,
    cost     numeric NOT NULL,
    tokens   numeric NOT NULL,
    requests bigint NOT NULL,
    unpriced bigint NOT NULL,
    PRIMARY KEY (day, user_id)
);
CREATE INDEX usage_people_user ON usage_people (user_id, day);

-- A day that is over and whose usage changed. Rows are only added and deleted, so that nobody waits for them.
CREATE TABLE usage_revised_days (
    day date NOT NULL
);

CREATE TABLE usage_totals_state (
    single      boolean PRIMARY KEY DEFAULT true CHECK (single),
    through     date,        -- null before the first time
    computed_at timestamptz, -- what was counted before then is in the sums
    checked_at  timestamptz, -- when all days that may change were added up again
    fence       bigint NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT to_timestamp(0)
);
INSERT INTO usage_totals_state DEFAULT VALUES;
