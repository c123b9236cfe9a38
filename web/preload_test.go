package web_test

import (
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/access"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/modelstest"
	"tollgate/web/webtest"
)

// A console that has read keys in bulk decides with few statements, however many users there are.
func TestPreloadedConsoleDecidesFromMemory(t *testing.T) {
	g := webtest.NewGateway(t)
	keys := []string{g.Key}
	for range 12 {
		user := g.Member(uuid.NewString()+"@example.com", "Viewer")
		_, key := g.Give(user, g.Work)
		keys = append(keys, key)
	}
	g.Admin.Counted(webtest.Event(g.Key))
	var sent atomic.Int64
	db := webtest.Connect(t, g.AppURL()).WithQueryHook(modelstest.Watch{Before: func(*bun.QueryEvent) { sent.Add(1) }})
	statements := func(preload bool) int {
		cache := access.NewCache(db, g.H.Keys, slog.New(slog.DiscardHandler))
		g.Must(cache.Current(t.Context()))
		if preload {
			g.Must(cache.Preload(t.Context()))
		}
		engine := decision.NewEngine(cache, nil)
		before := sent.Load()
		for _, key := range keys {
			d, err := engine.Decide(t.Context(), entitlement.Subject{VirtualKey: key}, entitlement.Call{Model: "openai/gpt-4o"})
			g.Must(err)
			if !d.Decision || (key == g.Key) != (d.Limits[0].Used.N > 0) {
				t.Errorf("%+v", d)
			}
		}
		return int(sent.Load() - before)
	}
	if n := statements(true); n > 3 { // the catalogue, and a poll on a slow machine
		t.Errorf("%d statements for %d preloaded keys", n, len(keys))
	}
	if n := statements(false); n < len(keys) {
		t.Errorf("%d statements for %d keys that are not preloaded: this test finds nothing", n, len(keys))
	}
}
