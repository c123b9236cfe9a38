package propagation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/fieldgroup"
	"tollgate/models/modelstest"
	"tollgate/models/propagation"
)

// A worker that dies before any of its statements leaves nothing that the next one does not
// finish.
func TestAPushIsFinishedByAnotherWorker(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, copies := h.Held("Left", 4)
	h.Exec(h.DB, countSomething)
	users := make([]string, len(copies))
	for i, one := range copies {
		users[i] = one.UserID
	}
	slices.Sort(users)
	sent := 2
	for n := 0; n <= sent; n++ { // not a single statement, then one more each time
		before := h.Copy(copies[0])
		job := h.Start(current.ID, pushOf(fieldgroup.Names))
		done := n % 3 // of the four, in parts that were done before
		for _, one := range copies[:done] {
			h.Must(job.PushTo(t.Context(), h.DB, one.ID))
		}
		working, die := context.WithCancel(t.Context())
		sent = 0
		db := h.DB.WithQueryHook(modelstest.Watch{Before: func(*bun.QueryEvent) {
			if sent++; sent > n {
				die()
			}
		}})
		_ = modelstest.Worker(db).Work(working, job)
		die()
		if stands := h.Stands(job); !stands.Finished() {
			h.Must(modelstest.Worker(h.DB).Work(t.Context(), h.TakeOver(job)))
		}
		stands := h.Stands(job)
		if !stands.Finished() || int(stands.Done) != len(copies) || len(stands.Failed)+len(stands.Skipped) > 0 {
			t.Fatalf("after %d statements: %+v", n, stands)
		}
		for _, one := range copies {
			h.Has(one, current.Policy, current.Version)
		}
		if named := h.Audited(job); !slices.Equal(named, users) {
			t.Errorf("after %d statements the audit log names %v, want each of %v once", n, named, users)
		}
		kept := "budgets|total|1d|" // in both policies
		for key, id := range ids(h.Copy(copies[0]).Policy) {
			if strings.HasPrefix(key, kept) && id != ids(before.Policy)[key] {
				t.Errorf("after %d statements %s got another id", n, key)
			}
		}
		current = h.Edit(current, modelstest.Flips()[current.Version%2])
	}
	if sent < 10 {
		t.Errorf("a push takes %d statements", sent)
	}
}

func TestAPushNobodyWorksOnIsTakenUp(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, copies := h.Held("Idle", 3)
	job := h.Start(current.ID, pushOf(fieldgroup.Names))
	h.Must(job.PushTo(t.Context(), h.DB, copies[1].ID))
	idle, err := propagation.ClaimPropagation(t.Context(), h.DB)
	if h.Must(err); idle != nil {
		t.Fatalf("a worker took a push whose lease holds: %+v", idle)
	}
	h.Silence(job)
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	for range 3 {
		run.Go(func() { modelstest.Worker(h.DB).Run(ctx) })
	}
	for !h.Stands(job).Finished() && t.Context().Err() == nil {
	}
	stop()
	run.Wait()
	for _, one := range copies {
		h.Has(one, modelstest.Flips()[1], 2)
	}
	if named := h.Audited(job); len(named) != len(copies) {
		t.Errorf("the audit log names %d of %d users", len(named), len(copies))
	}
}

// I-29: the lease alone does not keep a worker from writing late; the fence does.
func TestAWorkerThatLostItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, copies := h.Held("Late", 2)
	job := h.Start(current.ID, pushOf(fieldgroup.Names))
	claimed := h.TakeOver(job)
	if wrote, err := h.Late(job); !errors.Is(err, propagation.ErrLeaseLost) || len(wrote) > 0 {
		t.Errorf("the late worker says %v, and has changed %v", err, wrote)
	}
	if next, err := propagation.ClaimPropagation(t.Context(), h.DB); next != nil || err != nil {
		t.Errorf("the late worker gave away a lease that is another's: %+v, %v", next, err)
	}
	h.Must(modelstest.Worker(h.DB).Work(t.Context(), claimed))
	tables := h.Tables()
	for _, late := range []propagation.Job{job, claimed} {
		_ = modelstest.Worker(h.DB).Work(t.Context(), late)
		h.SameTables("a worker after the end", tables, h.Tables())
	}
	for _, one := range copies {
		h.Has(one, modelstest.Flips()[1], 2)
	}
}

// The twin of TestAWorkerThatLostItsLeaseWritesNothing goes by the fence that is stored, and not by the one that it was
// given.
func TestTwinOfAWorkerThatLostItsLease(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, _ := h.Held("Late", 2)
	job := h.Start(current.ID, pushOf(fieldgroup.Names))
	h.TakeOver(job)
	h.Scan(&job.Fence, "SELECT fence FROM propagation_jobs WHERE id = ?", job.ID)
	wrote, err := h.Late(job)
	for _, table := range []string{"audit_logs", "limit_lines", "propagation_items", "propagation_jobs", "user_access_profiles"} {
		if !slices.Contains(wrote, table) {
			t.Errorf("a worker without a fence, which says %v, has changed %v: the test finds nothing in %s", err, wrote, table)
		}
	}
}

// The lease may be lost between a failure and the note of it.
func TestAWorkerThatLostItsLeaseNotesNoFailure(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, copies := h.Held("Noted", 1)
	h.Refuse(copies[0].PolicyID)
	job := h.Start(current.ID, pushOf(fieldgroup.Names))
	var claimed propagation.Job
	db := h.DB.WithQueryHook(modelstest.Watch{Before: func(event *bun.QueryEvent) {
		if strings.Contains(event.Query, "'failed'") && claimed.ID == 0 {
			h.Forgive()
			claimed = h.TakeOver(job)
		}
	}})
	_ = modelstest.Worker(db).Work(t.Context(), job)
	if claimed.ID == 0 {
		t.Fatal("no failure was noted")
	}
	if stands := h.Stands(job); len(stands.Failed) > 0 || stands.Waiting != 1 {
		t.Errorf("a worker without the lease noted that %+v failed", stands.Failed)
	}
	h.Must(modelstest.Worker(h.DB).Work(t.Context(), claimed))
	h.Has(copies[0], modelstest.Flips()[1], 2)
}
