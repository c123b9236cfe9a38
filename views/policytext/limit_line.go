package policytext

import (
	"strconv"
	"time"

	"tollgate/models/assignment"
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
		line := LimitLine{Scope: ScopeWord(l.Scope), Bar: LimitBar(l, u.ResetZone(), now), Left: AmountOf(l.Kind, l.Left())}
		if budget, ok := u.Budget(l.ID); ok && l.Kind == policy.KindSpend {
			line.Budget, line.Override = &budget, OverrideWords(budget, u.ResetZone())
		}
		lines = append(lines, line)
	}
	return lines
}

// RemainingLines are all limits of a copy with what is left of each.
func RemainingLines(u assignment.Assignment, now time.Time) []LimitLine {
	lines := LimitLines(u, now)
	for i := range lines {
		lines[i].Bar = lines[i].Remaining()
		lines[i].Bar.Where = lines[i].Scope
	}
	return lines
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

// LimitBar is how much of a limit is used. The zone decides when its window ends.
func LimitBar(l policy.Limit, zone string, now time.Time) ui.Bar {
	return ui.Bar{
		Label: ScopeWord(l.Scope) + ", " + l.Kind + " " + ui.Every(l.Duration), Used: AmountOf(l.Kind, l.Used),
		Limit: CapOf(l.Kind, l.Cap()) + " / " + ui.Unit(l.Duration),
		Note:  ui.ResetsIn(l.Ends, now, zone), Parts: Parts(l.Used, l.Cap()), Ends: l.Ends,
	}
}

// Parts is used in hundredths of limit; a limit of nothing is used up.
func Parts(used, limit int64) int {
	if limit <= 0 || used >= limit {
		return 100
	}
	return min(99, int(float64(used)/float64(limit)*100))
}

// OverrideWords says what an override adds, and until when.
func OverrideWords(b policy.Budget, zone string) string {
	switch {
	case b.OverrideAmount == nil:
		return ""
	case b.OverrideEnds == nil:
		return "raised by " + ui.Dollars(*b.OverrideAmount) + " for good"
	}
	return "raised by " + ui.Dollars(*b.OverrideAmount) + " until " + ui.MomentIn(*b.OverrideEnds, zone)
}

// LineWords names a budget line of a copy: "Overall, $50.00 / day".
func LineWords(b policy.Budget) string { return ScopeWord(b.Scope) + ", " + SpendLine(b) }
