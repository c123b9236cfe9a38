package modelstest

import (
	"slices"
	"strconv"
	"sync"

	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/assignment"
	"tollgate/models/attachment"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/profile"
)

// SetRole gives a user another role.
func (h Harness) SetRole(db *bun.DB, user string, role int64) error {
	_, err := Safely(func() (identity.User, error) {
		return account.SetUserRole(
			h.Context(), db, permission.CLI, user,
			identity.RoleChoice{Row: Object(), RoleID: Literal(strconv.FormatInt(role, 10))},
		)
	})
	return err
}

// Movers are the profiles of two roles and a direct one, and a user with those of the first role and the direct one.
func (h Harness) Movers() (user string, templates map[int64]profile.Profile, direct profile.Profile) {
	h.Helper()
	templates = map[int64]profile.Profile{101: h.Profile("First", Flips()[0]), 102: h.Profile("Second", Flips()[0])}
	direct = h.Profile("Direct", Flips()[0])
	for role, template := range templates {
		_, err := attachment.AttachRoles(h.Context(), h.DB, permission.CLI, template.ID, attachment.AttachInput{
			Row: Object(), IsDefault: input.Value{Kind: input.Bool, Text: "true"},
			RoleIDs: input.List[input.Value]{Kind: input.Array, Items: []input.Value{Literal(strconv.FormatInt(role, 10))}},
		})
		h.Must(err)
	}
	user = h.User(102)
	h.Must(h.SetRole(h.DB, user, 101))
	h.Assign(user, direct.ID)
	return user, templates, direct
}

// HoldsOnly fails the test unless the user has complete copies of the role's profiles and of the direct one, and
// nothing else.
func (h Harness) HoldsOnly(when, user string, ofRole profile.Profile) {
	h.Helper()
	assigned, err := assignment.List(h.Context(), h.DB, user)
	h.Must(err)
	var names []string
	for _, one := range assigned {
		names = append(names, one.Name+" "+one.Source)
		if !Whole(one) {
			h.Errorf(
				"%s: the copy of %s is neither old nor new: version %d\n%s", when, one.Name, one.TemplateVersion,
				WholeText(one.Policy),
			)
		}
	}
	slices.Sort(names)
	if want := []string{"Direct direct", ofRole.Name + " role"}; !slices.Equal(names, want) {
		h.Errorf("%s: holds %v, want %v", when, names, want)
	}
	var orphans, open int
	h.Scan(
		&orphans,
		`SELECT count(*) FROM policies AS p WHERE NOT EXISTS (SELECT FROM access_profiles WHERE policy_id = p.id)
AND NOT EXISTS (SELECT FROM user_access_profiles WHERE policy_id = p.id)`,
	)
	h.Scan(&open, "SELECT count(*) FROM propagation_items WHERE state NOT IN ('done', 'skipped')")
	if orphans > 0 || open > 0 {
		h.Errorf("%s: %d orphaned policies, %d copies failed or left out", when, orphans, open)
	}
}

// Between runs do before the nth statement that db sends, until it ends or waits for a lock of db. Calling wait waits
// for its end.
func (h Harness) Between(db *bun.DB, n int, do func() error) (hooked *bun.DB, sent *int, wait func()) {
	ended := make(chan error, 1)
	run := sync.OnceFunc(func() {
		finished := make(chan struct{})
		go func() {
			ended <- do()
			close(finished)
		}()
		for h.Context().Err() == nil && !h.waits() {
			select {
			case <-finished:
				return
			default:
			}
		}
	})
	sent = new(int)
	hooked = db.WithQueryHook(Watch{Before: func(*bun.QueryEvent) {
		if *sent++; *sent == n {
			run()
		}
	}})
	return hooked, sent, func() {
		h.Helper()
		run()
		h.Must(<-ended)
	}
}
