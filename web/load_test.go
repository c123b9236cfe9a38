package web_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"tollgate/handlers"
	"tollgate/models/database"
	"tollgate/web/webtest"
)

func TestListPageQueriesDoNotGrowWithProfiles(t *testing.T) {
	hook := &webtest.Statements{}
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.DB = h.DB.WithQueryHook(hook) })
	c.Exec("INSERT INTO providers (name, models) SELECT 'p' || n, '{m}' FROM generate_series(1, 20) n")
	v := c.APIKey()
	for i := range 30 {
		var configs []any
		for n := range 20 {
			configs = append(configs, map[string]any{
				"provider_name": fmt.Sprint("p", n+1), "budgets": []any{map[string]any{"max_limit": 1, "reset_duration": "1d"}},
			})
		}
		v.API("POST", "/api/access-profiles", map[string]any{"name": fmt.Sprint("Profile ", i), "tags": []string{"x"}, "provider_configs": configs}).Is(http.StatusCreated)
	}
	pages := map[string]func(string) webtest.Answer{
		"/access-profiles":                             c.Login(webtest.Admin).Get,
		"/access-profiles?search=profile&tags=x":       c.Login(webtest.Admin).Get,
		"/api/access-profiles":                         v.Get,
		"/api/access-profiles?offset=5&is_active=true": v.Get,
	}
	for path, get := range pages {
		get(path).Is(http.StatusOK)
		hook.N.Store(0)
		get(path).Is(http.StatusOK)
		if n := hook.N.Load(); n > 8 || n == 0 {
			t.Errorf("%s took %d queries", path, n)
		}
	}
}

// Of two saves of one version exactly one succeeds, by form and by JSON.
func TestConcurrentSavesOfOneVersion(t *testing.T) {
	c := webtest.NewCast(t)
	for round := range 10 {
		version := strconv.Itoa(round + 1)
		var won, late atomic.Int64
		start := make(chan struct{})
		var done sync.WaitGroup
		for writer := range 4 {
			done.Go(func() {
				<-start
				body := map[string]string{"description": fmt.Sprint("round ", round, " writer ", writer)}
				switch a := c.Admin.With("If-Match", strconv.Quote(version)).API("PUT", "/api/access-profiles/1", body); a.StatusCode {
				case http.StatusOK:
					won.Add(1)
				case http.StatusPreconditionFailed:
					late.Add(1)
				default:
					t.Errorf("status %d: %s", a.StatusCode, a.Body)
				}
			})
		}
		close(start)
		done.Wait()
		if won.Load() != 1 || late.Load() != 3 {
			t.Fatalf("round %d: %d won, %d came late", round, won.Load(), late.Load())
		}
	}
}

// While the database is unavailable, every page and answer says so and none is a 500.
func TestDatabaseAway(t *testing.T) {
	away, err := database.Open("postgres://tollgate@127.0.0.1:1/nowhere?connect_timeout=1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = away.Close() })
	c := webtest.NewConsole(t)
	session, key := c.Login(webtest.Admin), c.APIKey()
	c.H.DB = away
	for _, a := range []webtest.Answer{
		session.Get("/access-profiles"), key.Get("/api/access-profiles"), key.API("POST", "/api/access-profiles", `{"name":"x"}`),
		session.Get("/settings"),
	} {
		if a.Is(http.StatusServiceUnavailable); a.Header.Get("Retry-After") == "" {
			t.Errorf("%s does not say when to retry", a.Request.URL.Path)
		}
	}
	c.Anonymous().Get("/healthz").Is(http.StatusOK)
	key.Get("/api/access-profiles").Refuses(http.StatusServiceUnavailable, "retry_later", "")
	session.Get("/access-profiles").Refuses(http.StatusServiceUnavailable, "retry_later", "")
}
