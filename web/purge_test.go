package web_test

import (
	"log/slog"
	"testing"

	"tollgate/models/ledger"
	"tollgate/web/webtest"
)

// Quarantined usage, the values of retired keys and what became of each copy in a propagation go after their time,
// however many there are, and not before.
func TestOldUsageOfUnknownKeysGoes(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Exec(`INSERT INTO usage_quarantine (event_id, event, received_at)
SELECT gen_random_uuid(), '{}', now() - interval '90 days' + n * interval '1 minute' FROM unnest(array_fill(-1, ARRAY[5100]) || ARRAY[10, 20]) AS n`)
	g.Exec(`INSERT INTO retired_keys (key_hash, key_id, user_id, retired_at)
SELECT decode(md5(n::text), 'hex'), 'k', 'u', now() - interval '36 days' + n * interval '1 minute' FROM unnest(ARRAY[-1, 10]) AS n`)
	g.Exec(`WITH jobs AS (INSERT INTO propagation_jobs (access_profile_id, to_version, fields, reset_usage, actor, state, lease_until, created_at, finished_at)
SELECT ?, 1, '{}', false, 'a', state, now() + interval '1 hour', now() - interval '100 days', CASE state WHEN 'done' THEN now() - age END
FROM (VALUES ('done', interval '90 days 1 minute'), ('done', interval '89 days'), ('running', NULL)) AS j(state, age) RETURNING id)
INSERT INTO propagation_items (job_id, copy_id, user_id, state) SELECT id, 1, 'u', 'done' FROM jobs`, g.Work)
	g.Looked()
	g.Exec("UPDATE usage_sealing SET checked_at = NULL, lease_until = to_timestamp(0)")
	g.Must(ledger.NewReconciler(g.DB, slog.New(slog.DiscardHandler), ledger.DefaultKeep).Reconcile(t.Context()))
	webtest.Same(t, "quarantined events", g.Count("usage_quarantine"), 2)
	webtest.Same(t, "values of retired keys", g.Count("retired_keys"), 1)
	webtest.Same(t, "results of propagations", g.Count("propagation_items"), 2)
}
