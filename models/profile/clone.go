package profile

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// CloneInput is what a client may send to duplicate a profile under another name.
type CloneInput struct {
	input.Row
	Name        input.Value `json:"name"`
	Description input.Value `json:"description"`
}

// Clone stores a duplicate of a profile with new ids. Refusals as for create, and NotFound.
func Clone(ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in CloneInput) (Profile, error) {
	var created Profile
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		source, err := LockProfile(ctx, tx, id)
		if err != nil {
			return err
		}
		profile := source.detached()
		profile.ID, profile.IsActive = 0, true
		profile, problems := Input{Name: in.Name, Description: in.Description}.applyTo(profile, nil)
		if err := problem.InvalidInput(problems); err != nil {
			return err
		}
		refs, err := mcptool.LoadReferences(ctx, tx, []string{}, []string{}, []int64{})
		if err != nil {
			return err
		}
		created, err = insertProfile(ctx, tx, actor, "clone", profile, refs.Now)
		return err
	})
	return created, nameTaken(err)
}

// detached is a copy whose nested lists can be changed without changing p.
func (p Profile) detached() Profile {
	p.ProviderConfigs = slices.Clone(p.ProviderConfigs)
	for i := range p.ProviderConfigs {
		p.ProviderConfigs[i].Budgets = slices.Clone(p.ProviderConfigs[i].Budgets)
		p.ProviderConfigs[i].RateLimit = p.ProviderConfigs[i].RateLimit.Clone()
	}
	p.Budgets = slices.Clone(p.Budgets)
	p.RateLimit = p.RateLimit.Clone()
	return p
}
