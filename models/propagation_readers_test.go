package models_test

import (
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models"
)

// whole reports whether a copy of flips is all of its version: odd ones are the first policy.
func whole(held models.UserAccessProfile) bool {
	return wholeText(held.Policy) == wholeText(flips()[(held.TemplateVersion+1)%2])
}

type reader func(h holding, db bun.IDB, held models.UserAccessProfile) (models.UserAccessProfile, error)

var readers = map[string]reader{
	"one copy": func(h holding, db bun.IDB, held models.UserAccessProfile) (models.UserAccessProfile, error) {
		return models.GetUserAccessProfile(h.Context(), db, held.UserID, held.ID)
	},
	"what a user holds": func(h holding, db bun.IDB, held models.UserAccessProfile) (now models.UserAccessProfile, err error) {
		all, err := models.ListUserAccessProfiles(h.Context(), db, held.UserID)
		if err == nil {
			now = all[0]
		}
		return now, err
	},
	"holders": func(h holding, db bun.IDB, held models.UserAccessProfile) (now models.UserAccessProfile, err error) {
		q := models.HolderQuery{ProfileID: held.ParentProfileID, CatalogueQuery: models.CatalogueQuery{Limit: 25}}
		all, _, err := models.ListHolders(h.Context(), db, q)
		if err == nil {
			now = all[0]
		}
		return now, err
	},
}

// A reader may take several statements; a push between any two of them must not show.
func TestAReaderSeesACopyBeforeOrAfterAPush(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, copies := h.held("Read", 1)
	held := copies[0]
	push := func() { h.propagate(template.ID, pushOf(models.FieldGroups)) }
	push()
	for name, read := range readers {
		var torn []int
		for gap := 2; ; gap++ {
			sent := 0
			for range 2 { // to the second policy, and back
				template = h.edit(template, flips()[template.Version%2])
				sent = 0
				db := h.db.WithQueryHook(watch{before: func(*bun.QueryEvent) {
					if sent++; sent == gap {
						push()
					}
				}})
				seen, err := safely(func() (models.UserAccessProfile, error) { return read(h, db, held) })
				if sent < gap {
					push()
				}
				if err != nil {
					t.Errorf("%s: with a push before statement %d: %v", name, gap, err)
				} else if !whole(seen) {
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

// Whatever statement a push stopped at, what others see of each copy is its old policy or its new one.
func TestAPushUnderWayShowsNothingByHalf(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	template, copies := h.held("Half", 3)
	bad := copies[1]
	h.refuse(bad.PolicyID) // so that it goes on copy by copy
	looks := 0
	seen := map[int64]map[int64]bool{}
	db := h.db.WithQueryHook(watch{after: func(*bun.QueryEvent) {
		looks++
		for _, one := range copies {
			now := h.copy(one)
			if !whole(now) {
				t.Errorf("after statement %d a copy is neither old nor new: version %d\n%s", looks, now.TemplateVersion, wholeText(now.Policy))
			}
			if seen[one.ID] == nil {
				seen[one.ID] = map[int64]bool{}
			}
			seen[one.ID][now.TemplateVersion] = true
		}
	}})
	h.must(worker(db).Work(t.Context(), h.start(template.ID, pushOf(models.FieldGroups))))
	for _, one := range copies {
		if want := one.ID != bad.ID; !seen[one.ID][1] || seen[one.ID][2] != want {
			t.Errorf("in %d looks a copy was seen at versions %v", looks, seen[one.ID])
		}
	}
}
