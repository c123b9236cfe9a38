package propagation_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/fieldgroup"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/propagation"
)

// rounds is how often a race is run.
func rounds() int {
	if modelstest.Soaks() {
		return 500
	}
	return 20
}

// together starts all of them at one moment and waits for the last.
func together(run ...func()) {
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	for _, one := range run {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			one()
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// deadlocks counts those that the database broke.
func deadlocks(db *bun.DB) (*bun.DB, *atomic.Int64) {
	var n atomic.Int64
	return db.WithQueryHook(modelstest.Watch{After: func(event *bun.QueryEvent) {
		if problem.SQLState(event.Err) == "40P01" {
			n.Add(1)
		}
	}}), &n
}

func TestATemplateEditedWhileItIsPushed(t *testing.T) {
	t.Parallel()
	c := chance{modelstest.Randomly(t)}
	h := modelstest.NewHarness(t)
	current := h.Profile("Edited", c.policy())
	said := map[int64]policy.Policy{1: current.Policy} // by version
	var saying sync.Mutex
	var copies []assignment.Assignment
	for range 4 {
		copies = append(copies, h.Assign(h.User(101), current.ID))
	}
	for round := range min(rounds(), 100) / 2 {
		fields := c.some(fieldgroup.Names...)
		if len(fields) == 0 {
			fields = fieldgroup.Names
		}
		edit := func(p policy.Policy) func() {
			return func() {
				text := fmt.Sprint(round, len(p.Budgets), p.CalendarAligned)
				edited, err := profile.Update(t.Context(), h.DB, permission.CLI, current.ID, nil,
					profile.Profile{Name: "Edited", Description: &text, Policy: p}.Input())
				if err != nil {
					t.Error(err)
					return
				}
				saying.Lock()
				defer saying.Unlock()
				said[edited.Version] = edited.Policy
			}
		}
		var job propagation.Job
		newcomer := h.User(101)
		var late assignment.Assignment
		together(edit(c.policy()), edit(c.policy()), func() {
			var err error
			for job.ID == 0 && t.Context().Err() == nil {
				job, err = propagation.Start(t.Context(), h.DB, permission.CLI, current.ID, nil, pushOf(fields))
				if err != nil && !strings.Contains(err.Error(), "template_changed") {
					t.Error(err)
					return
				}
				if err != nil {
					job.ID = 0
				}
			}
			if err := modelstest.Worker(h.DB).Work(t.Context(), job); err != nil {
				t.Error(err)
			}
		}, func() {
			held, _, err := assignment.Assign(t.Context(), h.DB, h.Keys, permission.CLI, newcomer,
				assignment.AssignInput{AccessProfileID: modelstest.Literal(strconv.FormatInt(current.ID, 10))})
			if err != nil {
				t.Error(err)
			}
			late = held
		})
		if t.Failed() {
			return
		}
		for _, held := range append(slices.Clone(copies), late) {
			now := h.Copy(held)
			for i, group := range fieldgroup.Names {
				version := now.GroupVersions[i]
				if got, want := modelstest.GroupTexts(now.Policy)[group], modelstest.GroupTexts(said[version])[group]; got != want {
					t.Errorf("round %d: %s is said to be version %d's\n%s\nbut is\n%s", round, group, version, want, got)
				}
				if held.ID != late.ID && slices.Contains(fields, group) && version < job.ToVersion {
					t.Errorf("round %d: %s is of version %d after version %d was pushed", round, group, version, job.ToVersion)
				}
			}
		}
		_, err := assignment.Detach(t.Context(), h.DB, permission.CLI, newcomer, late.ID)
		h.Must(err)
	}
}
