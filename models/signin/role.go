package signin

import (
	"encoding/json"
	"slices"
	"strconv"

	"tollgate/models/identityprovider"
	"tollgate/models/oidc"
)

const maxGroups = 2000

// Followed is the role that follows from claims, and why.
type Followed struct {
	Groups []string
	Rule   *identityprovider.Rule // the one that fits, nil for the default role
	RoleID *int64                 // nil when there is none

	unread error // why the groups are not known
}

// follow finds the role of a person: the first rule whose value is among the groups, else the default role.
func follow(p identityprovider.Provider, claims oidc.Claims) (f Followed) {
	f.RoleID = p.DefaultRoleID
	if len(p.Rules) == 0 {
		return f
	}
	if f.Groups, f.unread = groupsOf(p.GroupsClaim, claims); f.unread != nil {
		f.RoleID = nil
		return f
	}
	for i := range p.Rules {
		if slices.Contains(f.Groups, p.Rules[i].Value) {
			f.Rule, f.RoleID = &p.Rules[i], &p.Rules[i].RoleID
			return f
		}
	}
	return f
}

// groupsOf reads the groups. A claim that is absent is no groups; groups that the provider left out because they are
// too many are unknown, and the address that it names instead is never called.
func groupsOf(name string, claims oidc.Claims) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	var elsewhere map[string]json.RawMessage
	_ = json.Unmarshal(claims["_claim_names"], &elsewhere)
	if _, there := elsewhere[name]; there || claims.Has("hasgroups") && !claims.Has(name) {
		return nil, refuse(GroupsOverage, "the provider left the groups out because they are too many")
	}
	groups, err := claims.Texts(name)
	if err != nil {
		return nil, refuse(GroupsInvalid, "the claim "+name+" is not a list of texts")
	}
	if len(groups) > maxGroups {
		return nil, refuse(GroupsInvalid, "the claim "+name+" has "+strconv.Itoa(len(groups))+" values; at most "+strconv.Itoa(maxGroups)+" are read")
	}
	return groups, nil
}
