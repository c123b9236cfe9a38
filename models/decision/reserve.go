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
FROM hold_estimates($4, $3::text[], $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

// reserve asks the database to hold estimates. Those that are neither held nor rejected depend on others in the batch
// that were rejected.
func reserve(ctx context.Context, db *bun.DB, w database.FeedWriter, estimates []*estimate) ([]granted, error) {
	h, a := columns(estimates)
	rows, err := database.QueryPlanned(ctx, db, holdEstimates, w.ID.String(), w.Seq, h.users, h.ids, h.copies, h.leases,
		h.names, h.contents, a.of, a.lines, a.kinds, a.durations, a.starts, a.amounts, a.aheads, a.limits)
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
