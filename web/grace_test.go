package web_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// away is a console whose database can be made to stop answering, and profiles that allow calls from memory.
type away struct {
	webtest.Gateway
	wire           *webtest.Wire
	console        *webtest.Console
	caller, reader webtest.Client
	commit         *atomic.Bool // the database stops to answer at the next change of access
	keys           *[]string
}

func newAway(t *testing.T) away {
	t.Helper()
	a := away{Gateway: webtest.NewGateway(t), commit: &atomic.Bool{}, keys: &[]string{}}
	var address string
	a.wire, address = a.DatabaseWire(nil)
	a.wire.Cut = func(sent []byte) bool {
		if bytes.Contains(sent, []byte("COMMIT")) && a.commit.CompareAndSwap(true, false) {
			a.wire.Mute.Store(true)
		}
		return false
	}
	a.console, _ = a.Another(address)
	t.Cleanup(func() { a.wire.Mute.Store(false) }) // before the console closes, which waits for its requests
	a.caller, a.reader = a.APIKey("Usage:View", "Usage:Create").At(a.console), a.Admin.At(a.console)
	a.reader.Metrics()
	return a
}

// holder is the key of a new user with a profile of their own, which allows calls from memory for some seconds.
func (a away) holder(policy string, seconds int) (key string) {
	a.T.Helper()
	var n int
	a.Scan(&n, "SELECT count(*) FROM users")
	profile := a.ProfileNaming(fmt.Sprint("Open ", n), fmt.Sprintf(`%s,"fail_open_for":%d`, policy, seconds))
	_, key = a.Give(a.Member(fmt.Sprintf("open%d@example.com", n), "Viewer"), profile)
	a.caller.Decides(webtest.Model(key), "allowed", 200)
	*a.keys = append(*a.keys, key)
	return key
}

// warms waits until the console has seen all changes, and lets it read each key again.
func (a away) warms() {
	a.T.Helper()
	user := a.Member(fmt.Sprintf("last%d@example.com", len(*a.keys)), "Viewer")
	_, last := a.Give(user, a.Work)
	a.caller.Decides(webtest.Model(last), "allowed", 200)
	a.Admin.API("DELETE", webtest.KeyPath(user, a.Keys(user)[0]), nil).Is(200)
	a.caller.WithinASecond(webtest.Model(last), "access_not_found")
	for _, key := range append(*a.keys, a.Key) {
		a.caller.Decides(webtest.Model(key), "allowed", 200)
	}
}

// goes lets the database stop answering, and waits until memory is too old to decide by, for users whose
// profile may not fail open.
func (a away) goes() {
	a.T.Helper()
	a.wire.Mute.Store(true)
	a.Eventually("calls are refused", func() bool {
		return a.Bearer(a.Key).At(a.console).Get("/authz/nginx?model=openai/gpt-4o").StatusCode != 200
	})
}

// graced reports whether a call is allowed from memory; else it has to be answered that the database is away.
func (a away) graced(call webtest.Object) bool {
	a.T.Helper()
	answer := a.caller.API("POST", "/api/decisions", call)
	if answer.StatusCode != 200 {
		answer.Refuses(503, "retry_later", "")
		return false
	}
	d := answer.JSON()
	if d["decision"] != true || d["grace"] != true {
		a.T.Errorf("%v: %v", call, d)
	}
	return true
}

const openai = `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`

