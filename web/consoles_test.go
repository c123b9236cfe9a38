package web_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"
)

// change is a change made on one console, and the call whose decision it changes.
type change struct {
	name   string
	call   object
	before string
	do     func()
	after  string
}

// accessChanges are changes for ada, who has Work, and for others, each with a user of its own; they are independent of
// each other.
func accessChanges(g gateway) []change {
	g.t.Helper()
	n := 0
	holder := func(profile int64) (user string, held object, key string) {
		n++
		user = g.member(fmt.Sprintf("holder%d@example.com", n), "Viewer")
		held, key = g.give(user, profile)
		return user, held, key
	}
	keyOf := func(user string) object { return g.keys(user)[0] }
	var all []change
	add := func(name string, call object, before, after string, do func()) {
		all = append(all, change{name, call, before, do, after})
	}

	deleted, _, key := holder(g.work)
	add("a key deleted", model(key), "allowed", "access_not_found", func() { g.admin.api("DELETE", keyPath(deleted, keyOf(deleted)), nil).is(200) })
	rotated, _, key := holder(g.work)
	add("a key rotated", model(key), "allowed", "access_not_found", func() { g.admin.api("POST", rotatePath(keyOf(rotated)), nil).is(200) })
	detached, held, key := holder(g.work)
	add("a copy detached", model(key), "allowed", "access_not_found", func() { g.admin.api("DELETE", "/api"+copyPath(detached, held), nil).is(200) })
	gone, _, key := holder(g.work)
	add("a user deleted", model(key), "allowed", "access_not_found", func() { g.admin.api("DELETE", "/api/users/"+gone, nil).is(200) })
	paused, heldByPaused, key := holder(g.work)
	add("a copy paused", model(key), "allowed", "access_blocked", func() {
		g.admin.api("PUT", "/api"+copyPath(paused, heldByPaused), `{"is_active":false}`).is(200)
	})
	assigned, _, key := holder(1)
	add("another copy", model(key), "provider_blocked", "allowed", func() { g.assign(assigned, g.work) })

	pushed := g.profileNaming("Pushed", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":5,"reset_duration":"1d"}]`)
	_, _, key = holder(pushed)
	g.admin.counted(event(key, "cost", 3))
	add("a budget lowered and propagated", model(key), "allowed", "budget_exceeded", func() {
		path := fmt.Sprint("/api/access-profiles/", pushed)
		g.admin.api("PUT", path, `{"budgets":[{"max_limit":3,"reset_duration":"1d"}]}`).is(200)
		g.admin.api("POST", path+"/propagate", `{"fields":["budgets"]}`).is(200)
	})
	raisedUser, raisedCopy, key := holder(g.work)
	g.admin.counted(event(key, "cost", 8))
	add("an override", model(key), "budget_exceeded", "allowed", func() {
		g.admin.api("PUT", overridePath(raisedUser, raisedCopy, lines(raisedCopy)["provider:openai 1d"]), `{"amount":1,"mode":"cycles","cycles":1}`).is(200)
	})
	group := g.addGroup("Changing", `[{"mcp_client_id":"jira","tool_names":["t"]}]`)
	_, _, key = holder(g.profileNaming("Grouped", fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d}]`, group)))
	add("a tool group emptied", tool(key, "jira", "t"), "allowed", "mcp_tool_blocked", func() {
		g.admin.api("PUT", fmt.Sprint("/api/mcp/tool-groups/", group), `{"tools":[]}`).is(200)
	})
	_, _, key = holder(g.profileNaming("Whole", `"mcp_servers":[{"mcp_server_id":"github"}]`))
	add("a server's new tool", tool(key, "github", "new"), "mcp_tool_blocked", "allowed", func() {
		g.admin.api("PUT", "/api/mcp/clients/github", `{"tools":["create_issue","delete_repo","new"]}`).is(200)
	})
	role := g.addRole("Gaining")
	g.assignByRole(g.work, "Gaining")
	gaining, _, key := holder(1)
	add("a role gained", model(key), "provider_blocked", "allowed", func() {
		g.admin.api("PUT", "/api/users/"+gaining+"/role", object{"role_id": role}).is(200)
	})
	_, _, key = holder(g.work)
	add("usage reported", model(key), "allowed", "budget_exceeded", func() { g.admin.counted(event(key, "cost", 8)) })
	_, _, held2 := holder(g.work)
	add("an estimate held", model(held2), "allowed", "budget_exceeded", func() {
		g.admin.decides(with(model(held2), "estimated_cost", 8, "reserve", true), "allowed", 200)
	})
	return all
}

// T-12: every console applies a change within a second.
func TestChangesApplyEverywhereWithinASecond(t *testing.T) {
	g := newGateway(t)
	other, _ := g.another(g.appURL())
	for _, change := range accessChanges(g) {
		for _, c := range []*console{g.console, other} {
			g.admin.at(c).withinASecond(change.call, change.before) // and is cached from now on
		}
		change.do()
		g.admin.withinASecond(change.call, change.after)
		g.admin.at(other).withinASecond(change.call, change.after)
		if t.Failed() {
			t.Fatal(change.name)
		}
	}
}

// The console where a change was made applies it before it has answered.
func TestChangesApplyAtOnceOnTheirOwnConsole(t *testing.T) {
	g := newGateway(t)
	for _, change := range accessChanges(g) {
		g.admin.withinASecond(change.call, change.before)
		g.admin.ask(change.call)
		change.do()
		if got := g.admin.ask(change.call)["type"]; got != change.after {
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
		by.ask(change.call)
		change.do()
	}
	for _, change := range changes {
		g.admin.withinASecond(change.call, change.after)
		g.admin.at(other).withinASecond(change.call, change.after)
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
