package decision

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/batch"
	"tollgate/models/database"
	"tollgate/models/entitlement"
)

// estimate is waiting to be held: what it needs of each limit of a copy.
type estimate struct {
	id, key  string // as the client sees it, and as it is stored
	user     uuid.UUID
	content  []byte // of a hold that its caller named
	userCopy *entitlement.Copy
	call     entitlement.Call
	at       time.Time
	granted  // once it is done
}

// estimatesAtOnce is how many estimates a statement holds.
const estimatesAtOnce = 256

// granted is whether an estimate is held; null when it has to be tried again. Taken means that its name belongs to
// another hold. Used and reserved are the state of its limits before.
type granted struct {
	holds          sql.NullBool
	taken          bool
	used, reserved []int64
}

// newReservations makes the batcher that holds estimates, each in all limits of a copy or in none.
func newReservations(db *bun.DB) *batch.Batcher[*estimate] {
	return &batch.Batcher[*estimate]{
		Run:     func(ctx context.Context, estimates []*estimate) error { return hold(ctx, db, firstOfEach(estimates)) },
		Timeout: StoreTime,
		Max:     estimatesAtOnce,
		Again:   func(e *estimate) bool { return !e.holds.Valid },
	}
}

// firstOfEach defers an estimate that has the same name as an earlier one of the batch: it may be the same call, sent
// twice.
func firstOfEach(estimates []*estimate) (first []*estimate) {
	seen := map[string]bool{}
	for _, e := range estimates {
		if e.content == nil || !seen[e.key] {
			first = append(first, e)
		}
		seen[e.key] = true
	}
	return first
}

func hold(ctx context.Context, db *bun.DB, estimates []*estimate) error {
	return database.Repeated(ctx, func() error {
		return database.AsFeedWriter(db, func(w database.FeedWriter) error {
			answers, err := reserve(ctx, db, w, estimates)
			for i, answer := range answers {
				estimates[i].granted = answer
			}
			return err
		})
	})
}

const holdEstimates = "WITH fed AS (" + database.FeedUsage + `)
SELECT n, holds, taken, used, held
FROM reserve_estimates($4, $3::text[], $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

// reserve asks the database to hold estimates. Those that are neither held nor rejected depend on others in the batch
// that were rejected.
func reserve(ctx context.Context, db *bun.DB, w database.FeedWriter, estimates []*estimate) ([]granted, error) {
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
		for _, l := range e.userCopy.Counting(e.call) {
			start, _ := l.Window(e.at)
			of, lines, kinds = append(of, int64(i+1)), append(lines, l.ID), append(kinds, l.Kind)
			durations = append(durations, l.Duration)
			starts, costs, limits = append(starts, start), append(costs, cost(l, e.call)), append(limits, l.Cap(e.at))
		}
	}
	rows, err := database.QueryPlanned(ctx, db, holdEstimates, w.ID.String(), w.Seq, users,
		ids, copies, leases, names, contents, of, lines, kinds, durations, starts, costs, limits)
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
