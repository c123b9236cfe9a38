package schema

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"
)

const (
	beat     = 10 * time.Second
	beatTime = 5 * time.Second
)

// Heartbeat tells other consoles that this one is at work, and which migrations it knows.
type Heartbeat struct {
	db                  *bun.DB
	log                 *slog.Logger
	id, version, newest string
	secretCheck         []byte
	unknown, consoles   atomic.Int64
}

// NewHeartbeat makes the heartbeat of a console that listens on an address and has the secret of a check value.
func NewHeartbeat(
	db *bun.DB, log *slog.Logger, version, address string, secretCheck []byte,
) (*Heartbeat, error) {
	newest, err := Newest()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read the name of this machine: %w", err)
	}
	// Two consoles in containers may have one name and one address.
	id := fmt.Sprintf("%s %s %s", host, address, rand.Text()[:6])
	return &Heartbeat{db: db, log: log, id: id, version: version, newest: newest, secretCheck: secretCheck}, nil
}

// Run reports this console until ctx ends, and then that it has ended.
func (h *Heartbeat) Run(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	failed := false
	for {
		err := h.Beat(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			h.log.WarnContext(ctx, "other consoles do not see this one", "error", err.Error())
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			h.end(context.WithoutCancel(ctx))
			return
		case <-ticker.C:
		}
	}
}

// Begin reports this console for the first time. Other consoles have to see it before it serves: one could remove what
// this one needs, or have another secret, which is an [OtherSecretError].
func (h *Heartbeat) Begin(ctx context.Context) error {
	if err := h.Beat(ctx); err != nil {
		return err
	}
	err := refuseOther(ctx, h.db, h.secretCheck, h.id)
	if err != nil {
		h.end(context.WithoutCancel(ctx))
	}
	return err
}

// Beat reports this console once.
func (h *Heartbeat) Beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	_, err := h.db.NewRaw(`
INSERT INTO consoles (id, version, schema, seen_at, secret_check) VALUES (?, ?, ?, clock_timestamp(), ?)
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`, h.id, h.version, h.newest, h.secretCheck).Exec(ctx)
	if err != nil {
		return fmt.Errorf("report this console: %w", err)
	}
	var consoles int64
	err = h.db.NewRaw("SELECT count(*) FROM consoles WHERE seen_at > clock_timestamp() - interval '1 minute'").
		Scan(ctx, &consoles)
	if err != nil {
		return fmt.Errorf("count consoles: %w", err)
	}
	h.consoles.Store(consoles)
	state, err := Read(ctx, h.db)
	if err != nil {
		return err
	}
	h.unknown.Store(int64(state.Unknown))
	return nil
}

// Consoles is how many consoles were at work when this one last looked.
func (h *Heartbeat) Consoles() int64 { return h.consoles.Load() }

// end removes this console, and consoles that ended long ago without removing themselves.
func (h *Heartbeat) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := h.db.NewRaw("DELETE FROM consoles WHERE id = ? OR seen_at < now() - interval '1 day'", h.id).Exec(ctx)
	if err != nil {
		h.log.WarnContext(ctx, "this console is still listed as running", "error", err.Error())
	}
}

var unknownMigrations = prometheus.NewDesc("tollgate_schema_unknown_migrations",
	"Migrations of the database that this console does not know, when it last looked.", nil, nil)

// Describe is part of [prometheus.Collector].
func (h *Heartbeat) Describe(ch chan<- *prometheus.Desc) { ch <- unknownMigrations }

// Collect is part of [prometheus.Collector].
func (h *Heartbeat) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(unknownMigrations, prometheus.GaugeValue, float64(h.unknown.Load()))
}
