package entitlement

import (
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"tollgate/models/policy"
	"tollgate/models/window"
)

// Entitlements is what decisions need to know about a user: the copies, and how much of them is used. Very many are in
// memory, so what copies have in common is stored once.
type Entitlements struct {
	User    uuid.UUID
	Copies  []Copy     // the first assigned first
	Frozen  *time.Time // when the user was deactivated; nil for one who is active
	recount time.Time  // when the first window or reservation ends
	from    time.Time  // when the last window has begun
	counted time.Time  // when the counters were read
	used    uint32     // the poll at which they were used last, by atomic operations
}

// Copy is one copy; its terms are shared with all copies in the same state.
type Copy struct {
	*Terms
	ID, ProfileID int64
	Active        bool
	ExpiresAt     *time.Time
	Counters      []Counter // of the terms' limits, in their order
	Exceptions    []Exception
}

// Terms is what a copy grants and limits.
type Terms struct {
	of     TermsKey
	Name   string
	Policy *policy.Policy         // without ids
	Limits []LimitTerms           // in the order of policy.Limits
	Scopes map[policy.Scope]Range // which of Limits are of a scope
}

// Range is a half-open range of indexes.
type Range struct{ From, To int }

// LimitTerms is a limit as its terms define it, without a counter.
type LimitTerms struct {
	Scope          policy.Scope
	Kind, Duration string
	Quarter        int
	Calendar       window.Calendar
	Max            int64
}

// Counter is what a copy counts for a limit, whose id it has. It has no pointers: there are so many that the garbage
// collector should
// not have to scan them.
type Counter struct {
	ID             uuid.UUID
	Anchor         int64 // microseconds, as start
	Start          int64 // of the window that was current when it was read
	Used, Reserved int64 // in that window
	Nth            int32 // of the copy's exceptions, from 1; 0 for a limit without one
}

// Exception is what few limits have: a window that is carried on, and a raise.
type Exception struct {
	from, until *time.Time
	Raised      int64
	RaisedUntil *time.Time // nil with a raise: forever
}

// Limit is a limit with the counter of a copy.
type Limit struct {
	*LimitTerms
	*Counter
	Special *Exception // nil for most limits
}

func (userCopy *Copy) limit(i int) Limit {
	l := Limit{LimitTerms: &userCopy.Limits[i], Counter: &userCopy.Counters[i]}
	if l.Nth > 0 {
		l.Special = &userCopy.Exceptions[l.Nth-1]
	}
	return l
}

// All are all limits of a copy.
func (userCopy *Copy) All() iter.Seq[Limit] {
	return func(yield func(Limit) bool) {
		for i := range userCopy.Counters {
			if !yield(userCopy.limit(i)) {
				return
			}
		}
	}
}

// Counting are the limits that count for a call: the overall ones, and those of its provider and model.
func (userCopy *Copy) Counting(call Call) []Limit {
	scopes, known := call.Scopes()
	ranges, n := [3]Range{}, 0
	for i, scope := range scopes[:known] {
		ranges[i] = userCopy.Scopes[scope]
		n += ranges[i].To - ranges[i].From
	}
	counting := make([]Limit, 0, n)
	for _, of := range ranges {
		for i := of.From; i < of.To; i++ {
			counting = append(counting, userCopy.limit(i))
		}
	}
	return counting
}

// Window is the window that contains a time.
func (l Limit) Window(at time.Time) (start, end time.Time) {
	var from, until *time.Time
	if l.Special != nil {
		from, until = l.Special.from, l.Special.until
	}
	return window.Carried(l.Duration, l.Quarter, l.Calendar, time.UnixMicro(l.Anchor), from, until, at)
}

// Cap is how much may be used at a given time, with a raise.
func (l Limit) Cap(at time.Time) int64 {
	if s := l.Special; s != nil && s.Raised > 0 && (s.RaisedUntil == nil || s.RaisedUntil.After(at)) {
		return l.Max + s.Raised
	}
	return l.Max
}

// Counted is what was used and is reserved in the window that contains a time; 0 for a window that was not read.
func (l Limit) Counted(at time.Time) (used, reserved int64, start, end time.Time) {
	start, end = l.Window(at)
	if start.UnixMicro() == l.Start {
		return l.Used, l.Reserved, start, end
	}
	return 0, 0, start, end
}

// CountedAt is when the counters were read, by this machine's clock.
func (h *Entitlements) CountedAt() time.Time { return h.counted }

// recountAt has the counters read again from a time on.
func (h *Entitlements) recountAt(at time.Time) {
	if h.recount.IsZero() || at.Before(h.recount) {
		h.recount = at
	}
}

// Fresh reports whether no window and no reservation has ended since it was counted, and no window that was counted is
// yet to begin, as after a failover to a database whose clock is behind.
func (h *Entitlements) Fresh(now time.Time) bool {
	return !now.Before(h.from) && (h.recount.IsZero() || now.Before(h.recount))
}

// Use notes that the entitlements were used at a poll.
func (h *Entitlements) Use(poll int) {
	if now := uint32(poll); atomic.LoadUint32(&h.used) != now { //nolint:gosec // it only orders
		atomic.StoreUint32(&h.used, now)
	}
}

// UsedAt is the poll at which the entitlements were used last.
func (h *Entitlements) UsedAt() uint32 { return atomic.LoadUint32(&h.used) }

// each visits every limit of a user.
func (h *Entitlements) each(visit func(Limit)) {
	for i := range h.Copies {
		for l := range h.Copies[i].All() {
			visit(l)
		}
	}
}

// Clone is a copy whose counts can be changed without changing h, which others may be reading.
func (h *Entitlements) Clone() *Entitlements {
	c := &Entitlements{
		User: h.User, Copies: slices.Clone(h.Copies), Frozen: h.Frozen, recount: h.recount, from: h.from,
		counted: h.counted,
	}
	for i := range c.Copies {
		c.Copies[i].Counters = slices.Clone(c.Copies[i].Counters)
	}
	return c
}
