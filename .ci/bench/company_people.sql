-- Usage of 95,000 more people in the last 90 days: each on a fifth of the days.
SET session_replication_role = replica;
SET statement_timeout = 0;
SET synchronous_commit = off;
SET work_mem = '128MB';
INSERT INTO users (id, name, email, email_key, role_id)
SELECT lpad(to_hex(n), 8, '0') || '-0000-4000-8000-00000000d0d0', 'Person ' || n, 'person' || n || '@company.example',
    'person' || n || '@company.example', 3 FROM generate_series(1, 95000) AS n;
INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT (now() AT TIME ZONE 'UTC')::date - d, lpad(to_hex(n), 8, '0') || '-0000-4000-8000-00000000d0d0', 0, 'openai',
    'openai-model-' || n % 50, 1000000 + (n::bigint * 7919 + d) % 900000000, 5000, 20, 0
FROM generate_series(89, 0, -1) AS d, generate_series(1, 95000) AS n WHERE (n + d) % 5 = 0 ORDER BY 1, 2;
