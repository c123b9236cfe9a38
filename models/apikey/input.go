package apikey

import (
	"slices"
	"strings"
	"time"

	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Input is what a client may send of an API key.
type Input struct {
	input.Row
	ID         input.Value             `json:"id,readonly"`
	Name       input.Value             `json:"name"`
	KeyPrefix  input.Value             `json:"key_prefix,readonly"`
	Scopes     input.List[input.Value] `json:"scopes"`
	CreatedBy  input.Value             `json:"created_by,readonly"`
	ExpiresAt  input.Value             `json:"expires_at"`
	Service    input.Value             `json:"service"`
	LastUsedAt input.Value             `json:"last_used_at,readonly"`
	CreatedAt  input.Value             `json:"created_at,readonly"`
	UpdatedAt  input.Value             `json:"updated_at,readonly"`
}

// apply returns the key that results when a field sent replaces that of k and a field left out keeps it. Refusals:
// Invalid with every problem, Forbidden for a scope that neither the actor nor the stored key has, for a change of
// whose key it is without Settings:Update or all of its scopes, for a key that would belong to no user, and for a key
// that would outlast the one that gives it more.
func (in Input) apply(k Key, actor permission.Actor, now time.Time) (Key, error) {
	c, old := &input.Reader{}, k
	if k.ID == 0 {
		c.Required("name", in.Name, "a name")
	}
	if name, ok := c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255}); ok && name != k.Name {
		k.Name, k.NameKey = name, input.NameKey(name)
	}
	if k.ID == 0 || in.Scopes.Kind != input.Absent {
		k.Scopes = readScopes(c, "scopes", in.Scopes)
	}
	if in.ExpiresAt.Kind != input.Absent {
		k.ExpiresAt = c.Expiry("expires_at", in.ExpiresAt, k.ExpiresAt, now)
	}
	if service, ok := c.Bool("service", in.Service); ok {
		k.Service = service
	}
	if err := problem.InvalidInput(c.Problems); err != nil {
		return k, err
	}
	if k.Service != old.Service && !(actor.May(permission.UpdateSettings) && identity.Covers(actor, k.Scopes)) {
		return k, problem.Refuse(problem.Forbidden, "service", "forbidden",
			"Leave service as it is: it takes Settings:Update, and all that the key may do.")
	}
	if err := k.keepOwner(old, actor); err != nil {
		return k, err
	}
	beyond := &problem.Refusal{Reason: problem.Forbidden}
	for i, v := range in.Scopes.Items {
		scope := permission.Permission(v.Text)
		if !actor.May(scope) && !slices.Contains(old.Scopes, scope) {
			beyond.Problems = append(
				beyond.Problems,
				problem.Problem{
					Field:   input.Index("scopes", i),
					Code:    "forbidden",
					Message: "Leave out " + v.Text + ": a key may have only what you may do yourself.",
				},
			)
		}
	}
	if beyond.Problems != nil {
		return k, beyond
	}
	if k.gains(old) {
		return k, identity.KeepEnd(actor, k.ExpiresAt)
	}
	return k, nil
}

// ofService reports whether a service key acts, which belongs to no user.
func ofService(a permission.Actor) bool {
	return a.UserID == "" && strings.HasPrefix(a.Name, byService)
}

// keepOwner refuses a key that belongs neither to a user nor to the console. Refusals: Forbidden for one that a service
// key makes, Conflict for a service key that has no maker any more.
func (k Key) keepOwner(old Key, actor permission.Actor) error {
	switch {
	case k.Service:
	case k.ID == 0 && ofService(actor):
		return problem.Refuse(problem.Forbidden, "service", "forbidden",
			"Set service to true, which takes Settings:Update: a service key belongs to no user, so the keys that it makes are "+
				"service keys too.")
	case old.Service && k.CreatedBy == nil:
		return problem.Refuse(problem.Conflict, "service", "no_maker",
			"Leave service as it is: the key has no maker to whom it could belong. Delete it and make another key instead.")
	}
	return nil
}

// gains reports whether the key may do more than old, or for longer.
func (k Key) gains(old Key) bool {
	longer := old.ExpiresAt != nil && (k.ExpiresAt == nil || k.ExpiresAt.After(*old.ExpiresAt))
	return k.ID == 0 || longer || k.Service && !old.Service ||
		slices.ContainsFunc(k.Scopes, func(p permission.Permission) bool { return !slices.Contains(old.Scopes, p) })
}

// readScopes reads permissions; duplicates count once.
func readScopes(c *input.Reader, field string, l input.List[input.Value]) []permission.Permission {
	all := permission.AllPermissions()
	if !input.CheckList(c, field, l, 4*len(all), "scopes") && l.Kind != input.Absent {
		return nil
	}
	if len(l.Items) == 0 {
		c.Add(field, "required", "Choose at least one scope.")
		return nil
	}
	named := map[permission.Permission]bool{}
	for i, v := range l.Items {
		scope := permission.Permission(v.Text)
		switch {
		case v.Kind == input.Null:
			c.Add(input.Index(field, i), "null_not_allowed", "Give a scope instead of null.")
		case v.Kind != input.String && v.Kind != input.Absent:
			c.Add(input.Index(field, i), "wrong_type", "Give a scope as text, such as AccessProfiles:View.")
		case !slices.Contains(all, scope):
			c.Add(input.Index(field, i), "unknown_scope", "Choose a scope that exists, such as AccessProfiles:View.")
		}
		named[scope] = true
	}
	return slices.DeleteFunc(all, func(p permission.Permission) bool { return !named[p] })
}
