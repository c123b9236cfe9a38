package usage

import (
	"context"
	"slices"
	"sync"
	"time"

	"tollgate/models/database"
)

const (
	// feedPurged is how often rows that every console has read are deleted.
	feedPurged  = time.Minute
	restoreTime = 10 * time.Second
	// restoreAgain is how long the Recorder waits after a failure to store what was acknowledged again.
	restoreAgain = time.Second
)

// acknowledgedReport is what was acknowledged at once, as acknowledged.Report.
type acknowledgedReport struct {
	at     time.Time
	events []*Event // of known users
	kept   []*Event // in quarantine
}

// At is when it was acknowledged.
func (r *acknowledgedReport) At() time.Time { return r.at }

// Events is how many it has.
func (r *acknowledgedReport) Events() int { return len(r.events) + len(r.kept) }

// Size is about what its events take in memory with the counters that they refer to.
func (r *acknowledgedReport) Size() (n int) {
	for _, e := range slices.Concat(r.events, r.kept) {
		n += 1024 + 96*len(e.Lines)
	}
	return n
}

// acknowledge keeps a report that is about to be answered. When the database may have lost it since it was stored, it
// is stored again at once.
func (r *Recorder) acknowledge(ctx context.Context, report acknowledgedReport, losses int64) error {
	if report.Events() == 0 {
		return nil
	}
	report.at = time.Now()
	r.recent.Add(&report, r.decider.SeenAt())
	if r.decider.Losses() == losses {
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
			r.purgeFeed(ctx)
			continue
		case <-r.lost:
		case <-again:
		}
		if again = nil; !r.restoreAll(ctx) {
			again = time.After(restoreAgain)
		}
	}
}

// purgeFeed gives up soon: else a server that is cut off would delay what is stored again.
func (r *Recorder) purgeFeed(ctx context.Context) {
	deleting, cancel := context.WithTimeout(ctx, restoreTime)
	defer cancel()
	if err := database.PurgeFeed(deleting, r.db); err != nil && ctx.Err() == nil {
		r.log.WarnContext(ctx, "what consoles have read of the usage feed could not be deleted", "error", err.Error())
	}
}

// restoreAll stores what was acknowledged again, each event once, and reports whether all of it is stored that can be
// counted. After a failure it goes on from there.
func (r *Recorder) restoreAll(ctx context.Context) bool {
	restored := 0
	for {
		report, found, givenUp := r.recent.Next()
		if !found {
			r.tellRestored(ctx, restored, givenUp)
			return true
		}
		n, err := r.restore(ctx, *report)
		restored += n
		if uncountable(err) {
			err = r.storeEach(ctx, report.events, func(e *Event) error {
				n, err := r.restore(ctx, acknowledgedReport{events: []*Event{e}})
				restored += n
				return err
			})
		}
		if err != nil {
			r.log.ErrorContext(ctx, "usage that was acknowledged could not be stored again yet",
				"error", err.Error(), "events", restored)
			return false
		}
		r.recent.Stored(report, time.Now())
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
	if _, err := r.keep(ctx, report.kept); err != nil {
		return lost, err
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
