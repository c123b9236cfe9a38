package propagation

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/assignment"
	"tollgate/models/fieldgroup"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

func (t Target) shape() assignment.Shape {
	return assignment.Shape{Versions: t.GroupVersions, Calendar: t.Calendar, FailOpenFor: t.FailOpenFor}
}

// shaped is one shape with the copies that have it.
type shaped struct {
	targets  []Target
	versions []int64 // that the field groups came from
	before   policy.Policy
}

// history has the versions of a profile that were read so far; they never change.
type history struct {
	profileID int64
	known     map[int64]profile.Profile
}

// load reads the versions that are not loaded yet.
func (h *history) load(ctx context.Context, db bun.IDB, versions []int64) error {
	missing := slices.DeleteFunc(slices.Clone(versions), func(v int64) bool { _, ok := h.known[v]; return ok })
	if len(missing) == 0 {
		return nil
	}
	var rows []profile.Version
	if err := db.NewRaw(profile.SelectVersions+" AND version = ANY (?)", h.profileID, pgdialect.Array(missing)).
		Scan(ctx, &rows); err != nil {
		return fmt.Errorf("load versions of access profile %d: %w", h.profileID, err)
	}
	for _, row := range rows {
		profile, err := row.Profile()
		if err != nil {
			return err
		}
		h.known[row.Version] = profile
	}
	return nil
}

// shapesOf sorts copies by their shape, in the order in which shapes first appear.
func (h *history) shapesOf(ctx context.Context, db bun.IDB, targets []Target) ([]shaped, error) {
	place := map[assignment.Shape]int{}
	var shapes []shaped
	for _, t := range targets {
		i, ok := place[t.shape()]
		if !ok {
			var versions []int64
			if err := pgdialect.Array(&versions).Scan(t.GroupVersions); err != nil {
				return nil, fmt.Errorf("read the versions of copy %d: %w", t.ID, err)
			}
			if err := h.load(ctx, db, versions); err != nil {
				return nil, err
			}
			i = len(shapes)
			place[t.shape()] = i
			shapes = append(shapes, shaped{versions: versions, before: h.policy(t, versions)})
		}
		shapes[i].targets = append(shapes[i].targets, t)
	}
	return shapes, nil
}

// policy assembles a copy's policy from the versions that its groups came from.
func (h *history) policy(t Target, versions []int64) policy.Policy {
	var p policy.Policy
	for i, group := range fieldgroup.Named(fieldgroup.Names) {
		group.Copy(&p, h.known[versions[i]].Policy)
	}
	p.Calendar, p.FailOpenFor = t.Calendar, t.FailOpenFor
	return p
}

// pushedVersions are the versions that a copy's groups come from after a propagation. A group equal to the propagated
// version counts as that version, even if it was not selected. No group goes back to an older version.
func pushedVersions(had []int64, after, pushed policy.Policy, to int64) (versions []int64, oldest int64) {
	versions = slices.Clone(had)
	for i, group := range fieldgroup.Named(fieldgroup.Names) {
		if versions[i] < to && group.Equal(after, pushed) {
			versions[i] = to
		}
	}
	return versions, slices.Min(versions)
}
