package views

import (
	"strconv"
	"time"

	"tollgate/models/account"
	"tollgate/models/blocked"
	"tollgate/views/ui"
)

// UserList is a page of users with what it is narrowed and sorted by.
type UserList struct {
	ui.ListFrame
	Bulk    ui.Bulk
	Users   []account.Listed
	Held    map[string][]string      // names of the profiles that each holds
	States  map[string]blocked.State // of those who hold an active copy
	Choices []account.Choice

	RoleID, ProfileID     int64
	Blocked               bool
	BlockedAsOf           time.Time // when it was read who is blocked; zero for now
	Filtered              bool
	Assigned              string // the profile chosen in the bar, as it was sent
	Deactivated           bool
	Segments              []ui.Link // by state
	Name, Spend, LastUsed ui.SortLink

	MayViewRoles, MayViewCopies, MayViewUsage, MayAssignProfiles bool
}

// MayAssign reports whether profiles can be given to those ticked.
func (l UserList) MayAssign() bool { return l.MayAssignProfiles && len(l.toAssign()) > 1 }

// MayTick reports whether something can be done to those ticked.
func (l UserList) MayTick() bool { return l.MayAssign() || l.MayUpdate }

func (l UserList) summary() []ui.ProblemLink {
	fields := map[string]string{}
	if l.MayAssign() {
		fields["access_profile_id"] = "assign"
	}
	return l.Bulk.Summary(len(l.Users) > 0, fields)
}

// roles are what the list can be narrowed to.
func (l UserList) roles() []ui.Option { return l.options("Every role", false, l.RoleID) }

func (l UserList) profiles() []ui.Option { return l.options("Every profile", true, l.ProfileID) }

// options offers roles or profiles; one that is not among them stays chosen all the same.
func (l UserList) options(all string, profiles bool, chosen int64) []ui.Option {
	options, found := []ui.Option{{Label: all, Chosen: chosen == 0}}, chosen == 0
	for _, choice := range l.Choices {
		if choice.IsProfile == profiles {
			on := choice.ID == chosen
			found = found || on
			options = append(options, ui.Option{Value: strconv.FormatInt(choice.ID, 10), Label: choice.Name, Chosen: on})
		}
	}
	if !found {
		id := strconv.FormatInt(chosen, 10)
		options = append(options, ui.Option{Value: id, Label: "Number " + id, Chosen: true})
	}
	return options
}

// toAssign are the active profiles.
func (l UserList) toAssign() []ui.Option {
	options := []ui.Option{{Label: "Choose a profile", Chosen: l.Assigned == ""}}
	for _, choice := range l.Choices {
		if choice.IsProfile && choice.IsActive {
			id := strconv.FormatInt(choice.ID, 10)
			options = append(options, ui.Option{Value: id, Label: choice.Name, Chosen: id == l.Assigned})
		}
	}
	return options
}

// emptyWords say why no user is listed.
func (l UserList) emptyWords() string {
	if l.Blocked && l.Search == "" && l.RoleID == 0 && l.ProfileID == 0 {
		return "No user is blocked."
	}
	if l.Deactivated && l.Search == "" && l.RoleID == 0 && l.ProfileID == 0 {
		return "No user is deactivated."
	}
	return "No user matches."
}

func (l UserList) budgetWords(user string) string {
	if budget := l.States[user].MonthBudget(); budget > 0 {
		return "of " + ui.Dollars(budget.Cents())
	}
	return ""
}