// While the database is away, calls of a profile that says so are allowed from memory at every door, and nothing else:
// no other profile, no hold, no key that is not in memory. Pages, the log and the metrics say so.
func TestCallsAreAllowedFromMemory(t *testing.T) {
	t.Parallel()
	a := newAway(t)
	open, unknown := a.holder(webtest.Work, 60), a.APIKey("Usage:View").At(a.console)
	late := a.ProfileNaming("Late", openai+`,"fail_open_for":60`)
	_, never := a.Give(a.Member("late@example.com", "Viewer"), late)
	a.caller.Decides(webtest.Tool(open, "jira", "t"), "allowed", 200)
	a.warms()
	a.console.Probed(200, "ready")
	a.goes()
	a.console.Probed(200, "ready from memory: the database is away")

	slow := 0
	for range 3 {
		began := time.Now()
		if !a.graced(webtest.Model(open)) || !a.graced(webtest.Tool(open, "jira", "t")) {
			t.Error("a call is refused")
		}
		if time.Since(began) > 3*time.Second {
			slow++
		}
	}
	if slow > 1 { // a busy machine may stand still once
		t.Errorf("%d times two decisions took more than three seconds", slow)
	}
	for what, call := range map[string]webtest.Object{
		"another profile": webtest.Model(a.Key), "a hold": webtest.With(webtest.Model(open), "reserve", true),
		"a model that is not granted": webtest.With(webtest.Model(open), "model", "o3"), "a key that was never used": webtest.Model(never),
	} {
		if a.graced(call) {
			t.Errorf("%s is allowed", what)
		}
	}
	unknown.API("POST", "/api/decisions", webtest.Model(open)).Refuses(503, "retry_later", "")
	proxy := a.Bearer(open).At(a.console)
	if answer := proxy.Get("/authz/nginx?model=openai/gpt-4o").Is(200).JSON(); answer["allowed"] != true || answer["grace"] != true {
		t.Errorf("a proxy gets %v", answer)
	}
	if answer := a.caller.API("POST", "/access/v1/evaluation", webtest.Object{
		"subject": webtest.Object{"type": "virtual_key", "id": open}, "action": webtest.Object{"name": "call"},
		"resource": webtest.Object{"type": "model", "id": "openai/gpt-4o"},
	}).Is(200).JSON(); answer["decision"] != true || answer["context"].(webtest.Object)["grace"] != true {
		t.Errorf("AuthZEN gets %v", answer)
	}
	if n := a.reader.Metrics()["tollgate_grace_active"]; n != 1 {
		t.Errorf("the metric is %v", n)
	}
	page := string(a.Session.At(a.console).Get("/access-profiles").Is(503).Body)
	for _, words := range []string{"calls are allowed from memory where profiles say so", "all other calls of gateways are refused"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page lacks %q: %s", words, page)
		}
	}

	a.wire.Mute.Store(false)
	a.Eventually("decisions by the database", func() bool {
		answer := a.caller.API("POST", "/api/decisions", webtest.Model(open))
		return answer.StatusCode == 200 && answer.JSON()["grace"] == nil
	})
	if n := a.reader.Metrics()["tollgate_grace_active"]; n != 0 {
		t.Errorf("afterwards the metric is %v", n)
	}
	for _, line := range []string{"the database is away: calls are allowed from memory", "the database is back: calls are not allowed from memory any more"} {
		if n := strings.Count(a.console.Log.String(), line); n != 1 {
			t.Errorf("%q is logged %d times", line, n)
		}
	}
}

// From memory calls are allowed until 90 % of this console's share of a limit is used, with what was stored here since
// the counters were read.
func TestGraceEndsAtNinetyPercent(t *testing.T) {
	t.Parallel()
	a := newAway(t)
	budget := openai + `,"budgets":[{"max_limit":10,"reset_duration":"1d"}]`
	requests := openai + `,"rate_limit":{"request_max_limit":10,"request_reset_duration":"1d"}`
	near, at, calls, shared := a.holder(budget, 60), a.holder(budget, 60), a.holder(requests, 60), a.holder(requests, 60)
	a.warms()
	a.caller.Counted(webtest.Event(near, "cost", 8.9))
	a.caller.Counted(webtest.Event(at, "cost", 9))
	a.goes()
	if !a.graced(webtest.Model(near)) {
		t.Error("a call is refused below 90 %")
	}
	if a.graced(webtest.With(webtest.Model(near), "estimated_cost", 0.1)) {
		t.Error("an estimate up to 90 % is allowed")
	}
	if a.graced(webtest.Model(at)) {
		t.Error("a call is allowed at 90 %")
	}
	allowed := func(key string) (n int) {
		for n < 10 && a.graced(webtest.Model(key)) {
			n++
		}
		return n
	}
	if n := allowed(calls); n != 8 {
		t.Errorf("%d calls of 10 are allowed", n)
	}
	a.console.H.Cache.Grace.Consoles = func() int64 { return 2 }
	if n := allowed(shared); n != 3 {
		t.Errorf("%d calls of 10 are allowed, of which each of two consoles has half", n)
	}
}

