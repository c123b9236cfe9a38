package policytext

import (
	"strconv"
	"time"

	"tollgate/models/assignment"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/views/ui"
)

// ProfileHref is the address of a profile.
func ProfileHref(id int64) string { return "/access-profiles/" + strconv.FormatInt(id, 10) }

// LimitLine is one limit of a copy with its bar.
type LimitLine struct {
	Scope    string // "Overall", or a provider
	Bar      ui.Bar
	Left     string         // "$8.80"
	Budget   *policy.Budget // nil for tokens and requests
	Override string         // "+$50.00 until 1 Dec 2026, 00:00 UTC"
}

// Remaining is the bar with what is left in its words.
func (l LimitLine) Remaining() ui.Bar {
	bar := l.Bar
	bar.Used = l.Left + " left"
	return bar
}

// LimitLines are all limits of a copy, in the order in which pages show them.
func LimitLines(u assignment.Assignment, now time.Time) []LimitLine {
	var lines []LimitLine
	for _, l := range shownLimits(u.Policy) {
		line := LimitLine{Scope: ScopeWord(l.Scope), Bar: LimitBar(l, now), Left: AmountOf(l.Kind, l.Left())}
		if budget, ok := u.Budget(l.ID); ok && l.Kind == policy.KindSpend {
			line.Budget, line.Override = &budget, OverrideWords(budget)
		}
		lines = append(lines, line)
	}
	return lines
}

// RemainingLines are all limits of a copy with what is left of each, and when it resets on the clocks of its profile.
func RemainingLines(u assignment.Assignment, now time.Time) []LimitLine {
	lines := LimitLines(u, now)
	for i, l := range shownLimits(u.Policy) {
		lines[i].Bar = lines[i].Remaining()
		lines[i].Bar.Where = lines[i].Scope
		lines[i].Bar.Note += ", " + zoned(u.Policy, l.Ends)
	}
	return lines
}

// zoned is a moment in the zone that a policy's windows follow.
func zoned(p policy.Policy, at time.Time) string {
	words := p.In(at).Format("Mon 2 Jan, 15:04 ")
	if p.CalendarAligned {
		return words + p.Zone()
	}
	return words + "UTC"
}

// Overall is the scope of limits that count for every provider.
const Overall = "Overall"

// ScopeWord is where a limit counts: Overall, or the name of a provider.
func ScopeWord(scope policy.Scope) string {
	if scope.Overall() {
		return Overall
	}
	return scope.Name()
}

// LimitBar is how much of a limit is used.
func LimitBar(l policy.Limit, now time.Time) ui.Bar {
	return ui.Bar{
		Label: ScopeWord(l.Scope) + ", " + l.Kind + " " + ui.Every(l.Duration), Used: AmountOf(l.Kind, l.Used),
		Limit: CapOf(l.Kind, l.Cap()) + " / " + ui.Unit(l.Duration),
		Note:  Resets(l.Ends, now), Parts: Parts(l.Used, l.Cap()), Ends: ui.Exact(l.Ends),
	}
}

// Parts is used in hundredths of limit; a limit of nothing is used up.
func Parts(used, limit int64) int {
	if limit <= 0 || used >= limit {
		return 100
	}
	return min(99, int(float64(used)/float64(limit)*100))
}

// Resets says when a window ends: "resets in 3 h 12 m".
func Resets(at, now time.Time) string {
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

// OverrideWords says what an override adds, and until when.
func OverrideWords(b policy.Budget) string {
	switch {
	case b.OverrideAmount == nil:
		return ""
	case b.OverrideEnds == nil:
		return "raised by " + ui.Dollars(*b.OverrideAmount) + " for good"
	}
	return "raised by " + ui.Dollars(*b.OverrideAmount) + " until " + ui.Moment(*b.OverrideEnds)
}

// LineWords names a budget line of a copy: "Overall, $50.00 / day".
func LineWords(b policy.Budget) string { return ScopeWord(b.Scope) + ", " + SpendLine(b) }
