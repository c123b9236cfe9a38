package policycase

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// uncounted is what a subject may call that has used nothing yet; nil of one that does not exist.
func uncounted(ctx context.Context, db bun.IDB, kind, name string) (*entitlement.Entitlements, error) {
	switch kind {
	case "user":
		return ofUser(ctx, db, name)
	case "role":
		var exists bool
		if err := db.NewRaw("SELECT EXISTS (SELECT FROM roles WHERE name_key = ?)", input.NameKey(name)).
			Scan(ctx, &exists); err != nil || !exists {
			return nil, err
		}
		return ofProfiles(ctx, db, `SELECT p.id FROM access_profiles AS p
JOIN role_access_profiles AS a ON a.access_profile_id = p.id JOIN roles AS r ON r.id = a.role_id
WHERE r.name_key = ? AND a.is_default AND p.is_active ORDER BY p.id`, input.NameKey(name))
	}
	held, err := ofProfiles(ctx, db, "SELECT id FROM access_profiles WHERE name_key = ?", input.NameKey(name))
	if err == nil && len(held.Copies) == 0 {
		return nil, nil
	}
	return held, err
}

// ofProfiles is what new copies of profiles allow.
func ofProfiles(ctx context.Context, db bun.IDB, query string, key string) (*entitlement.Entitlements, error) {
	var ids []int64
	if err := db.NewRaw(query, key).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("look up the profiles of a test: %w", err)
	}
	held := &entitlement.Entitlements{}
	for _, id := range ids {
		p, err := profile.Get(ctx, db, id)
		if err != nil {
			return nil, err
		}
		fresh := assignment.Assignment{Name: p.Name, IsActive: true, ParentProfileID: p.ID, Policy: p.Policy}
		if err := held.AddFresh(fresh); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// ofUser is what the copies of a user allow, without their usage.
func ofUser(ctx context.Context, db bun.IDB, email string) (*entitlement.Entitlements, error) {
	var ids []string
	if err := db.NewRaw("SELECT id FROM users WHERE email_key = ?", input.FoldCase(email)).Scan(ctx, &ids); err != nil ||
		len(ids) == 0 {
		return nil, err
	}
	copies := []assignment.Assignment{}
	if err := assignment.SelectCopies(db).Where("c.user_id = ?", ids[0]).Order("c.assigned_at", "c.id").
		Scan(ctx, &copies); err != nil {
		return nil, fmt.Errorf("load the copies of a user: %w", err)
	}
	return unused(ctx, db, copies)
}

// unused is what copies allow before anything of them is used.
func unused(ctx context.Context, db bun.IDB, copies []assignment.Assignment) (*entitlement.Entitlements, error) {
	policies := make([]int64, len(copies))
	for i, c := range copies {
		policies[i] = c.PolicyID
	}
	loaded, err := policy.LoadPolicies(ctx, db, policies)
	if err != nil {
		return nil, err
	}
	held := &entitlement.Entitlements{}
	for _, c := range copies {
		if loaded[c.PolicyID] == nil {
			continue // it is being deleted
		}
		c.Policy = *loaded[c.PolicyID]
		if err := held.AddFresh(c); err != nil {
			return nil, err
		}
	}
	return held, nil
}
