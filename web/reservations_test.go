package web_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// An estimate is reserved until its event comes or the reservation expires; in both cases the event is counted as
// reported.
func TestReservations(t *testing.T) {
	g := webtest.NewGateway(t)
	reserve := webtest.With(webtest.Model(g.Key), "estimated_cost", 3, "estimated_tokens", 100, "reserve", true)
	d := g.Admin.Decides(reserve, "allowed", 200)
	id, _ := d["reservation_id"].(string)
	if _, err := uuid.Parse(id); err != nil {
		t.Fatalf("got %v", d)
	}
	reserved := func() (all []any) {
		for _, line := range webtest.Objects(g.Admin.Ask(webtest.Model(g.Key))["limits"]) {
			all = append(all, line["reserved"])
		}
		return all
	}
	webtest.Same(t, "reserved", reserved(), []any{3.0, 100.0, 1.0, 3.0})
	webtest.Same(t, "reserved, as answered", webtest.Objects(d["limits"])[0]["reserved"], 3.0)
	webtest.Same(t, "used", g.Used(g.Ada), webtest.AfterCalls(0))
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 5), "allowed", 200)
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 5.000000001), "budget_exceeded", 402)
	g.Admin.Decides(webtest.With(reserve, "estimated_cost", 5.000000001), "budget_exceeded", 402)
	settling := webtest.Event(g.Key, "reservation_id", id)
	g.Admin.Counted(settling)
	webtest.Same(t, "reserved", reserved(), []any{0.0, 0.0, 0.0, 0.0})
	webtest.Same(t, "again", g.Admin.Report(settling).Is(200).JSON()["duplicate"], true)
	g.Admin.Counted(webtest.Event(g.Key, "reservation_id", id)) // another call, with a reservation that has ended
	g.Admin.Counted(webtest.Event(g.Key, "reservation_id", uuid.NewString()))
	webtest.Same(t, "used", g.Used(g.Ada), webtest.AfterCalls(3))
	// A reservation returns the counters of now, not those cached by the last decision.
	after := webtest.Objects(g.Admin.Decides(webtest.With(reserve, "estimated_cost", 0.5), "allowed", 200)["limits"])
	webtest.Same(t, "used, as answered by the next reservation", []any{after[0]["used"], after[0]["reserved"], after[1]["used"], after[1]["reserved"]}, []any{3.0, 0.5, 30.0, 100.0})
	g.Exec("UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second'")
	// Another user's reservation is not released.
	_, bobs := g.Give(g.Bob, g.Work)
	id, _ = g.Admin.Decides(reserve, "allowed", 200)["reservation_id"].(string)
	g.Admin.Counted(webtest.Event(bobs, "reservation_id", id))
	webtest.Same(t, "reserved", reserved(), []any{3.0, 100.0, 1.0, 3.0})
	// A reservation that is not settled expires.
	g.Exec("UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second'")
	g.Admin.Counted(webtest.Event(g.Key)) // so that reservations are read again
	webtest.Same(t, "reserved", reserved(), []any{0.0, 0.0, 0.0, 0.0})
	g.Balanced()
}

// A call that no limit counts for is held as well: its id is settled and released like any other.
func TestHoldWithoutLimits(t *testing.T) {
	g := webtest.NewGateway(t)
	_, key := g.Give(g.Bob, g.ProfileNaming("Free", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`))
	reserve := webtest.With(webtest.Model(key), "estimated_cost", 3, "reserve", true)
	g.Admin.WithinASecond(webtest.Model(key), "allowed")
	settled := g.Admin.Decides(reserve, "allowed", 200)["reservation_id"]
	g.Admin.Counted(webtest.Event(key, "reservation_id", settled))
	released := g.Admin.Decides(reserve, "allowed", 200)["reservation_id"]
	g.Admin.API("DELETE", fmt.Sprint("/api/reservations/", released), nil).Is(200)
	g.Balanced()
}

// A hold ends with the exact event that names it, also when that takes the place of an estimate.
func TestAnExactEventEndsItsHold(t *testing.T) {
	g := webtest.NewGateway(t)
	_, bobs := g.Give(g.Bob, g.Work)
	reserve := webtest.With(webtest.Model(g.Key), "estimated_cost", 3, "reserve", true, "reservation_id", "held")
	g.Admin.Decides(reserve, "allowed", 200)
	estimate := webtest.Event(g.Key, "estimated", true)
	others := webtest.Event(bobs, "estimated", true)
	g.Admin.Counted(estimate)
	g.Admin.Counted(others)
	webtest.Same(t, "held beside the estimate", g.Holds()[0], any(3.0))
	g.Admin.Counted(webtest.With(others, "estimated", nil, "reservation_id", "held"))
	webtest.Same(t, "held after the event of another user", g.Holds()[0], any(3.0))
	g.Admin.Counted(webtest.With(estimate, "estimated", nil, "reservation_id", "held"))
	webtest.Same(t, "held after the exact event", g.Holds()[0], any(0.0))
	g.Balanced()
}

// The copy of the reservation pays, even if another copy would pay by now.
func TestAReservationSaysWhoPays(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 7))
	second, _ := g.Give(g.Ada, g.ProfileNaming("Second", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":100,"reset_duration":"1w"}]`))
	g.Admin.WithinASecond(webtest.With(webtest.Model(g.Key), "estimated_cost", 2), "allowed")
	d := g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 2, "reserve", true), "allowed", 200)
	webtest.Same(t, "payer", d["payer"].(webtest.Object)["id"], second["id"])
	g.Admin.Counted(webtest.Event(g.Key, "cost", 2, "reservation_id", d["reservation_id"]))
	webtest.Same(t, "spent of the second", g.Used(g.Ada)["spend 1w total"], int64(2_000_000_000))
	g.Admin.Counted(webtest.Event(g.Key))
	webtest.Same(t, "spent of the first", g.Used(g.Ada)["spend 1M total"], int64(8_000_000_000))
	g.Balanced()
}

