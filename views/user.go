package views

import (
	"strconv"
	"time"

	"tollgate/models/account"
	"tollgate/models/assignment"
	"tollgate/models/attachment"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/signin"
	"tollgate/views/traffic"
	"tollgate/views/ui"
)

// UserForm is a user as they were filled in; ID is that of one who exists. Roles are what can be chosen for a new one.
type UserForm struct {
	ID       string
	Input    identity.UserInput
	Problems problem.Problems
	Roles    []identity.Role
	Actor    permission.Actor
}

// links is the summary; the form of an edit shows neither role nor password.
func (f UserForm) links() []ui.ProblemLink {
	links := ui.ProblemLinks(f.Problems)
	if f.ID != "" {
		return ui.Unlinked(links, "role_id", "password")
	}
	return links
}

func (f UserForm) action() string {
	if f.ID == "" {
		return "/users"
	}
	return "/users/" + f.ID
}

// mayEnter reports whether the actor may choose a password for the new user.
func (f UserForm) mayEnter() bool { return identity.MayEnterAs(f.Actor, "") }

func (f UserForm) password() ui.Field {
	field := newPassword("password", "Password")
	field.Required, field.Optional, field.Width = false, true, "wide"
	field.Hint += " Without one they sign in by a link that you make on their page."
	return field
}

// UserPage is one user with what the actor may change.
type UserPage struct {
	User                    identity.User
	RoleID                  string // chosen in the form
	Roles                   []identity.Role
	Actor                   permission.Actor
	Problems                problem.Problems
	Self                    bool // the actor is this user
	MayUpdate, MayViewRoles bool

	Connections []database.Named  // of directories
	Identities  []signin.Identity // by which they sign in

	Copies                                               []assignment.Assignment
	Unpriced                                             int64 // calls of the last 30 days
	Keys                                                 KeyList
	Now                                                  time.Time
	MayViewCopies, MayAssign, MayChangeCopies, MayDetach bool
	MayViewKeys, MayViewUsage, MayViewAudit              bool
	Catalogue                                            catalogue.Catalogue
	Refusals                                             *traffic.RefusalRows // of the last days, or nil
	RefusalCount                                         int64
}

// covered reports whether the actor may do all that the user may, and so may set what the user signs in with.
func (p UserPage) covered() bool { return mayAll(p.Actor, p.User.Permissions) }

// mayEnter reports whether the actor may set what the user signs in with.
func (p UserPage) mayEnter() bool { return identity.MayEnterAs(p.Actor, p.User.ID) }

// directory is the name of the directory that the user belongs to.
func (p UserPage) directory() string {
	for _, c := range p.Connections {
		if p.User.ConnectionID != nil && c.ID == *p.User.ConnectionID {
			return c.Name
		}
	}
	return "a directory"
}

// noKey says how the user gets a key.
func (p UserPage) noKey() string {
	switch {
	case p.MayViewCopies && len(p.Copies) == 0:
		return "No key. A key needs a profile: assign one first."
	case p.Keys.MayCreate:
		return "No key yet. Make one for a program of theirs; its value is shown once."
	}
	return "No key yet. Ask an admin to make one."
}

func (p UserPage) password() ui.Field {
	field := newPassword("password", "New password")
	field.Width = "medium"
	return field
}

func mayAll(actor permission.Actor, permissions []permission.Permission) bool {
	for _, p := range permissions {
		if !actor.May(p) {
			return false
		}
	}
	return true
}

// roleOptions offers every role; one that permits more than the actor may do cannot be chosen.
func roleOptions(roles []identity.Role, actor permission.Actor, chosen string) []ui.Option {
	options := make([]ui.Option, 0, len(roles)+1)
	for _, role := range roles {
		id := strconv.FormatInt(role.ID, 10)
		o := ui.Option{Value: id, Label: role.Name, Chosen: id == chosen}
		if !mayAll(actor, role.Permissions) && !o.Chosen {
			o.Disabled, o.Label = true, role.Name+" (permits more than you may do)"
		}
		options = append(options, o)
	}
	return options
}

func newRoleOptions(f UserForm) []ui.Option {
	chosen := f.Input.RoleID.Text
	for _, role := range f.Roles {
		if chosen == "" && role.IsSystemRole && role.Name == identity.DefaultRole {
			chosen = strconv.FormatInt(role.ID, 10)
		}
	}
	return roleOptions(f.Roles, f.Actor, chosen)
}

// UserDeletion says what the deletion of a user does.
func UserDeletion(u identity.User, l account.Leaving) []string {
	effects := []string{}
	if u.HasPassword {
		effects = append(effects, u.Email+" is signed out everywhere at once and can no longer sign in.")
	}
	if l.APIKeyCount > 0 {
		effects = append(effects, "Programs lose "+plural.Of(l.APIKeyCount, "API key")+" that they made: "+
			keyNames(l.APIKeys, l.APIKeyCount)+".")
	}
	if len(l.ServiceKeys) > 0 {
		effects = append(effects, serviceKeys(l))
	}
	if len(l.Profiles) > 0 {
		names := make([]string, len(l.Profiles))
		for i, profile := range l.Profiles {
			names[i] = profile.Name
		}
		effects = append(effects, "They lose "+ui.Sequence(names)+" and "+plural.Of(l.VirtualKeys, "virtual key")+
			": gateways refuse them from that moment on.")
	}
	return append(effects, "What they changed stays in the audit log.")
}

// roleEffects says what a change of role does to what a user holds.
func roleEffects(u identity.User, e attachment.RoleEffects) []string {
	effects := []string{u.Name + " may do in this console what " + e.Role + " permits, from the next request on."}
	if len(e.Loses) > 0 {
		effects = append(effects, "They lose "+ui.Sequence(e.Loses)+", which came with the role "+u.Role+
			", and what was used of it is no longer counted, not even if they get it back.")
	}
	if len(e.Ends) > 0 {
		effects = append(effects, "Their access by "+ui.Sequence(e.Ends)+" ends: it was also assigned directly, until an "+
			"end, which counts again. If it is past, a new end lets the copy work again.")
	}
	if len(e.Endless) > 0 {
		effects = append(effects, "Their access by "+ui.Sequence(e.Endless)+" no longer ends: it was assigned directly, until "+
			"an end, which does not count while it comes with the role.")
	}
	if len(e.Gains) > 0 {
		effects = append(effects, "They get "+ui.Sequence(e.Gains)+", with nothing used.")
	}
	if e.Keys > 0 {
		effects = append(effects, "Nothing is left to them, so "+plural.Of(e.Keys, "virtual key")+
			plural.Choose(e.Keys == 1, " is", " are")+" deleted: gateways refuse programs that send them.")
	}
	return effects
}

func roleHref(id int64) string { return "/roles/" + strconv.FormatInt(id, 10) }
