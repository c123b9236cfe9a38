package traffic

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"tollgate/models/blocked"
	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/report"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// UsagePage is what was used, with what it is filtered and grouped by.
type UsagePage struct {
	Query                         report.Query
	Zone                          string // as it was typed
	Page                          report.Page
	Then                          string // each row is broken down by it once more; "" for not at all
	Needs                         report.Needs
	States                        map[string]blocked.State // of the users of the rows
	Sort                          map[string]ui.SortLink
	Pager                         ui.Pager
	Today                         time.Time
	UserName, ProfileName         string
	Now                           time.Time
	Export                        string
	Link                          func(pairs ...string) string // the same page with filters changed
	Kept                          []ui.Field                   // what the form for other days keeps
	MayViewUsers, MayViewProfiles bool
	MayRaise                      bool
	Quarantined                   int64            // calls of keys and users that are not known
	Problems                      problem.Problems // with the days and filters asked for
}

func (p UsagePage) problem(field string) string { return ui.FirstAt(p.Problems, field) }

func (p UsagePage) problems() []ui.ProblemLink {
	return ui.LinksTo(p.Problems, "since", "until", "time_zone")
}

func (p UsagePage) groupings() []ui.Link {
	var links []ui.Link
	for _, by := range report.Groupings {
		links = append(links, ui.Link{Label: ui.UpperFirst(by), Href: p.Link("group_by", by), On: by == p.Query.GroupBy})
	}
	return links
}

// filters are those that are on, each with the way to take it off.
func (p UsagePage) filters() []ui.Link {
	var links []ui.Link
	add := func(name, label string) {
		links = append(links, ui.Link{Label: label, Href: p.Link(name, ""), On: true})
	}
	if p.Query.Provider != "" {
		add("provider", p.Query.Provider)
	}
	if p.Query.Model != "" {
		add("model", p.Query.Model)
	}
	if p.Query.UserID != "" {
		add("user_id", cmp.Or(p.UserName, "a user who is gone"))
	}
	if p.Query.ProfileID != 0 {
		add("access_profile_id", cmp.Or(p.ProfileName, "a profile that is gone"))
	}
	return links
}

func (p UsagePage) rowName(row report.Row) string {
	if day, err := time.Parse(time.DateOnly, row.Key); err == nil && p.Query.GroupBy == "day" {
		return day.Format("Mon 2 Jan 2006")
	}
	return row.Name
}

// narrow is the page of one row alone, broken down by what comes next.
func (p UsagePage) narrow(row report.Row) string {
	if row.Key == "" || row.Key == "0" {
		return ""
	}
	switch p.Query.GroupBy {
	case "provider":
		return p.Link("group_by", "model", "provider", row.Key)
	case "model":
		provider, model, _ := strings.Cut(row.Key, "/")
		return p.Link("group_by", "user", "provider", provider, "model", model)
	case "user":
		return p.Link("group_by", "model", "user_id", row.Key)
	case "profile":
		return p.Link("group_by", "user", "access_profile_id", row.Key)
	}
	return p.Link("group_by", "provider", "since", row.Key, "until", row.Key)
}

// spend is what a sum costs, as far as anything of it has a price.
func spend(s report.Sum) string {
	if s.IsUnpriced() {
		return "unpriced"
	}
	return ui.Dollars(s.Cost.Cents())
}

// spendExactly is the same to the last decimal.
func spendExactly(s report.Sum) string {
	if s.IsUnpriced() {
		return "unpriced"
	}
	return ui.Dollars(s.Cost)
}

// unpricedWords says which calls are in none of the amounts.
func unpricedWords(events int64) string {
	if events == 1 {
		return "1 call of the last 30 days is unpriced: it is in no amount here."
	}
	return plural.Count(events) + " calls of the last 30 days are unpriced: they are in no amount here."
}

// quarantineWords leads to calls that are in no report, since it is not known whose they are.
func quarantineWords(n int64) string {
	if n == 0 {
		return "Quarantined usage"
	}
	return "Quarantined usage: " + plural.Of(n, "call") + " without a user"
}

func share(part, whole money.Money) string {
	if whole <= 0 {
		return "0 %"
	}
	percent := float64(part) / float64(whole) * 100
	if percent > 0 && percent < 1 {
		return "< 1 %"
	}
	return strconv.Itoa(int(percent+0.5)) + " %"
}

func (p UsagePage) days() string {
	days := p.Query.Until.Format("2 Jan 2006") + ", " + p.Query.ZoneName()
	if p.Query.Since.Equal(p.Query.Until) {
		return days
	}
	return p.Query.Since.Format("2 Jan 2006") + " to " + days
}

func nearBar(n report.NearLimit, now time.Time) ui.Bar {
	where := policytext.ScopeWord(n.Scope)
	return ui.Bar{
		Label: where + ", spend " + ui.Every(n.ResetDuration), Used: ui.Dollars(n.Used),
		Limit: ui.Dollars(n.Limit) + " / " + ui.Unit(n.ResetDuration), Where: where,
		Note: ui.ResetsIn(n.Ends, now, n.Zone), Parts: policytext.Parts(int64(n.Used), int64(n.Limit)), Ends: n.Ends,
	}
}

// forecastWords says how much of a budget will be used at this pace.
func forecastWords(n report.NearLimit) string {
	switch {
	case n.Used >= n.Limit:
		return "used up"
	case n.Forecast >= n.Limit:
		return "On pace for " + ui.Dollars(n.Forecast.Cents()) + ", over the limit"
	}
	return ui.Dollars(n.Forecast.Cents())
}

// usedUpWords says how many budgets are used up: those come after the ones that still have room.
func usedUpWords(near []report.NearLimit) string {
	switch n := int(near[0].UsedUp); {
	case n == 0:
		return ""
	case n == 1:
		return "1 budget is used up; it comes after those that still have room."
	default:
		return plural.Of(n, "budget") + " are used up; they come after those that still have room."
	}
}
