package requests

import (
	"strconv"
	"time"

	"tollgate/models/accessrequest"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/refusal"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// Row is one request with what an approver looks at beside it.
type Row struct {
	accessrequest.Request
	Bar       *ui.Bar        // of the budget that is asked for; nil when it is gone
	Budget    *policy.Budget // the same
	Zone      string         // in which its times are shown
	Held      []string
	Suggested money.Money
	Least     money.Money // the smallest grant that helps, on top of an earlier raise
	Profiles  []refusal.Profile
	Own       bool // the actor's own, which another user has to decide
	MayDecide bool
	MayView   bool // the user's page

	// What was sent and not accepted.
	TypedAmount, TypedEnd, TypedNote string
	Problems                         problem.Problems
}

// Inbox is a page of requests.
type Inbox struct {
	Rows   []Row
	State  string
	Links  []ui.Link
	Now    time.Time
	Sunday time.Time // when a grant ends that is given no end
	Pager  ui.Pager
}

func (r Row) id(part string) string { return part + "-" + strconv.FormatInt(r.ID, 10) }

func (r Row) href(act string) string {
	return "/access-requests/" + strconv.FormatInt(r.ID, 10) + "/" + act
}

func (r Row) name() string {
	if r.UserName == "" {
		return "A user"
	}
	return r.UserName
}

// links lead from the problems to the fields of the row.
func (r Row) links() []ui.ProblemLink {
	var links []ui.ProblemLink
	for _, p := range r.Problems {
		link := ui.ProblemLink{ID: r.id("request"), Message: p.Message}
		if p.Field == "amount" || p.Field == "expires_at" || p.Field == "note" {
			link.ID = r.id(p.Field)
		}
		links = append(links, link)
	}
	return links
}

func (r Row) problem(field string) string {
	if messages := r.Problems.At(field); len(messages) > 0 {
		return messages[0]
	}
	return ""
}

// AskedFor says what a request is for: more of $20.00 / day, overall, of Engineering.
func AskedFor(r accessrequest.Request) string {
	if r.Kind == accessrequest.KindAccess {
		return r.Asked
	}
	words := policytext.ScopeWord(r.Scope) + ", " + policytext.SpendLine(policy.Budget{
		MaxLimit: r.MaxLimit, ResetDuration: r.ResetDuration,
	}) + " of " + r.ProfileName
	if r.Amount != nil {
		return ui.Dollars(*r.Amount) + " more: " + words
	}
	return "more: " + words
}

// raisedWords say before a grant what becomes of a raise that the budget has already.
func (r Row) raisedWords(end time.Time) string {
	if r.Budget == nil || r.Budget.OverrideAmount == nil {
		return ""
	}
	words := "It is " + policytext.OverrideWords(*r.Budget, r.Zone) + " already. "
	if r.Budget.OverrideEnds == nil || r.Budget.OverrideEnds.After(end) {
		return words + "That is longer than until Sunday: change that raise instead, or grant with a later end."
	}
	earlier := ui.Dollars(*r.Budget.OverrideAmount)
	return words + "A budget has one raise, so a grant joins it: " + ui.Dollars(r.Suggested) + " more until Sunday raise it by " +
		ui.Dollars(r.Suggested+*r.Budget.OverrideAmount) + " in all, and the " + earlier + " end on Sunday too."
}

// JoinedWords say after a grant what became of the raise that the budget had.
func JoinedWords(r accessrequest.Request) string {
	if r.Joined == nil || r.GrantedUntil == nil {
		return ""
	}
	return " It is raised by " + ui.Dollars(r.Joined.Total) + " in all until " + ui.Moment(*r.GrantedUntil) + ": the " +
		ui.Dollars(r.Joined.Amount) + " that would have ended " + ui.Moment(r.Joined.Ended) + " end then too."
}

// outcome says what came of a request.
func outcome(r accessrequest.Request) string {
	until := ""
	if r.GrantedUntil != nil {
		until = " until " + ui.Moment(*r.GrantedUntil)
	}
	switch {
	case r.GrantedAmount != nil:
		return ui.Dollars(*r.GrantedAmount) + " more" + until
	case r.GrantedProfile != nil:
		return *r.GrantedProfile + until
	}
	return ""
}

var badges = map[string][3]string{
	accessrequest.Open: {"accent", "audit", "Open"}, accessrequest.Granted: {"good", "allowed", "Granted"},
	accessrequest.Declined: {"danger", "refused", "Declined"}, accessrequest.Withdrawn: {"quiet", "paused", "Withdrawn"},
	accessrequest.Expired: {"quiet", "paused", "Expired"},
}

// AskForm is what a user is about to ask for.
type AskForm struct {
	Input    accessrequest.Input
	Limit    *policytext.LimitLine // the budget; nil for a model
	Profile  string
	Problems problem.Problems
}

// OwnList are a user's own requests.
type OwnList struct {
	Requests []accessrequest.Request
	Now      time.Time
}
