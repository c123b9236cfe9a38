package acknowledged

import (
	"sync"
	"time"
)

const (
	// For is how long a report is kept after it was stored: a failover may lose that much.
	For = time.Minute
	// Most bounds the memory, in bytes as Size estimates them.
	Most = 64 << 20
)

// Report is what was acknowledged at once.
type Report interface {
	comparable
	At() time.Time
	Size() int   // about the bytes that it takes in memory
	Events() int // how many it has
}

// Reports are what was acknowledged last. From a loss on until all of them are stored again, none is too old to be
// kept. The zero value is ready to use, also by several callers at once.
type Reports[R Report] struct {
	mutex   sync.Mutex
	reports []kept[R] // in the order in which they were acknowledged
	size    int

	restoring bool
	handed    bool // the first of them is being stored
	from, to  int  // reports that are to be stored again
	givenUp   int  // events that were, until there was no room for them
}

// kept is a report, and when it was stored last.
type kept[R Report] struct {
	report R
	stored time.Time
}

// Add keeps a report, and forgets those that are too old or for which there is no room. Seen is when the database was
// last known to have all that was stored: what it may have lost since is not too old.
func (a *Reports[R]) Add(r R, seen time.Time) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.reports, a.size = append(a.reports, kept[R]{r, r.At()}), a.size+r.Size()
	old := 0
	for old < len(a.reports)-1 && (a.size > Most || !a.restoring && seen.Sub(a.reports[old].stored) > For) {
		if a.from <= old && old < a.to {
			a.givenUp += a.reports[old].report.Events()
		}
		a.size -= a.reports[old].report.Size()
		old++
	}
	clear(a.reports[:old])
	a.reports = a.reports[old:]
	a.from, a.to = max(a.from-old, 0), max(a.to-old, 0)
}

// Lost has all that is kept stored again.
func (a *Reports[R]) Lost() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.restoring, a.handed, a.from, a.to = true, false, 0, len(a.reports)
}

// Next is the next report to store again. When all are stored there is none, and givenUp tells how many events there
// was no room for.
func (a *Reports[R]) Next() (report R, found bool, givenUp int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.from < a.to {
		a.handed = true
		return a.reports[a.from].report, true, 0
	}
	givenUp, a.givenUp = a.givenUp, 0
	a.restoring = false
	return report, false, givenUp
}

// Stored says that a report was stored again at a time. It does not count when something was lost since Next.
func (a *Reports[R]) Stored(report R, at time.Time) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.handed && a.from < a.to && a.reports[a.from].report == report {
		a.reports[a.from].stored = at
		a.from++
	}
	a.handed = false
}
