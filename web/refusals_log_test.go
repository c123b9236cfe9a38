package web_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"tollgate/web/webtest"
)

const (
	blockedModel, blockedTool, overBudget = 4, 9, 8
	unknownKey                            = 1
)

// Every door that refuses is in the log, once a refusal; what only looks is not.
func TestEveryDoorIsLogged(t *testing.T) {
	g := webtest.NewGateway(t)
	caller, want := g.APIKey("Usage:View"), map[string]int64{}
	refused := func(reason int, asked string, times int64) {
		want[strings.TrimSuffix(fmt.Sprint(reason, " ", asked), "\n")] += times
	}
	g.Admin.Decides(webtest.Model(g.Key), "allowed", 200)
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "model", "gpt-3"), "model_blocked", 403)
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "model", "gpt-3", "reserve", true), "model_blocked", 403)
	refused(blockedModel, "openai/gpt-3", 2)
	g.Admin.Decides(webtest.Tool(g.Key, "jira", "x"), "mcp_tool_blocked", 403)
	refused(blockedTool, "jira/x", 1)
	for _, door := range webtest.Asking("model=openai%2Fgpt-3") {
		g.Bearer(g.Key).Get(door).Closed("model_blocked", 403)
		refused(blockedModel, "openai/gpt-3", 1)
	}
	for _, door := range webtest.Asking("mcp_client_id=jira") {
		g.Bearer(g.Key).Body(door, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"y"}}`).Closed("mcp_tool_blocked", 403)
		refused(blockedTool, "jira/y", 1)
		g.Bearer(g.Key).Body(door, `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a"}}`).Closed("mcp_tool_blocked", 403)
		refused(blockedTool, "jira", 1)
	}
	for _, door := range webtest.Doors {
		g.Bearer("sk-bf-unknown").Body(door, `{"model":"openai/gpt-4o"}`).Closed("access_not_found", 401)
		refused(unknownKey, "", 1)
	}
	one := webtest.Evaluation(g.Mine(), webtest.Entity("model", "openai/gpt-3"))
	caller.API("POST", "/access/v1/evaluation", one).Is(200)
	caller.API("POST", "/access/v1/evaluations", webtest.Object{"evaluations": []webtest.Object{one, webtest.Evaluation(g.Mine(), webtest.Modelled), one}}).Is(200)
	refused(blockedModel, "openai/gpt-3", 3)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 9))
	g.Admin.WithinASecond(webtest.Model(g.Key), "budget_exceeded") // which may be refused or allowed before
	sums := g.Logged()
	if sums["8 openai/gpt-4o"] < 1 {
		t.Errorf("a budget that is used up: %v", sums)
	}
	delete(sums, "8 openai/gpt-4o")
	webtest.Same(t, "logged", sums, want)

	before := g.Logged()
	g.Login(webtest.Admin).Get("/users/" + g.Ada + "/try?model=openai/gpt-3").Is(200)
	caller.API("POST", "/access/v1/search/resource", webtest.Evaluation(g.Mine(), webtest.Object{"type": "model"})).Is(200)
	g.Bearer(g.Key).Get("/api/virtual-keys/quota").Is(200)
	webtest.Same(t, "after looking", g.Logged(), before)

	var row struct {
		Copy, Version, Used, Most   int64
		Scope, Kind, Duration, Name string
		Granted                     bool
	}
	g.Scan(&row, `SELECT r.copy_id AS copy, template_version AS version, used, most, scope, r.kind, reset_duration AS duration, p.name, granted
FROM refusals AS r JOIN access_profiles AS p ON p.id = r.access_profile_id WHERE reason = 8`)
	webtest.Same(t, "of a limit", fmt.Sprint(row), fmt.Sprintf("{%d 1 9000000000 8000000000 provider:openai spend 1d Work true}", webtest.Int64ID(g.Held)))
	metrics := string(g.Admin.Get("/metrics").Body)
	if !strings.Contains(metrics, `tollgate_refusals_total{type="mcp_tool_blocked"} 7`) {
		t.Errorf("no metric by reason:\n%s", metrics)
	}
	g.Admin.API("DELETE", "/api/users/"+g.Ada, nil).Is(200)
	webtest.Same(t, "after the user is deleted", g.Logged(), map[string]int64{"1 ": 3})
	var hours int64
	g.Scan(&hours, "SELECT sum(calls) FROM decision_hours WHERE reason = 9")
	webtest.Same(t, "hours, which name no user", hours, int64(7))
}

// No key and no token is in the log, by any door and in any part of a name.
func TestNoSecretIsLogged(t *testing.T) {
	g := webtest.NewGateway(t)
	_, other := g.Give(g.Member("eve@example.com", "Viewer"), g.Work)
	api := strings.TrimPrefix(g.APIKey("Usage:View").Header.Get("Authorization"), "Bearer ")
	for _, secret := range []string{g.Key, other, api} {
		for _, name := range []string{secret, "openai/" + secret, secret + "/gpt-4o", "openai/x:" + secret} {
			g.Admin.Ask(webtest.Object{"virtual_key": g.Key, "model": name})
			g.Admin.Ask(webtest.Tool(g.Key, "github", name))
			g.Admin.Ask(webtest.Tool(g.Key, name, "x"))
			g.Admin.Ask(webtest.Object{"virtual_key": name, "model": "openai/gpt-3"})
			g.Bearer(g.Key).Body("/authz/forward", `{"model":"`+name+`"}`)
			g.Admin.API("POST", "/access/v1/evaluation", webtest.Evaluation(g.Mine(), webtest.Entity("model", name))).Is(200)
		}
	}
	g.Must(g.H.Refusals.Flush(t.Context()))
	var rows string
	g.Scan(&rows, "SELECT string_agg(r::text, E'\n') FROM refusals AS r")
	for _, secret := range []string{g.Key, other, api} {
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
	g := webtest.NewGateway(t)
	var armed, arrived atomic.Bool
	w, address := g.DatabaseWire(func([]byte) bool { return arrived.Swap(false) })
	w.Cut = func(sent []byte) bool {
		if bytes.Contains(sent, []byte("openai/lost")) && bytes.Contains(sent, []byte(g.Ada)) && armed.Swap(false) {
			arrived.Store(true)
		}
		return false
	}
	other, _ := g.Another(address)
	for round := range int64(3) {
		armed.Store(true)
		g.Admin.At(other).Decides(webtest.With(webtest.Model(g.Key), "model", "lost"), "model_blocked", 403)
		for range 10 { // its own worker may have sent it already
			if err := other.H.Refusals.Flush(t.Context()); err == nil && w.Lost.Load() > round {
				break
			}
		}
		webtest.Same(t, "answers lost", w.Lost.Load(), round+1)
		webtest.Same(t, "counted", g.Logged()["4 openai/lost"], round+1)
	}
}
