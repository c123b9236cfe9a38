package web_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/spool"
	"tollgate/models/usage"
	"tollgate/web/webtest"
)

// Usage that waited in a spool for so long that its id is not looked up any more is not counted without a question: it
// may have been counted before the spool took it.
func TestOldUsageOfASpoolIsNotCountedTwice(t *testing.T) {
	g := webtest.NewGateway(t)
	journal, err := spool.Open(t.TempDir())
	g.Must(err)
	old, fresh := uuid.NewString(), uuid.NewString()
	for id, age := range map[string]time.Duration{old: 36 * 24 * time.Hour, fresh: 34 * 24 * time.Hour} {
		line, err := json.Marshal(map[string]any{
			"event_id": id, "user_id": g.Ada, "provider": "openai", "model": "gpt-4o", "cost": 1, "tokens": 10, "requests": 1,
			"occurred_at": time.Now().Add(-age),
		})
		g.Must(err)
		g.Must(journal.Add(t.Context(), line))
	}
	recorder := usage.NewRecorder(g.DB, g.H.Cache, slog.New(slog.DiscardHandler))
	recorder.Spool = journal
	working, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { recorder.Run(working); close(ended) }()
	g.Eventually("the spool is empty", func() bool { return journal.Lines() == 0 })
	stop()
	<-ended
	webtest.Same(t, "events that are counted", g.Count("counted_events WHERE event_id = ?", fresh), 1)
	webtest.Same(t, "old events that are counted", g.Count("counted_events WHERE event_id = ?", old), 0)
	webtest.Same(t, "old events that wait for an admin", g.Count("usage_quarantine WHERE event_id = ?", old), 1)
}
