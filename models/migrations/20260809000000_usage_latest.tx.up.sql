-- When each user and each virtual key was used last, and what they spent in the month (UTC) of that: what lists are sorted by. It is added up in
-- the statement that stores events.
CREATE TABLE usage_latest (
    id           text COLLATE "C" PRIMARY KEY, -- of a user or a virtual key
    last_used_at timestamptz NOT NULL,
    month        date NOT NULL,
    cost         numeric NOT NULL -- nano-dollars
) WITH (fillfactor = 70); -- rows that change have room for their next version
INSERT INTO usage_latest
SELECT used.id, max(occurred_at), date_trunc('month', max(occurred_at) AT TIME ZONE 'UTC')::date,
       coalesce(sum(coalesce(cost, 0) + coalesce((SELECT sum(a.amount) FROM usage_adjustments AS a WHERE a.event_id = e.event_id), 0))
           FILTER (WHERE occurred_at >= date_trunc('month', now(), 'UTC')), 0)
FROM usage_events AS e CROSS JOIN LATERAL (VALUES (e.user_id), (e.virtual_key_id)) AS used(id) WHERE used.id IS NOT NULL GROUP BY used.id;
