package usage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tollgate/models/database"
	"tollgate/models/entitlement"
	"tollgate/models/problem"
	"tollgate/models/virtualkey"
)

// unspoolPause is how often the Recorder looks whether there is something to store and the database is back.
const unspoolPause = time.Second

// runSpool stores what the spool has whenever the database is there, until ctx ends.
func (r *Recorder) runSpool(ctx context.Context) {
	ticker := time.NewTicker(unspoolPause)
	defer ticker.Stop()
	for {
		if n := r.Spool.Lines(); n > 0 && !r.decider.Away() {
			r.drain(ctx, n)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// drain stores what the spool has, and logs what became of it.
func (r *Recorder) drain(ctx context.Context, events int64) {
	damaged, err := r.Spool.Drain(ctx, r.unspool)
	for _, d := range damaged {
		r.log.ErrorContext(ctx, "lines of the spool are damaged, so that their usage is not counted; the file is kept",
			"file", d.File, "lines", d.Lines)
		events -= int64(d.Lines)
	}
	if err == nil {
		r.log.InfoContext(ctx, "usage of the spool is stored", "events", events)
	} else if ctx.Err() == nil {
		r.log.WarnContext(ctx, "usage of the spool could not be stored yet", "events", events, "error", err.Error())
	}
}

// unspool stores events of the spool, those that are stored already not again.
func (r *Recorder) unspool(ctx context.Context, lines [][]byte) error {
	events := make([]*Event, len(lines))
	hashes := [][]byte{}
	for i, line := range lines {
		var kept spooledEvent
		if err := database.ReadDocument(line, &kept); err != nil {
			return fmt.Errorf("read an event of the spool: %w", err)
		}
		events[i] = kept.event()
		if kept.KeyHash != nil {
			hashes = append(hashes, kept.KeyHash)
		}
	}
	if err := r.findOwners(ctx, events, hashes); err != nil {
		return err
	}
	err := r.storeSpooled(ctx, events)
	if uncountable(err) {
		return r.storeEach(ctx, events, func(e *Event) error { return r.storeSpooled(ctx, []*Event{e}) })
	}
	return err
}

// uncountable reports whether an event failed that would fail whenever it is stored.
func uncountable(err error) bool {
	refusal, refused := problem.AsRefusal(problem.Classify(err))
	return tooMuch(err) || refused && refusal.Reason != problem.Unavailable
}

// storeEach stores acknowledged events one by one, so that those that cannot be counted keep no other, and logs these.
func (r *Recorder) storeEach(ctx context.Context, events []*Event, store func(*Event) error) error {
	for _, event := range events {
		err := store(event)
		if err != nil && !uncountable(err) {
			return err
		}
		if err != nil {
			r.log.ErrorContext(ctx, "usage that was acknowledged cannot be counted", "event_id", event.ID, "error", err.Error())
		}
	}
	return nil
}

// event is the event as it was reported, without the key, of which only the hash is known.
func (k spooledEvent) event() *Event {
	e := chargedTo(k.UserID, k.Event)
	e.reservation, e.keyHash, e.masked = k.Reservation, string(k.KeyHash), k.VirtualKey
	return e
}

// findOwners finds whose keys the events were reported with, current or retired.
func (r *Recorder) findOwners(ctx context.Context, events []*Event, hashes [][]byte) error {
	owners, err := virtualkey.OwnersOf(ctx, r.db, hashes)
	if err != nil {
		return err
	}
	for _, e := range events {
		if owner, known := owners[e.keyHash]; known {
			e.who, e.keyID = entitlement.Subject{UserID: owner.UserID}, owner.KeyID
		}
	}
	return nil
}

// storeSpooled counts events, each once, and keeps those of unknown keys and users. It also keeps those that are so old
// that their ids are not looked up any more: they may have been counted before the spool took them.
func (r *Recorder) storeSpooled(ctx context.Context, events []*Event) error {
	ctx, cancel := context.WithTimeout(ctx, restoreTime)
	defer cancel()
	if err := r.decider.Current(ctx); err != nil {
		return err
	}
	offered, err := r.decider.CatalogueNow(ctx)
	if err != nil {
		return err
	}
	now, losses := r.decider.Now(), r.decider.Losses()
	known, err := r.identify(ctx, events, offered, now)
	if err != nil {
		return err
	}
	own, unknown := &reportRows{}, []*Event{}
	for n, e := range events {
		if problems := price(offered, e, ""); len(problems) > 0 {
			return problem.InvalidInput(problems)
		}
		if known[n] && !e.OccurredAt.Before(now.Add(-dedupHorizon)) {
			own.Events = append(own.Events, e)
			continue
		}
		unknown = append(unknown, e)
	}
	results, failed := r.keep(ctx, unknown)
	var kept []*Event
	for n, result := range results {
		r.logConflict(ctx, unknown[n], result.Status == "conflict")
		if result.Status == "quarantined" && !result.Duplicate {
			r.metrics.count(result.Status, 1)
		}
		if result.Status != "conflict" {
			kept = append(kept, unknown[n])
		}
	}
	if failed != nil {
		return failed
	}
	if len(own.Events) > 0 {
		if err := r.commit(ctx, own); err != nil {
			return err
		}
	}
	counted, err := r.settleSpooled(ctx, own)
	if err != nil {
		return err
	}
	return r.acknowledge(ctx, acknowledgedReport{events: counted, kept: kept}, losses)
}

// settleSpooled lets exact events take the place of estimates, and logs events that were stored with other content: who
// reported them was told that they are kept. It returns those that are counted as they were sent.
func (r *Recorder) settleSpooled(ctx context.Context, own *reportRows) (counted []*Event, err error) {
	again, _ := own.again()
	if _, err := r.replace(ctx, again); err != nil {
		return nil, err
	}
	conflicts, err := r.conflicts(ctx, again)
	if err != nil {
		return nil, err
	}
	differ := map[*Event]bool{}
	for n, e := range again {
		r.logConflict(ctx, e, conflicts[n])
		differ[e] = conflicts[n]
	}
	return slices.DeleteFunc(own.Events, func(e *Event) bool { return differ[e] }), nil
}

func (r *Recorder) logConflict(ctx context.Context, e *Event, conflict bool) {
	if conflict {
		r.metrics.count("conflict", 1)
		r.log.ErrorContext(ctx, "an event of the spool was reported before with other content", "event_id", e.ID)
	}
}
