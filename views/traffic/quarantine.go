package traffic

import (
	"cmp"
	"strconv"
	"time"

	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/quarantine"
	"tollgate/views/ui"
)

// QuarantinePage is usage whose user is not known, one part of it at a time.
type QuarantinePage struct {
	Events    []quarantine.Event
	ChargedTo map[string]string // names of users, by their ids
	Outcome   string
	Link      func(pairs ...string) string
	Now       time.Time
	Pager     ui.Pager
}

func (p QuarantinePage) outcomes() []ui.Link {
	var links []ui.Link
	for _, outcome := range quarantine.Outcomes {
		links = append(links, ui.Link{Label: ui.UpperFirst(outcome), Href: p.Link("outcome", outcome), On: outcome == p.Outcome})
	}
	return links
}

// why heads the column with the outcome of a settled call: the user who is charged, or why no user is.
func (p QuarantinePage) why() string {
	return plural.Choose(p.Outcome == "assigned", "Charged to", "Reason")
}

func (p QuarantinePage) whyOf(e quarantine.Event) string {
	switch {
	case e.ChargedTo != nil:
		return cmp.Or(p.ChargedTo[*e.ChargedTo], "a user who is gone")
	case e.Reason != nil:
		return *e.Reason
	}
	return "–"
}

func settledBy(e quarantine.Event) string {
	if e.SettledBy == nil {
		return "–"
	}
	return *e.SettledBy
}

// assignTo names who a call would be charged to: two users may have one name.
func assignTo(who quarantine.Candidate) string {
	return "Assign to " + who.Name + " (" + who.Email + ")"
}

// QuarantinedPage is one such call, with the forms that settle it and what was typed into them.
type QuarantinedPage struct {
	Event                   quarantine.Event
	ChargedTo               string // name of the user who was charged
	Assignment              quarantine.Assignment
	Dismissal               quarantine.Dismissal
	Problems                problem.Problems
	MayUpdate, MayViewUsers bool
	Now                     time.Time
}

func quarantineHref(e quarantine.Event) string { return "/usage/quarantine/" + e.ID }

// called is what an event is a call of.
func called(e quarantine.Event) string {
	if e.ToolName != "" {
		return e.MCPClientID + "/" + e.ToolName
	}
	if e.Provider == "" {
		return cmp.Or(e.Model, "No model") // as it was sent
	}
	return e.Provider + "/" + cmp.Or(e.Model, "no model")
}

// saidToBe is the user or key that the call was reported for.
func saidToBe(e quarantine.Event) string { return cmp.Or(e.VirtualKey, e.UserID) }

func callCost(e quarantine.Event) string {
	if e.Cost == nil {
		return "unpriced"
	}
	return ui.Dollars(*e.Cost)
}

func candidateNames(e quarantine.Event) string {
	var names []string
	for _, candidate := range e.Candidates {
		names = append(names, candidate.Name)
	}
	return cmp.Or(ui.Sequence(names), "–")
}

// alikeLabel offers to settle what came from the same sender in one go.
func alikeLabel(e quarantine.Event) string {
	others := strconv.FormatInt(e.Alike-1, 10) + " other open " + plural.Choose(e.Alike == 2, "call", "calls")
	if e.VirtualKey != "" {
		return "Also the " + others + " whose key ends in the same four characters"
	}
	return "Also the " + others + " that came with the same user id"
}
