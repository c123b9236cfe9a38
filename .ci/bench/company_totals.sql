-- What reports read, as a console adds it up.
TRUNCATE usage_totals, usage_people, usage_groups, usage_months, usage_revised_days;
INSERT INTO usage_totals SELECT day, access_profile_id, provider, model, sum(cost), sum(tokens), sum(requests), sum(unpriced)
FROM usage_days WHERE day < (now() AT TIME ZONE 'UTC')::date GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
INSERT INTO usage_people SELECT day, user_id, sum(cost), sum(tokens), sum(requests), sum(unpriced)
FROM usage_days WHERE day < (now() AT TIME ZONE 'UTC')::date GROUP BY 1, 2 ORDER BY 1, 2;
INSERT INTO usage_groups SELECT g.grouping, day, g.key, sum(cost), sum(tokens), sum(requests), sum(unpriced)
FROM usage_totals AS t CROSS JOIN LATERAL (VALUES ('day', ''), ('provider', t.provider), ('model', t.provider || '/' || t.model),
    ('profile', t.access_profile_id::text)) AS g(grouping, key) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
INSERT INTO usage_months SELECT date_trunc('month', day)::date, user_id, sum(cost), sum(tokens), sum(requests), sum(unpriced)
FROM usage_people GROUP BY 1, 2 ORDER BY 1, 2;
UPDATE usage_totals_state SET through = (now() AT TIME ZONE 'UTC')::date - 1, computed_at = now(), checked_at = now(),
    rolled_up_at = now(), lease_until = now() + interval '5 minutes';
RESET session_replication_role;
