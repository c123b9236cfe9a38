package replica

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"

	"tollgate/models/database"
)

const (
	mostBehind = 10 * time.Second
	markPause  = time.Second
	// askTime is how long the standby may take to say where it is; one that took longer is not asked again for a while.
	askTime  = time.Second
	awayTime = 5 * time.Second
)

// Replica is a standby of a primary.
type Replica struct {
	DB      *bun.DB
	primary *bun.DB
	log     *slog.Logger
	reads   *prometheus.CounterVec

	mutex sync.Mutex
	marks []mark    // of the last ten seconds, oldest first
	away  time.Time // it is not asked before
}

// mark is a place in the primary's log.
type mark struct {
	sent time.Time // by this machine's clock, before the primary was asked
	AsOf time.Time // the primary's clock then
	place
}

// place is how far a server is: in the log of the database, and in the log of audit.
type place struct {
	LSN  int64
	Seq  int64
	Hash string
}

// New makes a Replica of two pools; Run keeps it up to date.
func New(replica, primary *bun.DB, log *slog.Logger) *Replica {
	return &Replica{DB: replica, primary: primary, log: log, reads: newReads()}
}

// Run marks where the primary is until ctx ends.
func (r *Replica) Run(ctx context.Context) {
	ticker := time.NewTicker(markPause)
	defer ticker.Stop()
	for {
		r.mark(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// mark reads where the primary is. Without it the marks grow old, and the standby is not used.
func (r *Replica) mark(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	now := mark{sent: time.Now()}
	err := database.ScanPlanned(ctx, r.primary, []any{&now.AsOf, &now.LSN, &now.Seq, &now.Hash}, `
SELECT clock_timestamp(), (pg_current_wal_lsn() - '0/0')::bigint, seq, encode(hash, 'hex') FROM audit_head`)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.marks = slices.DeleteFunc(r.marks, func(m mark) bool { return now.sent.Sub(m.sent) >= mostBehind })
	if err == nil {
		now.AsOf = now.AsOf.UTC()
		r.marks = append(r.marks, now)
	}
}

// Written is the number of the last change of access that the primary has.
func (r *Replica) Written(ctx context.Context) (seq int64, err error) {
	err = database.ScanPlanned(ctx, r.primary, []any{&seq}, "SELECT seq FROM audit_head")
	return seq, err
}

// AsOf is a time up to which the standby has everything; ok is false when that is too long ago, when it lacks the
// change of access with a number, and when it does not answer.
func (r *Replica) AsOf(ctx context.Context, seq int64) (at time.Time, ok bool) {
	r.mutex.Lock()
	away := time.Now().Before(r.away)
	r.mutex.Unlock()
	if away {
		return at, false
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var is place
	// A server that is no standby any more goes its own way.
	err := database.ScanPlanned(ctx, r.DB, []any{&is.LSN, &is.Seq, &is.Hash}, `
SELECT coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0), seq, encode(hash, 'hex') FROM audit_head
WHERE pg_is_in_recovery()`)
	if err != nil {
		r.Failed(ctx, err)
		return at, false
	}
	if is.Seq < seq {
		return at, false
	}
	return r.reached(is)
}

// reached is the time of the newest mark that a standby has passed.
func (r *Replica) reached(is place) (at time.Time, ok bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, m := range slices.Backward(r.marks) {
		switch {
		case m.LSN > is.LSN:
			continue
		case time.Since(m.sent) >= mostBehind, m.Seq > is.Seq, m.Seq == is.Seq && m.Hash != is.Hash:
			return at, false // the last two: it follows another primary
		}
		return m.AsOf, true
	}
	return at, false
}

// Failed leaves the standby alone for a while after an error.
func (r *Replica) Failed(ctx context.Context, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.away = time.Now().Add(awayTime)
	r.log.WarnContext(ctx, "the replica does not answer; the primary is read instead", "error", err.Error())
}
