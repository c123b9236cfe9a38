package configdoc

import (
	"slices"
	"strings"

	"tollgate/models/identity"
	"tollgate/models/input"
)

// UserDocument is a user with their role and the profiles that were assigned to them directly, without an end. Secrets
// are in no document: a user who is created by one signs in by a link or an identity provider. Users of a directory are
// the directory's, and no document describes them.
type UserDocument struct {
	Header
	Renamed
	input.Row
	Email          input.Value             `json:"email"`
	Name           input.Value             `json:"name"`
	Role           input.Value             `json:"role"`
	IsActive       input.Value             `json:"is_active" default:"true"`
	AccessProfiles input.List[input.Value] `json:"access_profiles"`
}

// UserAnswer is a user as documents write it.
type UserAnswer struct {
	Email          string   `json:"email"`
	Name           string   `json:"name"`
	Role           string   `json:"role"`
	IsActive       bool     `json:"is_active"`
	AccessProfiles []string `json:"access_profiles"`
}

func (d *UserDocument) renamedFrom() input.Value { return d.RenamedFrom }

func (d *UserDocument) read(c *input.Reader) Wanted {
	c.Required("name", d.Name, "a name")
	u := UserAnswer{Role: identity.DefaultRole, IsActive: true}
	u.Name, _ = c.Text("name", d.Name, input.TextRule{What: "a name", Max: 255})
	u.Email, _ = identity.ReadNewEmail(c, "email", d.Email, d.Email.Text)
	if role, ok := c.Text("role", d.Role, input.TextRule{What: "a role's name", Max: 255}); ok {
		u.Role = role
	}
	if on, ok := c.Bool("is_active", d.IsActive); ok {
		u.IsActive = on
	}
	u.AccessProfiles = readNames(c, "access_profiles", d.AccessProfiles, "access profiles")
	SortNames(u.AccessProfiles)
	refs := []Reference{{"role", Role, u.Role}}
	for i, name := range d.AccessProfiles.Items {
		if name.Kind == input.String {
			refs = append(refs, Reference{input.Index("access_profiles", i), AccessProfile, name.Text})
		}
	}
	return Wanted{ID: ID{Key: input.FoldCase(u.Email)}, Name: u.Email, Resource: u, Refs: refs}
}

// SortNames orders names whose order says nothing.
func SortNames(names []string) {
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(input.NameKey(a), input.NameKey(b)) })
}

// resolve writes the names as their resources have them.
func (u *UserAnswer) resolve(known map[ID]string) {
	if written, there := known[IDOf(Role, u.Role)]; there {
		u.Role = written
	}
	for i, name := range u.AccessProfiles {
		if written, there := known[IDOf(AccessProfile, name)]; there {
			u.AccessProfiles[i] = written
		}
	}
}
