-- All spellings of one model are the same call: a provider that was not told is the first part of the model's name, and a model never begins
-- with its own provider. A path such as /models/x has no provider. What was stored is told apart as it is when it is read now.
CREATE FUNCTION pg_temp.provider_of(provider text, model text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN provider = '' AND strpos(model, '/') > 1 THEN split_part(model, '/', 1) ELSE provider END
$$;
CREATE FUNCTION pg_temp.model_of(provider text, model text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN p <> '' AND starts_with(m, p || '/') THEN substr(m, length(p) + 2) ELSE m END
FROM (
    SELECT pg_temp.provider_of(provider, model) AS p,
           CASE WHEN provider = '' AND strpos(model, '/') > 1 THEN substr(model, strpos(model, '/') + 1) ELSE model END AS m
) AS split
$$;

UPDATE usage_events SET provider = pg_temp.provider_of(provider, model), model = pg_temp.model_of(provider, model)
WHERE strpos(model, '/') > 1 AND (provider = '' OR starts_with(model, provider || '/'));

UPDATE usage_quarantine AS q
SET event = (q.event::jsonb || jsonb_build_object('provider', pg_temp.provider_of(c.provider, c.model), 'model', pg_temp.model_of(c.provider, c.model)))::text
FROM (SELECT event_id, event::jsonb ->> 'provider' AS provider, event::jsonb ->> 'model' AS model FROM usage_quarantine) AS c
WHERE c.event_id = q.event_id AND strpos(c.model, '/') > 1 AND (c.provider = '' OR starts_with(c.model, c.provider || '/'));

-- Rows that become the same are added up, while none is added by others. Tools are rows of the provider mcp, and stay.
LOCK TABLE usage_days IN SHARE ROW EXCLUSIVE MODE;
CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
SELECT * FROM usage_days WHERE provider <> 'mcp' AND strpos(model, '/') > 1 AND (provider = '' OR starts_with(model, provider || '/'));
DELETE FROM usage_days WHERE provider <> 'mcp' AND strpos(model, '/') > 1 AND (provider = '' OR starts_with(model, provider || '/'));
INSERT INTO usage_days AS d (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT day, user_id, access_profile_id, pg_temp.provider_of(provider, model), pg_temp.model_of(provider, model), sum(cost), sum(tokens), sum(requests), sum(unpriced)
FROM moved GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (day, user_id, access_profile_id, provider, model) DO UPDATE
SET cost = d.cost + excluded.cost, tokens = d.tokens + excluded.tokens, requests = d.requests + excluded.requests, unpriced = d.unpriced + excluded.unpriced;
