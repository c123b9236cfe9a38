package models_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// rounds is how often a race is run.
func rounds() int {
	if os.Getenv("TOLLGATE_SOAK") != "" {
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
	return db.WithQueryHook(watch{after: func(event *bun.QueryEvent) {
		if models.State(event.Err) == "40P01" {
			n.Add(1)
		}
	}}), &n
}

func TestATemplateEditedWhileItIsPushed(t *testing.T) {
	t.Parallel()
	c := chance{randomly(t)}
	h := newHolding(t)
	template := h.template("Edited", c.policy())
	said := map[int64]models.Policy{1: template.Policy} // by version
	var saying sync.Mutex
	var copies []models.UserAccessProfile
	for range 4 {
		copies = append(copies, h.assign(h.user(101), template.ID))
	}
	for round := range min(rounds(), 100) / 2 {
		fields := c.some(models.FieldGroups...)
		if len(fields) == 0 {
			fields = models.FieldGroups
		}
		edit := func(p models.Policy) func() {
			return func() {
				text := fmt.Sprint(round, len(p.Budgets), p.CalendarAligned)
				edited, err := models.UpdateAccessProfile(t.Context(), h.db, models.CLI, template.ID, nil,
					models.AccessProfile{Name: "Edited", Description: &text, Policy: p}.Input())
				if err != nil {
					t.Error(err)
					return
				}
				saying.Lock()
				defer saying.Unlock()
				said[edited.Version] = edited.Policy
			}
		}
		var job models.Propagation
		newcomer := h.user(101)
		var late models.UserAccessProfile
		together(edit(c.policy()), edit(c.policy()), func() {
			var err error
			for job.ID == 0 && t.Context().Err() == nil {
				job, err = models.StartPropagation(t.Context(), h.db, models.CLI, template.ID, nil, pushOf(fields))
				if err != nil && !strings.Contains(err.Error(), "template_changed") {
					t.Error(err)
					return
				}
				if err != nil {
					job.ID = 0
				}
			}
			if err := worker(h.db).Work(t.Context(), job); err != nil {
				t.Error(err)
			}
		}, func() {
			held, _, err := models.AssignAccessProfile(t.Context(), h.db, h.keys, models.CLI, newcomer,
				models.AssignInput{AccessProfileID: literal(strconv.FormatInt(template.ID, 10))})
			if err != nil {
				t.Error(err)
			}
			late = held
		})
		if t.Failed() {
			return
		}
		for _, held := range append(slices.Clone(copies), late) {
			now := h.copy(held)
			for i, group := range models.FieldGroups {
				version := now.GroupVersions[i]
				if got, want := groupTexts(now.Policy)[group], groupTexts(said[version])[group]; got != want {
					t.Errorf("round %d: %s is said to be version %d's\n%s\nbut is\n%s", round, group, version, want, got)
				}
				if held.ID != late.ID && slices.Contains(fields, group) && version < job.ToVersion {
					t.Errorf("round %d: %s is of version %d after version %d was pushed", round, group, version, job.ToVersion)
				}
			}
		}
		_, err := models.DetachAccessProfile(t.Context(), h.db, models.CLI, newcomer, late.ID)
		h.must(err)
	}
}
