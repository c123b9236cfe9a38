package models

import (
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
)

// holding is what decisions need to know of a user: what they hold, and how much of it is used. There are very many in memory, so that all
// that copies have in common is there once.
type holding struct {
	user    uuid.UUID
	copies  []heldCopy // the first assigned first
	recount time.Time  // when a reservation ends; zero without one
}

// heldCopy is one copy; its form is shared with all copies in the same state.
type heldCopy struct {
	*form
	id, profileID int64
	active        bool
	expiresAt     *time.Time
	counters      []counter // of the form's limits, in their order
	specials      []special
}

// form is what a copy grants and limits.
type form struct {
	of     formKey
	name   string
	policy *Policy    // without ids
	limits []lineForm // those in all, then those of each provider
	// Where the limits of a scope are among them.
	total     places
	providers map[string]places
}

// places are those from one up to, but not including, another.
type places struct{ from, to int }

// lineForm is a line of a form that counts something.
type lineForm struct {
	kind, duration, scope string
	quarter               int
	calendar              Calendar
	max                   int64
}

// counter is what a copy counts for a limit. It points to nothing: there are so many that the garbage collector should not have to look
// into them.
type counter struct {
	line           uuid.UUID
	anchor         int64 // microseconds, as start
	start          int64 // of the window that was current when it was read
	used, reserved int64 // in that window
	nth            int32 // of the copy's specials, from 1; 0 for a line that is like most
}

// special is what few lines have: a window that is carried on, and a raise.
type special struct {
	from, until *time.Time
	raised      int64
	raisedUntil *time.Time // nil with a raise: for good
}

// countedLine is a limit with the counter of a copy.
type countedLine struct {
	*lineForm
	*counter
	special *special // nil for a line that is like most
}

func (held *heldCopy) line(i int) countedLine {
	l := countedLine{lineForm: &held.limits[i], counter: &held.counters[i]}
	if l.nth > 0 {
		l.special = &held.specials[l.nth-1]
	}
	return l
}

// lines are the limits that count for a question: those in all, and the provider's.
func (held *heldCopy) lines(q Question) iter.Seq[countedLine] {
	counting := held.counting(q)
	return func(yield func(countedLine) bool) {
		for _, of := range counting {
			for i := of.from; i < of.to; i++ {
				if !yield(held.line(i)) {
					return
				}
			}
		}
	}
}

// counting is where the lines stand that count for a question.
func (held *heldCopy) counting(q Question) (lines [2]places) {
	lines[0] = held.total
	if q.kind() == CallModel {
		name, _ := splitModel(q.Provider, q.Model)
		lines[1] = held.providers[name]
	}
	return lines
}

// window is the one that a moment falls into.
func (l countedLine) window(at time.Time) (start, end time.Time) {
	var from, until *time.Time
	if l.special != nil {
		from, until = l.special.from, l.special.until
	}
	return carriedWindow(l.duration, l.quarter, l.calendar, time.UnixMicro(l.anchor), from, until, at)
}

// most is what may be used in all, at a moment.
func (l countedLine) most(at time.Time) int64 {
	if s := l.special; s != nil && s.raised > 0 && (s.raisedUntil == nil || s.raisedUntil.After(at)) {
		return l.max + s.raised
	}
	return l.max
}

// counted is what was used and is reserved in the window of a moment; of a window that was not read, nothing.
func (l countedLine) counted(at time.Time) (used, reserved int64, start, end time.Time) {
	start, end = l.window(at)
	if start.UnixMicro() == l.start {
		return l.used, l.reserved, start, end
	}
	return 0, 0, start, end
}

// fresh reports whether no reservation has ended since it was counted.
func (h *holding) fresh(now time.Time) bool { return h.recount.IsZero() || now.Before(h.recount) }

// each visits every line of what a user holds.
func (h *holding) each(visit func(countedLine)) {
	for i := range h.copies {
		held := &h.copies[i]
		for n := range held.counters {
			visit(held.line(n))
		}
	}
}

// clone is a copy whose counts can be changed without changing h, which others may be reading.
func (h *holding) clone() *holding {
	c := *h
	c.copies = slices.Clone(h.copies)
	for i := range c.copies {
		c.copies[i].counters = slices.Clone(c.copies[i].counters)
	}
	return &c
}

// formPool lets copies of the same template in the same state share one form in memory.
type formPool map[formKey]*form

type formKey struct {
	profileID int64
	shape     shape
}

const formsShared = 10_000

// share is the form that others like it have, unless it differs, as when the template was renamed meanwhile.
func (p *formPool) share(f *form) *form {
	known, ok := (*p)[f.of]
	if ok && known.name == f.name && slices.Equal(known.limits, f.limits) {
		return known
	}
	if ok {
		f.policy = known.policy
	}
	if *p == nil || len(*p) >= formsShared {
		*p = formPool{}
	}
	(*p)[f.of] = f
	return f
}
