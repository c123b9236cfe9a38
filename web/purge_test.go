package web_test

import (
	"log/slog"
	"testing"

	"tollgate/models/ledger"
	"tollgate/web/webtest"
)

// Quarantined usage and the values of retired keys go after their time, however many there are, and not before.
func TestOldUsageOfUnknownKeysGoes(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Exec(`INSERT INTO usage_quarantine (event_id, event, received_at)
SELECT gen_random_uuid(), '{}', now() - interval '90 days' + n * interval '1 minute' FROM unnest(array_fill(-1, ARRAY[5100]) || ARRAY[10, 20]) AS n`)
	g.Exec(`INSERT INTO retired_keys (key_hash, key_id, user_id, retired_at)
SELECT decode(md5(n::text), 'hex'), 'k', 'u', now() - interval '36 days' + n * interval '1 minute' FROM unnest(ARRAY[-1, 10]) AS n`)
	g.Looked()
	g.Exec("UPDATE usage_sealing SET checked_at = NULL, lease_until = to_timestamp(0)")
	g.Must(ledger.NewReconciler(g.DB, slog.New(slog.DiscardHandler), ledger.DefaultKeep).Reconcile(t.Context()))
	webtest.Same(t, "quarantined events", g.Count("usage_quarantine"), 2)
	webtest.Same(t, "values of retired keys", g.Count("retired_keys"), 1)
}