// The first copy with room pays, also when it had none at the last decision and a hold ended since.
func TestAReservationGoesToTheFirstCopyWithRoom(t *testing.T) {
	g := webtest.NewGateway(t)
	with := func(name, budget string) (any, string) {
		held, key := g.Give(g.Bob, g.ProfileNaming(name, `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":`+budget+`,"reset_duration":"1d"}]`))
		return held["id"], key
	}
	first, key := with("First", "1")
	second, _ := with("Second", "100")
	call := func(cost float64, more ...any) webtest.Object {
		return g.Admin.Decides(webtest.With(webtest.Model(key), append([]any{"estimated_cost", cost}, more...)...), "allowed", 200)
	}
	payer := func(d webtest.Object) any { return d["payer"].(webtest.Object)["id"] }
	g.Eventually("both copies are known", func() bool { return payer(call(50)) == second })
	held := call(1, "reserve", true)
	webtest.Same(t, "the first hold", payer(held), first)
	webtest.Same(t, "while it lasts", payer(call(0.5)), second)
	g.Admin.API("DELETE", fmt.Sprint("/api/reservations/", held["reservation_id"]), nil).Is(200)
	webtest.Same(t, "after it has ended", payer(call(0.5, "reserve", true)), first)
}

// A caller who may only see usage cannot take from what other users have left, nor end or extend what is held for them.
func TestHoldsNeedThePermissionToReport(t *testing.T) {
	g := webtest.NewGateway(t)
	reserve := webtest.With(webtest.Model(g.Key), "estimated_cost", 8, "reserve", true, "reservation_id", "held")
	viewers := []webtest.Client{
		g.APIKey("Usage:View"), g.APIKey("Usage:View", "Usage:Update", "Usage:Delete"), g.Login(webtest.Viewer).With("Sec-Fetch-Site", "same-origin"),
	}
	held := func(want float64) {
		t.Helper()
		webtest.Same(t, "held", g.Holds()[0], any(want))
	}
	refused := func(a webtest.Answer) {
		t.Helper()
		a.Refuses(403, "forbidden", "")
		if message := a.Object("error")["message"]; message != "You need the permission Usage:Create for this. Ask an admin of this console for it." {
			t.Errorf("refused with %v", message)
		}
	}
	for _, viewer := range viewers {
		for _, prefix := range []string{"/api", "/api/governance"} {
			g.Unchanged(func() {
				refused(viewer.API("POST", prefix+"/decisions", reserve))
				refused(viewer.API("POST", prefix+"/decisions", webtest.With(webtest.Model("x"), "reserve", true)))
			})
			viewer.API("POST", prefix+"/decisions", webtest.With(webtest.Model(g.Key), "estimated_cost", 8, "reserve", false)).Is(200)
		}
	}
	g.APIKey(webtest.Calls).Decides(reserve, "allowed", 200)
	held(8)
	g.Unchanged(func() {
		for _, viewer := range viewers {
			refused(viewer.API("PUT", "/api/reservations/held", `{"lease_s":3600}`))
			refused(viewer.API("DELETE", "/api/reservations/held", nil))
		}
	})
	held(8)
	g.APIKey(webtest.Calls).API("PUT", "/api/reservations/held", nil).Is(200)
	g.APIKey(webtest.Calls).API("DELETE", "/api/reservations/held", nil).Is(200)
	held(0)
}
