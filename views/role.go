package views

import (
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/ui"
)

// RoleList is a page of roles.
type RoleList struct {
	ui.ListFrame
	Roles []identity.Role
}

// frame is what can be done to a role: built-in roles stay.
func (l RoleList) frame(r identity.Role) ui.ListFrame {
	frame := l.ListFrame
	frame.MayUpdate, frame.MayDelete = frame.MayUpdate && !r.IsSystemRole, frame.MayDelete && !r.IsSystemRole
	return frame
}

// RolePage is one role with those who hold it.
type RolePage struct {
	Role         identity.Role
	Members      []identity.User
	Pager        ui.Pager
	MayViewUsers bool

	Profiles        []profile.RoleAttachment
	Policies        map[int64]ProfileRow // of these, by id
	Models          map[string]int       // of each provider, in the catalogue
	MayViewProfiles bool
}

// RoleForm is a role as it was filled in; Role is the one that exists, if any.
type RoleForm struct {
	Role     identity.Role
	Input    identity.RoleInput
	Problems problem.Problems
	Held     []permission.Permission
}

func (f RoleForm) action() string {
	if f.Role.ID == 0 {
		return "/roles"
	}
	return roleHref(f.Role.ID)
}

// reach says whom a save hits.
func (f RoleForm) reach() string {
	if f.Role.Members == 0 {
		return "No user has this role now."
	}
	return "Applies at once to " + plural.Of(f.Role.Members, "member") + "."
}

func (f RoleForm) matrix() Matrix {
	return Matrix{
		Name: "permission_ids", Legend: "Permissions",
		Hint:  "What its members may do. You can give only what you may do yourself.",
		Error: ui.FirstBelow(f.Problems, "permission_ids"), Held: f.Held, Had: f.Role.Permissions, Ticked: f.Input.PermissionIDs,
	}
}

func (f RoleForm) summary() []ui.ProblemLink { return matrixLinks(f.Problems, "permission_ids") }

// RoleDeletion says what the deletion of a role does.
func RoleDeletion(profiles []profile.RoleAttachment) []string {
	effects := []string{"The role goes with what it permits.", "No user has it now."}
	if len(profiles) > 0 {
		names := make([]string, len(profiles))
		for i, a := range profiles {
			names[i] = a.ProfileName
		}
		effects = append(effects, "It no longer assigns "+ui.Sequence(names)+".")
	}
	return effects
}

// RoleBlocked says why a role cannot be deleted: its users, who are listed below, or what came of an attempt.
func RoleBlocked(r identity.Role, problems problem.Problems) string {
	if r.Members == 0 {
		return problems[0].Message
	}
	return r.Name + " cannot be deleted while held by " + plural.Of(r.Members, "user") +
		". Give them another role first."
}

func userLinks(users []identity.User) []ui.Link {
	links := make([]ui.Link, len(users))
	for i, user := range users {
		links[i] = ui.Link{Label: user.Name + " (" + user.Email + ")", Href: "/users/" + user.ID}
	}
	return links
}
