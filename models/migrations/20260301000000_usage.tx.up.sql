-- Whose access has changed, and in which transaction: consoles follow it to keep what they hold in memory true. The row of '' stands for
-- what everybody's access depends on: MCP servers and tool groups.
CREATE TABLE access_changes (
    user_id text COLLATE "C" PRIMARY KEY,
    xact    xid8 NOT NULL
);
CREATE INDEX access_changes_xact ON access_changes (xact);

-- The same of what was used. It is apart, so that usage never waits for those who change access.
CREATE TABLE usage_changes (
    user_id text COLLATE "C" PRIMARY KEY,
    xact    xid8 NOT NULL
);
CREATE INDEX usage_changes_xact ON usage_changes (xact);

-- What was used, as gateways reported it: append-only, each event once. An event carries what it was counted on, so that counters can be
-- held against it whatever has become of the limits since.
CREATE TABLE usage_events (
    user_id        text COLLATE "C" NOT NULL,
    event_id       uuid NOT NULL,
    occurred_at    timestamptz NOT NULL,
    received_at    timestamptz NOT NULL,
    virtual_key_id text,
    copy_id        bigint, -- who paid; null when the user held nothing
    access_profile_id bigint,
    provider       text NOT NULL,
    model          text NOT NULL,
    mcp_client_id  text NOT NULL,
    tool_name      text NOT NULL,
    cost           bigint CHECK (cost BETWEEN 0 AND 1000000000000000), -- nano-dollars; null: unpriced
    tokens         bigint NOT NULL CHECK (tokens BETWEEN 0 AND 9007199254740991),
    input_tokens   bigint CHECK (input_tokens BETWEEN 0 AND 9007199254740991),
    output_tokens  bigint CHECK (output_tokens BETWEEN 0 AND 9007199254740991),
    requests       bigint NOT NULL CHECK (requests BETWEEN 0 AND 1000000),
    reservation_id uuid,
    line_ids       uuid[] NOT NULL,
    line_kinds     text[] NOT NULL,
    line_durations text[] NOT NULL,
    window_starts  timestamptz[] NOT NULL,
    PRIMARY KEY (event_id)
);
CREATE INDEX usage_events_user ON usage_events (user_id, occurred_at);
CREATE INDEX usage_events_time ON usage_events (occurred_at);

-- The same by day (UTC), for pages and reports. It is added up in the statement that stores an event.
CREATE TABLE usage_days (
    day               date NOT NULL,
    user_id           text COLLATE "C" NOT NULL,
    access_profile_id bigint NOT NULL, -- 0 when the user held nothing
    provider          text COLLATE "C" NOT NULL,
    model             text COLLATE "C" NOT NULL, -- of a tool: server/tool
    cost              numeric NOT NULL, -- nano-dollars; a day's sum over everybody may pass what a counter holds
    tokens            numeric NOT NULL,
    requests          bigint NOT NULL,
    unpriced          bigint NOT NULL, -- events whose cost nobody knows
    PRIMARY KEY (day, user_id, access_profile_id, provider, model)
);

-- Values of keys that work no more: what was spent with them is still their holder's.
CREATE TABLE retired_keys (
    key_hash   bytea PRIMARY KEY,
    key_id     text NOT NULL,
    user_id    text NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Events of keys that nobody knows: the money was spent, so they are kept for somebody to look at.
CREATE TABLE usage_quarantine (
    event_id    uuid PRIMARY KEY,
    event       text NOT NULL,
    received_at timestamptz NOT NULL
);

-- What is held of limits for calls under way. A hold ends by itself.
CREATE TABLE reservations (
    id         uuid NOT NULL,
    line_id    uuid NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    reset_duration text COLLATE "C" NOT NULL,
    window_start timestamptz NOT NULL,
    user_id    text COLLATE "C" NOT NULL,
    copy_id    bigint NOT NULL,
    amount     bigint NOT NULL CHECK (amount >= 0),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (id, line_id, kind)
);
CREATE INDEX reservations_line ON reservations (line_id, kind, reset_duration, window_start, expires_at);
CREATE INDEX reservations_expiry ON reservations (expires_at);

-- Holds an amount of each line, all or none of them: true when every line has room. Lines are locked in the order of their keys; the sums
-- are read by a statement of its own, which sees what those who held the locks before have done.
CREATE FUNCTION reserve(
    reservation uuid, holder text, held_copy bigint, lines uuid[], kinds text[], durations text[], starts timestamptz[],
    asks bigint[], limits bigint[], lasts interval
) RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$ -- plans made while a table is small are kept
DECLARE
    n integer;
    taken bigint[];
    of bigint;
    held bigint;
BEGIN
    FOR n IN SELECT i FROM unnest(lines, kinds, durations, starts) WITH ORDINALITY AS w(l, k, d, s, i) ORDER BY l, k, d, s LOOP
        INSERT INTO limit_windows AS w (line_id, kind, reset_duration, window_start, used)
        VALUES (lines[n], kinds[n], durations[n], starts[n], 0)
        ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = w.used
        RETURNING used - cleared INTO of;
        taken[n] := of;
    END LOOP;
    FOR n IN 1 .. cardinality(lines) LOOP
        SELECT coalesce(sum(r.amount), 0) INTO held FROM reservations AS r
        WHERE r.line_id = lines[n] AND r.kind = kinds[n] AND r.reset_duration = durations[n] AND r.window_start = starts[n]
          AND (r.expires_at > clock_timestamp()) IS TRUE; -- not by the index of expiry, which would read the holds of everybody
        IF taken[n] >= limits[n] OR taken[n] + asks[n] + held > limits[n] THEN
            RETURN false;
        END IF;
    END LOOP;

    INSERT INTO reservations (id, line_id, kind, reset_duration, window_start, user_id, copy_id, amount, expires_at)
    SELECT reservation, l, k, d, s, holder, held_copy, ask, clock_timestamp() + lasts
    FROM unnest(lines, kinds, durations, starts, asks) AS w(l, k, d, s, ask);
    INSERT INTO usage_changes (user_id, xact) VALUES (holder, pg_current_xact_id())
    ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact;
    RETURN true;
END
$$;

-- What a copy limits is loaded by the policy.
CREATE INDEX rate_limits_policy ON rate_limits (policy_id);
