package traffic

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/refusal"
	"tollgate/models/window"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// RefusalRows is a list of refusals, on a page of its own or on a user's.
type RefusalRows struct {
	Rows                                    []refusal.Row
	Now                                     time.Time
	Next                                    string // where a form comes back to
	OfUser                                  bool
	Own                                     bool // the user sees their own
	MayViewUsers, MayViewProfiles, MayRaise bool
}

// RefusalPage is one part of the refusals that match.
type RefusalPage struct {
	RefusalRows
	Query     refusal.Query
	UserName  string // of the user whose refusals are shown
	Link      func(pairs ...string) string
	Kept      []ui.Field // what the filters send besides their own fields
	Gaps      []time.Time
	KeptSince time.Time
	Pager     ui.Pager
	Problems  problem.Problems // with what was asked for; then there are no rows
}

func (p RefusalPage) filtered() bool {
	return p.Query.UserID != "" || p.Query.ProfileID != 0 || p.Query.Model != "" || p.Query.Reason != ""
}

func (p RefusalPage) days() []ui.Link {
	var links []ui.Link
	for _, days := range []int64{1, 7, 31} {
		label := plural.Choose(days == 1, "24 hours", strconv.FormatInt(days, 10)+" days")
		links = append(links, ui.Link{Label: label, Href: p.Link("days", strconv.FormatInt(days, 10)), On: days == p.Query.Days})
	}
	return links
}

// refusalWords name the types of decisions on pages.
var refusalWords = map[string]string{
	"access_not_found": "unknown or expired key", "access_blocked": "no active profile", "provider_blocked": "provider not in profile",
	"model_blocked": "model not in profile", "rate_limited": "tokens and requests", "token_limited": "tokens",
	"request_limited": "requests", "budget_exceeded": "budget", "mcp_tool_blocked": "tool not in profile",
}

func (p RefusalPage) reasons() []ui.Option {
	options := []ui.Option{{Label: "Any reason", Chosen: p.Query.Reason == ""}}
	for _, reason := range refusal.Reasons[1:] {
		options = append(options, ui.Option{
			Value: reason, Label: ui.UpperFirst(refusalWords[reason]), Chosen: reason == p.Query.Reason,
		})
	}
	return options
}

// span is when calls were refused, by the clocks of the profile: "27 Nov 15:02–18:40 UTC".
func span(r refusal.Row) string {
	first, last := window.In(r.FirstAt, r.Zone), window.In(r.LastAt, r.Zone)
	words := first.Format("2 Jan ")
	switch {
	case last.Format("2 Jan ") != words: // rows are of days in UTC
		words += first.Format("15:04") + " – " + last.Format("2 Jan ")
	case last.Format("15:04") != first.Format("15:04"):
		words += first.Format("15:04") + "–"
	}
	return words + ui.ClockIn(r.LastAt, r.Zone)
}

// limitInWords is a limit as in a sentence: "$500.00 per month on anthropic".
func limitInWords(l refusal.Decided) string {
	words := ""
	switch limit := l.Limit.(type) {
	case money.Money:
		words = ui.Dollars(limit)
	case int64:
		words = plural.Count(limit) + " " + l.Kind
	}
	words += " per " + ui.Unit(l.ResetDuration)
	if _, scope, found := strings.Cut(l.Scope, ":"); found {
		words += " on " + scope
	}
	return words
}

// whyRefused says why calls were refused.
func whyRefused(r refusal.Row) string {
	profile := r.ProfileName
	if profile == "" {
		profile = "the profile"
	}
	if l := r.RefusedBy; l != nil {
		words := limitInWords(*l)
		switch l.Reason {
		case "never_fits":
			words = "the estimate is above all of " + words
		case "does_not_fit_now":
			words = "the estimate was above what was left of " + words
		default:
			words += " used up"
		}
		if !r.Granted {
			words += "; it is not in " + profile + " either"
		}
		return words
	}
	switch r.Type {
	case "access_not_found":
		return plural.Choose(r.UserID == "", "the key or user is unknown", "the key had expired")
	case "access_blocked":
		return "no active profile"
	case "rate_limited":
		return "concurrent calls reached the limit first"
	}
	return "not in " + profile
}

// asked are the models and tools of the refusals shown.
func (p RefusalPage) asked() []string {
	var names []string
	for _, r := range p.Rows {
		if r.Asked != "" {
			names = append(names, r.Asked)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func askedFor(r refusal.Row) string {
	switch {
	case r.UserID == "" && r.Asked == refusal.Others:
		return "(too many to tell apart)"
	case r.Asked == "":
		return "–"
	}
	return r.Asked
}

// raisedWords say that the budget allows more by now.
func raisedWords(r refusal.Row) string {
	most, ok := r.RaisedTo()
	if !ok {
		return ""
	}
	return "raised since, to " + ui.Dollars(most) + " / " + ui.Unit(r.RefusedBy.ResetDuration)
}

// raiseHref leads to the form that raises the budget that decided, and back.
func (p RefusalRows) raiseHref(r refusal.Row) string {
	return "/users/" + r.UserID + "/access-profiles/" + strconv.FormatInt(r.CopyID, 10) + "/budgets/" + r.RefusedBy.LimitID +
		"/override" + policytext.RaiseQuery(p.Next, r.Estimate)
}

func (p RefusalRows) who(r refusal.Row) string {
	switch {
	case r.UserID == "":
		return "unknown"
	case r.UserName == "":
		return "a user"
	}
	return r.UserName
}

func (p RefusalRows) tryPath(r refusal.Row) string {
	if p.Own {
		return "/me/try"
	}
	return "/users/" + r.UserID + "/try"
}

// tryHref asks again as of the last refusal.
func (p RefusalRows) tryHref(r refusal.Row) string {
	query := url.Values{"model": {r.Asked}, "at": {r.LastAt.UTC().Format(input.MinuteForm)}}
	if r.Type == "mcp_tool_blocked" {
		server, tool, _ := strings.Cut(r.Asked, "/")
		query = url.Values{"mcp_client_id": {server}, "tool_name": {tool}, "at": query["at"]}
	}
	return p.tryPath(r) + "?" + query.Encode()
}

// askHref is where users ask for a budget or a model that they were refused for; "" when no one can give it so.
func (p RefusalRows) askHref(r refusal.Row) string {
	switch {
	case !p.Own:
		return ""
	case r.Raisable:
		return "/me/requests/new?budget_id=" + r.RefusedBy.LimitID
	case (r.Type == "model_blocked" || r.Type == "provider_blocked") && strings.Contains(r.Asked, "/"):
		return "/me/requests/new?" + url.Values{"model": {r.Asked}}.Encode()
	}
	return ""
}

func (p RefusalRows) askWords(r refusal.Row) string { return plural.Choose(r.Raisable, "more", "it") }
