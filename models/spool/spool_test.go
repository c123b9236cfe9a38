package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tollgate/models/spool"
)

const mebibyte = 1 << 20

// A file ends at 16 MiB, so that no more than that is read again after a failure; lines come in their order from all of
// them, also after a failure and when the folder is opened again.
func TestFilesOfTheSpoolAreSmall(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := opened(t, folder)
	const lines = 40
	for n := range lines {
		if err := s.Add(t.Context(), fmt.Appendf(nil, "%d %s", n, bytes.Repeat([]byte("x"), mebibyte))); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.journal"))
	if err != nil || len(files) != 3 {
		t.Errorf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if found, err := os.Stat(file); err != nil || found.Size() > 17*mebibyte {
			t.Errorf("%s: %+v %v", file, found, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = opened(t, folder)
	away, next := errors.New("away"), 0
	drain := func(until int) error {
		damaged, err := s.Drain(t.Context(), func(_ context.Context, some [][]byte) error {
			if next >= until {
				return away
			}
			for _, line := range some {
				if number, _, _ := bytes.Cut(line, []byte(" ")); string(number) != fmt.Sprint(next) {
					t.Errorf("line %s, want %d", number, next)
				}
				next++
			}
			return nil
		})
		if len(damaged) > 0 {
			t.Errorf("damaged: %v", damaged)
		}
		return err
	}
	if err := drain(1); !errors.Is(err, away) || next == lines || int(s.Lines()) != lines-next {
		t.Errorf("%v after %d lines, %d are left", err, next, s.Lines())
	}
	if err := drain(lines); err != nil || next != lines || s.Lines() != 0 {
		t.Errorf("%v after %d lines, %d are left", err, next, s.Lines())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T, folder string) *spool.Spool {
	t.Helper()
	s, err := spool.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
