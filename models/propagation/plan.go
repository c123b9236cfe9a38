package propagation

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/fieldgroup"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// Plan is what a propagation would do, copy by copy. Copies in the same state are grouped.
type Plan struct {
	Profile    profile.Profile // the one that would be propagated
	Fields     []string
	ResetUsage bool
	Changes    []PlannedChange
	Unchanged  []Target
	Skipped    []SkippedTarget
	Over       []OverLimit
	Conflicts  []MCPConflict // that copies are left with
}

// PlannedChange is what happens to the copies of one state.
type PlannedChange struct {
	Before, After profile.Profile // the profile with the policy that the copies have, and will have
	Groups        []string        // that differ
	Targets       []Target
	Gained, Lost  []ServerTools // tools that these copies grant then, or no longer
	// Servers that these copies grant as a whole now, but not afterwards: resources and prompts are lost.
	NotWhole []string
}

// SkippedTarget is a user who was chosen but whose copy is not changed, and why.
type SkippedTarget struct {
	UserID string `json:"user_id"`
	Name   string `json:"-"`
	Email  string `json:"-"`
	Reason string `json:"reason"` // "inactive", "expired", "no_copy", "gone", or what went wrong
}

// OverLimit is a limit that blocks calls as soon as the propagation is applied.
type OverLimit struct {
	Target        Target
	Scope         policy.Scope
	Kind          string // "spend", "tokens", "requests"
	ResetDuration string
	Used, Limit   int64 // nano-dollars, tokens or requests
	Already       bool  // it blocks calls now
}

// Affected is how many copies the propagation includes.
func (p Plan) Affected() int {
	n := len(p.Unchanged)
	for _, change := range p.Changes {
		n += len(change.Targets)
	}
	return n
}

// AffectedUsers are the holders of those copies.
func (p Plan) AffectedUsers() []string {
	users := make([]string, 0, p.Affected())
	for _, change := range p.Changes {
		for _, t := range change.Targets {
			users = append(users, t.UserID)
		}
	}
	for _, t := range p.Unchanged {
		users = append(users, t.UserID)
	}
	return users
}

// MakePlan computes what a propagation would do; it changes nothing. Refusals: NotFound, Stale, Invalid.
func MakePlan(ctx context.Context, db bun.IDB, id int64, ifVersion *int64, in Input) (Plan, error) {
	shown, err := profile.Get(ctx, db, id)
	if err != nil {
		return Plan{}, err
	}
	if err := (profile.Stored{Profile: shown}).Fresh(ifVersion); err != nil {
		return Plan{}, err
	}
	p, err := in.read(ctx, db)
	if err != nil {
		return Plan{}, err
	}
	now, err := database.Clock(ctx, db)
	if err != nil {
		return Plan{}, err
	}
	targets, err := p.targets(ctx, db, id, now)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Profile: shown, Fields: p.fields, ResetUsage: p.reset}
	changeable := plan.leaveOut(targets)
	if err := plan.nameThoseWithout(ctx, db, p.withoutCopy(targets)); err != nil {
		return plan, err
	}
	h := &history{profileID: id, known: map[int64]profile.Profile{shown.Version: shown}}
	shapes, err := h.shapesOf(ctx, db, changeable)
	if err != nil {
		return plan, err
	}
	plan.compare(shapes)
	if err := plan.compareTools(ctx, db, shapes); err != nil {
		return plan, err
	}
	return plan, plan.findOver(ctx, db, shapes, now)
}

// leaveOut records the copies that are skipped, and returns the others.
func (p *Plan) leaveOut(targets []Target) []Target {
	var changeable []Target
	for _, t := range targets {
		if t.Skip != "" {
			p.Skipped = append(p.Skipped, SkippedTarget{t.UserID, t.Name, t.Email, t.Skip})
			continue
		}
		changeable = append(changeable, t)
	}
	return changeable
}

func (p *Plan) nameThoseWithout(ctx context.Context, db bun.IDB, users []string) error {
	if len(users) == 0 {
		return nil
	}
	var rows []struct{ ID, Name, Email string }
	if err := db.NewRaw("SELECT id, name, email FROM users WHERE id = ANY (?) ORDER BY email_key", pgdialect.Array(users)).
		Scan(ctx, &rows); err != nil {
		return fmt.Errorf("look up users without a copy: %w", err)
	}
	for _, row := range rows {
		p.Skipped = append(p.Skipped, SkippedTarget{row.ID, row.Name, row.Email, skipNoCopy})
	}
	return nil
}

func (p *Plan) compare(shapes []shaped) {
	for _, s := range shapes {
		groups := fieldgroup.Differing(s.before, p.Profile.Policy, p.Fields)
		if len(groups) == 0 {
			p.Unchanged = append(p.Unchanged, s.targets...)
			continue
		}
		change := PlannedChange{Before: p.Profile, After: p.Profile, Groups: groups, Targets: s.targets}
		change.Before.Policy, change.After.Policy = s.before, fieldgroup.Taken(s.before, p.Profile.Policy, groups)
		p.Changes = append(p.Changes, change)
	}
}
