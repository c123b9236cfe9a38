package web_test

import (
	"testing"

	"github.com/google/uuid"
)

// An estimate is replaced, once, by the exact usage of the call, in counters and reports; after that an estimate
// changes nothing.
func TestEstimatedUsageIsReplaced(t *testing.T) {
	g := newGateway(t)
	for _, row := range []struct{ estimate, exact object }{
		{object{"cost": 3, "tokens": 500}, object{"cost": 1.5, "tokens": 20}},
		{object{"cost": 0.5, "tokens": 5}, object{"cost": 2, "tokens": 70, "requests": 3}},
		{object{"cost": nil, "tokens": 5}, object{"cost": 0.25}},
		{object{"cost": 1}, object{"cost": nil}},
	} {
		before := g.used(g.ada)
		estimate, exact := event(g.key, "event_id", "resp_"+uuid.NewString(), "estimated", true), object{}
		for name, value := range row.estimate {
			estimate = with(estimate, name, value)
		}
		exact = with(estimate, "estimated", nil)
		for name, value := range row.exact {
			exact = with(exact, name, value)
		}
		g.admin.counted(estimate)
		same(t, "the estimate again", g.admin.report(estimate).is(200).json()["status"], any("duplicate"))
		g.admin.report(with(estimate, "tokens", 77)).refuses(409, "event_conflict", "event_id")
		g.admin.report(with(exact, "model", "gpt-4o-mini")).refuses(409, "event_conflict", "event_id")
		same(t, "counted once of many at once", countedOf(concurrently(
			func() answer { return g.admin.report(exact) }, func() answer { return g.admin.report(object{"events": []object{exact}}) },
			func() answer { return g.admin.report(exact) },
		)), 1)
		for _, again := range []object{exact, estimate, with(estimate, "tokens", 1)} {
			same(t, "again", g.admin.report(again).is(200).json()["status"], any("duplicate"))
		}
		g.admin.report(with(exact, "tokens", 99)).refuses(409, "event_conflict", "event_id")
		after := g.used(g.ada)
		number := func(name string, otherwise float64) float64 {
			switch v := exact[name].(type) {
			case int:
				return float64(v)
			case float64:
				return v
			}
			return otherwise
		}
		same(t, "spent", after["spend 1M total"]-before["spend 1M total"], int64(number("cost", 0)*1e9))
		same(t, "tokens", float64(after["tokens 1h total"]-before["tokens 1h total"]), number("tokens", 0))
		same(t, "requests", float64(after["requests 1d total"]-before["requests 1d total"]), number("requests", 1))
		g.balanced()
	}
	total := g.admin.api("GET", "/api/usage?provider=openai", nil).is(200).json()["total"].(object)
	same(t, "reported", []any{total["cost"], total["tokens"], total["requests"], total["unpriced_events"]}, []any{3.75, 105.0, 6.0, 1.0})

	// In one batch, in either order.
	one, two := event(g.key, "estimated", true, "cost", 2), event(g.key, "estimated", true, "cost", 2)
	exact := func(e object) object { return with(e, "estimated", nil, "cost", 1) }
	got := objects(g.admin.report(object{"events": []object{one, exact(one), exact(two), two}}).is(200).json()["results"])
	same(t, "in one batch", []any{got[0]["status"], got[1]["status"], got[2]["status"], got[3]["status"]}, []any{"counted", "counted", "counted", "duplicate"})
	same(t, "spent", g.used(g.ada)["spend 1M total"], int64(5_750_000_000))
	// An adjustment of an estimate is kept, and no exact cost is below it.
	three := event(g.key, "event_id", "three", "estimated", true, "cost", 2)
	g.admin.counted(three)
	g.admin.api("POST", "/api/usage/adjustments", `{"event_id":"three","amount":-1.5,"reason":"r"}`).is(201)
	g.admin.report(exact(three)).refuses(409, "event_conflict", "event_id")
	g.admin.counted(with(exact(three), "cost", 1.75))
	same(t, "spent", g.used(g.ada)["spend 1M total"], int64(6_000_000_000))
	g.admin.report(event(g.key, "estimated", "yes")).refuses(400, "wrong_type", "estimated")
	g.balanced()
}

// countedOf is how many reports of one event counted it.
func countedOf(answers []answer) (n int) {
	for _, a := range answers {
		body := a.is(200).json()
		if body["status"] == "counted" || body["counted"] == 1.0 {
			n++
		}
	}
	return n
}
