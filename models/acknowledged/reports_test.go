package acknowledged

import (
	"testing"
	"time"
)

type report struct {
	at   time.Time
	size int
}

func (r *report) At() time.Time { return r.at }
func (r *report) Size() int     { return r.size }
func (r *report) Events() int   { return 1 }

// reported adds reports of one event of a size, each more than a minute after the one before.
func reported(a *Reports[*report], at time.Time, n, size int) (last time.Time) {
	for range n {
		at = at.Add(For + time.Second)
		a.Add(&report{at, size}, at)
	}
	return at
}

// What was acknowledged is kept for a minute, and for longer while it is to be stored again.
func TestReportsAreKept(t *testing.T) {
	t.Parallel()
	a := &Reports[*report]{}
	at := reported(a, time.Now(), 3, 1)
	if len(a.reports) != 1 {
		t.Errorf("%d reports of the last minute", len(a.reports))
	}
	a.Lost()
	at = reported(a, at, 2, 1)
	first, found, _ := a.Next()
	if !found || first != a.reports[0].report {
		t.Fatal("what is to be stored again is not kept")
	}
	a.Stored(first, at)
	if _, found, givenUp := a.Next(); found || givenUp != 0 {
		t.Error("what came after the loss is to be stored again")
	}
	reported(a, at, 1, 1)
	if len(a.reports) != 1 {
		t.Errorf("%d reports of the last minute after all is stored", len(a.reports))
	}
}

// What was acknowledged since the database was last seen is kept for however long that was ago.
func TestReportsSinceTheDatabaseWasSeenAreKept(t *testing.T) {
	t.Parallel()
	a, seen := &Reports[*report]{}, time.Now()
	for n := range 5 {
		a.Add(&report{seen.Add(time.Duration(n) * For), 1}, seen.Add(For/2))
	}
	if len(a.reports) != 5 {
		t.Errorf("%d reports are kept", len(a.reports))
	}
	a.Add(&report{seen.Add(5 * For), 1}, seen.Add(For+time.Second))
	if len(a.reports) != 5 {
		t.Errorf("%d reports are kept of those that the database has had for less than a minute", len(a.reports))
	}
}

// What was stored again is kept for a minute from then on, since the database may lose it once more.
func TestReportsStoredAgainAreKept(t *testing.T) {
	t.Parallel()
	a := &Reports[*report]{}
	at := reported(a, time.Now(), 1, 1)
	a.Lost()
	first, _, _ := a.Next()
	at = at.Add(For)
	a.Stored(first, at)
	if _, found, _ := a.Next(); found {
		t.Error("it is to be stored twice")
	}
	at = at.Add(For)
	a.Add(&report{at, 1}, at)
	a.Lost()
	if again, _, _ := a.Next(); again != first {
		t.Error("it is forgotten a minute after it was stored again")
	}
	for range 2 {
		next, _, _ := a.Next()
		a.Stored(next, at)
	}
	a.Next()
	reported(a, at, 1, 1)
	if len(a.reports) != 1 {
		t.Errorf("%d reports are kept for longer than a minute", len(a.reports)-1)
	}
}

// A report during whose storing something was lost once more is stored again.
func TestReportsLostWhileTheyAreStored(t *testing.T) {
	t.Parallel()
	a, at := &Reports[*report]{}, time.Now()
	first := &report{at, 1}
	a.Add(first, at)
	a.Lost()
	a.Next()
	a.Lost()
	a.Stored(first, at)
	if again, found, _ := a.Next(); !found || again != first {
		t.Error("it counts as stored")
	}
	a.Stored(first, at)
	if _, found, _ := a.Next(); found {
		t.Error("it is to be stored twice")
	}
}

// Never more is kept than there is room for, and what is given up for that is told.
func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	a, at := &Reports[*report]{}, time.Now()
	for range 3 {
		a.Add(&report{at, 1}, at)
	}
	a.Lost()
	first, _, _ := a.Next()
	a.Stored(first, at)
	at = reported(a, at, 5, Most/4)
	if a.size > Most {
		t.Errorf("%d bytes are kept", a.size)
	}
	if _, found, givenUp := a.Next(); found || givenUp != 2 {
		t.Errorf("%d events were given up, and some are left: %v", givenUp, found)
	}
	reported(a, at, 1, 1)
	if len(a.reports) != 1 {
		t.Errorf("%d reports of the last minute at the end", len(a.reports))
	}
}
