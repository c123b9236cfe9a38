package web_test

import (
	"testing"

	"tollgate/models/ledger"
	"tollgate/models/problem"
	"tollgate/web/webtest"
)

// keepLittle drops events after 88 days.
var keepLittle = ledger.Keep{Events: 88, Days: 800, Windows: 400}

// oldCharge is an event in a sealed week that is due to be dropped.
func oldCharge(g webtest.Gateway) (event webtest.Object, week string) {
	event = webtest.Event(g.Key)
	g.Admin.Counted(event)
	week = aged(g, 89)
	reconciled(g, ledger.DefaultKeep)
	return event, week
}

// sealLater seals as if an hour had passed, and drops what is due then: the week whose refund is sealed by then.
func sealLater(g webtest.Gateway) {
	g.T.Helper()
	g.Balanced()
	g.Exec("UPDATE usage_adjustments SET created_at = created_at - interval '1 hour'")
	g.Exec("UPDATE usage_sealing SET sealed_until = sealed_until - interval '1 hour'")
	reconciled(g, keepLittle)
	webtest.Same(g.T, "events after the refund is sealed", g.Count("counted_events"), 0)
	webtest.Same(g.T, "counters that are not sealed", g.Count("limit_windows WHERE used <> sealed"), 0)
	g.Balanced()
}

// A week stays until the refunds of its events are sealed: without the events they never would be, and their counters
// would differ from then on.
func TestWeekStaysUntilItsRefundsAreSealed(t *testing.T) {
	g := webtest.NewGateway(t)
	event, week := oldCharge(g)
	g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": event["event_id"], "amount": -0.5, "reason": "late"}).Is(201)
	var dropped bool
	g.Must(g.DB.NewRaw("SELECT drop_usage_week(?::date)", week).Scan(t.Context(), &dropped))
	webtest.Same(t, "dropped beside a refund", dropped, false)
	reconciled(g, keepLittle)
	webtest.Same(t, "events beside a refund", g.Count("counted_events"), 1)
	sealLater(g)
}

// A refund that is under way while its week is dropped keeps the week.
func TestRefundUnderWayKeepsTheWeek(t *testing.T) {
	g := webtest.NewGateway(t)
	event, week := oldCharge(g)
	head, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	_, err = head.Exec("SELECT FROM audit_head FOR UPDATE") // which the refund locks last
	g.Must(err)
	refunded := make(chan webtest.Answer)
	go func() {
		refunded <- g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": event["event_id"], "amount": -0.5, "reason": "late"})
	}()
	blocked(g, func() int { return 1 })
	ended := make(chan error)
	var dropped bool
	go func() {
		ended <- g.DB.NewRaw("SELECT drop_usage_week(?::date)", week).Scan(t.Context(), &dropped)
	}()
	blocked(g, func() int { return 2 })
	g.Must(head.Rollback())
	(<-refunded).Is(201)
	if err := <-ended; err != nil && problem.SQLState(err) != "55P03" { // it waits for a second at most
		t.Error(err)
	}
	webtest.Same(t, "dropped beside a refund under way", dropped, false)
	webtest.Same(t, "events beside a refund under way", g.Count("counted_events"), 1)
	sealLater(g)
}

// The counters of an event that was charged out of the quarantine long after it happened stay as long as the event, so
// that a refund finds them.
func TestCountersOfLateChargesStay(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Looked()
	row := g.Stray()
	g.Exec(`UPDATE usage_quarantine SET received_at = received_at - interval '80 days',
event = jsonb_set(event::jsonb, '{occurred_at}', to_jsonb(now() - interval '110 days'))::text`)
	g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Ada}).Is(200)
	g.Exec("UPDATE usage_weeks SET dropped_at = now() WHERE week = '1970-01-05'")
	g.Exec("UPDATE weekly_events SET received_at = received_at - interval '1 hour'")
	g.Exec("UPDATE usage_sealing SET sealed_until = to_timestamp(0)")
	counters, shortest := g.Count("limit_windows"), ledger.Keep{Events: 36, Days: 36, Windows: 36}
	reconciled(g, shortest)
	webtest.Same(t, "counters that are not sealed", g.Count("limit_windows WHERE used <> sealed"), 0)
	webtest.Same(t, "counters of an event that is there", g.Count("limit_windows"), counters)
	webtest.Same(t, "days of an event that is there", g.Count("usage_days"), 1)
	g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": row["event_id"], "amount": -0.5, "reason": "late"}).Is(201)
	reconciled(g, shortest)
	webtest.Same(t, "counters that do not fit after a refund", g.Count("usage_sealing WHERE skewed > 0"), 0)
}