// A profile may be open for less than the console allows, and the console for less than the profile.
func TestGraceEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		profile int
		most    time.Duration
	}{"by the profile": {8, time.Minute}, "by the console": {60, 8 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			a := newAway(t)
			a.console.H.Cache.Grace.Most = test.most
			key := a.holder(openai, test.profile)
			a.warms()
			a.wire.Mute.Store(true)
			began := time.Now()
			a.Eventually("a call is allowed from memory", func() bool {
				return a.Bearer(key).At(a.console).Get("/authz/nginx?model=openai/gpt-4o").JSON()["grace"] == true
			})
			a.Eventually("calls are refused", func() bool {
				return a.Bearer(key).At(a.console).Get("/authz/nginx?model=openai/gpt-4o").StatusCode != 200
			})
			if after := time.Since(began); after < 8*time.Second {
				t.Errorf("refused after %s", after)
			}
			a.Eventually("the log says so", func() bool { return strings.Contains(a.console.Log.String(), "the database is still away") })
			a.console.Probed(503, "the database is away")
		})
	}
}

// A console is ready from memory only while some call may be allowed from it. What profiles allowed before does not
// count.
func TestReadinessForgetsGraceThatEnded(t *testing.T) {
	t.Parallel()
	a := newAway(t)
	path := fmt.Sprint("/api/access-profiles/", a.Work)
	lasts := func(seconds int) {
		a.Admin.API("PUT", path, webtest.Object{"fail_open_for": seconds}).Is(200)
		a.Admin.API("POST", path+"/propagate", webtest.Object{"fields": []string{"provider_configs"}}).Is(200)
		a.warms()
		*a.keys = append(*a.keys, a.Key)
	}
	lasts(60)
	webtest.Same(t, "seen to fail open", a.console.H.Cache.FailsOpen(), true)
	lasts(0)
	a.goes()
	a.console.Probed(503, "the database is away")
}

// What this console knows to be revoked, or to be changing, is not allowed from memory: a key that was deleted here or
// elsewhere, and one whose deletion has an unknown outcome.
func TestNothingRevokedIsAllowedFromMemory(t *testing.T) {
	t.Parallel()
	a := newAway(t)
	here, elsewhere, unknown := a.holder(openai, 60), a.holder(openai, 60), a.holder(openai, 60)
	path := func(key string) string {
		user := a.caller.Ask(webtest.Model(key))["user_id"].(string)
		return webtest.KeyPath(user, a.Keys(user)[0])
	}
	a.Admin.API("DELETE", path(elsewhere), nil).Is(200)
	a.caller.WithinASecond(webtest.Model(elsewhere), "access_not_found")
	last := path(unknown)
	a.reader.API("DELETE", path(here), nil).Is(200)
	a.commit.Store(true)
	deleting := make(chan webtest.Answer)
	go func() { deleting <- a.reader.API("DELETE", last, nil) }()
	a.Eventually("the commit is on its way", a.wire.Mute.Load)
	for ended := false; !ended; {
		select {
		case answer := <-deleting:
			answer.Refuses(503, "outcome_unknown", "")
			ended = true
		default:
		}
		for what, key := range map[string]string{"here": here, "elsewhere": elsewhere, "with an unknown outcome": unknown} {
			if a.Bearer(key).At(a.console).Get("/authz/nginx?model=openai/gpt-4o").StatusCode == 200 {
				t.Fatalf("a key that was deleted %s is allowed", what)
			}
		}
	}
}

