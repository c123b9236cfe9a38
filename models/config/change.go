package config

import (
	"cmp"
	"context"
	"slices"

	"tollgate/models/configdoc"
	"tollgate/models/fieldgroup"
	"tollgate/models/input"
	"tollgate/models/profile"
	"tollgate/models/propagation"
)

// What a run does with a resource.
const (
	Create = "create"
	Update = "update"
	Delete = "delete"
	Adopt  = "adopt" // it stays as it is, and belongs to the set from now on

	Release = "release" // it stays as it is, and belongs to no set from now on
)

// Change is one resource that a run changes.
type Change struct {
	Action      string                  `json:"action"`
	Kind        string                  `json:"kind"`
	Name        string                  `json:"name"`
	RenamedFrom string                  `json:"renamed_from,omitempty"`
	Adopted     bool                    `json:"adopted,omitempty"` // it belonged to no set
	Drift       string                  `json:"drift,omitempty"`   // "changed" or "deleted" since the last apply
	Fields      []configdoc.FieldChange `json:"fields"`
	Effects     *Effects                `json:"effects,omitempty"`
}

// Effects is what a changed profile means for those who hold it.
type Effects struct {
	Holders int64 `json:"holders"`
	// What a push to all copies would do; nil when the run changes too many profiles to look.
	Differing *int `json:"differing,omitempty"` // copies that would change
	Refusing  *int `json:"refusing,omitempty"`  // limits that would refuse calls at once
}

func (r *run) changes() []Change {
	changes := []Change{}
	for _, s := range r.steps {
		if !s.changes() {
			continue
		}
		c := Change{
			Action: Update, Kind: s.Kind, Name: s.Name, Drift: s.drift, Effects: s.effects, Fields: []configdoc.FieldChange{},
		}
		switch {
		case s.old == nil:
			c.Action = Create
		case s.unchanged():
			c.Action, c.Adopted = Adopt, true
		default:
			c.Adopted = s.old.owner == nil
			c.Fields = configdoc.Compare(s.old.body.Node, s.Body.Node)
			if s.old.Name != s.Name {
				c.RenamedFrom = s.old.Name
			}
		}
		changes = append(changes, c)
	}
	for _, row := range r.released {
		changes = append(changes, Change{Action: Release, Kind: row.Kind, Name: row.Name, Fields: []configdoc.FieldChange{}})
	}
	for _, row := range r.deletions {
		changes = append(changes, Change{
			Action: Delete, Kind: row.Kind, Name: row.Name, Drift: r.state.drift(row.owner, row),
			Fields: []configdoc.FieldChange{},
		})
	}
	return changes
}

// mostPreviewed is how many profiles the effects of a push are computed for, those with most holders.
const mostPreviewed = 20

// findEffects finds out whom the changed profiles hit.
func (r *run) findEffects(ctx context.Context, _ *saver) error {
	var changed []*step
	var ids []int64
	for i := range r.steps {
		if s := &r.steps[i]; s.Kind == configdoc.AccessProfile && s.old != nil && !s.unchanged() && !r.isForeign(*s) {
			changed, ids = append(changed, s), append(ids, s.old.id)
		}
	}
	holders, err := profile.CountHolders(ctx, r.tx, ids)
	if err != nil {
		return err
	}
	for _, s := range changed {
		s.effects = &Effects{Holders: holders[s.old.id]}
	}
	changed = slices.DeleteFunc(changed, func(s *step) bool { return s.effects.Holders == 0 })
	slices.SortStableFunc(changed, func(a, b *step) int { return cmp.Compare(b.effects.Holders, a.effects.Holders) })
	for _, s := range changed[:min(len(changed), mostPreviewed)] {
		plan, err := propagation.MakePlan(ctx, r.tx, s.old.id, nil, wholePolicy())
		if err != nil {
			return err
		}
		differing, refusing := 0, 0
		for _, change := range plan.Changes {
			differing += len(change.Targets)
		}
		for _, over := range plan.Over {
			if !over.Already {
				refusing++
			}
		}
		s.effects.Differing, s.effects.Refusing = &differing, &refusing
	}
	return nil
}

// wholePolicy is a propagation of everything to everybody who holds a profile.
func wholePolicy() propagation.Input {
	return propagation.Input{Row: input.Row{Kind: input.Object}, Fields: input.SampleTexts(fieldgroup.Names)}
}

// startPropagations brings changed profiles to the copies of their holders.
func (r *run) startPropagations(ctx context.Context, s *saver) error {
	if !r.Propagate {
		return nil
	}
	for _, step := range r.steps {
		if step.effects == nil || step.effects.Holders == 0 {
			continue
		}
		err := r.try(ctx, step.At, func() error {
			job, err := propagation.Start(ctx, s.tx, s.actor, step.old.id, nil, wholePolicy())
			r.jobs = append(r.jobs, job)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
