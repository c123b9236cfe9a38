package web_test

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/handlers"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/metrics"
	"tollgate/models/propagation"
	"tollgate/models/refusal"
	"tollgate/models/usage"
	"tollgate/web"
)

// appURL is the address of the console's database for the role that consoles use.
func (c *console) appURL() string {
	return strings.Replace(c.ownerURL, "tollgate_owner@", "tollgate@", 1)
}

// another starts one more console on the same database, at an address of it. The function returned closes it like a
// shutdown: first the server, then its workers.
func (c *console) another(address string, hooks ...bun.QueryHook) (*console, func()) {
	c.t.Helper()
	db := connect(c.t, address)
	for _, hook := range hooks {
		db = db.WithQueryHook(hook)
	}
	other := &console{t: c.t, db: db, log: &buffer{}, ownerURL: c.ownerURL}
	log := slog.New(slog.NewJSONHandler(other.log, nil))
	server := httptest.NewUnstartedServer(nil)
	other.base = "http://" + server.Listener.Addr().String()
	other.h = &handlers.Handlers{DB: db, Log: log, BaseURL: other.base, Keys: c.h.Keys, Propagator: propagation.NewWorker(db, log), Cache: entitlement.NewCache(db, c.h.Keys, log)}
	other.h.Refusals = refusal.New(db, log, 30)
	other.h.Engine = decision.NewEngine(other.h.Cache, other.h.Refusals)
	other.h.Recorder = usage.NewRecorder(db, other.h.Cache)
	reconciler := usage.NewReconciler(db, log)
	other.h.Metrics = metrics.New(db, other.h.Cache, other.h.Engine, other.h.Recorder, reconciler, other.h.Refusals)
	var workers sync.WaitGroup
	working, stop := context.WithCancel(context.WithoutCancel(c.t.Context()))
	for _, run := range []func(context.Context){other.h.Propagator.Run, other.h.Cache.Run, reconciler.Run, other.h.Refusals.Run} {
		workers.Go(func() { run(working) })
	}
	var err error
	server.Config.Handler, err = web.New(web.Config{Addr: server.Listener.Addr().String()}, other.h)
	c.must(err)
	server.Start()
	closing := sync.OnceFunc(func() { server.Close(); stop(); workers.Wait(); _ = db.Close() })
	c.t.Cleanup(closing)
	return other, closing
}

// at is the same client at another console.
func (v client) at(c *console) client { v.console = c; return v }

// gateway is a stage where ada has a copy of "Work" with some quota left.
type gateway struct {
	stage
	work int64
	held object
	key  string
}

const work = `"provider_configs":[{"provider_name":"openai","allowed_models":["gpt-4o","gpt-4o-mini"],"budgets":[{"max_limit":8,"reset_duration":"1d"}]}],
"budgets":[{"max_limit":10,"reset_duration":"1M"}],"rate_limit":{"token_max_limit":1000,"token_reset_duration":"1h","request_max_limit":100,"request_reset_duration":"1d"},
"mcp_tool_groups":[{"tool_group_id":1}],"mcp_servers":[{"mcp_server_id":"github"}],"mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"include"}]`

func newGateway(t *testing.T) gateway {
	t.Helper()
	g := gateway{stage: newStage(t)}
	g.work = g.profileNaming("Work", work)
	g.held, g.key = g.give(g.ada, g.work)
	return g
}

// give assigns a profile and returns the copy with the key's value, "" when none was issued.
func (s stage) give(user string, profile int64) (held object, value string) {
	s.t.Helper()
	held, key := s.assign(user, profile)
	value, _ = key["value"].(string)
	return held, value
}

func model(key any) object {
	return object{"virtual_key": key, "provider": "openai", "model": "gpt-4o"}
}

func tool(key any, server, name string) object {
	return object{"virtual_key": key, "mcp_client_id": server, "tool_name": name}
}

func with(body object, more ...any) object {
	body = maps.Clone(body)
	for i := 0; i < len(more); i += 2 {
		if body[more[i].(string)] = more[i+1]; more[i+1] == nil {
			delete(body, more[i].(string))
		}
	}
	return body
}

// ask is the decision about a call.
func (v client) ask(call object) object {
	v.t.Helper()
	return v.api("POST", "/api/governance/decisions", call).is(200).json()
}

// decides fails the test unless a call is decided this way.
func (v client) decides(call object, kind string, status int) object {
	v.t.Helper()
	d := v.ask(call)
	if d["decision"] != (kind == "allowed") || d["type"] != kind || d["status_code"] != float64(status) {
		v.t.Errorf("%v: %v, want %s %d", call, d, kind, status)
	}
	return d
}

