package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"
	"github.com/uptrace/bun"
)

// week is an archived week as the database notes it.
type week struct {
	Week, File string
	SHA256     []byte `bun:"sha256"`
	Events     int64
	Cost       string
	Dropped    bool
}

// Verify reads every file, and compares its content and its hash with what was noted when it was written. It returns
// how many files and events there are.
func Verify(ctx context.Context, db bun.IDB, folder string) (files int, events int64, err error) {
	weeks, err := archived(ctx, db)
	if err != nil {
		return 0, 0, err
	}
	var problems []error
	for _, w := range weeks {
		if err := w.read(folder, func(Event) error { return nil }); err != nil {
			problems = append(problems, err)
		}
		events += w.Events
	}
	return len(weeks), events, errors.Join(problems...)
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
	err = db.NewRaw(`SELECT week::text, file, sha256, events, cost::text, dropped_at IS NOT NULL AS dropped FROM usage_weeks
WHERE file IS NOT NULL ORDER BY week`).Scan(ctx, &weeks)
	if err != nil {
		return nil, fmt.Errorf("read which weeks are archived: %w", err)
	}
	return weeks, nil
}

func (w week) read(folder string, use func(Event) error) error {
	path := filepath.Join(folder, w.File)
	found, hash, err := read(path, use)
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

// read passes the events of a file to use, and returns what they add up to and the hash of the file.
func read(path string, use func(Event) error) (found sums, hash []byte, err error) {
	defer func() {
		// The reader panics at some damages of a file.
		if broken := recover(); broken != nil {
			err = fmt.Errorf("%s is damaged: %v", path, broken)
		}
	}()
	file, err := os.Open(path)
	if err != nil {
		return found, nil, err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return found, nil, err
	}
	in := parquet.NewGenericReader[Event](file)
	defer in.Close()
	var counted counting
	for rows := make([]Event, writtenAtOnce); ; {
		n, err := in.Read(rows)
		for _, e := range rows[:n] {
			counted.add(e)
			if err := use(e); err != nil {
				return found, nil, err
			}
		}
		clear(rows)
		if errors.Is(err, io.EOF) {
			return counted.sums(), digest.Sum(nil), nil
		}
		if err != nil {
			return found, nil, fmt.Errorf("%s is damaged: %w", path, err)
		}
	}
}
