package webtest

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

	"tollgate/handlers"
	"tollgate/models/access"
	"tollgate/models/caller"
	"tollgate/models/decision"
	"tollgate/models/metrics"
	"tollgate/models/permission"
	"tollgate/models/propagation"
	"tollgate/models/refusal"
	"tollgate/models/signin"
	"tollgate/models/usage"
	"tollgate/web"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"tollgate/models/ledger"
)

// Calls is a key for the routes of gateways that has no other permission.
var Calls = permission.Permission("Usage:Create")

// AppURL is the address of the console's database for the role that consoles use.
func (c *Console) AppURL() string {
	return strings.Replace(c.OwnerURL, "tollgate_owner@", "tollgate@", 1)
}

// Another starts one more console on the same database, at an address of it. The function returned closes it like a
// shutdown: first the server, then its workers.
func (c *Console) Another(address string, hooks ...bun.QueryHook) (*Console, func()) {
	c.T.Helper()
	if !strings.Contains(address, "lock_timeout=") {
		address += patient
	}
	db := Connect(c.T, address)
	for _, hook := range hooks {
		db = db.WithQueryHook(hook)
	}
	other := &Console{T: c.T, DB: db, Log: &Buffer{}, OwnerURL: c.OwnerURL, Wired: c.Wired}
	log := slog.New(slog.NewJSONHandler(other.Log, nil))
	server := httptest.NewUnstartedServer(nil)
	other.Base = "http://" + server.Listener.Addr().String()
	other.H = &handlers.Handlers{DB: db, Log: log, BaseURL: other.Base, Keys: c.H.Keys, Propagator: propagation.NewWorker(db, log), Cache: access.NewCache(db, c.H.Keys, log)}
	other.H.Cache.Grace.Most = time.Minute
	other.H.Refusals = refusal.New(db, log, 30)
	other.H.Engine = decision.NewEngine(other.H.Cache, other.H.Refusals)
	other.H.Recorder = usage.NewRecorder(db, other.H.Cache, log)
	reconciler := ledger.NewReconciler(db, log, ledger.DefaultKeep)
	other.reconciler = reconciler
	other.H.SignIns = signin.NewService(db, c.H.Keys, other.Base, true)
	other.H.Cache.Tokens = caller.NewChecker(db, &other.H.SignIns.Providers)
	other.H.Metrics = metrics.New(db, other.H.SignIns, other.H.Cache, other.H.Engine, other.H.Recorder, reconciler, other.H.Refusals)
	var workers sync.WaitGroup
	working, stop := context.WithCancel(context.WithoutCancel(c.T.Context()))
	for _, run := range []func(context.Context){other.H.Propagator.Run, other.H.Cache.Run, other.H.Recorder.Run, reconciler.Run, other.H.Refusals.Run} {
		workers.Go(func() { run(working) })
	}
	var err error
	server.Config.Handler, err = web.New(web.Config{Addr: server.Listener.Addr().String()}, other.H)
	c.Must(err)
	server.Start()
	closing := sync.OnceFunc(func() { server.Close(); stop(); workers.Wait(); _ = db.Close() })
	c.T.Cleanup(closing)
	return other, closing
}

// At is the same client at another console.
func (v Client) At(c *Console) Client { v.Console = c; return v }

// Gateway is a stage where ada has a copy of "Work" with some quota left.
type Gateway struct {
	Stage
	Work int64
	Held Object
	Key  string
}

// Work is the policy that gateways of tests hold, as members of JSON.
const Work = `"provider_configs":[{"provider_name":"openai","allowed_models":["gpt-4o","gpt-4o-mini"],"budgets":[{"max_limit":8,"reset_duration":"1d"}]}],
"budgets":[{"max_limit":10,"reset_duration":"1M"}],"rate_limit":{"token_max_limit":1000,"token_reset_duration":"1h","request_max_limit":100,"request_reset_duration":"1d"},
"mcp_tool_groups":[{"tool_group_id":1}],"mcp_servers":[{"mcp_server_id":"github"}],"mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"include"}]`

// Give assigns a profile and returns the copy with the key's value, "" when none was issued.
func (s Stage) Give(user string, profile int64) (held Object, value string) {
	s.T.Helper()
	held, key := s.Assign(user, profile)
	value, _ = key["value"].(string)
	return held, value
}

// Model is a call of a model that the policy Work grants.
func Model(key any) Object {
	return Object{"virtual_key": key, "provider": "openai", "model": "gpt-4o"}
}

// Tool is a call of a tool.
func Tool(key any, server, name string) Object {
	return Object{"virtual_key": key, "mcp_client_id": server, "tool_name": name}
}

// With is a body with further members: names and values in turn.
func With(body Object, more ...any) Object {
	body = maps.Clone(body)
	for i := 0; i < len(more); i += 2 {
		if body[more[i].(string)] = more[i+1]; more[i+1] == nil {
			delete(body, more[i].(string))
		}
	}
	return body
}

// Ask is the decision about a call.
func (v Client) Ask(call Object) Object {
	v.T.Helper()
	return v.Answered(func() Answer { return v.API("POST", "/api/governance/decisions", call) }).Is(200).JSON()
}

