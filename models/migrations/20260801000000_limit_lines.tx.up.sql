-- Budgets and limits of tokens and requests become rows of one table, with a scope, a kind and a window. Ids stay, and with them counters,
-- holds, the ledger and overrides: a rate limit becomes up to two rows that share its id and differ in their kind, which is how counters name
-- them. The old tables go, so that a console of the release before, which cannot run beside this one, fails instead of writing what is not read.
LOCK TABLE budgets, rate_limits, budget_overrides IN ACCESS EXCLUSIVE MODE;

CREATE TABLE limit_lines (
    id                  uuid NOT NULL,
    kind                text COLLATE "C" NOT NULL CHECK (kind IN ('spend', 'tokens', 'requests')),
    policy_id           bigint NOT NULL REFERENCES policies ON DELETE CASCADE,
    provider_name       text COLLATE "C", -- null: overall
    max_limit           bigint NOT NULL, -- nano-dollars, tokens or requests
    reset_duration      text COLLATE "C" NOT NULL CHECK (reset_duration IN ('1h', '1d', '1w', '1M', '1Q', '1Y')),
    quarter_start_month smallint CHECK (quarter_start_month BETWEEN 1 AND 12),
    position            integer NOT NULL, -- among those of its scope and kind, from 1
    created_at          timestamptz NOT NULL,
    carried_from        timestamptz,
    carried_until       timestamptz,
    PRIMARY KEY (id, kind),
    FOREIGN KEY (policy_id, provider_name) REFERENCES provider_configs (policy_id, provider_name) ON DELETE CASCADE,
    CHECK ((quarter_start_month IS NOT NULL) = (reset_duration = '1Q')),
    CHECK (kind = 'spend' OR reset_duration <> '1Q'),
    CHECK (CASE WHEN kind = 'spend' THEN max_limit BETWEEN 0 AND 1000000000000000000 ELSE max_limit BETWEEN 1 AND 9007199254740991 END)
) WITH (fillfactor = 45); -- rows that change together change in place when their page has room for their next version

INSERT INTO limit_lines
SELECT b.id, 'spend', b.policy_id, c.provider_name, b.max_limit, b.reset_duration, b.quarter_start_month,
       row_number() OVER (PARTITION BY b.policy_id, b.provider_config_id ORDER BY b.position, b.id), b.created_at, b.carried_from, b.carried_until
FROM budgets AS b LEFT JOIN provider_configs AS c ON c.id = b.provider_config_id;

INSERT INTO limit_lines
SELECT r.id, l.kind, r.policy_id, c.provider_name, l.max_limit, l.reset_duration, NULL, 1, r.created_at, l.carried_from, l.carried_until
FROM rate_limits AS r LEFT JOIN provider_configs AS c ON c.id = r.provider_config_id
CROSS JOIN LATERAL (VALUES
    ('tokens', r.token_max_limit, r.token_reset_duration, r.token_carried_from, r.token_carried_until),
    ('requests', r.request_max_limit, r.request_reset_duration, r.request_carried_from, r.request_carried_until)
) AS l(kind, max_limit, reset_duration, carried_from, carried_until)
WHERE l.max_limit IS NOT NULL;

CREATE UNIQUE INDEX limit_lines_once ON limit_lines
    (policy_id, coalesce(provider_name, ''), kind, reset_duration, (coalesce(quarter_start_month, 0) % 3));

ALTER TABLE budget_overrides DROP CONSTRAINT budget_overrides_budget_id_fkey;
ALTER TABLE budget_overrides ADD kind text COLLATE "C" NOT NULL DEFAULT 'spend' CHECK (kind = 'spend');
ALTER TABLE budget_overrides ADD FOREIGN KEY (budget_id, kind) REFERENCES limit_lines (id, kind) ON DELETE CASCADE;

DROP TABLE budgets, rate_limits;
ANALYZE limit_lines;
