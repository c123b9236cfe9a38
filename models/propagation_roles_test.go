package models_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models"
)

func (h holding) setRole(db *bun.DB, user string, role int64) error {
	_, err := safely(func() (models.User, error) {
		return models.SetUserRole(h.Context(), db, h.keys, models.CLI, user, models.RoleChoice{Row: object(), RoleID: literal(strconv.FormatInt(role, 10))})
	})
	return err
}

// movers are templates of two roles and a direct one, and somebody who holds those of the first role and the direct one.
func (h holding) movers() (user string, templates map[int64]models.AccessProfile, direct models.AccessProfile) {
	h.Helper()
	templates = map[int64]models.AccessProfile{101: h.template("First", flips()[0]), 102: h.template("Second", flips()[0])}
	direct = h.template("Direct", flips()[0])
	for role, template := range templates {
		_, err := models.AttachRoles(h.Context(), h.db, h.keys, models.CLI, template.ID, models.AttachInput{
			Row: object(), IsDefault: models.Value{Kind: models.Bool, Text: "true"},
			RoleIDs: models.List[models.Value]{Kind: models.Array, Items: []models.Value{literal(strconv.FormatInt(role, 10))}},
		})
		h.must(err)
	}
	user = h.user(102)
	h.must(h.setRole(h.db, user, 101))
	h.assign(user, direct.ID)
	return user, templates, direct
}

// holdsOnly fails the test unless the user holds what the role hands out and what they have directly, whole, and nothing is left over.
func (h holding) holdsOnly(when, user string, ofRole models.AccessProfile) {
	h.Helper()
	held, err := models.ListUserAccessProfiles(h.Context(), h.db, user)
	h.must(err)
	var names []string
	for _, one := range held {
		names = append(names, one.Name+" "+one.Source)
		if !whole(one) {
			h.Errorf("%s: the copy of %s is neither old nor new: version %d\n%s", when, one.Name, one.TemplateVersion, wholeText(one.Policy))
		}
	}
	slices.Sort(names)
	if want := []string{"Direct direct", ofRole.Name + " role"}; !slices.Equal(names, want) {
		h.Errorf("%s: holds %v, want %v", when, names, want)
	}
	var orphans, open int
	h.scan(&orphans, `SELECT count(*) FROM policies AS p WHERE NOT EXISTS (SELECT FROM access_profiles WHERE policy_id = p.id)
AND NOT EXISTS (SELECT FROM user_access_profiles WHERE policy_id = p.id)`)
	h.scan(&open, "SELECT count(*) FROM propagation_items WHERE state NOT IN ('done', 'skipped')")
	if orphans > 0 || open > 0 {
		h.Errorf("%s: %d policies of nobody, %d copies failed or left out", when, orphans, open)
	}
}

func TestARoleChangedWhileItsTemplatesArePushed(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	user, templates, direct := h.movers()
	role := int64(101)
	for round := range rounds() {
		role = 203 - role
		for id, template := range templates {
			templates[id] = h.edit(template, flips()[template.Version%2])
		}
		push := func(profile int64) func() {
			return func() {
				job, err := models.StartPropagation(t.Context(), h.db, models.CLI, profile, nil, pushOf(models.FieldGroups))
				if err == nil {
					err = worker(h.db).Work(t.Context(), job)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}
		change := func() {
			if err := h.setRole(h.db, user, role); err != nil {
				t.Error(err)
			}
		}
		if round%2 == 0 {
			together(change, push(templates[101].ID), push(templates[102].ID), push(direct.ID))
		} else {
			together(push(direct.ID), push(templates[102].ID), push(templates[101].ID), change)
		}
		h.holdsOnly(fmt.Sprint("round ", round), user, templates[role])
		if t.Failed() {
			return
		}
	}
}

// between runs do before the nth statement that db sends, up to its end or until it waits for what db holds. The wait is for its end.
func (h holding) between(db *bun.DB, n int, do func() error) (hooked *bun.DB, sent *int, wait func()) {
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
	hooked = db.WithQueryHook(watch{before: func(*bun.QueryEvent) {
		if *sent++; *sent == n {
			run()
		}
	}})
	return hooked, sent, func() {
		h.Helper()
		run()
		h.must(<-ended)
	}
}

// Whatever statement the one is at when the other comes, and without waiting for each other.
func TestARoleChangeAndAPushMeetAnywhere(t *testing.T) {
	t.Parallel()
	h := newHolding(t)
	user, templates, _ := h.movers()
	db, broken := deadlocks(h.db)
	role := int64(101)
	for _, pushFirst := range []bool{true, false} {
		for n, sent := 1, 1; n <= sent; n++ {
			role = 203 - role
			leaving := h.edit(templates[203-role], flips()[templates[203-role].Version%2])
			templates[203-role] = leaving
			job := h.start(leaving.ID, pushOf(models.FieldGroups))
			change := func(db *bun.DB) error { return h.setRole(db, user, role) }
			push := func(db *bun.DB) error { return worker(db).Work(t.Context(), job) }
			first, second := push, change
			if !pushFirst {
				first, second = change, push
			}
			hooked, counted, wait := h.between(db, n, func() error { return second(db) })
			if err := first(hooked); err != nil {
				t.Errorf("push first %v, statement %d: %v", pushFirst, n, err)
			}
			wait()
			sent = *counted
			h.holdsOnly(fmt.Sprintf("push first %v, statement %d", pushFirst, n), user, templates[role])
			if broken.Load() > 0 {
				t.Errorf("push first %v, statement %d: the database had to break a deadlock", pushFirst, n)
			}
			if t.Failed() {
				return
			}
		}
	}
}
