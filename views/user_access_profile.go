package views

import (
	"slices"
	"strconv"
	"time"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/ui"
)

// CopyHref is the address of a user's copy.
func CopyHref(u assignment.Assignment) string {
	return "/users/" + u.UserID + "/access-profiles/" + strconv.FormatInt(u.ID, 10)
}

func profileHref(id int64) string { return "/access-profiles/" + strconv.FormatInt(id, 10) }

// limitLine is one limit of a copy with its bar.
type limitLine struct {
	Scope    string // "Overall", or a provider
	Bar      ui.Bar
	Left     string         // "$8.80"
	Budget   *policy.Budget // nil for tokens and requests
	Override string         // "+$50.00 until 1 Dec 2026, 00:00 UTC"
}

// left is the bar with what is left in its words.
func (l limitLine) left() ui.Bar {
	bar := l.Bar
	bar.Used = l.Left + " left"
	return bar
}

// limitLines are all limits of a copy, in the order in which pages show them.
func limitLines(u assignment.Assignment, now time.Time) []limitLine {
	var lines []limitLine
	for _, l := range shownLimits(u.Policy) {
		line := limitLine{Scope: scopeWord(l.Scope), Bar: limitBar(l, now), Left: amountOf(l.Kind, l.Left())}
		if budget, ok := u.Budget(l.ID); ok && l.Kind == policy.KindSpend {
			line.Budget, line.Override = &budget, overrideWords(budget)
		}
		lines = append(lines, line)
	}
	return lines
}

// overall is the scope of limits that count for every provider.
const overall = "Overall"

func scopeWord(scope policy.Scope) string {
	if scope.Overall() {
		return overall
	}
	return scope.Name()
}

func limitBar(l policy.Limit, now time.Time) ui.Bar {
	return ui.Bar{
		Label: scopeWord(l.Scope) + ", " + l.Kind + " " + ui.Every(l.Duration), Used: amountOf(l.Kind, l.Used),
		Limit: capOf(l.Kind, l.Cap()) + " / " + ui.Unit(l.Duration),
		Note:  resets(l.Ends, now), Parts: parts(l.Used, l.Cap()), Ends: ui.Exact(l.Ends),
	}
}

// parts is used in hundredths of limit; a limit of nothing is used up.
func parts(used, limit int64) int {
	if limit <= 0 || used >= limit {
		return 100
	}
	return min(99, int(float64(used)/float64(limit)*100))
}

// resets says when a window ends: "resets in 3 h 12 m".
func resets(at, now time.Time) string {
	left := at.Sub(now)
	switch {
	case left < time.Minute:
		return "resets in less than a minute"
	case left < time.Hour:
		return "resets in " + strconv.Itoa(int(left/time.Minute)) + " m"
	case left < 24*time.Hour:
		return "resets in " + strconv.Itoa(int(left/time.Hour)) + " h " + strconv.Itoa(int(left%time.Hour/time.Minute)) + " m"
	}
	return "resets in " + plural.Of(int(left/(24*time.Hour)), "day") + " " +
		strconv.Itoa(int(left%(24*time.Hour)/time.Hour)) + " h"
}

// lineWords names a budget line of a copy: "Overall, $50.00 / day".
func lineWords(b policy.Budget) string { return scopeWord(b.Scope) + ", " + SpendLine(b) }

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

// Detachment says what it means to take a copy from a user.
func Detachment(user identity.User, assigned assignment.Assignment, last bool, now time.Time) []string {
	effects := []string{user.Name + " may no longer use what " + assigned.Name +
		" grants, from that moment on. What they used of it is no longer counted."}
	if last {
		effects = append(effects, "It is their last profile, so "+keysWords(len(assigned.VirtualKeyIDs)))
	} else {
		effects = append(effects, "Their other profiles and their keys stay.")
	}
	if assigned.FromRole {
		effects = append(effects, "It came with their role. It comes back when the profile is applied to that role again, or when they get the role anew.")
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
	Copies                            []assignment.Assignment
	Now                               time.Time
	Filtered, MayViewUsers, MayDetach bool
	All, Behind                       ui.Link
	Pager                             ui.Pager
}

const barsShown = 3

// tightest are the limits of a copy of which most is used, for a row of a list.
func tightest(u assignment.Assignment, now time.Time) []limitLine {
	lines := limitLines(u, now)
	slices.SortStableFunc(lines, func(a, b limitLine) int { return b.Bar.Parts - a.Bar.Parts })
	for i := range lines {
		lines[i].Bar.Note = ""
		if lines[i].Scope != overall {
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
