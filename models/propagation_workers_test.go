package models_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// silence ends the lease of whoever works on a push.
func (h holding) silence(job models.Propagation) {
	h.Helper()
	h.exec(h.db, "UPDATE propagation_jobs SET lease_until = clock_timestamp() - interval '1 second' WHERE id = ?", job.ID)
}

// takeOver has another worker claim a push whose worker fell silent.
func (h holding) takeOver(job models.Propagation) models.Propagation {
	h.Helper()
	h.silence(job)
	claimed, err := models.ClaimPropagation(h.Context(), h.db)
	h.must(err)
	if claimed == nil || claimed.ID != job.ID || claimed.Fence <= job.Fence {
		h.Fatalf("claimed %+v", claimed)
	}
	return *claimed
}

// audited are the users whom the audit rows of a push name, one by one.
func (h holding) audited(job models.Propagation) []string {
	h.Helper()
	var users []string
	h.scan(&users, `SELECT jsonb_array_elements_text(metadata::jsonb->'user_ids') AS u FROM audit_logs
WHERE action = 'propagate' AND (metadata::jsonb->>'propagation_id')::bigint = ? ORDER BY u`, job.ID)
	return users
}

// A worker that dies before any of its statements, whatever was done by then, leaves nothing that the next one does not finish.
func TestAPushIsFinishedByAnotherWorker(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, copies := h.held("Left", 4)
	h.exec(h.db, countSomething)
	users := make([]string, len(copies))
	for i, one := range copies {
		users[i] = one.UserID
	}
	slices.Sort(users)
	sent := 2
	for n := 0; n <= sent; n++ { // not a single statement, then one more each time
		before := h.copy(copies[0])
		job := h.start(template.ID, pushOf(models.FieldGroups))
		done := n % 3 // of the four, in parts that were done before
		for _, one := range copies[:done] {
			h.must(job.PushTo(t.Context(), h.db, one.ID))
		}
		working, die := context.WithCancel(t.Context())
		sent = 0
		db := h.db.WithQueryHook(watch{before: func(*bun.QueryEvent) {
			if sent++; sent > n {
				die()
			}
		}})
		_ = worker(db).Work(working, job)
		die()
		if stands := h.stands(job); !stands.Finished() {
			h.must(worker(h.db).Work(t.Context(), h.takeOver(job)))
		}
		stands := h.stands(job)
		if !stands.Finished() || int(stands.Done) != len(copies) || len(stands.Failed)+len(stands.Skipped) > 0 {
			t.Fatalf("after %d statements: %+v", n, stands)
		}
		for _, one := range copies {
			h.has(one, template.Policy, template.Version)
		}
		if named := h.audited(job); !slices.Equal(named, users) {
			t.Errorf("after %d statements the audit log names %v, want each of %v once", n, named, users)
		}
		kept := "budgets|total|1d|" // in both policies
		for key, id := range ids(h.copy(copies[0]).Policy) {
			if strings.HasPrefix(key, kept) && id != ids(before.Policy)[key] {
				t.Errorf("after %d statements %s got another id", n, key)
			}
		}
		template = h.edit(template, flips()[template.Version%2])
	}
	if sent < 10 {
		t.Errorf("a push takes %d statements", sent)
	}
}

func TestAPushNobodyWorksOnIsTakenUp(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, copies := h.held("Idle", 3)
	job := h.start(template.ID, pushOf(models.FieldGroups))
	h.must(job.PushTo(t.Context(), h.db, copies[1].ID))
	idle, err := models.ClaimPropagation(t.Context(), h.db)
	if h.must(err); idle != nil {
		t.Fatalf("somebody took a push whose lease holds: %+v", idle)
	}
	h.silence(job)
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	for range 3 {
		run.Go(func() { worker(h.db).Run(ctx) })
	}
	for !h.stands(job).Finished() && t.Context().Err() == nil {
	}
	stop()
	run.Wait()
	for _, one := range copies {
		h.has(one, flips()[1], 2)
	}
	if named := h.audited(job); len(named) != len(copies) {
		t.Errorf("the audit log names %d of %d users", len(named), len(copies))
	}
}

// late has a worker go on with a push and hand it over, and returns the tables that this changes.
func (h holding) late(job models.Propagation) (wrote []string, err error) {
	h.Helper()
	before := h.tables()
	err = worker(h.db).Work(h.Context(), job)
	h.must(worker(h.db).HandOver(h.Context(), job))
	return changed(before, h.tables()), err
}

// I-29: the lease alone keeps nobody from writing late; the fence does.
func TestAWorkerThatLostItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, copies := h.held("Late", 2)
	job := h.start(template.ID, pushOf(models.FieldGroups))
	claimed := h.takeOver(job)
	if wrote, err := h.late(job); !errors.Is(err, models.ErrLeaseLost) || len(wrote) > 0 {
		t.Errorf("the late worker says %v, and has changed %v", err, wrote)
	}
	if next, err := models.ClaimPropagation(t.Context(), h.db); next != nil || err != nil {
		t.Errorf("the late worker gave away a lease that is another's: %+v, %v", next, err)
	}
	h.must(worker(h.db).Work(t.Context(), claimed))
	tables := h.tables()
	for _, late := range []models.Propagation{job, claimed} {
		_ = worker(h.db).Work(t.Context(), late)
		h.sameTables("a worker after the end", tables, h.tables())
	}
	for _, one := range copies {
		h.has(one, flips()[1], 2)
	}
}

// The twin of TestAWorkerThatLostItsLeaseWritesNothing goes by whatever fence is stored, and not by the one that it was given.
func TestTwinOfAWorkerThatLostItsLease(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, _ := h.held("Late", 2)
	job := h.start(template.ID, pushOf(models.FieldGroups))
	h.takeOver(job)
	h.scan(&job.Fence, "SELECT fence FROM propagation_jobs WHERE id = ?", job.ID)
	wrote, err := h.late(job)
	for _, table := range []string{"audit_logs", "budgets", "propagation_items", "propagation_jobs", "user_access_profiles"} {
		if !slices.Contains(wrote, table) {
			t.Errorf("a worker without a fence, which says %v, has changed %v: the test finds nothing in %s", err, wrote, table)
		}
	}
}

// The lease may be lost between a failure and the note of it.
func TestAWorkerThatLostItsLeaseNotesNoFailure(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, copies := h.held("Noted", 1)
	h.refuse(copies[0].PolicyID)
	job := h.start(template.ID, pushOf(models.FieldGroups))
	var claimed models.Propagation
	db := h.db.WithQueryHook(watch{before: func(event *bun.QueryEvent) {
		if strings.Contains(event.Query, "'failed'") && claimed.ID == 0 {
			h.forgive()
			claimed = h.takeOver(job)
		}
	}})
	_ = worker(db).Work(t.Context(), job)
	if claimed.ID == 0 {
		t.Fatal("no failure was noted")
	}
	if stands := h.stands(job); len(stands.Failed) > 0 || stands.Waiting != 1 {
		t.Errorf("a worker without the lease noted that %+v failed", stands.Failed)
	}
	h.must(worker(h.db).Work(t.Context(), claimed))
	h.has(copies[0], flips()[1], 2)
}
