package tally

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
)

// ErrOverflow says that the numbers of a batch are too large to be added up.
var ErrOverflow = errors.New("the sum of a batch is too large")

// Event is what an event adds.
type Event struct {
	User, Key       string // no key: ""
	Profile         int64  // 0 without a copy
	Provider, Model string // as days name them
	OccurredAt      time.Time
	Cost            int64 // nano-dollars
	Tokens          int64
	Requests        int64
	Unpriced        bool
	Reservation     string // that it ends, or ""
	Charges         []Charge
}

// Charge is what an event adds to a counter.
type Charge struct {
	Counter
	Amount int64
}

// Counter is the key of a counter: a limit, and the start of a window in microseconds.
type Counter struct {
	Line           [16]byte
	Kind, Duration string
	Start          int64
}

func (c Counter) compare(with Counter) int {
	return cmp.Or(bytes.Compare(c.Line[:], with.Line[:]), strings.Compare(c.Kind, with.Kind),
		strings.Compare(c.Duration, with.Duration), cmp.Compare(c.Start, with.Start))
}

// day is the key of a row of usage_days; its day is a number of days since 1970.
type day struct {
	day             int64
	user            string
	profile         int64
	provider, model string
}

func (d day) compare(with day) int {
	return cmp.Or(cmp.Compare(d.day, with.day), strings.Compare(d.user, with.user), cmp.Compare(d.profile, with.profile),
		strings.Compare(d.provider, with.provider), strings.Compare(d.model, with.model))
}

// daySum is what a row of usage_days gets.
type daySum struct {
	day
	cost, tokens, requests, unpriced int64
}

// latest is the last use of a user or key, and what the latest month cost.
type latest struct {
	id              string
	at, month, cost int64
}

type reservation struct{ id, user string }

// Tally is the sums of a batch, in the order in which their rows are locked.
type Tally struct {
	counters     []Charge
	days         []daySum
	latest       []latest
	reservations []reservation
	overflow     bool
}

// Of adds up events.
func Of(events []Event) (*Tally, error) {
	t := &Tally{days: make([]daySum, 0, len(events)), latest: make([]latest, 0, 2*len(events))}
	for i := range events {
		t.add(&events[i])
	}
	t.counters = merged(t.counters, func(a, b Charge) int { return a.compare(b.Counter) },
		func(into *Charge, c Charge) { into.Amount = t.sum(into.Amount, c.Amount) })
	t.days = merged(t.days, func(a, b daySum) int { return a.compare(b.day) }, t.mergeDays)
	t.latest = merged(t.latest, func(a, b latest) int { return strings.Compare(a.id, b.id) }, t.mergeLatest)
	if t.overflow {
		return nil, ErrOverflow
	}
	return t, nil
}

func (t *Tally) add(e *Event) {
	t.counters = append(t.counters, e.Charges...)
	at := e.OccurredAt.UTC()
	of := day{daysSince1970(at), e.User, e.Profile, e.Provider, e.Model}
	s := daySum{day: of, cost: e.Cost, tokens: e.Tokens, requests: e.Requests}
	if e.Unpriced {
		s.unpriced = 1
	}
	t.days = append(t.days, s)
	month := daysSince1970(time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC))
	t.latest = append(t.latest, latest{e.User, at.UnixMicro(), month, e.Cost})
	if e.Key != "" {
		t.latest = append(t.latest, latest{e.Key, at.UnixMicro(), month, e.Cost})
	}
	if e.Reservation != "" {
		t.reservations = append(t.reservations, reservation{e.Reservation, e.User})
	}
}

func (t *Tally) mergeDays(into *daySum, s daySum) {
	into.cost, into.tokens = t.sum(into.cost, s.cost), t.sum(into.tokens, s.tokens)
	into.requests, into.unpriced = t.sum(into.requests, s.requests), into.unpriced+s.unpriced
}

func (t *Tally) mergeLatest(into *latest, l latest) {
	switch {
	case l.month > into.month:
		into.month, into.cost = l.month, l.cost
	case l.month == into.month:
		into.cost = t.sum(into.cost, l.cost)
	}
	into.at = max(into.at, l.at)
}

// sum adds what is not negative.
func (t *Tally) sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		t.overflow = true
		return a
	}
	return a + b
}

func daysSince1970(at time.Time) int64 { return at.Unix() / (24 * 60 * 60) }

// merged sorts rows, and makes one of those with the same key.
func merged[T any](rows []T, compare func(a, b T) int, merge func(into *T, row T)) []T {
	slices.SortFunc(rows, compare)
	n := 0
	for i, row := range rows {
		if i > 0 && compare(rows[n-1], row) == 0 {
			merge(&rows[n-1], row)
			continue
		}
		rows[n] = row
		n++
	}
	return rows[:n]
}
