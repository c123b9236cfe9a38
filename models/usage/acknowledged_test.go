package usage

import (
	"testing"
	"time"

	"tollgate/models/entitlement"
)

// reported adds reports of one event of a size, each more than a minute after the one before.
func reported(a *acknowledged, at time.Time, n, size int) (last time.Time) {
	for range n {
		at = at.Add(acknowledgedFor + time.Second)
		event := &Event{}
		event.Lines = append(event.Lines, make([]entitlement.Limit, (size-eventSize(event))/96)...)
		a.add(&acknowledgedReport{at: at, events: []*Event{event}})
	}
	return at
}

// What was acknowledged is kept for a minute, and for longer while it is to be stored again; never more than there is
// room for.
func TestAcknowledgedUsageIsKept(t *testing.T) {
	t.Parallel()
	const small, large = 1024, acknowledgedMost / 4
	a := &acknowledged{}
	at := reported(a, time.Now(), 3, small)
	if len(a.reports) != 1 {
		t.Errorf("%d reports of the last minute", len(a.reports))
	}
	a.lost()
	at = reported(a, at, 2, small)
	first, _ := a.next()
	if first == nil || first != a.reports[0] {
		t.Fatal("what is to be stored again is not kept")
	}
	a.stored(first)
	if report, givenUp := a.next(); report != nil || givenUp != 0 {
		t.Error("what came after the loss is to be stored again")
	}
	at = reported(a, at, 1, small)
	if len(a.reports) != 1 {
		t.Errorf("%d reports of the last minute after all is stored", len(a.reports))
	}

	a = &acknowledged{}
	for range 3 {
		a.add(&acknowledgedReport{at: at, kept: []*Event{{}}})
	}
	a.lost()
	first, _ = a.next()
	a.stored(first)
	at = reported(a, at, 5, large)
	if a.size > acknowledgedMost {
		t.Errorf("%d bytes are kept", a.size)
	}
	if report, givenUp := a.next(); report != nil || givenUp != 2 {
		t.Errorf("%d events were given up, and %v is left", givenUp, report)
	}
	reported(a, at, 1, small)
	if len(a.reports) != 1 {
		t.Errorf("%d reports of the last minute at the end", len(a.reports))
	}
}
