package web_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/ledger"
	"tollgate/web/webtest"
)

// What was received some time ago is sealed once, also when it is corrected later, and the check reads what came since.
func TestSealedSumsFit(t *testing.T) {
	g := webtest.NewGateway(t)
	reconciler := ledger.NewReconciler(g.DB, slog.New(slog.DiscardHandler), ledger.DefaultKeep)
	pass := func() { // an hour
		t.Helper()
		g.Exec("UPDATE weekly_events SET received_at = received_at - interval '1 hour'")
		g.Exec("UPDATE usage_adjustments SET created_at = created_at - interval '1 hour'")
		g.Exec("UPDATE usage_sealing SET checked_at = NULL, sealed_until = CASE WHEN sealed_until > to_timestamp(0) THEN sealed_until - interval '1 hour' ELSE sealed_until END")
		var workers sync.WaitGroup
		for range 4 { // consoles, of which one does it
			workers.Go(func() { g.Must(reconciler.Reconcile(t.Context())) })
		}
		workers.Wait()
		g.Balanced()
	}
	unsealed := func() (n int) { return g.Count("limit_windows WHERE sealed <> used") }
	g.Looked()
	estimate := webtest.Event(g.Key, "event_id", uuid.NewString(), "estimated", true)
	refunded := webtest.Event(g.Key)
	for _, e := range []webtest.Object{estimate, refunded, webtest.Event(g.Key)} {
		g.Admin.Counted(e)
	}
	pass()
	webtest.Same(t, "counters that are not sealed", unsealed(), 0)
	webtest.Same(t, "days that are sealed", g.Count("usage_sealed_days WHERE requests = 3"), 1)

	g.Admin.Report(webtest.With(estimate, "estimated", nil, "cost", 2, "tokens", 30)).Is(200)
	webtest.Same(t, "counters that are not sealed after an exact event", unsealed(), 0)
	g.Balanced()
	g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": refunded["event_id"], "amount": -0.5, "reason": "twice"}).Is(201)
	g.Admin.Counted(webtest.Event(g.Key))
	g.Balanced()
	pass()
	webtest.Same(t, "counters that are not sealed in the end", unsealed(), 0)

	// The check of what is not sealed reads no sealed event; the whole one does.
	g.Exec("UPDATE weekly_events SET cost = cost + 7 WHERE event_id = ?", refunded["event_id"])
	_, skewed, err := ledger.Verify(t.Context(), g.DB)
	g.Must(err)
	webtest.Same(t, "skewed by what is not sealed", len(skewed), 0)
	_, skewed, err = ledger.VerifyWhole(t.Context(), g.DB)
	g.Must(err)
	if len(skewed) < 2 {
		t.Errorf("a sealed event that was changed is not found: %+v", skewed)
	}
	g.Exec("UPDATE weekly_events SET cost = cost - 7 WHERE event_id = ?", refunded["event_id"])
	g.Exec("UPDATE limit_windows SET sealed = sealed + 1 WHERE kind = 'tokens'")
	if _, skewed, err = ledger.Verify(t.Context(), g.DB); err != nil || len(skewed) != 1 {
		t.Errorf("a sealed sum that was changed: %+v %v", skewed, err)
	}
}

// Counters are checked by one console at a time: others leave it to the one that has begun.
func TestCountersAreCheckedByOneConsole(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Looked()
	patient := webtest.Connect(t, g.AppURL()+"&lock_timeout=0")
	reconcile := ledger.NewReconciler(patient, slog.New(slog.DiscardHandler), ledger.DefaultKeep).Reconcile
	holding, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	_, err = holding.Exec("LOCK TABLE usage_days IN ACCESS EXCLUSIVE MODE") // which the check reads
	g.Must(err)
	g.Exec("UPDATE usage_sealing SET checked_at = NULL")
	ended := make(chan error)
	go func() { ended <- reconcile(t.Context()) }()
	blocked(g, func() int { return 1 })
	var before, after int64
	g.Scan(&before, "SELECT fence FROM usage_sealing")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	g.Must(reconcile(ctx))
	g.Scan(&after, "SELECT fence FROM usage_sealing")
	webtest.Same(t, "the fence of the console that checks", after, before)
	webtest.Same(t, "checks that have ended", g.Count("usage_sealing WHERE checked_at IS NOT NULL"), 0)
	g.Must(holding.Rollback())
	g.Must(<-ended)
	webtest.Same(t, "checks that have ended then", g.Count("usage_sealing WHERE checked_at IS NOT NULL"), 1)
}
