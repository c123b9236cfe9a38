package web_test

import (
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// The exact usage of a call of a user who was deleted since replaces its estimate, and is not one of an unknown user.
func TestEstimateOfADeletedUserIsReplaced(t *testing.T) {
	g := webtest.NewGateway(t)
	estimate := webtest.With(webtest.Event(nil, "cost", 5, "estimated", true), "virtual_key", nil, "user_id", g.Ada)
	g.Admin.Counted(estimate)
	g.Admin.API("DELETE", "/api/users/"+g.Ada, nil).Is(200)
	exact := webtest.With(estimate, "estimated", nil, "cost", 0.02)
	g.Admin.Counted(exact)
	webtest.Same(t, "again", g.Admin.Report(exact).Is(200).JSON()["status"], any("duplicate"))
	webtest.Same(t, "cost of the event", g.Count("counted_events WHERE cost = 20000000"), 1)
	webtest.Same(t, "in quarantine", g.Count("usage_quarantine"), 0)
	g.Balanced()
}

// An estimate is replaced, once, by the exact usage of the call, in counters and reports; after that an estimate
// changes nothing.
func TestEstimatedUsageIsReplaced(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, row := range []struct{ estimate, exact webtest.Object }{
		{webtest.Object{"cost": 3, "tokens": 500}, webtest.Object{"cost": 1.5, "tokens": 20}},
		{webtest.Object{"cost": 0.5, "tokens": 5}, webtest.Object{"cost": 2, "tokens": 70, "requests": 3}},
		{webtest.Object{"cost": nil, "tokens": 5}, webtest.Object{"cost": 0.25}},
		{webtest.Object{"cost": 1}, webtest.Object{"cost": nil}},
	} {
		before := g.Used(g.Ada)
		estimate, exact := webtest.Event(g.Key, "event_id", "resp_"+uuid.NewString(), "estimated", true), webtest.Object{}
		for name, value := range row.estimate {
			estimate = webtest.With(estimate, name, value)
		}
		exact = webtest.With(estimate, "estimated", nil)
		for name, value := range row.exact {
			exact = webtest.With(exact, name, value)
		}
		g.Admin.Counted(estimate)
		webtest.Same(t, "the estimate again", g.Admin.Report(estimate).Is(200).JSON()["status"], any("duplicate"))
		g.Admin.Report(webtest.With(estimate, "tokens", 77)).Refuses(409, "event_conflict", "event_id")
		g.Admin.Report(webtest.With(exact, "model", "gpt-4o-mini")).Refuses(409, "event_conflict", "event_id")
		webtest.Same(t, "counted once of many at once", countedOf(webtest.Concurrently(
			func() webtest.Answer { return g.Admin.Report(exact) }, func() webtest.Answer { return g.Admin.Report(webtest.Object{"events": []webtest.Object{exact}}) },
			func() webtest.Answer { return g.Admin.Report(exact) },
		)), 1)
		for _, again := range []webtest.Object{exact, estimate, webtest.With(estimate, "tokens", 1)} {
			webtest.Same(t, "again", g.Admin.Report(again).Is(200).JSON()["status"], any("duplicate"))
		}
		g.Admin.Report(webtest.With(exact, "tokens", 99)).Refuses(409, "event_conflict", "event_id")
		after := g.Used(g.Ada)
		number := func(name string, otherwise float64) float64 {
			switch v := exact[name].(type) {
			case int:
				return float64(v)
			case float64:
				return v
			}
			return otherwise
		}
		webtest.Same(t, "spent", after["spend 1M total"]-before["spend 1M total"], int64(number("cost", 0)*1e9))
		webtest.Same(t, "tokens", float64(after["tokens 1h total"]-before["tokens 1h total"]), number("tokens", 0))
		webtest.Same(t, "requests", float64(after["requests 1d total"]-before["requests 1d total"]), number("requests", 1))
		g.Balanced()
	}
	total := g.Admin.API("GET", "/api/usage?provider=openai", nil).Is(200).JSON()["total"].(webtest.Object)
	webtest.Same(t, "reported", []any{total["cost"], total["tokens"], total["requests"], total["unpriced_events"]}, []any{3.75, 105.0, 6.0, 1.0})

	// In one batch, in either order.
	one, two := webtest.Event(g.Key, "estimated", true, "cost", 2), webtest.Event(g.Key, "estimated", true, "cost", 2)
	exact := func(e webtest.Object) webtest.Object { return webtest.With(e, "estimated", nil, "cost", 1) }
	got := webtest.Objects(g.Admin.Report(webtest.Object{"events": []webtest.Object{one, exact(one), exact(two), two}}).Is(200).JSON()["results"])
	webtest.Same(t, "in one batch", []any{got[0]["status"], got[1]["status"], got[2]["status"], got[3]["status"]}, []any{"counted", "counted", "counted", "duplicate"})
	webtest.Same(t, "spent", g.Used(g.Ada)["spend 1M total"], int64(5_750_000_000))
	// An adjustment of an estimate is kept, and no exact cost is below it.
	three := webtest.Event(g.Key, "event_id", "three", "estimated", true, "cost", 2)
	g.Admin.Counted(three)
	g.Admin.API("POST", "/api/usage/adjustments", `{"event_id":"three","amount":-1.5,"reason":"r"}`).Is(201)
	g.Admin.Report(exact(three)).Refuses(409, "event_conflict", "event_id")
	g.Admin.Counted(webtest.With(exact(three), "cost", 1.75))
	webtest.Same(t, "spent", g.Used(g.Ada)["spend 1M total"], int64(6_000_000_000))
	g.Admin.Report(webtest.Event(g.Key, "estimated", "yes")).Refuses(400, "wrong_type", "estimated")
	g.Balanced()
}

// countedOf is how many reports of one event counted it.
func countedOf(answers []webtest.Answer) (n int) {
	for _, a := range answers {
		body := a.Is(200).JSON()
		if body["status"] == "counted" || body["counted"] == 1.0 {
			n++
		}
	}
	return n
}
