package traffic

import (
	"math"
	"strconv"
	"time"

	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/report"
	"tollgate/views/ui"
)

const needsShown = 5

// GroupingName heads the column of what a report is broken down by.
func GroupingName(by string) string { return ui.UpperFirst(by) }

// thisMonth reports whether the days are those of the month under way, so that its end can be forecast.
func (p UsagePage) thisMonth() bool {
	first := p.Today.AddDate(0, 0, 1-p.Today.Day())
	return p.Query.Since.Equal(first) && p.Query.Until.Equal(p.Today)
}

// monthEnd is the last day of the month under way.
func (p UsagePage) monthEnd() time.Time {
	return time.Date(p.Today.Year(), p.Today.Month()+1, 0, 0, 0, 0, 0, time.UTC)
}

// forecast is the cost of the month if each day until its end costs as much as a day of the last week.
func (p UsagePage) forecast(spent, week, today money.Money) money.Money {
	left := money.Money(p.monthEnd().Sub(p.Today).Hours() / 24)
	return spent - today + max(today, week/7) + week/7*left
}

// paceWords says how much the month will cost at this pace, and of which budget.
func (p UsagePage) paceWords() string {
	words := ui.Dollars(p.forecast(p.Page.Total.Cost, p.Page.Week, p.Page.Today).Cents()) + " by " + p.monthEnd().Format("2 Jan")
	if p.Needs.Budget > 0 {
		words += ", of " + ui.Dollars(p.Needs.Budget.Cents()) + " in monthly budgets"
	}
	return words
}

// changeWords compare with the period before.
func changeWords(now, before money.Money) string {
	switch {
	case before <= 0 && now <= 0:
		return "–"
	case before <= 0:
		return "new"
	}
	percent := math.Round((float64(now)/float64(before) - 1) * 100)
	switch {
	case percent > 999:
		return "× " + strconv.Itoa(int(math.Round(float64(now)/float64(before))))
	case percent > 0:
		return "+" + strconv.Itoa(int(percent)) + " %"
	case percent < 0:
		return "−" + strconv.Itoa(int(-percent)) + " %"
	}
	return "0 %"
}

// comparedWords say how the spend compares with the period before, and what it was then.
func (p UsagePage) comparedWords() string {
	since, until := p.Query.PeriodBefore(p.Today)
	words := ""
	if p.Page.Before > 0 || p.Page.Total.Cost > 0 {
		words = changeWords(p.Page.Total.Cost, p.Page.Before) + ", "
	}
	return words + ui.Dollars(p.Page.Before.Cents()) + " from " + since.Format("2 Jan") + " to " + until.Format("2 Jan 2006")
}

// presets are the periods that people ask for.
func (p UsagePage) presets() []ui.Link {
	first := p.Today.AddDate(0, 0, 1-p.Today.Day())
	var links []ui.Link
	for _, preset := range []struct {
		label        string
		since, until time.Time
	}{
		{"Today", p.Today, p.Today},
		{"7 days", p.Today.AddDate(0, 0, -6), p.Today},
		{"This month", first, p.Today},
		{"Last month", first.AddDate(0, -1, 0), first.AddDate(0, 0, -1)},
		{"90 days", p.Today.AddDate(0, 0, -89), p.Today},
	} {
		links = append(links, ui.Link{
			Label: preset.label, On: preset.since.Equal(p.Query.Since) && preset.until.Equal(p.Query.Until),
			Href: p.Link("since", preset.since.Format(time.DateOnly), "until", preset.until.Format(time.DateOnly)),
		})
	}
	return links
}

// thens are the groupings by which each row can be broken down further.
func (p UsagePage) thens() []ui.Link {
	links := []ui.Link{{Label: "By " + p.Query.GroupBy + " only", Href: p.Link("then", ""), On: p.Then == ""}}
	for _, by := range []string{"provider", "model", "user", "profile"} {
		if by != p.Query.GroupBy {
			links = append(links, ui.Link{Label: "Then by " + by, Href: p.Link("then", by), On: p.Then == by})
		}
	}
	return links
}

func (p UsagePage) budgetWords(row report.PageRow) string {
	if budget := p.States[row.Key].MonthBudget(); budget > 0 {
		return ui.Dollars(budget.Cents())
	}
	return "–"
}

func nearWords(n report.NearLimit) string {
	words := ui.Dollars(n.Limit) + " " + ui.Every(n.ResetDuration)
	if !n.Scope.Overall() {
		words += " on " + n.Scope.Name()
	}
	return words
}

// raiseHref is the page that raises a budget.
func raiseHref(n report.NearLimit) string {
	return "/users/" + n.UserID + "/access-profiles/" + strconv.FormatInt(n.CopyID, 10) + "/budgets/" + n.ID + "/override"
}

func (p UsagePage) blocked() []report.NearLimit { return p.Needs.Blocked() }

func (p UsagePage) runningOut() []report.NearLimit { return p.Needs.RunningOut() }

// near are the budgets nearest to their limit that still have room, then some of those used up.
func (p UsagePage) near() []report.NearLimit { return p.Needs.Lines[:min(10, len(p.Needs.Lines))] }

// soonest is when a budget resets, or runs out if it does so before.
func (p UsagePage) soonest(n report.NearLimit) (at time.Time, words string) {
	if at := n.RunsOut(p.Needs.ReadAt); !at.IsZero() {
		return at, "about " + ui.ClockIn(at, n.Zone)
	}
	return n.Ends, ui.ResetsIn(n.Ends, p.Now, n.Zone)
}

func firstOf[T any](list []T) []T { return list[:min(needsShown, len(list))] }

// moreWords say how many are not listed.
func moreWords(n int) string { return "and " + plural.Count(int64(n-needsShown)) + " more" }

func (p UsagePage) numberSort(column string) ui.SortLink {
	link := p.Sort[column]
	link.Number = true
	return link
}

// partsOf are the parts of a row, and the rest of it in one of its own.
func partsOf(row report.PageRow) []report.Row {
	if len(row.Parts) == 0 || row.Others == nil {
		return row.Parts
	}
	return append(row.Parts[:len(row.Parts):len(row.Parts)], report.Row{Name: "All others", Sum: *row.Others})
}

// emptyCells are the cells of a part for columns that only whole rows fill.
func (p UsagePage) emptyCells() int {
	cells := 1
	for _, shown := range []bool{p.thisMonth(), p.Query.GroupBy == "user", p.Page.Total.Unpriced > 0} {
		if shown {
			cells++
		}
	}
	return cells
}

// chart draws the days, and the rest of the month as it will be at this pace.
func (p UsagePage) chart() ui.Chart {
	if !p.thisMonth() {
		return ui.SpendChart(p.Page.Report)
	}
	return ui.ForecastChart(p.Page.Report, p.Page.Week/7, int(p.monthEnd().Sub(p.Today).Hours()/24))
}
