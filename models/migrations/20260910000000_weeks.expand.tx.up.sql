-- Events are stored in partitions by the week in which they arrive, so that old ones can be dropped at once, and without what other rows say
-- already: a set of counters is stored once a week, and ids take 16 bytes. usage_events keeps what was stored before.
CREATE TABLE usage_weeks (
    week      date PRIMARY KEY, -- the Monday of its first day; that of usage_events is 1970-01-05
    opened_at timestamptz NOT NULL,
    closed_at timestamptz -- later than every event in it was received
);
CREATE UNIQUE INDEX usage_weeks_open ON usage_weeks ((true)) WHERE closed_at IS NULL;

CREATE TABLE weekly_events (
    occurred_at               timestamptz NOT NULL,
    received_at               timestamptz NOT NULL,
    cost                      bigint CHECK (cost BETWEEN 0 AND 1000000000000000), -- nano-dollars; null: unpriced
    tokens                    bigint NOT NULL CHECK (tokens BETWEEN 0 AND 9007199254740991),
    input_tokens              bigint CHECK (input_tokens BETWEEN 0 AND 9007199254740991),
    output_tokens             bigint CHECK (output_tokens BETWEEN 0 AND 9007199254740991),
    cached_input_tokens       bigint,
    cache_write_input_tokens  bigint,
    reasoning_output_tokens   bigint,
    week                      date NOT NULL,
    requests                  integer NOT NULL CHECK (requests BETWEEN 0 AND 1000000),
    event_id                  uuid NOT NULL,
    user_id                   uuid NOT NULL,
    virtual_key_id            uuid,
    charge_set                uuid, -- null when the user had no copy
    reservation_id            uuid,
    cost_computed             boolean NOT NULL,
    estimated                 boolean NOT NULL,
    provider                  text NOT NULL,
    model                     text NOT NULL,
    mcp_client_id             text NOT NULL,
    tool_name                 text NOT NULL,
    event_name                text COLLATE "C" -- null when event_id is what was sent
) PARTITION BY LIST (week);
CREATE INDEX weekly_events_received ON weekly_events USING brin (received_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX weekly_events_occurred ON weekly_events USING brin (occurred_at timestamptz_minmax_multi_ops) WITH (autosummarize = on);

-- The copy that paid, and the counters that its events were counted on.
CREATE TABLE weekly_charges (
    week              date NOT NULL,
    id                uuid NOT NULL, -- a hash of the rest
    copy_id           bigint NOT NULL,
    access_profile_id bigint NOT NULL,
    line_ids          uuid[] NOT NULL,
    line_kinds        text[] NOT NULL,
    line_durations    text[] NOT NULL,
    window_starts     timestamptz[] NOT NULL
) PARTITION BY LIST (week);

-- Opens a week, unless it is open or past. A batch locks the open week in share mode, and changing that row waits for every batch under way: what
-- begins after this sees all events of the week before. It runs as the owner, because the serving role creates no tables.
CREATE FUNCTION open_usage_week(new_week date) RETURNS date LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF new_week <= (SELECT max(week) FROM usage_weeks) THEN
        RETURN NULL;
    END IF;
    LOCK TABLE weekly_events IN SHARE UPDATE EXCLUSIVE MODE; -- one console at a time
    IF new_week <= (SELECT max(week) FROM usage_weeks) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE weekly_events INCLUDING CONSTRAINTS, PRIMARY KEY (event_id))', to_char(new_week, '"weekly_events_"YYYYMMDD'));
    EXECUTE format('ALTER TABLE weekly_events ATTACH PARTITION %I FOR VALUES IN (%L)', to_char(new_week, '"weekly_events_"YYYYMMDD'), new_week);
    EXECUTE format('CREATE TABLE %I (LIKE weekly_charges, PRIMARY KEY (id))', to_char(new_week, '"weekly_charges_"YYYYMMDD'));
    EXECUTE format('ALTER TABLE weekly_charges ATTACH PARTITION %I FOR VALUES IN (%L)', to_char(new_week, '"weekly_charges_"YYYYMMDD'), new_week);
    UPDATE usage_weeks SET closed_at = clock_timestamp() WHERE closed_at IS NULL;
    INSERT INTO usage_weeks (week, opened_at) VALUES (new_week, clock_timestamp());
    RETURN new_week;
END
$$;
REVOKE EXECUTE ON FUNCTION open_usage_week(date) FROM PUBLIC;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION open_usage_week(date) SET search_path = %I, pg_temp', current_schema());
END $$;

-- What of a batch is stored already: events in some weeks and before, and sets of counters in a week. Functions have plans of their own, which do
-- not depend on how many events came first or on how small a week is when it begins.
CREATE FUNCTION stored_usage_events(ids uuid[], w1 date, w2 date, w3 date, w4 date, w5 date, w6 date, w7 date) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE COST 1 ROWS 1 SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY SELECT e.id FROM unnest(ids) AS e(id) WHERE coalesce(
        (SELECT true FROM weekly_events AS o WHERE o.event_id = e.id AND o.week IN (w1, w2, w3, w4, w5, w6, w7) LIMIT 1),
        (SELECT true FROM usage_events AS o WHERE o.event_id = e.id LIMIT 1), false);
END
$$;
CREATE FUNCTION missing_charge_sets(ids uuid[], open date) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE COST 1 ROWS 1 SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY SELECT s.id FROM unnest(ids) AS s(id)
    WHERE (SELECT true FROM weekly_charges AS c WHERE c.week = open AND c.id = s.id LIMIT 1) IS NULL;
END
$$;

