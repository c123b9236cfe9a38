package tally

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"tollgate/models/database"
)

// weeksBefore is in how many weeks before the open one an id may be that is not to be counted again. Ids are kept for
// 36 days after they arrived, and the weeks that are closed meanwhile, each in another week of the calendar, are seven
// at most.
const weeksBefore = 7

// DroppedUntil is in SQL when the last event arrived that is dropped by now; null before the first is.
const DroppedUntil = "(SELECT max(closed_at) FROM usage_weeks WHERE dropped_at IS NOT NULL)"

// ErrNoOpenWeek says that there is no week to store events in.
var ErrNoOpenWeek = errors.New("no week is open to store events in")

// Weeks are the open week, in which events are stored, and those before it in which their ids are looked up.
type Weeks struct {
	Open   string
	Before [weeksBefore]*string

	mutex sync.Mutex
	sets  map[uuid.UUID]bool // that are stored in the open week, as far as they are remembered
}

// setsKept bounds the memory; past it the sets are forgotten.
const setsKept = 200_000

// Split divides the sets of events, each once, into those that are remembered and those to be stored.
func (w *Weeks) Split(sets []Set) (known UUIDs, others SetColumns) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	seen := make(map[uuid.UUID]bool, len(sets))
	for i := range sets {
		s := &sets[i]
		switch {
		case s.Copy == 0 || seen[s.ID]:
		case w.sets[s.ID]:
			known = append(known, pgtype.UUID{Bytes: s.ID, Valid: true})
		default:
			others.Add(s)
		}
		seen[s.ID] = true
	}
	return known, others
}

// Remember remembers sets that were stored.
func (w *Weeks) Remember(sets []Set) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.sets == nil || len(w.sets) > setsKept {
		w.sets = map[uuid.UUID]bool{}
	}
	for _, s := range sets {
		if s.Copy != 0 {
			w.sets[s.ID] = true
		}
	}
}

// OpenWeek remembers the weeks.
type OpenWeek struct{ known atomic.Pointer[Weeks] }

// Get returns the weeks.
func (o *OpenWeek) Get(ctx context.Context, tx database.Tx) (*Weeks, error) {
	if known := o.known.Load(); known != nil {
		return known, nil
	}
	found, err := readWeeks(ctx, tx)
	if err != nil {
		return nil, err
	}
	o.known.Store(found)
	return found, nil
}

// Forget forgets weeks of which the open one was closed.
func (o *OpenWeek) Forget(w *Weeks) { o.known.CompareAndSwap(w, nil) }

func readWeeks(ctx context.Context, tx database.Tx) (*Weeks, error) {
	var rows []struct {
		Week string
		Open bool
	}
	err := tx.NewRaw(`
SELECT week::text, closed_at IS NULL AS open FROM usage_weeks
WHERE week > '1970-01-05' AND (closed_at IS NULL OR closed_at > clock_timestamp() - interval '36 days')
ORDER BY week DESC`).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read the weeks of usage: %w", err)
	}
	if len(rows) == 0 || !rows[0].Open {
		return nil, ErrNoOpenWeek
	}
	if len(rows)-1 > weeksBefore {
		return nil, fmt.Errorf("%d weeks of usage were closed in 36 days", len(rows)-1)
	}
	w := &Weeks{Open: rows[0].Week}
	for i := range rows[1:] {
		w.Before[i] = &rows[1+i].Week
	}
	return w, nil
}
