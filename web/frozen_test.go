package web_test

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/web"
)

// frozenPatience is how long a request waits for a console whose database does not answer.
const frozenPatience = 6 * time.Second

// timely are the answers by request, each of which came in time.
func timely(t *testing.T, all map[string]func() answer) map[string]answer {
	t.Helper()
	var mutex sync.Mutex
	answers := map[string]answer{}
	var group sync.WaitGroup
	for name, ask := range all {
		group.Go(func() {
			begun := time.Now()
			got := ask()
			mutex.Lock()
			defer mutex.Unlock()
			if took := time.Since(begun); took > frozenPatience {
				t.Errorf("%s: answered %d after %s", name, got.StatusCode, took)
			}
			answers[name] = got
		})
	}
	group.Wait()
	return answers
}

// saysAway fails the test unless the answer says that the database is unavailable, as a page or as JSON.
func saysAway(t *testing.T, name string, got answer) {
	t.Helper()
	switch {
	case got.StatusCode != http.StatusServiceUnavailable:
		t.Errorf("%s: status %d: %.200s", name, got.StatusCode, got.body)
	case strings.HasPrefix(got.Header.Get("Content-Type"), "text/html"):
		if main := got.all("main"); len(main) != 1 || attribute(main[0], "data-error-code") != "retry_later" {
			t.Errorf("%s: the page is %.200s", name, got.body)
		}
	case got.Header.Get("Retry-After") == "" && !strings.Contains(name, "/readyz"):
		t.Errorf("%s: no Retry-After", name)
	}
}

// A database that accepts connections and never answers, like a stopped server, blocks no request: every route answers
// in time.
func TestFrozenDatabaseIsReportedInTime(t *testing.T) {
	g := newGateway(t)
	w, address := g.databaseWire(nil)
	c, _ := g.another(address)
	browser, program, caller := g.session.at(c), g.admin.at(c), g.apiKey("Usage:View", "Usage:Create").at(c)
	browser.get("/access-profiles").is(200)
	caller.decides(model(g.key), "allowed", 200)
	w.mute.Store(true)

	all := map[string]func() answer{}
	for _, r := range web.Routes(g.h) {
		path := parameter.ReplaceAllString(r.Path, "999")
		who := browser
		if strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/access/") || path == "/metrics" {
			who = program
		}
		if r.Permission == "anyone" {
			continue
		}
		if r.Permission == "a virtual key" {
			who = c.anonymous().with("Authorization", "Bearer "+g.key)
		}
		all[r.Method+" "+r.Path] = func() answer { return who.send(r.Method, path, "", nil) }
	}
	all["POST /login"] = func() answer { return c.anonymous().post("/login", credentials(admin, password)) }
	all["Basic"] = func() answer {
		return c.anonymous().with("Authorization", basic(admin, password)).api("GET", "/api/users", nil)
	}
	all["GET /readyz"] = func() answer { return c.anonymous().get("/readyz") }
	all["POST /quota"] = func() answer { return c.anonymous().post("/quota", url.Values{"key": {g.key}}) }
	for _, door := range []string{"/authz/nginx?provider=openai&model=gpt-4o", "/authz/forward?provider=openai&model=gpt-4o", "/authz/envoy/v1/chat/completions"} {
		all["GET "+door] = func() answer { return c.anonymous().with("Authorization", "Bearer "+g.key).get(door) }
	}
	// What was read within the last second still decides.
	c.within(func() bool { return all["GET /authz/nginx?provider=openai&model=gpt-4o"]().StatusCode != 200 }, "a door stays open")
	answers := timely(t, all)
	if len(answers) < 150 {
		t.Errorf("%d routes asked", len(answers))
	}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		if got := answers[name]; strings.Contains(name, "/authz/") || strings.Contains(name, "/quota") && got.StatusCode != 500 {
			if got.StatusCode < 400 || got.StatusCode == 500 {
				t.Errorf("%s: status %d", name, got.StatusCode)
			}
			continue
		}
		saysAway(t, name, answers[name])
	}
	c.anonymous().get("/healthz").is(200)

	w.mute.Store(false)
	c.eventually("an answer when it is over", func() bool { return browser.get("/access-profiles").StatusCode == 200 })
	caller.decides(model(g.key), "allowed", 200)
}

// The same when the database stops answering during a request, at a statement about profiles or users.
func TestDatabaseFreezesDuringARequest(t *testing.T) {
	g := newGateway(t)
	w, address := g.databaseWire(nil)
	frozen := [][]byte{[]byte("FROM access_profiles"), []byte("UPDATE users"), []byte("INSERT INTO access_profiles")}
	w.cut = func(sent []byte) bool {
		if slices.ContainsFunc(frozen, func(part []byte) bool { return bytes.Contains(sent, part) }) {
			w.mute.Store(true)
		}
		return false
	}
	c, _ := g.another(address)
	browser, program := g.session.at(c), g.admin.at(c)
	all := map[string]func() answer{
		"a page": func() answer { return browser.get("/access-profiles") },
		"a list": func() answer { return program.api("GET", "/api/access-profiles?search=x", nil) },
		"a form": func() answer { return browser.post("/users/"+g.bob, url.Values{"name": {"Another"}}) },
		"a save": func() answer {
			return program.api("POST", "/api/access-profiles", object{"name": "Frozen"})
		},
	}
	for name, got := range timely(t, all) {
		if got.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d: %.300s", name, got.StatusCode, got.body)
		}
	}
}
