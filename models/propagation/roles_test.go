package propagation_test

import (
	"fmt"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/fieldgroup"
	"tollgate/models/modelstest"
	"tollgate/models/permission"
	"tollgate/models/propagation"
)

func TestARoleChangedWhileItsTemplatesArePushed(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	user, templates, direct := h.Movers()
	role := int64(101)
	for round := range rounds() {
		role = 203 - role
		for id, current := range templates {
			templates[id] = h.Edit(current, modelstest.Flips()[current.Version%2])
		}
		push := func(profile int64) func() {
			return func() {
				job, err := propagation.Start(t.Context(), h.DB, permission.CLI, profile, nil, pushOf(fieldgroup.Names))
				if err == nil {
					err = modelstest.Worker(h.DB).Work(t.Context(), job)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}
		change := func() {
			if err := h.SetRole(h.DB, user, role); err != nil {
				t.Error(err)
			}
		}
		if round%2 == 0 {
			together(change, push(templates[101].ID), push(templates[102].ID), push(direct.ID))
		} else {
			together(push(direct.ID), push(templates[102].ID), push(templates[101].ID), change)
		}
		h.HoldsOnly(fmt.Sprint("round ", round), user, templates[role])
		if t.Failed() {
			return
		}
	}
}

// At each statement of the one when the other comes, and without waiting for each other.
func TestARoleChangeAndAPushMeetAnywhere(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	user, templates, _ := h.Movers()
	db, broken := deadlocks(h.DB)
	role := int64(101)
	for _, pushFirst := range []bool{true, false} {
		for n, sent := 1, 1; n <= sent; n++ {
			role = 203 - role
			leaving := h.Edit(templates[203-role], modelstest.Flips()[templates[203-role].Version%2])
			templates[203-role] = leaving
			job := h.Start(leaving.ID, pushOf(fieldgroup.Names))
			change := func(db *bun.DB) error { return h.SetRole(db, user, role) }
			push := func(db *bun.DB) error { return modelstest.Worker(db).Work(t.Context(), job) }
			first, second := push, change
			if !pushFirst {
				first, second = change, push
			}
			hooked, counted, wait := h.Between(db, n, func() error { return second(db) })
			if err := first(hooked); err != nil {
				t.Errorf("push first %v, statement %d: %v", pushFirst, n, err)
			}
			wait()
			sent = *counted
			h.HoldsOnly(fmt.Sprintf("push first %v, statement %d", pushFirst, n), user, templates[role])
			if broken.Load() > 0 {
				t.Errorf("push first %v, statement %d: the database had to break a deadlock", pushFirst, n)
			}
			if t.Failed() {
				return
			}
		}
	}
}
