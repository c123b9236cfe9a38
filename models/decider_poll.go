package models

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// current makes sure that what is in memory is not too old, and knows of every change that was answered here before the decision arrived.
// Without the database it never says yes.
func (d *Decider) current(ctx context.Context) error {
	ended := d.changes.Load()
	d.mutex.RLock()
	age := time.Since(d.fresh)
	d.mutex.RUnlock()
	if age < oldest && d.changing.Load() == 0 && d.covered.Load() >= ended {
		return nil
	}
	arrived := time.Now()
	polling, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return d.poll(polling, arrived)
}

// poll evicts what has changed since the last time. A poll of others will do if it was sent after the moment named.
func (d *Decider) poll(ctx context.Context, after time.Time) error {
	d.polling.Lock()
	defer d.polling.Unlock()
	d.mutex.RLock()
	done := d.fresh.After(after)
	d.mutex.RUnlock()
	if done {
		return nil
	}
	asked, covers := time.Now(), d.changes.Load()
	since := d.since
	if since == "" {
		since = "0"
	}
	rows, err := queryPlanned(ctx, d.db, `
SELECT '' AS kind, pg_snapshot_xmin(pg_current_snapshot())::text AS id, clock_timestamp() AS now
UNION ALL SELECT 'access', user_id, now() FROM access_changes WHERE xact >= $1::text::xid8
UNION ALL SELECT 'usage', user_id, now() FROM usage_changes WHERE xact >= $1::text::xid8`, since)
	if err != nil {
		return fmt.Errorf("poll for changes of access: %w", err)
	}
	defer rows.Close()
	var access, usage []string
	next, clock := d.since, d.clock
	for rows.Next() {
		var kind, id string
		var now time.Time
		if err := rows.Scan(&kind, &id, &now); err != nil {
			return fmt.Errorf("poll for changes of access: %w", err)
		}
		switch kind {
		case "":
			next, clock = id, now.UTC()
		case "access":
			access = append(access, id)
		case "usage":
			usage = append(usage, id)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("poll for changes of access: %w", err)
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.followed++
	if d.since == "" || max(len(d.byHash), len(d.people)) > keysKept {
		d.forget()
	}
	for _, user := range access {
		d.drop(user)
	}
	for _, user := range usage {
		if id, ok := parseUserID(user); ok {
			d.note(id)
			d.mark(id)
		}
	}
	d.since, d.fresh, d.clock = next, asked, clock
	d.covered.Store(covers)
	return nil
}
