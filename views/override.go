package views

import (
	"cmp"
	"time"

	"tollgate/models/assignment"
	"tollgate/models/decision"
	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// OverrideForm is a raise of one budget as it was filled in.
type OverrideForm struct {
	Copy     assignment.Assignment
	Budget   policy.Budget
	Input    assignment.OverrideInput
	Problems problem.Problems
	Needed   decision.Raise
	Estimate money.Money // of the call that was refused, 0 when it is not known
	Now      time.Time
	MayClear bool
	Next     string // a page of this console to come back to; "" for the user's
}

func (f OverrideForm) href() string { return overrideHref(f.Copy, f.Budget.ID) }

func overrideHref(u assignment.Assignment, budget string) string {
	return CopyHref(u) + "/budgets/" + budget + "/override"
}

// query keeps where to come back to, and what the refused call was estimated at.
func (f OverrideForm) query() string { return policytext.RaiseQuery(f.Next, f.Estimate) }

// amountHint says what an amount adds to, and the least that helps.
func (f OverrideForm) amountHint() string {
	hint := "On top of the limit of " + ui.Dollars(f.Budget.MaxLimit) + " a " + ui.Unit(f.Budget.ResetDuration) + "."
	if f.Needed.Least > 0 {
		hint += " At least " + ui.Dollars(f.Needed.Least) + " to allow the next call."
	}
	return hint
}

// leastWords explain the smallest amount that helps.
func (f OverrideForm) leastWords() string {
	words := ui.Dollars(f.Budget.CurrentUsage) + " of " + ui.Dollars(f.Budget.MaxLimit) + " is used"
	if f.Needed.Reserved > 0 {
		words += ", " + ui.Dollars(f.Needed.Reserved) + " is held for calls under way"
	}
	if f.Estimate > 0 {
		words += ", and the refused call was estimated at " + ui.Dollars(f.Estimate)
	}
	return words + "."
}

// blockingWords name another limit that blocks the same calls, and say until when.
func (f OverrideForm) blockingWords(l decision.RefusedLimit) string {
	words := policytext.ScopeWord(l.Scope) + ", " + policytext.CapOf(l.Kind, l.Limit.N) + " / " + ui.Unit(l.ResetDuration)
	switch l.Reason {
	case decision.NeverFits:
		words += ": the estimate is above all of it"
	case decision.DoesNotFitNow:
		words += ": less is left than the estimate"
	default:
		words += ": used up"
	}
	return words + ", " + ui.ResetsIn(l.ResetsAt, f.Now, f.Copy.ResetZone())
}

// takenBack says what it means to take an override back, when it means more than a lower limit.
func (f OverrideForm) takenBack() string {
	if f.Budget.CurrentUsage >= f.Budget.MaxLimit {
		return ", which is used up: every call is refused until " + ui.MomentIn(f.Budget.WindowEnds, f.Copy.ResetZone())
	}
	return ""
}

// modes are the options for how long a budget is raised.
func (f OverrideForm) modes() ui.Choice {
	choice := ui.Choice{Name: "mode", Legend: "For how long", Options: []ui.Option{
		{Value: "window", Label: "Until the window ends, " + ui.MomentIn(f.Budget.WindowEnds, f.Copy.ResetZone())},
		{Value: "until", Label: "Until a date"},
		{Value: "cycles", Label: "For a number of windows"},
		{Value: "forever", Label: "For good"},
	}}
	chosen := cmp.Or(f.Input.Mode.Text, "window")
	for i := range choice.Options {
		choice.Options[i].Chosen = choice.Options[i].Value == chosen
	}
	if messages := f.Problems.At("mode"); len(messages) > 0 {
		choice.Error = messages[0]
	}
	return choice
}

// OverrideReplaced says which raise another one has replaced.
func OverrideReplaced(before policy.Budget, zone string) string {
	words := policytext.OverrideWords(before, zone)
	if words == "" {
		return ""
	}
	return " Before it was " + words + "; that raise is over."
}

// OverrideSet says what the override of a line is now, and what still blocks.
func OverrideSet(b policy.Budget, zone string, need decision.Raise) string {
	said := "The limit of " + ui.Dollars(b.MaxLimit) + " a " + ui.Unit(b.ResetDuration) + " is " + policytext.OverrideWords(b, zone) + "."
	if b.CurrentUsage >= b.Cap() {
		said += " It is still used up: " + ui.Dollars(b.CurrentUsage) + " of " + ui.Dollars(b.Cap()) +
			" was spent, so every call is refused until it resets or is raised by at least " + ui.Dollars(need.Least) + "."
	}
	switch n := len(need.AlsoBlocking); {
	case need.Paused || need.Expired:
		said += " The copy is " + plural.Choose(need.Paused, "paused", "expired") + ", so calls are still refused."
	case n > 0:
		said += " Calls are still refused: " + plural.Of(n, "other limit") + " " + plural.Choose(n == 1, "blocks", "block") +
			" them too."
	}
	return said
}
