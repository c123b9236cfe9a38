package decision

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/entitlement"
)

// reservations holds estimates. Those that arrive while a statement runs are batched into the next.
type reservations struct {
	db      *bun.DB
	mutex   sync.Mutex
	waiting []*estimate
	working int // statements running
}

// estimate is waiting to be held: what it needs of each limit of a copy.
type estimate struct {
	id, key  string // as the client sees it, and as it is stored
	user     uuid.UUID
	content  []byte // of a hold that its caller named
	userCopy *entitlement.Copy
	call     entitlement.Call
	at       time.Time
	done     chan error
	granted  // once it is done
}

const (
	maxBatch      = 256
	maxStatements = 2 // while one statement waits for the disk, or for a user's lock, another runs
)

// granted is whether an estimate is held; null when it has to be tried again. Taken means that its name belongs to
// another hold. Used and reserved are the state of its limits before.
type granted struct {
	holds          sql.NullBool
	taken          bool
	used, reserved []int64
}

// hold holds an estimate in all limits of a copy, or in none.
func (r *reservations) hold(ctx context.Context, e *estimate) (bool, error) {
	e.done = make(chan error, 1)
	r.mutex.Lock()
	r.waiting = append(r.waiting, e)
	if r.working < maxStatements {
		r.working++
		go r.work()
	}
	r.mutex.Unlock()
	select {
	case err := <-e.done:
		return e.holds.Bool, err
	case <-ctx.Done():
		return false, fmt.Errorf("wait for a hold: %w", ctx.Err())
	}
}

// work runs as long as estimates are waiting.
func (r *reservations) work() {
	var again []*estimate
	for {
		r.mutex.Lock()
		next := append(again, r.waiting...)
		r.waiting = nil
		if len(next) > maxBatch {
			next, r.waiting = next[:maxBatch], next[maxBatch:]
		}
		if len(next) == 0 {
			r.working--
			r.mutex.Unlock()
			return
		}
		r.mutex.Unlock()
		first, later := firstOfEach(next)
		again = append(r.store(first), later...)
	}
}

// firstOfEach defers estimates with the name of another: it may be the same call, sent twice.
func firstOfEach(estimates []*estimate) (first, later []*estimate) {
	seen := map[string]bool{}
	for _, e := range estimates {
		switch {
		case e.content == nil:
			first = append(first, e)
		case seen[e.key]:
			later = append(later, e)
		default:
			seen[e.key] = true
			first = append(first, e)
		}
	}
	return first, later
}

// store answers estimates, except those that have to be tried again.
func (r *reservations) store(estimates []*estimate) (again []*estimate) {
	ctx, cancel := context.WithTimeout(context.Background(), StoreTime)
	defer cancel()
	var answers []granted
	err := database.Repeated(ctx, func() (err error) {
		answers, err = reserve(ctx, r.db, estimates)
		return err
	})
	for i, e := range estimates {
		if err == nil {
			if e.granted = answers[i]; !e.holds.Valid {
				again = append(again, e)
				continue
			}
		}
		e.done <- err
	}
	return again
}

// reserve asks the database to hold estimates. Those that are neither held nor rejected depend on others in the batch
// that were rejected.
func reserve(ctx context.Context, db *bun.DB, estimates []*estimate) ([]granted, error) {
	ids, users, copies, leases, names, contents := []string{}, []string{}, []int64{}, []int64{}, []*string{}, [][]byte{}
	of, lines, kinds, durations := []int64{}, [][16]byte{}, []string{}, []string{}
	starts, costs, limits := []time.Time{}, []int64{}, []int64{}
	for i, e := range estimates {
		ids, users, copies = append(ids, e.key), append(users, e.user.String()), append(copies, e.userCopy.ID)
		leases, contents = append(leases, int64(e.call.Hold.Lasts().Seconds())), append(contents, e.content)
		var name *string
		if e.content != nil {
			name = &e.call.Hold.ID
		}
		names = append(names, name)
		for l := range e.userCopy.Lines(e.call) {
			start, _ := l.Window(e.at)
			of, lines, kinds = append(of, int64(i+1)), append(lines, l.Line), append(kinds, l.Kind)
			durations = append(durations, l.Duration)
			starts, costs, limits = append(starts, start), append(costs, cost(l, e.call)), append(limits, l.Cap(e.at))
		}
	}
	rows, err := database.QueryPlanned(ctx, db, "SELECT n, holds, taken, used, held FROM reserve_named($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
		ids, users, copies, leases, names, contents, of, lines, kinds, durations, starts, costs, limits)
	if err != nil {
		return nil, fmt.Errorf("hold estimates: %w", err)
	}
	defer rows.Close()
	answers := make([]granted, len(estimates))
	for rows.Next() {
		var n int
		var a granted
		if err := rows.Scan(&n, &a.holds, &a.taken, pgdialect.Array(&a.used), pgdialect.Array(&a.reserved)); err != nil {
			return nil, fmt.Errorf("hold estimates: %w", err)
		}
		answers[n-1] = a
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("hold estimates: %w", err)
	}
	return answers, nil
}
