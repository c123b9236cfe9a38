package web_test

import (
	"testing"

	"github.com/google/uuid"
)

// An estimate is reserved until its event comes or the reservation expires; in both cases the event is counted as
// reported.
func TestReservations(t *testing.T) {
	g := newGateway(t)
	reserve := with(model(g.key), "estimated_cost", 3, "estimated_tokens", 100, "reserve", true)
	d := g.admin.decides(reserve, "allowed", 200)
	id, _ := d["reservation_id"].(string)
	if _, err := uuid.Parse(id); err != nil {
		t.Fatalf("got %v", d)
	}
	reserved := func() (all []any) {
		for _, line := range objects(g.admin.ask(model(g.key))["limits"]) {
			all = append(all, line["reserved"])
		}
		return all
	}
	same(t, "reserved", reserved(), []any{3.0, 100.0, 1.0, 3.0})
	same(t, "reserved, as answered", objects(d["limits"])[0]["reserved"], 3.0)
	same(t, "used", g.used(g.ada), afterCalls(0))
	g.admin.decides(with(model(g.key), "estimated_cost", 5), "allowed", 200)
	g.admin.decides(with(model(g.key), "estimated_cost", 5.000000001), "budget_exceeded", 402)
	g.admin.decides(with(reserve, "estimated_cost", 5.000000001), "budget_exceeded", 402)
	settling := event(g.key, "reservation_id", id)
	g.admin.counted(settling)
	same(t, "reserved", reserved(), []any{0.0, 0.0, 0.0, 0.0})
	same(t, "again", g.admin.report(settling).is(200).json()["duplicate"], true)
	g.admin.counted(event(g.key, "reservation_id", id)) // another call, with a reservation that has ended
	g.admin.counted(event(g.key, "reservation_id", uuid.NewString()))
	same(t, "used", g.used(g.ada), afterCalls(3))
	// A reservation returns the counters of now, not those cached by the last decision.
	after := objects(g.admin.decides(with(reserve, "estimated_cost", 0.5), "allowed", 200)["limits"])
	same(t, "used, as answered by the next reservation", []any{after[0]["used"], after[0]["reserved"], after[1]["used"], after[1]["reserved"]}, []any{3.0, 0.5, 30.0, 100.0})
	g.exec("UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second'")
	// Another user's reservation is not released.
	_, bobs := g.give(g.bob, g.work)
	id, _ = g.admin.decides(reserve, "allowed", 200)["reservation_id"].(string)
	g.admin.counted(event(bobs, "reservation_id", id))
	same(t, "reserved", reserved(), []any{3.0, 100.0, 1.0, 3.0})
	// A reservation that is not settled expires.
	g.exec("UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second'")
	g.admin.counted(event(g.key)) // so that reservations are read again
	same(t, "reserved", reserved(), []any{0.0, 0.0, 0.0, 0.0})
	g.balanced()
}

// The copy of the reservation pays, even if another copy would pay by now.
func TestAReservationSaysWhoPays(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "cost", 7))
	second, _ := g.give(g.ada, g.profileNaming("Second", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":100,"reset_duration":"1w"}]`))
	g.admin.withinASecond(with(model(g.key), "estimated_cost", 2), "allowed")
	d := g.admin.decides(with(model(g.key), "estimated_cost", 2, "reserve", true), "allowed", 200)
	same(t, "payer", d["payer"].(object)["id"], second["id"])
	g.admin.counted(event(g.key, "cost", 2, "reservation_id", d["reservation_id"]))
	same(t, "spent of the second", g.used(g.ada)["spend 1w total"], int64(2_000_000_000))
	g.admin.counted(event(g.key))
	same(t, "spent of the first", g.used(g.ada)["spend 1M total"], int64(8_000_000_000))
	g.balanced()
}
