package requests

import (
	"slices"
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

	// What was sent and not accepted; Typed is an amount or an end, which may be empty.
	Typed                            bool
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

// With is the row with what was sent for it and not accepted.
func (r Row) With(sent Row) Row {
	r.Typed, r.TypedAmount, r.TypedEnd, r.TypedNote = sent.Typed, sent.TypedAmount, sent.TypedEnd, sent.TypedNote
	r.Problems = sent.Problems
	return r
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
		if slices.Contains(r.fields(), p.Field) {
			link.ID = r.id(p.Field)
		}
		links = append(links, link)
	}
	return links
}

// decides reports whether the row has the forms that decide it, and raises whether one of them is for an amount.
func (r Row) decides() bool { return r.State == accessrequest.Open && !r.Own && r.MayDecide }

func (r Row) raises() bool { return r.Kind == accessrequest.KindBudget && r.Bar != nil }

// fields are those of the forms in the row.
func (r Row) fields() []string {
	switch {
	case !r.decides():
		return nil
	case !r.raises():
		return []string{"note"}
	}
	return []string{"note", "amount", "expires_at"}
}

func (r Row) problem(field string) string { return ui.FirstAt(r.Problems, field) }

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
