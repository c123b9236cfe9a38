package views

import (
	"slices"
	"strconv"
	"time"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// CopyHref is the address of a user's copy.
func CopyHref(u assignment.Assignment) string {
	return "/users/" + u.UserID + "/access-profiles/" + strconv.FormatInt(u.ID, 10)
}

// AssignmentForm is a profile that a user is to have, as it was filled in.
type AssignmentForm struct {
	User     identity.User
	Input    assignment.AssignInput
	Problems problem.Problems
	Profiles []database.Named
}

func (f AssignmentForm) options() []ui.Option {
	return namedOptions("Choose a profile", f.Profiles, f.Input.AccessProfileID.Text)
}

func namedOptions(none string, rows []database.Named, chosen string) []ui.Option {
	options := []ui.Option{{Label: none, Chosen: chosen == ""}}
	for _, row := range rows {
		id := strconv.FormatInt(row.ID, 10)
		options = append(options, ui.Option{Value: id, Label: row.Name, Chosen: id == chosen})
	}
	return options
}

// CopyForm is a copy's state as it was filled in.
type CopyForm struct {
	Copy     assignment.Assignment
	Input    assignment.CopyInput
	Problems problem.Problems
}

// copyNow says whether a copy works, and until when.
func copyNow(a assignment.Assignment) string {
	now := "The copy is " + plural.Choose(a.IsActive, "active", "paused") + " now"
	if a.ExpiresAt != nil {
		return now + ", and ends on " + ui.Moment(*a.ExpiresAt) + "."
	}
	return now + ", and has no end."
}

// Detachment says what happens when a profile is detached from a user.
func Detachment(user identity.User, assigned assignment.Assignment, last bool, now time.Time) []string {
	effects := []string{user.Name + " may no longer use what " + assigned.Name +
		" grants, from that moment on. What they used of it is no longer counted."}
	if last {
		effects = append(effects, "It is their last profile, so "+keysWords(len(assigned.VirtualKeyIDs)))
	} else {
		effects = append(effects, "Their other profiles and their keys stay.")
	}
	if assigned.FromRole {
		effects = append(effects, "It came with their role. "+
			"It comes back when the profile is applied to that role again, or when they get the role anew.")
	}
	if assigned.Expired(now) {
		effects = append(effects, "It has expired already.")
	}
	return effects
}

func keysWords(n int) string {
	switch n {
	case 0:
		return "they hold nothing then; they have no key."
	case 1:
		return "their key is deleted with it: programs that send it are refused."
	}
	return "their " + strconv.Itoa(n) + " keys are deleted with it: programs that send them are refused."
}

// AssignedToMany says what came of assigning a profile to many.
func AssignedToMany(done assignment.BulkAssigned) string {
	said := plural.Of(done.Users, "user") + " got " + done.Profile + "."
	if done.Already > 0 {
		said += " " + strconv.Itoa(done.Already) + " had it already."
	}
	return said + keyless(done.Keyless)
}

// keyless says that users have a copy and no key yet.
func keyless(users int) string {
	if users == 0 {
		return ""
	}
	return " " + plural.Of(users, "user") + plural.Choose(users == 1, " has", " have") +
		" no key yet. A key is made on the user's page."
}

// HolderList is who holds a profile.
type HolderList struct {
	Profile                           profile.Profile
	Search                            string
	Kept                              []ui.Field // what a new search keeps
	Bulk                              ui.Bulk
	Copies                            []assignment.Assignment
	Now                               time.Time
	Filtered, MayViewUsers, MayDetach bool
	MayGive                           bool
	All, Behind                       ui.Link
	Pager                             ui.Pager
}

const barsShown = 3

// tightest are the most used limits of a copy, for a row of a list.
func tightest(u assignment.Assignment, now time.Time) []policytext.LimitLine {
	lines := policytext.LimitLines(u, now)
	slices.SortStableFunc(lines, func(a, b policytext.LimitLine) int { return b.Bar.Parts - a.Bar.Parts })
	for i := range lines {
		lines[i].Bar.Note = ""
		if lines[i].Scope != policytext.Overall {
			lines[i].Bar.Where = lines[i].Scope
		}
	}
	return lines[:min(barsShown, len(lines))]
}

func sourceWord(u assignment.Assignment) string {
	if u.FromRole {
		return "from their role"
	}
	return "assigned directly"
}
