package web_test

import (
	"strconv"
	"testing"
	"time"
)

// T-12: every console applies a change within a second.
func TestChangesApplyEverywhereWithinASecond(t *testing.T) {
	g := newGateway(t)
	other, _ := g.another(g.appURL())
	for _, change := range accessChanges(g) {
		for _, c := range []*console{g.console, other} {
			g.shows(c, change, change.before) // and is cached from now on
		}
		change.do()
		g.shows(g.console, change, change.after)
		g.shows(other, change, change.after)
		if t.Failed() {
			t.Fatal(change.name)
		}
	}
}

// The console where a change was made applies it before it has answered.
func TestChangesApplyAtOnceOnTheirOwnConsole(t *testing.T) {
	g := newGateway(t)
	for _, change := range accessChanges(g) {
		g.shows(g.console, change, change.before)
		change.ask(g.console)
		change.do()
		if got := change.ask(g.console); got != change.after {
			t.Errorf("%s: %v at once, want %s", change.name, got, change.after)
		}
	}
}

// The API key of a gateway stops working at once on the console where it was deleted, and within a second on every
// other.
func TestDeletedAPIKeyIsRejected(t *testing.T) {
	g := newGateway(t)
	other, _ := g.another(g.appURL())
	made := g.admin.api("POST", "/api/api-keys", `{"name":"gateway","scopes":["Usage:Create"]}`).is(201)
	gateway := g.bearer(made.json()["key"])
	asks := func(c *console) int {
		return gateway.at(c).api("POST", "/api/decisions", model(g.key)).StatusCode
	}
	for range 2 {
		same(t, "while the key works", []int{asks(g.console), asks(other)}, []int{200, 200})
	}
	g.admin.api("DELETE", pathOf(made.object("api_key")), nil).is(200)
	same(t, "at once", asks(g.console), 401)
	same(t, "a report at once", gateway.report(event(g.key)).StatusCode, 401)
	g.within(func() bool { return asks(other) == 401 }, "the key is still good on the other console")
}

// I-21: two consoles that get no requests for a second then answer alike, after changes on either of them.
func TestConsolesGiveTheSameAnswers(t *testing.T) {
	g := newGateway(t)
	other, _ := g.another(g.appURL())
	changes := accessChanges(g)
	for i, change := range changes {
		by := g.admin
		if i%2 == 0 {
			by = by.at(other)
		}
		change.ask(by.console)
		change.do()
	}
	for _, change := range changes {
		g.shows(g.console, change, change.after)
		g.shows(other, change, change.after)
	}
	g.balanced()
}

// D-02, U-13: without its database a console allows nothing and acknowledges nothing, on any route; when the database
// is back, no restart is needed.
func TestDecisionsWithoutTheDatabase(t *testing.T) {
	g := newGateway(t)
	w, address := g.databaseWire(nil)
	c, _ := g.another(address)
	t.Cleanup(w.restore) // before the console closes, which waits for its requests
	v := g.admin.at(c)
	v.decides(model(g.key), "allowed", 200)
	w.breaks()
	g.doorsClose(c, "/authz/forward", "/authz/envoy/v1/chat")
	g.bearer(g.key).at(c).with("X-Model", "openai/gpt-4o").get("/authz/nginx").closed("retry_later", 503)
	lost := event(g.key)
	for path, body := range map[string]any{
		"/api/decisions": model(g.key), "/api/governance/decisions": with(model(g.key), "reserve", true), "/api/usage": lost, "/api/governance/usage": object{"events": []object{lost}},
	} {
		if a := v.api("POST", path, body).refuses(503, "retry_later", ""); a.wait() < 1 {
			t.Errorf("%s: headers %v", path, a.Header)
		}
	}
	evaluation := object{"subject": object{"type": "virtual_key", "id": g.key}, "action": object{"name": "call"}, "resource": object{"type": "model", "id": "openai/gpt-4o"}}
	v.api("POST", "/access/v1/evaluation", evaluation).is(503)
	same(t, "events", g.count("usage_events WHERE event_id = ?", lost["event_id"]), 0)
	w.restore()
	c.eventually("an answer", func() bool { return v.api("POST", "/api/decisions", model(g.key)).StatusCode == 200 })
	v.decides(model(g.key), "allowed", 200)
	v.counted(lost)
	g.balanced()
}

// The same when the database accepts connections but no longer answers.
func TestDecisionsWithASilentDatabase(t *testing.T) {
	g := newGateway(t)
	w, address := g.databaseWire(nil)
	c, _ := g.another(address)
	t.Cleanup(w.restore)
	ask := func() answer { return g.bearer(g.key).at(c).with("X-Model", "openai/gpt-4o").get("/authz/forward") }
	ask().is(200)
	w.mute.Store(true)
	g.doorsClose(c)
	w.restore()
	c.eventually("an answer", func() bool { return ask().StatusCode == 200 })
}

// doorsClose waits until the cache of a console is too old to decide by, and fails the test when the console still
// decides by it.
func (g gateway) doorsClose(c *console, doors ...string) {
	g.t.Helper()
	ask := func(door string) answer { return g.bearer(g.key).at(c).with("X-Model", "openai/gpt-4o").get(door) }
	away, ticks := time.Now(), time.NewTicker(10*time.Millisecond)
	defer ticks.Stop()
	last := ask("/authz/forward")
	for asked := away; last.StatusCode == 200; last = ask("/authz/forward") {
		if asked.Sub(away) > time.Second {
			g.t.Fatalf("still allowed after %s", asked.Sub(away))
		}
		<-ticks.C
		asked = time.Now()
	}
	all := []answer{last}
	for _, door := range doors {
		all = append(all, ask(door))
	}
	for _, a := range all {
		if a.is(503).json()["allowed"] != false || a.Header.Get("X-Access-Status") != "503" || a.wait() < 1 {
			g.t.Errorf("%s: %v %s", a.Request.URL, a.Header, a.body)
		}
	}
}

// wait is the Retry-After of an answer in seconds, 0 without one.
func (a answer) wait() int {
	seconds, _ := strconv.Atoi(a.Header.Get("Retry-After"))
	return seconds
}