// How long a profile is open is a field like any other: of the API, the form, versions and copies.
func TestFailOpenIsAFieldOfTheProfile(t *testing.T) {
	g := webtest.NewGateway(t)
	path := fmt.Sprint("/api/access-profiles/", g.Work)
	shown := func() any { return g.Admin.Get(path).Is(200).Object("access_profile")["fail_open_for"] }
	webtest.Same(t, "unset", shown(), nil)
	g.Admin.API("PUT", path, `{"fail_open_for":45}`).Is(200)
	webtest.Same(t, "set", shown(), 45.0)
	for body, code := range map[string]string{
		`{"fail_open_for":301}`: "number_out_of_range", `{"fail_open_for":-1}`: "number_out_of_range",
		`{"fail_open_for":1.5}`: "not_an_integer", `{"fail_open_for":"45"}`: "wrong_type", `{"fail_open_for":true}`: "wrong_type",
	} {
		g.Admin.API("PUT", path, body).Refuses(400, code, "fail_open_for")
	}

	page := strings.TrimPrefix(path, "/api")
	form := g.Session.Get(page + "/edit").Is(200).Fields("profile-form")
	webtest.Same(t, "in the form", form.Get("fail_open_for"), "45")
	form.Set("fail_open_for", "soon")
	g.Session.Post(page, form).Refuses(422, "wrong_type", "fail_open_for")
	form.Set("fail_open_for", "60")
	g.Session.Post(page, form).Is(303)
	webtest.Same(t, "from the form", shown(), 60.0)
	for path, words := range map[string]string{
		page:                                   "Calls are allowed from memory for 60 seconds.",
		page + "/versions/compare?from=1&to=3": "calls are allowed from memory for 60 seconds",
		page + "/edit":                         "A revocation made at another console meanwhile is unknown for as long",
	} {
		if a := g.Session.Get(path).Is(200); !strings.Contains(string(a.Body), words) {
			t.Errorf("%s lacks %q", path, words)
		}
	}

	copied := func() any { return g.Copies(g.Ada)[0]["fail_open_for"] }
	webtest.Same(t, "a copy before", copied(), nil)
	preview := g.Admin.API("POST", path+"/propagate", `{"fields":["provider_configs"],"dry_run":true}`).Is(200)
	if !strings.Contains(string(preview.Body), `{"field":"fail_open_for","before":0,"after":60}`) {
		t.Errorf("the preview is %s", preview.Body)
	}
	g.Admin.API("POST", path+"/propagate", `{"fields":["budgets","mcp_servers"]}`).Is(200)
	webtest.Same(t, "a copy after other fields", copied(), nil)
	g.Admin.API("POST", path+"/propagate", `{"fields":["provider_configs"]}`).Is(200)
	webtest.Same(t, "a copy after providers", copied(), 60.0)
	user := g.Member("new@example.com", "Viewer")
	g.Give(user, g.Work)
	webtest.Same(t, "a new copy", g.Copies(user)[0]["fail_open_for"], 60.0)

	form = g.Session.Get(page + "/edit").Is(200).Fields("profile-form")
	form.Set("fail_open_for", "")
	g.Session.Post(page, form).Is(303)
	webtest.Same(t, "emptied", shown(), nil)
	g.Admin.API("PUT", path, `{"fail_open_for":10}`).Is(200)
	g.Admin.API("PUT", path, `{"fail_open_for":null}`).Is(200)
	webtest.Same(t, "null", shown(), nil)
	g.Admin.API("POST", path+"/versions/3/restore", nil).Is(200)
	webtest.Same(t, "restored", shown(), 60.0)
	clone := g.Admin.API("POST", path+"/clone", `{"name":"Cloned"}`).Is(201).Object("access_profile")
	webtest.Same(t, "cloned", clone["fail_open_for"], 60.0)
}
