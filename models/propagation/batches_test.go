package propagation_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/fieldgroup"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/profile"
	"tollgate/models/propagation"
)

// assignMany gives copies to so many new users, whose ids it returns in order.
func assignMany(h modelstest.Harness, shown profile.Profile, copies int) []string {
	users := make([]string, copies)
	holders := make([]identity.Holder, copies)
	for i := range users {
		users[i] = h.User(101)
		holders[i] = identity.Holder{ID: users[i]}
	}
	slices.Sort(users)
	h.Must(database.InTx(h.Context(), h.DB, func(ctx context.Context, tx database.Tx) error {
		_, err := assignment.AssignCopies(ctx, tx, shown, holders, assignment.Origin{Direct: true}, time.Now())
		if err != nil {
			return err
		}
		return audit.RecordResource(ctx, tx, permission.CLI, "assign", "access_profile", shown.Name, nil, nil)
	}))
	return users
}

const moreThanABatch = 501

// Two batches run at the same time. A worker that dies meanwhile leaves nothing that the next one does not finish, and
// each copy is changed once.
func TestBatchesThatRunTogetherAreFinishedByAnotherWorker(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current := h.Profile("Many", modelstest.Flips()[0])
	users := assignMany(h, current, moreThanABatch)
	for n := int64(3); n <= 27; n += 4 {
		current = h.Edit(current, modelstest.Flips()[current.Version%2])
		job := h.Start(current.ID, pushOf([]string{"budgets"}))
		working, die := context.WithCancel(t.Context())
		var sent atomic.Int64
		db := h.DB.WithQueryHook(modelstest.Watch{Before: func(*bun.QueryEvent) {
			if sent.Add(1) > n {
				die()
			}
		}})
		_ = modelstest.Worker(db).Work(working, job)
		die()
		if stands := h.Stands(job); !stands.Finished() {
			h.Must(modelstest.Worker(h.DB).Work(t.Context(), h.TakeOver(job)))
		}
		if stands := h.Stands(job); !stands.Finished() || stands.Done != moreThanABatch {
			t.Fatalf("after %d statements %d copies are done, state %s", n, stands.Done, stands.State)
		}
		if named := h.Audited(job); !slices.Equal(named, users) {
			t.Errorf("after %d statements the audit log names %d users, want each of %d once", n, len(named), len(users))
		}
		var behind int
		h.Scan(&behind, `SELECT count(*) FROM user_access_profiles AS c WHERE group_versions[2] <> ? OR NOT EXISTS (
    SELECT FROM limit_lines AS l WHERE l.policy_id = c.policy_id AND l.reset_duration = ?)`, current.Version,
			current.Budgets[1].ResetDuration)
		if behind > 0 {
			t.Errorf("after %d statements %d copies are behind", n, behind)
		}
	}
}

// A batch that fails does not keep the other from being done, nor the copies in it but the one that cannot be changed.
func TestABatchFailsBesideAnother(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current := h.Profile("Many", modelstest.Flips()[0])
	assignMany(h, current, moreThanABatch)
	current = h.Edit(current, modelstest.Flips()[1])
	var last struct {
		UserID   string
		PolicyID int64
	}
	h.Scan(&last, "SELECT user_id, policy_id FROM user_access_profiles ORDER BY id DESC LIMIT 1")
	h.Refuse(last.PolicyID)
	stands := h.Propagate(current.ID, pushOf([]string{"budgets"}))
	if stands.Done != moreThanABatch-1 || len(stands.Failed) != 1 || stands.Failed[0].UserID != last.UserID {
		t.Errorf("%d copies are done, failed are %v, want %s", stands.Done, stands.Failed, last.UserID)
	}
	h.Forgive()
}

// While a batch runs no other worker takes the lease, even if it has expired; afterwards the late one changes nothing.
func TestABatchKeepsTheLease(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, copies := h.Held("Slow", 2)
	job := h.Start(current.ID, pushOf([]string{"budgets"}))
	h.Silence(job)
	inTheWay, err := h.Owner.BeginTx(t.Context(), nil)
	h.Must(err)
	h.Exec(inTheWay, "SELECT FROM user_access_profiles WHERE id = ? FOR UPDATE", copies[0].ID)
	done := make(chan error)
	go func() { done <- job.PushTo(t.Context(), h.DB, copies[0].ID) }()
	for waits := 0; waits == 0 && t.Context().Err() == nil; {
		h.Scan(&waits, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
	}
	if other, err := propagation.ClaimPropagation(t.Context(), h.DB); other != nil || err != nil {
		t.Errorf("another worker took the lease while a batch ran: %+v, %v", other, err)
	}
	h.Must(inTheWay.Commit())
	h.Must(<-done)
	h.TakeOver(job)
	if err := job.PushTo(t.Context(), h.DB, copies[1].ID); !errors.Is(err, propagation.ErrLeaseLost) {
		t.Errorf("the late worker says %v", err)
	}
}

// A batch that is repeated, because the outcome of its commit is unknown, clears no usage that was counted since.
func TestARepeatedBatchClearsOnce(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, copies := h.Held("Twice", 1)
	in := pushOf(fieldgroup.Names)
	in.ResetUsage = input.Value{Kind: input.Bool, Text: "true"}
	job := h.Start(current.ID, in)
	h.Exec(h.DB, `INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used)
SELECT id, kind, reset_duration, now(), 5 FROM limit_lines WHERE policy_id = ?`, copies[0].PolicyID)
	h.Must(job.PushTo(t.Context(), h.DB, copies[0].ID))
	var cleared, left int
	h.Scan(&cleared, "SELECT count(*) FROM limit_windows WHERE used = cleared") // of the limits that stay
	h.Exec(h.DB, "UPDATE limit_windows SET used = used + 3 WHERE used = cleared")
	h.Must(job.PushTo(t.Context(), h.DB, copies[0].ID))
	if h.Scan(&left, "SELECT count(*) FROM limit_windows WHERE used - cleared = 3"); left != cleared || cleared == 0 {
		t.Errorf("of %d limits that were used after the reset %d have what was used", cleared, left)
	}
}
