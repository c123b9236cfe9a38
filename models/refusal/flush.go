package refusal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tollgate/models/database"
)

const (
	flushEvery = 2 * time.Second
	// heartbeat is how often a console that decides nothing reports that it is running.
	heartbeat = time.Minute
	// lastFlush is how long the last flush may take, when the console is stopped.
	lastFlush = 2 * time.Second
	// cellsAtOnce is how many cells one statement writes.
	cellsAtOnce = 5_000
)

// flush is what was collected, with its number among those of this console.
type flush struct {
	number int64
	taken  time.Time
	cells  map[cellKey]*cell
	hours  map[hourCode]int64
	more   bool // of what was taken at this time follows
}

// hourCode is a row of the hours.
type hourCode struct {
	hourKey
	reason uint8
}

// Run adds to the sums every two seconds, and deletes what is older than it is kept, until ctx ends; then it adds the
// rest.
func (l *Log) Run(ctx context.Context) {
	flushes, purges := time.NewTicker(flushEvery), time.NewTicker(purgeEvery)
	defer flushes.Stop()
	defer purges.Stop()
	l.warn(ctx, "rows of the decision log could not be deleted", l.purge(ctx))
	for {
		select {
		case <-ctx.Done():
			l.end(context.WithoutCancel(ctx))
			return
		case <-flushes.C:
			l.warn(ctx, "the decision log could not be written; it is tried again", l.Flush(ctx))
		case <-purges.C:
			l.warn(ctx, "rows of the decision log could not be deleted", l.purge(ctx))
		}
	}
}

func (l *Log) warn(ctx context.Context, message string, err error) {
	if err != nil && ctx.Err() == nil {
		l.log.WarnContext(ctx, message, "error", err.Error())
	}
}

// end writes what is left, and says what could not be written.
func (l *Log) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastFlush)
	defer cancel()
	err := l.Flush(ctx)
	if err == nil {
		// Nothing is lost when this fails: lists show a gap of two seconds that may be missing.
		_, err = l.db.NewRaw("UPDATE decision_consoles SET ended_at = clock_timestamp() WHERE console = ?", l.console).Exec(ctx)
	}
	if err != nil {
		l.log.ErrorContext(ctx, "the last refusals are not in the decision log", "calls", l.pending(), "error", err.Error())
	}
}

// Flush adds what was collected to the sums. What fails is sent again with the same number by the next one, so that it
// is added once even when only the answer was lost.
func (l *Log) Flush(ctx context.Context) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := l.sendAll(ctx); err != nil {
		return err
	}
	taken := l.take()
	if len(taken.cells) == 0 && len(taken.hours) == 0 && !l.flushed.IsZero() && time.Since(l.flushed) < heartbeat {
		return nil
	}
	l.sending = taken.parts()
	return l.sendAll(ctx)
}

// sendAll sends what was taken.
func (l *Log) sendAll(ctx context.Context) error {
	for len(l.sending) > 0 {
		if err := l.send(ctx, l.sending[0]); err != nil {
			return err
		}
		l.cells.Add(-int64(len(l.sending[0].cells)))
		l.sending, l.flushed = l.sending[1:], time.Now()
	}
	return nil
}

// parts splits a flush, so that each statement is done in time on a busy server. Only the first has the hours.
func (f *flush) parts() []*flush {
	parts := []*flush{f}
	whole := f.cells
	if len(whole) <= cellsAtOnce {
		return parts
	}
	f.cells = map[cellKey]*cell{}
	for key, c := range whole {
		last := parts[len(parts)-1]
		if len(last.cells) == cellsAtOnce {
			last.more = true
			last = &flush{taken: f.taken, cells: map[cellKey]*cell{}}
			parts = append(parts, last)
		}
		last.cells[key] = c
	}
	return parts
}

// take removes what one shard has collected, and names of which the minute is over.
func (s *shard) take() (cells map[cellKey]*cell, allowed map[hourKey]int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	cells, allowed = s.cells, s.allowed
	if len(cells) > 0 {
		s.cells = map[cellKey]*cell{}
	}
	if len(allowed) > 0 {
		s.allowed = make(map[hourKey]int64, len(allowed))
	}
	for user, of := range s.names {
		if of.minute < s.newest-120 {
			delete(s.names, user)
		}
	}
	return cells, allowed
}

// take removes what was collected from memory.
func (l *Log) take() *flush {
	f := &flush{taken: time.Now(), cells: map[cellKey]*cell{}, hours: map[hourCode]int64{}}
	for i := range l.shards {
		cells, allowed := l.shards[i].take()
		for key, c := range cells {
			f.cells[key] = c
			f.hours[hourCode{hourKey{key.minute / 3600 * 3600, c.first.ProfileID}, key.reason}] += c.calls
		}
		for key, calls := range allowed {
			f.hours[hourCode{key, 0}] += calls
		}
	}
	return f
}

// pending is how many refused calls are not known to be in the database.
func (l *Log) pending() (calls int64) {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	rest := l.take()
	for _, f := range append(l.sending, rest) {
		for _, c := range f.cells {
			calls += c.calls
		}
	}
	return calls
}

// send writes a flush, unless it is in the sums already.
func (l *Log) send(ctx context.Context, f *flush) error {
	if l.console == uuid.Nil {
		if err := l.register(ctx); err != nil {
			return err
		}
	}
	if f.number == 0 {
		l.number++
		f.number = l.number
	}
	begun := time.Now()
	counted, err := l.write(ctx, f)
	if err != nil {
		return err
	}
	l.counted.seconds.Observe(time.Since(begun).Seconds())
	if counted {
		return nil
	}
	var reached int64
	err = database.ScanPlanned(ctx, l.db, []any{&reached},
		"SELECT coalesce((SELECT flush FROM decision_consoles WHERE console = $1), 0)", l.console)
	switch {
	case err != nil:
		return fmt.Errorf("look up what is in the decision log: %w", err)
	case reached >= f.number:
		return nil // its answer was lost
	}
	// The database has gone back to an earlier state: begin again under another name.
	l.console, l.number, f.number = uuid.Nil, 0, 0
	return errors.New("the database has lost what this console had written")
}

// register makes this console known.
func (l *Log) register(ctx context.Context) error {
	console := uuid.Must(uuid.NewV7())
	_, err := l.db.NewRaw(`INSERT INTO decision_consoles (console, started_at, flush, flushed_until)
VALUES (?, clock_timestamp(), 0, clock_timestamp())`, console).Exec(ctx)
	if err != nil {
		return fmt.Errorf("begin the decision log: %w", err)
	}
	l.console, l.number = console, 0
	return nil
}
