package views

import (
	"strconv"
	"time"

	"tollgate/models"
)

// QuarantinePage is usage whose user is not known, one part of it at a time.
type QuarantinePage struct {
	Events  []models.QuarantinedEvent
	Outcome string
	Link    func(pairs ...string) string
	Now     time.Time
	Pager   Pager
}

func (p QuarantinePage) outcomes() []Link {
	var links []Link
	for _, outcome := range models.QuarantineOutcomes {
		links = append(links, Link{Label: upperFirst(outcome), Href: p.Link("outcome", outcome), On: outcome == p.Outcome})
	}
	return links
}

// QuarantinedPage is one such call, with the forms that settle it and what was typed into them.
type QuarantinedPage struct {
	Event                   models.QuarantinedEvent
	ChargedTo               string // name of the user who was charged
	Assignment              models.QuarantineAssignment
	Dismissal               models.QuarantineDismissal
	Problems                models.Problems
	MayUpdate, MayViewUsers bool
	Now                     time.Time
}

func quarantineHref(e models.QuarantinedEvent) string { return "/usage/quarantine/" + e.ID }

// called is what an event is a call of.
func called(e models.QuarantinedEvent) string {
	if e.ToolName != "" {
		return e.MCPClientID + "/" + e.ToolName
	}
	return or(e.Provider, "No provider") + "/" + or(e.Model, "no model")
}

// saidToBe is whose call it was reported to be.
func saidToBe(e models.QuarantinedEvent) string { return or(e.VirtualKey, e.UserID) }

func callCost(e models.QuarantinedEvent) string {
	if e.Cost == nil {
		return "unpriced"
	}
	return Dollars(*e.Cost)
}

func candidateNames(e models.QuarantinedEvent) string {
	var names []string
	for _, candidate := range e.Candidates {
		names = append(names, candidate.Name)
	}
	return or(sequence(names), "–")
}

// alikeLabel offers to settle what came from the same sender in one go.
func alikeLabel(e models.QuarantinedEvent) string {
	others := strconv.FormatInt(e.Alike-1, 10) + " other open " + choose(e.Alike == 2, "call", "calls")
	if e.VirtualKey != "" {
		return "Also the " + others + " whose key ends in the same four characters"
	}
	return "Also the " + others + " that came with the same user id"
}