-- Every event, wherever it is stored.
ALTER TABLE usage_events ADD copied boolean NOT NULL DEFAULT false; -- also in weekly_events, which is what counts
CREATE VIEW counted_events AS
SELECT e.week, e.event_id, e.event_name, e.user_id::text COLLATE "C" AS user_id, e.occurred_at, e.received_at, e.virtual_key_id::text AS virtual_key_id,
    c.copy_id, c.access_profile_id, e.provider, e.model, e.mcp_client_id, e.tool_name, e.cost, e.cost_computed, e.estimated, e.tokens,
    e.input_tokens, e.output_tokens, e.cached_input_tokens, e.cache_write_input_tokens, e.reasoning_output_tokens,
    e.requests::bigint AS requests, e.reservation_id, c.line_ids, c.line_kinds, c.line_durations, c.window_starts
FROM weekly_events AS e LEFT JOIN weekly_charges AS c ON c.week = e.week AND c.id = e.charge_set
UNION ALL
SELECT date '1970-01-05', event_id, event_name, user_id, occurred_at, received_at, virtual_key_id,
    copy_id, access_profile_id, provider, model, mcp_client_id, tool_name, cost, cost_computed, estimated, tokens,
    input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens, reasoning_output_tokens,
    requests, reservation_id, line_ids, line_kinds, line_durations, window_starts
FROM usage_events WHERE NOT copied;

-- An id may be that of another event after 35 days: the week says which one was adjusted.
ALTER TABLE usage_adjustments ADD week date NOT NULL DEFAULT '1970-01-05';
ALTER TABLE usage_adjustments ALTER week SET DEFAULT NULL;

-- What follows is for consoles of the release before, which run beside these during an upgrade. It goes with usage_events, one release later. What
-- they store and change in usage_events is copied; an event that is stored in either table is a duplicate for both releases.
CREATE FUNCTION copy_event_of_release_before() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open date;
    charges uuid;
BEGIN
    IF EXISTS (SELECT FROM usage_events WHERE event_id = NEW.event_id) THEN
        RETURN NEW; -- a duplicate, which ON CONFLICT leaves out
    END IF;
    FOR attempt IN 1..3 LOOP -- a week may be closed while its row is waited for
        SELECT week INTO open FROM usage_weeks WHERE closed_at IS NULL FOR SHARE;
        EXIT WHEN FOUND;
    END LOOP;
    IF EXISTS (
        SELECT FROM weekly_events AS e JOIN usage_weeks AS w USING (week)
        WHERE e.event_id = NEW.event_id AND (w.closed_at IS NULL OR w.closed_at > clock_timestamp() - interval '36 days')
    ) THEN
        RETURN NULL;
    END IF;
    IF NEW.copy_id IS NOT NULL THEN
        charges := md5(ROW(NEW.copy_id, NEW.access_profile_id, NEW.line_ids, NEW.line_kinds, NEW.line_durations, NEW.window_starts)::text)::uuid;
        INSERT INTO weekly_charges (week, id, copy_id, access_profile_id, line_ids, line_kinds, line_durations, window_starts)
        VALUES (open, charges, NEW.copy_id, NEW.access_profile_id, NEW.line_ids, NEW.line_kinds, NEW.line_durations, NEW.window_starts)
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO weekly_events (week, event_id, event_name, user_id, occurred_at, received_at, virtual_key_id, charge_set, provider, model,
        mcp_client_id, tool_name, cost, cost_computed, estimated, tokens, input_tokens, output_tokens, cached_input_tokens,
        cache_write_input_tokens, reasoning_output_tokens, requests, reservation_id)
    VALUES (open, NEW.event_id, NEW.event_name, NEW.user_id::uuid, NEW.occurred_at, NEW.received_at, NEW.virtual_key_id::uuid, charges, NEW.provider,
        NEW.model, NEW.mcp_client_id, NEW.tool_name, NEW.cost, NEW.cost_computed, NEW.estimated, NEW.tokens, NEW.input_tokens, NEW.output_tokens,
        NEW.cached_input_tokens, NEW.cache_write_input_tokens, NEW.reasoning_output_tokens, NEW.requests, NEW.reservation_id)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    NEW.copied := true;
    RETURN NEW;
END
$$;
CREATE TRIGGER release_before BEFORE INSERT ON usage_events FOR EACH ROW EXECUTE FUNCTION copy_event_of_release_before();

CREATE FUNCTION copy_exact_event_of_release_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE weekly_events SET estimated = NEW.estimated, cost = NEW.cost, cost_computed = NEW.cost_computed, tokens = NEW.tokens,
        requests = NEW.requests, input_tokens = NEW.input_tokens, output_tokens = NEW.output_tokens,
        cached_input_tokens = NEW.cached_input_tokens, cache_write_input_tokens = NEW.cache_write_input_tokens,
        reasoning_output_tokens = NEW.reasoning_output_tokens
    WHERE event_id = NEW.event_id AND received_at = NEW.received_at;
    RETURN NULL;
END
$$;
CREATE TRIGGER release_before_exact AFTER UPDATE ON usage_events FOR EACH ROW WHEN (NEW.copied)
    EXECUTE FUNCTION copy_exact_event_of_release_before();

CREATE FUNCTION find_week_for_release_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.week := coalesce((SELECT max(week) FROM weekly_events WHERE event_id = NEW.event_id), '1970-01-05');
    RETURN NEW;
END
$$;
CREATE TRIGGER release_before BEFORE INSERT ON usage_adjustments FOR EACH ROW WHEN (NEW.week IS NULL)
    EXECUTE FUNCTION find_week_for_release_before();

-- From now on every event goes through the trigger or into the open week.
INSERT INTO usage_weeks (week, opened_at) VALUES ('1970-01-05', to_timestamp(0));
SELECT open_usage_week(date_trunc('week', clock_timestamp() AT TIME ZONE 'UTC')::date);
