package web_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// logged are the sums of the decision log, after a flush: "reason asked" and how many calls.
func (c *console) logged() map[string]int64 {
	c.t.Helper()
	c.must(c.h.Refusals.Flush(c.t.Context()))
	var rows []struct {
		Of    string
		Calls int64
	}
	c.scan(&rows, "SELECT reason || ' ' || asked AS of, sum(calls)::bigint AS calls FROM refusals GROUP BY 1")
	sums := map[string]int64{}
	for _, row := range rows {
		sums[row.Of] = row.Calls
	}
	return sums
}

const (
	blockedModel, blockedTool, overBudget = 4, 9, 8
	unknownKey                            = 1
)

// Every door that refuses is in the log, once a refusal; what only looks is not.
func TestEveryDoorIsLogged(t *testing.T) {
	g := newGateway(t)
	caller, want := g.apiKey("Usage:View"), map[string]int64{}
	refused := func(reason int, asked string, times int64) {
		want[strings.TrimSuffix(fmt.Sprint(reason, " ", asked), "\n")] += times
	}
	g.admin.decides(model(g.key), "allowed", 200)
	g.admin.decides(with(model(g.key), "model", "gpt-3"), "model_blocked", 403)
	g.admin.decides(with(model(g.key), "model", "gpt-3", "reserve", true), "model_blocked", 403)
	refused(blockedModel, "openai/gpt-3", 2)
	g.admin.decides(tool(g.key, "jira", "x"), "mcp_tool_blocked", 403)
	refused(blockedTool, "jira/x", 1)
	for _, door := range asking("model=openai%2Fgpt-3") {
		g.bearer(g.key).get(door).closed("model_blocked", 403)
		refused(blockedModel, "openai/gpt-3", 1)
	}
	for _, door := range asking("mcp_client_id=jira") {
		g.bearer(g.key).body(door, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"y"}}`).closed("mcp_tool_blocked", 403)
		refused(blockedTool, "jira/y", 1)
		g.bearer(g.key).body(door, `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a"}}`).closed("mcp_tool_blocked", 403)
		refused(blockedTool, "jira", 1)
	}
	for _, door := range doors {
		g.bearer("sk-bf-unknown").body(door, `{"model":"openai/gpt-4o"}`).closed("access_not_found", 401)
		refused(unknownKey, "", 1)
	}
	one := evaluation(g.mine(), entity("model", "openai/gpt-3"))
	caller.api("POST", "/access/v1/evaluation", one).is(200)
	caller.api("POST", "/access/v1/evaluations", object{"evaluations": []object{one, evaluation(g.mine(), modelled), one}}).is(200)
	refused(blockedModel, "openai/gpt-3", 3)
	g.admin.counted(event(g.key, "cost", 9))
	g.admin.withinASecond(model(g.key), "budget_exceeded") // which may be refused or allowed before
	sums := g.logged()
	if sums["8 openai/gpt-4o"] < 1 {
		t.Errorf("a budget that is used up: %v", sums)
	}
	delete(sums, "8 openai/gpt-4o")
	same(t, "logged", sums, want)

	before := g.logged()
	g.login(admin).get("/users/" + g.ada + "/try?model=openai/gpt-3").is(200)
	caller.api("POST", "/access/v1/search/resource", evaluation(g.mine(), object{"type": "model"})).is(200)
	g.bearer(g.key).get("/api/virtual-keys/quota").is(200)
	same(t, "after looking", g.logged(), before)

	var row struct {
		Copy, Version, Used, Most   int64
		Scope, Kind, Duration, Name string
		Granted                     bool
	}
	g.scan(&row, `SELECT r.copy_id AS copy, template_version AS version, used, most, scope, r.kind, reset_duration AS duration, p.name, granted
FROM refusals AS r JOIN access_profiles AS p ON p.id = r.access_profile_id WHERE reason = 8`)
	same(t, "of a limit", fmt.Sprint(row), fmt.Sprintf("{%d 1 9000000000 8000000000 provider:openai spend 1d Work true}", id64(g.held)))
	metrics := string(g.admin.get("/metrics").body)
	if !strings.Contains(metrics, `tollgate_refusals_total{type="mcp_tool_blocked"} 7`) {
		t.Errorf("no metric by reason:\n%s", metrics)
	}
	g.admin.api("DELETE", "/api/users/"+g.ada, nil).is(200)
	same(t, "after the user is deleted", g.logged(), map[string]int64{"1 ": 3})
	var hours int64
	g.scan(&hours, "SELECT sum(calls) FROM decision_hours WHERE reason = 9")
	same(t, "hours, which name no user", hours, int64(7))
}

// No key and no token is in the log, by whatever door and in whatever part of a name it came.
func TestNoSecretIsLogged(t *testing.T) {
	g := newGateway(t)
	_, other := g.give(g.member("eve@example.com", "Viewer"), g.work)
	api := strings.TrimPrefix(g.apiKey("Usage:View").header.Get("Authorization"), "Bearer ")
	for _, secret := range []string{g.key, other, api} {
		for _, name := range []string{secret, "openai/" + secret, secret + "/gpt-4o", "openai/x:" + secret} {
			g.admin.ask(object{"virtual_key": g.key, "model": name})
			g.admin.ask(tool(g.key, "github", name))
			g.admin.ask(tool(g.key, name, "x"))
			g.admin.ask(object{"virtual_key": name, "model": "openai/gpt-3"})
			g.bearer(g.key).body("/authz/forward", `{"model":"`+name+`"}`)
			g.admin.api("POST", "/access/v1/evaluation", evaluation(g.mine(), entity("model", name))).is(200)
		}
	}
	g.must(g.h.Refusals.Flush(t.Context()))
	var rows string
	g.scan(&rows, "SELECT string_agg(r::text, E'\n') FROM refusals AS r")
	for _, secret := range []string{g.key, other, api} {
		if body := secret[len(secret)-12:]; strings.Contains(rows, body) {
			t.Errorf("%s is in the log:\n%s", body, rows)
		}
	}
	if !strings.Contains(rows, "(masked)") {
		t.Errorf("nothing is masked:\n%s", rows)
	}
}

// A flush whose answer is lost is counted once.
func TestLostAnswerOfFlush(t *testing.T) {
	g := newGateway(t)
	var armed, arrived atomic.Bool
	w, address := g.databaseWire(func([]byte) bool { return arrived.Swap(false) })
	w.cut = func(sent []byte) bool {
		if bytes.Contains(sent, []byte("openai/lost")) && bytes.Contains(sent, []byte(g.ada)) && armed.Swap(false) {
			arrived.Store(true)
		}
		return false
	}
	other, _ := g.another(address)
	for round := range int64(3) {
		armed.Store(true)
		g.admin.at(other).decides(with(model(g.key), "model", "lost"), "model_blocked", 403)
		for range 10 { // its own worker may have sent it already
			if err := other.h.Refusals.Flush(t.Context()); err == nil && w.lost.Load() > round {
				break
			}
		}
		same(t, "answers lost", w.lost.Load(), round+1)
		same(t, "counted", g.logged()["4 openai/lost"], round+1)
	}
}
