package editor

import (
	"slices"
	"strconv"

	"tollgate/models/assignment"
	"tollgate/models/blast"
	"tollgate/models/plural"
	"tollgate/views/history"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// Blast is what saving the editor's content would change, and for whom.
type Blast struct {
	Since        int64 // the version that it is compared with
	Changes      []history.DifferenceRow
	Copies       assignment.Spread
	Removed      blast.Removed
	Over         blast.Over
	MayViewUsers bool
}

func (b Blast) since() string { return "Since version " + strconv.FormatInt(b.Since, 10) }

// holders says who has the profile, and that a save alone does not reach them.
func (b Blast) holders() string {
	if b.Copies.Holders == 0 {
		return "No user holds a copy."
	}
	words := plural.Of(b.Copies.Holders, "holder")
	if paused := b.Copies.Holders - b.Copies.Active; paused > 0 {
		words += ", " + plural.Count(paused) + " of them paused"
	}
	return words + ". Nothing changes for them until you push."
}

// edges are the changed lines of one side.
func edges(lines []ui.DiffLine) []ui.DiffLine {
	return slices.DeleteFunc(slices.Clone(lines), func(line ui.DiffLine) bool {
		return !slices.ContainsFunc(line, func(s ui.DiffSpan) bool { return s.Changed })
	})
}

// What the editor says when looking it up takes too long.
const (
	tooMuchToSay = "There is too much usage to look through while you edit. The usage page shows what its holders use."
	tooManyToSay = "There are too many holders to look through while you edit. The preview of a push lists them."
)

const itemsShown = 5

// removedWords sum up which models and tools in recent use the edit removes.
func (b Blast) removedWords() string {
	words := plural.Of(b.Removed.Calls, "call") + " · " + ui.Dollars(b.Removed.Cost.Cents()) + " in the last " +
		strconv.Itoa(blast.Days) + " days, by " + plural.Of(b.Removed.Users, "user")
	if b.MayViewUsers && len(b.Removed.Names) > 0 {
		words += ": " + b.named(b.Removed.Names, b.Removed.Users)
	}
	return words + "."
}

// named lists names, and how many more there are.
func (b Blast) named(names []string, of int64) string {
	if more := of - int64(len(names)); more > 0 {
		names = append(slices.Clone(names), plural.Count(more)+" more")
	}
	return ui.Sequence(names)
}

func (b Blast) items() []blast.Item { return b.Removed.Items[:min(itemsShown, len(b.Removed.Items))] }

func itemWords(i blast.Item) string {
	return plural.Of(i.Calls, "call") + " · " + ui.Dollars(i.Cost.Cents())
}

// overWords say whom a new limit would block at once.
func (b Blast) overWords() string {
	if b.Over.Everyone {
		return "A limit of 0 blocks every call of " + plural.Of(b.Copies.Active, "holder") + "."
	}
	return plural.Of(b.Over.Users, "holder") + plural.Choose(b.Over.Users == 1, " has", " have") +
		" used up a new limit already."
}

func (b Blast) overNamed() []blast.OverUser {
	if !b.MayViewUsers || b.Over.Everyone {
		return nil
	}
	return b.Over.Named
}

func overLine(o blast.OverUser) string {
	where := ""
	if !o.Scope.Overall() {
		where = " on " + o.Scope.Name()
	}
	return policytext.AmountOf(o.Kind, o.Used) + " of " + policytext.CapOf(o.Kind, o.Max) + " / " + ui.Unit(o.Duration) + where
}
