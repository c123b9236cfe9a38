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
	"tollgate/web/webtest"
)

// frozenPatience is how long a request waits for a console whose database does not answer: one statement is given up after
// five seconds, a second one would be given up after ten.
const frozenPatience = 9800 * time.Millisecond

// timely are the answers by request, each of which came in time.
func timely(t *testing.T, all map[string]func() webtest.Answer) map[string]webtest.Answer {
	t.Helper()
	var mutex sync.Mutex
	answers, late := map[string]webtest.Answer{}, []string{}
	var group sync.WaitGroup
	for name, ask := range all {
		group.Go(func() {
			begun := time.Now()
			got := ask()
			mutex.Lock()
			defer mutex.Unlock()
			if time.Since(begun) > frozenPatience {
				late = append(late, name)
			}
			answers[name] = got
		})
	}
	group.Wait()
	for _, name := range late { // a busy machine may stand still once
		if got, took := timed(all[name]); took > frozenPatience {
			t.Errorf("%s: answered %d after %s", name, got.StatusCode, took)
		}
	}
	return answers
}

// saysAway fails the test unless the answer says that the database is unavailable, as a page or as JSON.
func saysAway(t *testing.T, name string, got webtest.Answer) {
	t.Helper()
	switch {
	case got.StatusCode != http.StatusServiceUnavailable:
		t.Errorf("%s: status %d: %.200s", name, got.StatusCode, got.Body)
	case strings.HasPrefix(got.Header.Get("Content-Type"), "text/html"):
		if main := got.All("main"); len(main) != 1 || webtest.Attribute(main[0], "data-error-code") != "retry_later" {
			t.Errorf("%s: the page is %.200s", name, got.Body)
		}
	case got.Header.Get("Retry-After") == "" && !strings.Contains(name, "/readyz"):
		t.Errorf("%s: no Retry-After", name)
	}
}

// A database that accepts connections and never answers, like a stopped server, blocks no request: every route answers
// in time.
func TestFrozenDatabaseIsReportedInTime(t *testing.T) {
	g := webtest.NewGateway(t)
	w, address := g.DatabaseWire(nil)
	c, _ := g.Another(address)
	browser, program, caller := g.Session.At(c), g.Admin.At(c), g.APIKey("Usage:View", "Usage:Create").At(c)
	browser.Get("/access-profiles").Is(200)
	caller.Decides(webtest.Model(g.Key), "allowed", 200)
	directory := g.Directory("Frozen", "Viewer").At(c)
	w.Mute.Store(true)

	all := map[string]func() webtest.Answer{}
	for _, r := range web.Routes(g.H) {
		path := webtest.Parameter.ReplaceAllString(r.Path, "999")
		who := browser
		if strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/access/") || path == "/metrics" {
			who = program
		}
		if r.Permission == "anyone" {
			continue
		}
		if r.Permission == "a SCIM token" {
			who = directory
		}
		if r.Permission == "a virtual key" {
			who = c.Anonymous().With("Authorization", "Bearer "+g.Key)
		}
		all[r.Method+" "+r.Path] = func() webtest.Answer { return who.Send(r.Method, path, "", nil) }
	}
	all["POST /login"] = func() webtest.Answer {
		return c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, webtest.Password))
	}
	all["Basic"] = func() webtest.Answer {
		return c.Anonymous().With("Authorization", webtest.Basic(webtest.Admin, webtest.Password)).API("GET", "/api/users", nil)
	}
	all["GET /readyz"] = func() webtest.Answer { return c.Anonymous().Get("/readyz") }
	for _, door := range []string{"/authz/nginx?provider=openai&model=gpt-4o", "/authz/forward?provider=openai&model=gpt-4o", "/authz/envoy/v1/chat/completions"} {
		all["GET "+door] = func() webtest.Answer { return c.Anonymous().With("Authorization", "Bearer "+g.Key).Get(door) }
	}
	// What was read within the last second still decides.
	c.Within(func() bool { return all["GET /authz/nginx?provider=openai&model=gpt-4o"]().StatusCode != 200 }, "a door stays open")
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
	// A page can be asked for again by a link; a form is gone back to, since a link would lose what was typed.
	if page := browser.Get("/access-profiles").Is(503); len(page.All("a", "class", "button primary")) != 1 {
		t.Errorf("no link asks for the page again: %s", page.Body)
	}
	form := browser.Post("/access-profiles", url.Values{"name": {"Typed"}}).Is(503)
	if len(form.All("a", "class", "button primary")) != 0 || !strings.Contains(string(form.Body), "still holds what you typed") {
		t.Errorf("a form that was not stored: %s", form.Body)
	}
	c.Anonymous().Get("/healthz").Is(200)

	w.Mute.Store(false)
	c.Eventually("an answer when it is over", func() bool { return browser.Get("/access-profiles").StatusCode == 200 })
	c.Eventually("a decision", func() bool { // a poll whose answer was lost refuses until the next one
		return caller.API("POST", "/api/governance/decisions", webtest.Model(g.Key)).StatusCode == 200
	})
	caller.Decides(webtest.Model(g.Key), "allowed", 200)
}

// The same when the database stops answering during a request, at a statement about profiles or users.
func TestDatabaseFreezesDuringARequest(t *testing.T) {
	g := webtest.NewGateway(t)
	w, address := g.DatabaseWire(nil)
	frozen := [][]byte{[]byte("FROM access_profiles"), []byte("UPDATE users"), []byte(`INSERT INTO "access_profiles"`)}
	w.Cut = func(sent []byte) bool {
		if slices.ContainsFunc(frozen, func(part []byte) bool { return bytes.Contains(sent, part) }) {
			w.Mute.Store(true)
		}
		return false
	}
	c, _ := g.Another(address)
	browser, program := g.Session.At(c), g.Admin.At(c)
	form := g.Session.Get("/users/" + g.Bob + "/edit").Is(200).KeptFields("/users/" + g.Bob)
	form.Set("name", "Another")
	all := map[string]func() webtest.Answer{
		"a page": func() webtest.Answer { return browser.Get("/access-profiles") },
		"a list": func() webtest.Answer { return program.API("GET", "/api/access-profiles?search=x", nil) },
		"a form": func() webtest.Answer { return browser.Post("/users/"+g.Bob, form) },
		"a save": func() webtest.Answer {
			return program.API("POST", "/api/access-profiles", webtest.Object{"name": "Frozen"})
		},
	}
	for name, got := range timely(t, all) {
		if got.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d: %.300s", name, got.StatusCode, got.Body)
		}
	}
}
