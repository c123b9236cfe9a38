package modelstest

import (
	"context"
	"log/slog"
	"sync"

	"github.com/uptrace/bun"

	"tollgate/models/access"
	"tollgate/models/ledger"
	"tollgate/models/usage"
)

// Recorder is one console's, at work until the test ends.
func (h Harness) Recorder(db *bun.DB) *usage.Recorder {
	h.Helper()
	decider := access.NewCache(db, h.Keys, slog.New(slog.DiscardHandler))
	recorder := usage.NewRecorder(db, decider, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.WithoutCancel(h.Context()))
	var workers sync.WaitGroup
	workers.Go(func() { decider.Run(ctx) })
	workers.Go(func() { recorder.Run(ctx) })
	h.Cleanup(func() { stop(); workers.Wait() })
	return recorder
}

// Balanced fails the test when a counter is not the sum of its events.
func (h Harness) Balanced() (counters int64) {
	h.Helper()
	counters, skewed, err := ledger.VerifyWhole(h.Context(), h.DB)
	h.Must(err)
	if len(skewed) > 0 {
		h.Errorf("counters that are not what their events add up to: %+v", skewed)
	}
	return counters
}
