package web_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"tollgate/web/webtest"
)

// T-12: every console applies a change within a second.
func TestChangesApplyEverywhereWithinASecond(t *testing.T) {
	t.Parallel()
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	for _, change := range webtest.AccessChanges(g) {
		for _, c := range []*webtest.Console{g.Console, other} {
			g.Shows(c, change, change.Before) // and is cached from now on
		}
		change.Do()
		g.Shows(g.Console, change, change.After)
		g.Shows(other, change, change.After)
		if t.Failed() {
			t.Fatal(change.Name)
		}
	}
}

// The console where a change was made applies it before it has answered.
func TestChangesApplyAtOnceOnTheirOwnConsole(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, change := range webtest.AccessChanges(g) {
		g.Shows(g.Console, change, change.Before)
		change.Ask(g.Console)
		change.Do()
		if got := change.Ask(g.Console); got != change.After {
			t.Errorf("%s: %v at once, want %s", change.Name, got, change.After)
		}
	}
}

// The API key of a gateway stops working at once on the console where it was deleted, and within a second on every
// other.
func TestDeletedAPIKeyIsRejected(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	made := g.Admin.API("POST", "/api/api-keys", `{"name":"gateway","scopes":["Usage:Create"]}`).Is(201)
	gateway := g.Bearer(made.JSON()["key"])
	asks := func(c *webtest.Console) int {
		return gateway.At(c).API("POST", "/api/decisions", webtest.Model(g.Key)).StatusCode
	}
	for range 2 {
		webtest.Same(t, "while the key works", []int{asks(g.Console), asks(other)}, []int{200, 200})
	}
	g.Admin.API("DELETE", webtest.PathOf(made.Object("api_key")), nil).Is(200)
	webtest.Same(t, "at once", asks(g.Console), 401)
	webtest.Same(t, "a report at once", gateway.Report(webtest.Event(g.Key)).StatusCode, 401)
	g.Within(func() bool { return asks(other) == 401 }, "the key is still good on the other console")
}

// Requests that arrive at the same time read their credentials and profiles together: each gets what it asked for, and
// what was revoked meanwhile, here or elsewhere, is rejected at once.
func TestRequestsThatReadTogether(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	ids := []int64{g.Work, g.ProfileNaming("Second", webtest.Work), g.ProfileNaming("Third", webtest.Work)}
	made := g.Admin.API("POST", "/api/api-keys", `{"name":"revoked","scopes":["AccessProfiles:View"]}`).Is(201)
	revoked, narrow := g.Bearer(made.JSON()["key"]), g.APIKey("Usage:View")
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for i := range 12 {
		id, c := ids[i%len(ids)], []*webtest.Console{g.Console, other}[i%2]
		readers.Go(func() {
			for ctx.Err() == nil {
				shown := g.Admin.At(c).API("GET", fmt.Sprint("/api/access-profiles/", id), nil).Object("access_profile")
				webtest.Same(t, "the profile", shown["id"], any(float64(id)))
				webtest.Same(t, "a key without the permission", narrow.At(c).API("GET", "/api/access-profiles", nil).StatusCode, 403)
			}
		})
	}
	asks := func(c *webtest.Console) int {
		return revoked.At(c).API("GET", fmt.Sprint("/api/access-profiles/", g.Work), nil).StatusCode
	}
	for range 20 {
		webtest.Same(t, "while the key works", []int{asks(g.Console), asks(other)}, []int{200, 200})
	}
	g.Admin.API("DELETE", webtest.PathOf(made.Object("api_key")), nil).Is(200)
	for range 20 {
		webtest.Same(t, "after it was revoked", []int{asks(g.Console), asks(other)}, []int{401, 401})
	}
	stop()
	readers.Wait()
	g.Admin.API("DELETE", fmt.Sprint("/api/access-profiles/", ids[2]), nil).Is(200)
	g.Admin.API("GET", fmt.Sprint("/api/access-profiles/", ids[2]), nil).Refuses(404, "not_found", "")
}

// I-21: two consoles that get no requests for a second then answer alike, after changes on either of them.
func TestConsolesGiveTheSameAnswers(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	changes := webtest.AccessChanges(g)
	for i, change := range changes {
		by := g.Admin
		if i%2 == 0 {
			by = by.At(other)
		}
		change.Ask(by.Console)
		change.Do()
	}
	for _, change := range changes {
		g.Shows(g.Console, change, change.After)
		g.Shows(other, change, change.After)
	}
	g.Balanced()
}

// D-02, U-13: without its database a console allows nothing and acknowledges nothing, on any route; when the database
// is back, no restart is needed.
func TestDecisionsWithoutTheDatabase(t *testing.T) {
	g := webtest.NewGateway(t)
	w, address := g.DatabaseWire(nil)
	c, _ := g.Another(address)
	t.Cleanup(w.Restore) // before the console closes, which waits for its requests
	v := g.Admin.At(c)
	v.Decides(webtest.Model(g.Key), "allowed", 200)
	w.Breaks()
	g.DoorsClose(c, "/authz/forward", "/authz/envoy/v1/chat")
	g.Bearer(g.Key).At(c).With("X-Model", "openai/gpt-4o").Get("/authz/nginx").Closed("retry_later", 503)
	lost := webtest.Event(g.Key)
	for path, body := range map[string]any{
		"/api/decisions": webtest.Model(g.Key), "/api/governance/decisions": webtest.With(webtest.Model(g.Key), "reserve", true), "/api/usage": lost, "/api/governance/usage": webtest.Object{"events": []webtest.Object{lost}},
	} {
		if a := v.API("POST", path, body).Refuses(503, "retry_later", ""); a.Wait() < 1 {
			t.Errorf("%s: headers %v", path, a.Header)
		}
	}
	evaluation := webtest.Object{"subject": webtest.Object{"type": "virtual_key", "id": g.Key}, "action": webtest.Object{"name": "call"}, "resource": webtest.Object{"type": "model", "id": "openai/gpt-4o"}}
	v.API("POST", "/access/v1/evaluation", evaluation).Is(503)
	webtest.Same(t, "events", g.Count("counted_events WHERE event_id = ?", lost["event_id"]), 0)
	w.Restore()
	c.Eventually("an answer", func() bool { return v.API("POST", "/api/decisions", webtest.Model(g.Key)).StatusCode == 200 })
	v.Decides(webtest.Model(g.Key), "allowed", 200)
	v.Counted(lost)
	g.Balanced()
}

// The same when the database accepts connections but no longer answers.
func TestDecisionsWithASilentDatabase(t *testing.T) {
	g := webtest.NewGateway(t)
	w, address := g.DatabaseWire(nil)
	c, _ := g.Another(address)
	t.Cleanup(w.Restore)
	ask := func() webtest.Answer {
		return g.Bearer(g.Key).At(c).With("X-Model", "openai/gpt-4o").Get("/authz/forward")
	}
	ask().Is(200)
	w.Mute.Store(true)
	g.DoorsClose(c)
	w.Restore()
	c.Eventually("an answer", func() bool { return ask().StatusCode == 200 })
}
