package web_test

import (
	"sync"
	"testing"

	"tollgate/web/webtest"
)

// While a decision reads counters again, no other decision of that user is made by the counters from before.
func TestDecisionsWaitForCountersThatAreRead(t *testing.T) {
	g := webtest.NewGateway(t)
	c, _ := g.Another(g.AppURL() + "&lock_timeout=0&statement_timeout=60s")
	_, key := g.Give(g.Bob, g.ProfileNaming("Spent", openai+`,"budgets":[{"max_limit":10,"reset_duration":"1d"}]`))
	gateway := g.Admin.At(c)
	c.Polls() // which evicts a user who got a copy
	gateway.Decides(webtest.Model(key), "allowed", 200)
	gateway.Counted(webtest.Event(key, "cost", 10))
	c.Polls() // which sees that usage, too
	end := g.Lock("limit_windows")
	var asking sync.WaitGroup
	answers := make([]any, 2)
	for i := range answers {
		asking.Go(func() { answers[i] = gateway.Ask(webtest.Model(key))["type"] })
		blocked(g, func() int { return i + 1 })
	}
	end()
	asking.Wait()
	for _, answer := range answers {
		webtest.Same(t, "a call when all is spent", answer, any("budget_exceeded"))
	}
}

// When the clock of the database goes back over the beginning of a window, what was used of the window before counts
// again.
func TestClockThatGoesBackOverAWindow(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := aheadOfTime(g)
	gateway := g.Admin.At(other)
	limited := `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"rate_limit":{"request_max_limit":1,"request_reset_duration":"1h"}`
	_, key := g.Give(g.Bob, g.ProfileNaming("By the hour", limited))
	g.Admin.Counted(webtest.Event(key))
	ask := func() any { return gateway.Ask(webtest.Model(key))["type"] }
	g.Eventually("the limit is used up", func() bool { return ask() == "request_limited" })
	g.ExecAsOwner("INSERT INTO later.ahead VALUES ('65 minutes')")
	g.Eventually("the next window", func() bool { return ask() == "allowed" })
	g.ExecAsOwner("DELETE FROM later.ahead")
	g.Eventually("the window before", func() bool { return ask() == "request_limited" })
}