// Decides fails the test unless a call is decided this way.
func (v Client) Decides(call Object, kind string, status int) Object {
	v.T.Helper()
	d := v.Ask(call)
	if d["decision"] != (kind == "allowed") || d["type"] != kind || d["status_code"] != float64(status) {
		v.T.Errorf("%v: %v, want %s %d", call, d, kind, status)
	}
	return d
}

// WithinASecond waits for the answer that a change brings. A request sent more than a second after the change was
// confirmed must get the new answer, however slow this machine is.
func (v Client) WithinASecond(call Object, want string) {
	v.T.Helper()
	confirmed, ticks := time.Now(), time.NewTicker(10*time.Millisecond)
	defer ticks.Stop()
	for {
		asked := time.Now()
		got := v.Ask(call)["type"]
		if got == want {
			return
		}
		if asked.Sub(confirmed) > time.Second {
			v.T.Errorf("%v: still %v after %s, want %s", call, got, asked.Sub(confirmed), want)
			return
		}
		<-ticks.C
	}
}

// Within is WithinASecond for any condition.
func (c *Console) Within(come func() bool, otherwise string) {
	c.T.Helper()
	confirmed, ticks := time.Now(), time.NewTicker(10*time.Millisecond)
	defer ticks.Stop()
	for asked := confirmed; !come(); asked = time.Now() {
		if asked.Sub(confirmed) > time.Second {
			c.T.Errorf("%s after %s", otherwise, asked.Sub(confirmed))
			return
		}
		<-ticks.C
	}
}

// Eventually waits for a condition without a fixed limit. It asks less often the longer it waits, since asking may take
// all of a processor.
func (c *Console) Eventually(what string, come func() bool) {
	c.T.Helper()
	wait := 10 * time.Millisecond
	for deadline := time.Now().Add(20 * time.Second); !come(); wait = min(wait*5/4, 100*time.Millisecond) {
		if time.Now().After(deadline) {
			c.T.Fatalf("%s did not come", what)
		}
		<-time.After(wait)
	}
}

// Event is a call of ada's that cost a dollar, with an id of its own.
func Event(key any, more ...any) Object {
	return With(Object{"event_id": uuid.NewString(), "virtual_key": key, "provider": "openai", "model": "gpt-4o", "cost": 1, "tokens": 10}, more...)
}

// Report reports usage.
func (v Client) Report(event any) Answer {
	v.T.Helper()
	return v.API("POST", "/api/governance/usage", event)
}

// Counted reports usage, and expects it to be counted; when it is reported again, the first time may have been.
func (v Client) Counted(event Object) {
	v.T.Helper()
	reports := 0
	got := v.Answered(func() Answer { reports++; return v.Report(event) }).Is(200).JSON()
	if reports > 1 && got["status"] == "duplicate" {
		return
	}
	Same(v.T, "result", got, Object{"event_id": event["event_id"], "status": "counted", "duplicate": false})
}

// Used is what was counted of a user's limits in all windows: "spend 1d provider:openai" and so on.
func (c *Console) Used(user string) map[string]int64 {
	c.T.Helper()
	var rows []struct {
		Line string
		Used int64
	}
	c.Scan(&rows, `
SELECT concat_ws(' ', w.kind, w.reset_duration, CASE WHEN l.provider_name IS NULL THEN 'total' ELSE 'provider' END) AS line, sum(w.used)::bigint AS used
FROM limit_lines AS l
JOIN user_access_profiles AS c USING (policy_id) JOIN limit_windows AS w ON w.line_id = l.id AND w.kind = l.kind WHERE c.user_id = ? GROUP BY 1 HAVING sum(w.used) > 0`, user)
	used := map[string]int64{}
	for _, row := range rows {
		used[row.Line] = row.Used
	}
	return used
}

// AfterCalls is what used is after n calls like event.
func AfterCalls(n int64) map[string]int64 {
	if n == 0 {
		return map[string]int64{}
	}
	const dollar = 1_000_000_000
	return map[string]int64{"spend 1M total": n * dollar, "spend 1d provider": n * dollar, "tokens 1h total": 10 * n, "requests 1d total": n}
}

// Balanced fails the test when a counter is not the sum of its events.
func (c *Console) Balanced() {
	c.T.Helper()
	_, skewed, err := ledger.VerifyWhole(c.T.Context(), c.DB)
	c.Must(err)
	if len(skewed) > 0 {
		c.T.Errorf("%d counters are not what their events add up to: %+v", len(skewed), skewed[:min(3, len(skewed))])
	}
}

// Fields are those of a structured header: each name with its parameters, as in RateLimit and RateLimit-Policy.
func Fields(t *testing.T, header http.Header, name string) map[string]map[string]string {
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

// Holds is what is reserved of ada's limits, according to a decision.
func (g Gateway) Holds() (all []any) {
	g.T.Helper()
	for _, line := range Objects(g.Admin.Ask(Model(g.Key))["limits"]) {
		all = append(all, line["reserved"])
	}
	return all
}

// Lock locks a table until the function returned is called.
func (g Gateway) Lock(table string) (end func()) {
	g.T.Helper()
	tx, err := g.Owner().Begin()
	g.Must(err)
	_, err = tx.Exec("LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE")
	g.Must(err)
	return func() { g.Must(tx.Rollback()) }
}
