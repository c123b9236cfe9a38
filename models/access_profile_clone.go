package models

import (
	"context"
	"slices"

	"github.com/uptrace/bun"
)

// CloneInput is what a client may send to copy a template under another name.
type CloneInput struct {
	Row
	Name        Value `json:"name"`
	Description Value `json:"description"`
}

// CloneAccessProfile stores a copy of a template with ids of its own. Refusals as for create, and NotFound.
func CloneAccessProfile(ctx context.Context, db bun.IDB, actor Actor, id int64, in CloneInput) (AccessProfile, error) {
	var created AccessProfile
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		source, err := lockProfile(ctx, tx, id)
		if err != nil {
			return err
		}
		profile := source.detached()
		profile.ID, profile.IsActive = 0, true
		profile, problems := AccessProfileInput{Name: in.Name, Description: in.Description}.apply(profile, nil)
		if err := invalid(problems); err != nil {
			return err
		}
		refs, err := loadReferences(ctx, tx, []string{}, []string{}, []int64{})
		if err != nil {
			return err
		}
		created, err = insertProfile(ctx, tx, actor, "clone", profile, refs.now)
		return err
	})
	return created, nameTaken(err)
}

// detached is a copy whose nested lists can be changed without changing p.
func (p AccessProfile) detached() AccessProfile {
	p.ProviderConfigs = slices.Clone(p.ProviderConfigs)
	for i := range p.ProviderConfigs {
		p.ProviderConfigs[i].Budgets = slices.Clone(p.ProviderConfigs[i].Budgets)
		p.ProviderConfigs[i].RateLimit = p.ProviderConfigs[i].RateLimit.clone()
	}
	p.Budgets = slices.Clone(p.Budgets)
	p.RateLimit = p.RateLimit.clone()
	return p
}

func (r *RateLimit) clone() *RateLimit {
	if r == nil {
		return nil
	}
	copied := *r
	return &copied
}
