package usage

import (
	"context"
	"sync"
	"time"

	"tollgate/models/database"
)

const (
	// acknowledgedFor is how much of what was acknowledged last is kept: what a failover may lose.
	acknowledgedFor = time.Minute
	// acknowledgedMost bounds the memory, in bytes as eventSize estimates them.
	acknowledgedMost = 64 << 20
	// feedPurged is how often rows that every console has read are deleted.
	feedPurged  = time.Minute
	restoreTime = 10 * time.Second
	// restoreAgain is how long the Recorder waits after a failure to store what was acknowledged again.
	restoreAgain = time.Second
)

// acknowledged is what was acknowledged last, to be stored again when the database has lost it. From then on until all
// is stored, it is kept whatever its age.
type acknowledged struct {
	mutex   sync.Mutex
	reports []*acknowledgedReport // the oldest first
	size    int

	restoring bool
	from, to  int // reports that are to be stored again
	givenUp   int // events that were, until there was no room for them
}

type acknowledgedReport struct {
	at     time.Time
	events []*Event // of known users
	kept   []*Event // in quarantine
}

func (r acknowledgedReport) size() (n int) {
	for _, e := range r.events {
		n += eventSize(e)
	}
	for _, e := range r.kept {
		n += eventSize(e)
	}
	return n
}

// eventSize is about what an event takes in memory with the counters that it refers to.
func eventSize(e *Event) int { return 1024 + 96*len(e.Lines) }

func (a *acknowledged) add(r *acknowledgedReport) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.reports, a.size = append(a.reports, r), a.size+r.size()
	old := 0
	for old < len(a.reports)-1 &&
		(a.size > acknowledgedMost || !a.restoring && r.at.Sub(a.reports[old].at) > acknowledgedFor) {
		if a.from <= old && old < a.to {
			a.givenUp += len(a.reports[old].events) + len(a.reports[old].kept)
		}
		a.size -= a.reports[old].size()
		a.reports[old] = nil
		old++
	}
	a.reports = a.reports[old:]
	a.from, a.to = max(a.from-old, 0), max(a.to-old, 0)
}

// lost has all that is kept stored again.
func (a *acknowledged) lost() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.restoring, a.from, a.to = true, 0, len(a.reports)
}

// next is the next report to store again; nil when all are stored, and then how many events were given up.
func (a *acknowledged) next() (report *acknowledgedReport, givenUp int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.from < a.to {
		return a.reports[a.from], 0
	}
	givenUp, a.givenUp = a.givenUp, 0
	a.restoring = false
	return nil, givenUp
}

// stored says that a report is stored again.
func (a *acknowledged) stored(report *acknowledgedReport) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.from < a.to && a.reports[a.from] == report {
		a.from++
	}
}

// acknowledge keeps a report that is about to be answered. When the database went back since it was stored, it is
// stored again at once.
func (r *Recorder) acknowledge(ctx context.Context, report acknowledgedReport, rewinds int64) error {
	if len(report.events)+len(report.kept) == 0 {
		return nil
	}
	report.at = time.Now()
	r.recent.add(&report)
	if r.decider.Rewinds() == rewinds {
		return nil
	}
	_, err := r.restore(ctx, report)
	return err
}

// Run stores what the spool has, and again what was acknowledged whenever the database has lost it, until ctx ends.
func (r *Recorder) Run(ctx context.Context) {
	var spooling sync.WaitGroup
	defer spooling.Wait()
	if r.Spool != nil {
		spooling.Go(func() { r.runSpool(ctx) })
	}
	ticker := time.NewTicker(feedPurged)
	defer ticker.Stop()
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := database.PurgeFeed(ctx, r.db); err != nil && ctx.Err() == nil {
				r.log.WarnContext(ctx, "what consoles have read of the usage feed could not be deleted", "error", err.Error())
			}
			continue
		case <-r.lost:
			r.recent.lost()
		case <-again:
		}
		if again = nil; !r.restoreAll(ctx) {
			again = time.After(restoreAgain)
		}
	}
}

// restoreAll stores what was acknowledged again, each event once, and reports whether all of it is stored. After a
// failure it goes on from there.
func (r *Recorder) restoreAll(ctx context.Context) bool {
	restored := 0
	for {
		report, givenUp := r.recent.next()
		if report == nil {
			r.tellRestored(ctx, restored, givenUp)
			return true
		}
		n, err := r.restore(ctx, *report)
		restored += n
		if err != nil {
			r.log.ErrorContext(ctx, "usage that was acknowledged could not be stored again yet",
				"error", err.Error(), "events", restored)
			return false
		}
		r.recent.stored(report)
	}
}

func (r *Recorder) tellRestored(ctx context.Context, restored, givenUp int) {
	if givenUp > 0 {
		r.log.ErrorContext(ctx, "usage that was acknowledged is not stored again: there was no room for it in memory until "+
			"the database took it", "events", givenUp)
	}
	r.log.InfoContext(ctx, "usage that was acknowledged is stored again, as far as it was lost", "events", restored)
}

// restore stores a report again, and returns how many of its events were lost. An exact event that had replaced an
// estimate does so again.
func (r *Recorder) restore(ctx context.Context, report acknowledgedReport) (lost int, err error) {
	ctx, cancel := context.WithTimeout(ctx, restoreTime)
	defer cancel()
	for _, e := range report.kept {
		if _, err := r.keep(ctx, e); err != nil {
			return lost, err
		}
	}
	if len(report.events) == 0 {
		return 0, nil
	}
	rows := &reportRows{Events: report.events}
	if err := r.store(ctx, []*reportRows{rows}); err != nil {
		return 0, err
	}
	again, _ := rows.again()
	replaced, err := r.replace(ctx, again)
	for _, was := range replaced {
		if was {
			lost++
		}
	}
	return lost + len(rows.stored), err
}
