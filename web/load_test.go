package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/handlers"
	"tollgate/models/database"
)

// statements counts the statements sent to the database.
type statements struct{ n atomic.Int64 }

func (s *statements) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (s *statements) AfterQuery(context.Context, *bun.QueryEvent) { s.n.Add(1) }

func TestListPageQueriesDoNotGrowWithProfiles(t *testing.T) {
	hook := &statements{}
	c := newConsole(t, func(h *handlers.Handlers) { h.DB = h.DB.WithQueryHook(hook) })
	c.exec("INSERT INTO providers (name, models) SELECT 'p' || n, '{m}' FROM generate_series(1, 20) n")
	v := c.apiKey()
	for i := range 30 {
		var configs []any
		for n := range 20 {
			configs = append(configs, map[string]any{
				"provider_name": fmt.Sprint("p", n+1), "budgets": []any{map[string]any{"max_limit": 1, "reset_duration": "1d"}},
			})
		}
		v.api("POST", "/api/access-profiles", map[string]any{"name": fmt.Sprint("Profile ", i), "tags": []string{"x"}, "provider_configs": configs}).is(http.StatusCreated)
	}
	pages := map[string]func(string) answer{
		"/access-profiles":                             c.login(admin).get,
		"/access-profiles?search=profile&tags=x":       c.login(admin).get,
		"/api/access-profiles":                         v.get,
		"/api/access-profiles?offset=5&is_active=true": v.get,
	}
	for path, get := range pages {
		get(path).is(http.StatusOK)
		hook.n.Store(0)
		get(path).is(http.StatusOK)
		if n := hook.n.Load(); n > 8 || n == 0 {
			t.Errorf("%s took %d queries", path, n)
		}
	}
}

// Of two saves of one version exactly one succeeds, by form and by JSON.
func TestConcurrentSavesOfOneVersion(t *testing.T) {
	c := newCast(t)
	for round := range 10 {
		version := strconv.Itoa(round + 1)
		var won, late atomic.Int64
		start := make(chan struct{})
		var done sync.WaitGroup
		for writer := range 4 {
			done.Go(func() {
				<-start
				body := map[string]string{"description": fmt.Sprint("round ", round, " writer ", writer)}
				switch a := c.admin.with("If-Match", strconv.Quote(version)).api("PUT", "/api/access-profiles/1", body); a.StatusCode {
				case http.StatusOK:
					won.Add(1)
				case http.StatusPreconditionFailed:
					late.Add(1)
				default:
					t.Errorf("status %d: %s", a.StatusCode, a.body)
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
	c := newConsole(t)
	session, key := c.login(admin), c.apiKey()
	c.h.DB = away
	for _, a := range []answer{
		session.get("/access-profiles"), key.get("/api/access-profiles"), key.api("POST", "/api/access-profiles", `{"name":"x"}`),
		c.anonymous().api("GET", "/readyz", nil), session.get("/settings"),
	} {
		if a.is(http.StatusServiceUnavailable); a.Header.Get("Retry-After") == "" && a.Request.URL.Path != "/readyz" {
			t.Errorf("%s does not say when to retry", a.Request.URL.Path)
		}
	}
	c.anonymous().get("/healthz").is(http.StatusOK)
	key.get("/api/access-profiles").refuses(http.StatusServiceUnavailable, "retry_later", "")
	session.get("/access-profiles").refuses(http.StatusServiceUnavailable, "retry_later", "")
}