// withinASecond waits for the answer that a change brings. A request sent more than a second after the change was
// confirmed must get the new answer, however slow this machine is.
func (v client) withinASecond(call object, want string) {
	v.t.Helper()
	confirmed, ticks := time.Now(), time.NewTicker(10*time.Millisecond)
	defer ticks.Stop()
	for {
		asked := time.Now()
		got := v.ask(call)["type"]
		if got == want {
			return
		}
		if asked.Sub(confirmed) > time.Second {
			v.t.Errorf("%v: still %v after %s, want %s", call, got, asked.Sub(confirmed), want)
			return
		}
		<-ticks.C
	}
}

// within is withinASecond for any condition.
func (c *console) within(come func() bool, otherwise string) {
	c.t.Helper()
	confirmed, ticks := time.Now(), time.NewTicker(10*time.Millisecond)
	defer ticks.Stop()
	for asked := confirmed; !come(); asked = time.Now() {
		if asked.Sub(confirmed) > time.Second {
			c.t.Errorf("%s after %s", otherwise, asked.Sub(confirmed))
			return
		}
		<-ticks.C
	}
}

// eventually waits for a condition without a fixed limit.
func (c *console) eventually(what string, come func() bool) {
	c.t.Helper()
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for deadline := time.Now().Add(20 * time.Second); !come(); <-ticks.C {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s did not come", what)
		}
	}
}

// event is a call of ada's that cost a dollar, with an id of its own.
func event(key any, more ...any) object {
	return with(object{"event_id": uuid.NewString(), "virtual_key": key, "provider": "openai", "model": "gpt-4o", "cost": 1, "tokens": 10}, more...)
}

func (v client) report(event any) answer {
	v.t.Helper()
	return v.api("POST", "/api/governance/usage", event)
}

func (v client) counted(event object) {
	v.t.Helper()
	same(v.t, "result", v.report(event).is(200).json(), object{"event_id": event["event_id"], "status": "counted", "duplicate": false})
}

// used is what was counted of a user's limits in all windows: "spend 1d provider:openai" and so on.
func (c *console) used(user string) map[string]int64 {
	c.t.Helper()
	var rows []struct {
		Line string
		Used int64
	}
	c.scan(&rows, `
SELECT concat_ws(' ', w.kind, w.reset_duration, CASE WHEN l.provider_name IS NULL THEN 'total' ELSE 'provider' END) AS line, sum(w.used)::bigint AS used
FROM limit_lines AS l
JOIN user_access_profiles AS c USING (policy_id) JOIN limit_windows AS w ON w.line_id = l.id AND w.kind = l.kind WHERE c.user_id = ? GROUP BY 1 HAVING sum(w.used) > 0`, user)
	used := map[string]int64{}
	for _, row := range rows {
		used[row.Line] = row.Used
	}
	return used
}

// afterCalls is what used is after n calls like event.
func afterCalls(n int64) map[string]int64 {
	if n == 0 {
		return map[string]int64{}
	}
	const dollar = 1_000_000_000
	return map[string]int64{"spend 1M total": n * dollar, "spend 1d provider": n * dollar, "tokens 1h total": 10 * n, "requests 1d total": n}
}

// balanced fails the test when a counter is not the sum of its events.
func (c *console) balanced() {
	c.t.Helper()
	_, skewed, err := usage.VerifyLedger(c.t.Context(), c.db)
	c.must(err)
	if len(skewed) > 0 {
		c.t.Errorf("%d counters are not what their events add up to: %+v", len(skewed), skewed[:min(3, len(skewed))])
	}
}

// fields are those of a structured header: each name with its parameters, as in RateLimit and RateLimit-Policy.
func fields(t *testing.T, header http.Header, name string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for item := range strings.SplitSeq(header.Get(name), ", ") {
		parts := strings.Split(item, ";")
		if len(parts[0]) < 3 || parts[0][0] != '"' || parts[0][len(parts[0])-1] != '"' {
			t.Fatalf("%s: %q", name, header.Get(name))
		}
		parameters := map[string]string{}
		for _, part := range parts[1:] {
			key, value, _ := strings.Cut(part, "=")
			parameters[key] = value
		}
		if all[parts[0]] != nil {
			t.Fatalf("%s names %s twice", name, parts[0])
		}
		all[parts[0]] = parameters
	}
	return all
}
