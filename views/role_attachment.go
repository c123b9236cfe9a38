package views

import (
	"slices"
	"strconv"

	"tollgate/models/attachment"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// ProfileRoles has the roles that a profile is attached to, and the form to attach it to more.
type ProfileRoles struct {
	Profile                            profile.Profile
	Attached                           []profile.RoleAttachment
	Roles                              []identity.Role
	Without                            map[int64]int64 // members of each role who hold no copy
	Input                              attachment.AttachInput
	Problems                           problem.Problems
	MayViewRoles, MayAttach, MayDetach bool
}

func (p ProfileRoles) choice() ui.Choice {
	c := ui.Choice{Name: "role_ids", Legend: "Roles", Error: ui.FirstBelow(p.Problems, "role_ids")}
	for _, role := range p.Roles {
		id := strconv.FormatInt(role.ID, 10)
		chosen := slices.ContainsFunc(p.Input.RoleIDs.Items, func(v input.Value) bool { return v.Text == id })
		hint := plural.Of(role.Members, "member")
		if n := p.Without[role.ID]; n > 0 {
			hint += ", " + plural.Count(n) + " without a copy"
		} else if role.Members > 0 {
			hint += ", all with a copy"
		}
		c.Options = append(c.Options, ui.Option{Value: id, Label: role.Name, Hint: hint, Chosen: chosen})
	}
	return c
}

func (p ProfileRoles) summary() []ui.ProblemLink {
	return ui.ListLinks(ui.ProblemLinks(p.Problems), p.Problems, "role_ids")
}

func (p ProfileRoles) href() string { return policytext.ProfileHref(p.Profile.ID) + "/roles" }

func detachHref(a profile.RoleAttachment) string {
	return policytext.ProfileHref(a.AccessProfileID) + "/roles/" + strconv.FormatInt(a.RoleID, 10) + "/delete"
}

func defaultWord(isDefault bool) string {
	if isDefault {
		return "all users who gain the role"
	}
	return "only when it is applied"
}

// AttachedWords describes the result of attaching roles.
func AttachedWords(done attachment.Attached) string {
	said := ui.Sequence(done.Roles) + " " + plural.Choose(len(done.Roles) == 1, "assigns", "assign") + " " +
		done.Profile.Name + " now"
	if done.Default != nil {
		said += plural.Choose(*done.Default, ", and new members get it", ", and new members do not get it")
	}
	said += "."
	if done.Applied > 0 || done.Already > 0 {
		said += " " + plural.Of(done.Applied, "user") + " got a copy."
	}
	if done.Already > 0 {
		said += " " + strconv.Itoa(done.Already) + " had it directly and have it from the role too."
	}
	if done.Endless > 0 {
		said += " " + plural.Of(done.Endless, "copy", "copies") + plural.Choose(done.Endless == 1, " no longer ends", " no longer end") +
			": assigned directly until an end, which does not count while it comes with the role."
	}
	return said + keyless(done.Keyless)
}

// DetachedWords describes the result of detaching a role.
func DetachedWords(done attachment.Detached, removed bool) string {
	said := done.Role + " was detached."
	if !removed {
		return said + " Those who hold a copy keep it."
	}
	said += " " + plural.Of(done.Removed, "user") + " lost their copy."
	if done.Kept > 0 {
		said += " " + strconv.Itoa(done.Kept) + " keep it, since it was assigned to them directly too."
	}
	if done.Ended > 0 {
		said += " " + plural.Of(done.Ended, "copy", "copies") + " expired: assigned directly too, until an end that is past."
	}
	if len(done.Keys) > 0 {
		said += " " + plural.Of(len(done.Keys), "key") + " went with last profiles."
	}
	return said
}

// ProfileDeletion says what the deletion of a profile does.
func ProfileDeletion(shown profile.Profile, roles []profile.RoleAttachment) []string {
	effects := []string{
		"The profile and its " + plural.Of(shown.Version, "version") + " go for good; the audit log keeps what was in them.",
	}
	if len(roles) > 0 {
		names := make([]string, len(roles))
		for i, a := range roles {
			names[i] = a.RoleName
		}
		effects = append(effects, plural.Of(len(roles), "role")+plural.Choose(len(roles) == 1, " is", " are")+" detached: "+
			ui.Sequence(names)+".")
	}
	return append(effects, "No user holds a copy of it.")
}

// ProfileHeld says why a profile cannot be deleted.
func ProfileHeld(holders int64) string {
	if holders == 0 {
		return "It could not be deleted: a user was given a copy a moment ago. Try again."
	}
	return plural.Of(holders, "user") + plural.Choose(holders == 1, " holds", " hold") +
		" a copy, so it cannot be deleted: detach them first."
}
