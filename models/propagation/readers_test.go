package propagation_test

import (
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/fieldgroup"
	"tollgate/models/modelstest"
)

type reader func(h modelstest.Harness, db bun.IDB, held assignment.Assignment) (assignment.Assignment, error)

var readers = map[string]reader{
	"one copy": func(h modelstest.Harness, db bun.IDB, held assignment.Assignment) (assignment.Assignment, error) {
		return assignment.Get(h.Context(), db, held.UserID, held.ID)
	},
	"what a user holds": func(h modelstest.Harness, db bun.IDB, held assignment.Assignment) (now assignment.Assignment, err error) {
		all, err := assignment.List(h.Context(), db, held.UserID)
		if err == nil {
			now = all[0]
		}
		return now, err
	},
	"holders": func(h modelstest.Harness, db bun.IDB, held assignment.Assignment) (now assignment.Assignment, err error) {
		q := assignment.HolderQuery{ProfileID: held.ParentProfileID, CatalogueQuery: database.CatalogueQuery{Limit: 25}}
		all, _, err := assignment.ListHolders(h.Context(), db, q)
		if err == nil {
			now = all[0]
		}
		return now, err
	},
}

// A reader may take several statements; a push between any two of them must not show.
func TestAReaderSeesACopyBeforeOrAfterAPush(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, copies := h.Held("Read", 1)
	held := copies[0]
	push := func() { h.Propagate(current.ID, pushOf(fieldgroup.Names)) }
	push()
	for name, read := range readers {
		var torn []int
		for gap := 2; ; gap++ {
			sent := 0
			for range 2 { // to the second policy, and back
				current = h.Edit(current, modelstest.Flips()[current.Version%2])
				sent = 0
				db := h.DB.WithQueryHook(modelstest.Watch{Before: func(*bun.QueryEvent) {
					if sent++; sent == gap {
						push()
					}
				}})
				seen, err := modelstest.Safely(func() (assignment.Assignment, error) { return read(h, db, held) })
				if sent < gap {
					push()
				}
				if err != nil {
					t.Errorf("%s: with a push before statement %d: %v", name, gap, err)
				} else if !modelstest.Whole(seen) {
					torn = append(torn, gap)
				}
			}
			if sent < gap {
				break
			}
		}
		if len(torn) > 0 {
			t.Errorf("%s: a push before statements %v showed by half", name, torn)
		}
	}
}

// At each statement that a push stopped at, what others see of each copy is its old policy or its new one.
func TestAPushUnderWayShowsNothingByHalf(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	current, copies := h.Held("Half", 3)
	bad := copies[1]
	h.Refuse(bad.PolicyID) // so that it goes on copy by copy
	looks := 0
	seen := map[int64]map[int64]bool{}
	db := h.DB.WithQueryHook(modelstest.Watch{After: func(*bun.QueryEvent) {
		looks++
		for _, one := range copies {
			now := h.Copy(one)
			if !modelstest.Whole(now) {
				t.Errorf("after statement %d a copy is neither old nor new: version %d\n%s", looks, now.TemplateVersion, modelstest.WholeText(now.Policy))
			}
			if seen[one.ID] == nil {
				seen[one.ID] = map[int64]bool{}
			}
			seen[one.ID][now.TemplateVersion] = true
		}
	}})
	h.Must(modelstest.Worker(db).Work(t.Context(), h.Start(current.ID, pushOf(fieldgroup.Names))))
	for _, one := range copies {
		if want := one.ID != bad.ID; !seen[one.ID][1] || seen[one.ID][2] != want {
			t.Errorf("in %d looks a copy was seen at versions %v", looks, seen[one.ID])
		}
	}
}
