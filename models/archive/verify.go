package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
)

// week is an archived week as the database notes it.
type week struct {
	Week, File string
	SHA256     []byte `bun:"sha256"`
	Events     int64
	Cost       string
	Dropped    bool
}

const weekColumns = "week::text, file, sha256, events, cost::text, dropped_at IS NOT NULL AS dropped"

// Verified is how much of the archive was read, and is as it was written.
type Verified struct {
	Files             int
	Events, AuditRows int64
}

// Verify reads every file, and compares its content and its hash with what was noted when it was written.
func Verify(ctx context.Context, db bun.IDB, folder string) (v Verified, err error) {
	weeks, err := archived(ctx, db)
	if err != nil {
		return v, err
	}
	var problems []error
	for _, w := range weeks {
		if err := w.read(folder, func(Event) error { return nil }); err != nil {
			problems = append(problems, err)
		}
		v.Files++
		v.Events += w.Events
	}
	months, err := audit.Months(ctx, db)
	if err != nil {
		return v, err
	}
	problems = append(problems, v.checkMonths(folder, months)...)
	return v, errors.Join(problems...)
}

func (v *Verified) checkMonths(folder string, months []audit.Month) (problems []error) {
	before := audit.Start()
	for _, m := range months {
		if m.File != "" {
			problems = append(problems, checkMonth(folder, before, m))
			v.Files++
			v.AuditRows += m.Rows
		}
		before = m
	}
	return problems
}

// EachDropped passes the archived events of every week that was dropped to use, with their week.
func EachDropped(ctx context.Context, db bun.IDB, folder string, use func(week string, e Event) error) error {
	weeks, err := archived(ctx, db)
	if err != nil {
		return err
	}
	for _, w := range weeks {
		if !w.Dropped {
			continue
		}
		if err := w.read(folder, func(e Event) error { return use(w.Week, e) }); err != nil {
			return err
		}
	}
	return nil
}

func archived(ctx context.Context, db bun.IDB) (weeks []week, err error) {
	err = db.NewRaw("SELECT "+weekColumns+" FROM usage_weeks WHERE file IS NOT NULL ORDER BY week").Scan(ctx, &weeks)
	if err != nil {
		return nil, fmt.Errorf("read which weeks are archived: %w", err)
	}
	return weeks, nil
}

func (w week) read(folder string, use func(Event) error) error {
	path := filepath.Join(folder, w.File)
	found, hash, err := readEvents(path, use)
	switch {
	case err != nil:
		return fmt.Errorf("the archive of the week of %s: %w", w.Week, err)
	case !bytes.Equal(hash, w.SHA256):
		return fmt.Errorf("the archive of the week of %s: %s is not the file that was written", w.Week, path)
	case found != sums{w.Events, w.Cost}:
		return fmt.Errorf("the archive of the week of %s: %s has %d events of %s nano-dollars instead of %d of %s",
			w.Week, path, found.Events, found.Cost, w.Events, w.Cost)
	}
	return nil
}

// readEvents passes the events of a file to use, and returns what they add up to and the hash of the file.
func readEvents(path string, use func(Event) error) (found sums, hash []byte, err error) {
	var counted counting
	hash, err = read(path, func(e Event) error {
		counted.add(e)
		return use(e)
	})
	return counted.sums(), hash, err
}
