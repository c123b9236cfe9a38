package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/dbtest"
	"tollgate/models/secret"
)

// longAgo makes all usage 160 days old, in a week that was closed then.
const longAgo = `
SELECT open_usage_week((SELECT max(week) + 7 FROM usage_weeks));
UPDATE usage_weeks SET opened_at = opened_at - interval '160 days', closed_at = closed_at - interval '160 days' WHERE closed_at IS NOT NULL;
UPDATE weekly_events SET received_at = received_at - interval '160 days', occurred_at = occurred_at - interval '160 days';
UPDATE usage_adjustments SET created_at = created_at - interval '160 days';
UPDATE usage_days SET day = day - 160;
UPDATE limit_windows SET window_start = window_start - interval '160 days', sealed = 0;
UPDATE weekly_charges SET window_starts = (SELECT array_agg(s - interval '160 days') FROM unnest(window_starts) AS s);
DELETE FROM usage_sealed_days;
UPDATE usage_sealing SET sealed_until = to_timestamp(0), checked_at = NULL, lease_until = to_timestamp(0)`

// Usage is archived before it is dropped, and the files are held against the counters. A byte that is lost or changed
// is told, by the archive and by the check of the ledger.
func TestArchive(t *testing.T) {
	t.Parallel()
	serving, owner := dbtest.URLs(t)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner, "TOLLGATE_SECRET="+secret.NewSecret())
	key := strings.TrimSpace(must(t, environment, "", "api-key", "create", "--name", "test"))
	c := start(t, environment)
	l, db := newServiceLoad(t, c, key), opened(t, owner)
	for l.counted.Load() < 10 {
		l.run(100*time.Millisecond, c)
	}
	refunded := uuid.NewString()
	c.demand(t, http.StatusOK, "POST", "/api/usage", key, l.call(fmt.Sprintf(`, "event_id": %q, "cost": 2, "tokens": 10`, refunded)))
	c.demand(t, http.StatusCreated, "POST", "/api/usage/adjustments", key, fmt.Sprintf(`{"event_id": %q, "amount": -0.5, "reason": "r"}`, refunded))
	events := number(t, db, "SELECT count(*) FROM counted_events")
	if code := c.signal(t, syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	if r := do(t, environment, "", "archive", "run"); r.code != exitConfig || !strings.Contains(r.stderr, "TOLLGATE_ARCHIVE") {
		t.Errorf("without a folder: exit code %d, said %q", r.code, r.stderr)
	}
	folder := t.TempDir()
	archiving := append(slices.Clip(environment), "TOLLGATE_ARCHIVE="+folder, "TOLLGATE_KEEP_EVENTS=36d")
	if _, err := db.Exec(longAgo); err != nil {
		t.Fatal(err)
	}
	// A week more than usual is over where the test runs into a Monday.
	weeks := int(number(t, db, "SELECT count(*) FROM usage_weeks WHERE closed_at IS NOT NULL"))
	if said := must(t, archiving, "", "archive", "run"); said != "No further week is over.\n" {
		t.Errorf("a week that is not sealed: %q", said)
	}
	c = start(t, append(slices.Clip(environment), "TOLLGATE_KEEP_EVENTS=400d"))
	eventually(t, "the week is sealed", func() bool {
		return number(t, db, "SELECT count(*) FROM usage_sealing WHERE checked_at IS NOT NULL AND skewed = 0") == 1
	})
	checkLost(t, archiving, db)
	checkCSV(t, archiving, db, folder, weeks)
	if said := must(t, archiving, "", "archive", "run"); strings.Count(said, " is archived.\n") != weeks {
		t.Errorf("%d weeks: %q", weeks, said)
	}
	if said := must(t, archiving, "", "archive", "run"); said != "No further week is over.\n" {
		t.Errorf("again: %q", said)
	}
	if code := c.signal(t, syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	if left := number(t, db, "SELECT count(*) FROM counted_events"); left != events {
		t.Errorf("%d of %d events are left before they may go", left, events)
	}
	if _, err := db.Exec("UPDATE usage_sealing SET checked_at = NULL"); err != nil {
		t.Fatal(err)
	}
	c = start(t, archiving)
	eventually(t, "the events are dropped", func() bool { return number(t, db, "SELECT count(*) FROM counted_events") == 0 })
	c.signal(t, syscall.SIGTERM)
	want := fmt.Sprintf("All %d files with %d events are as they were written.\n", weeks, events)
	if said := must(t, archiving, "", "archive", "verify"); said != want {
		t.Errorf("said %q, want %q", said, want)
	}
	if r := do(t, archiving, "", "ledger", "verify", "--full"); r.code != exitOK {
		t.Fatalf("exit code %d, said %q %q", r.code, r.stdout, r.stderr)
	}
	checkDamage(t, archiving, filepath.Join(folder, "events", "week=2*", "part-000.parquet"), []string{"archive", "verify"},
		[]string{"ledger", "verify", "--full"})

	// Only the files know better.
	if _, err := db.Exec("UPDATE limit_windows SET used = used + 1, sealed = sealed + 1"); err != nil {
		t.Fatal(err)
	}
	must(t, archiving, "", "ledger", "verify")
	must(t, environment, "", "ledger", "verify", "--full")
	if r := do(t, archiving, "", "ledger", "verify", "--full"); r.code != exitFailure || !strings.Contains(r.stderr, "are not what their events add up to") {
		t.Errorf("counters that differ from the archive: exit code %d, said %q", r.code, r.stderr)
	}

	// Counters and days that are deleted after their time are not missed, although the files still have their events.
	if _, err := db.Exec("UPDATE limit_windows SET used = used - 1, sealed = sealed - 1; UPDATE usage_sealing SET checked_at = NULL"); err != nil {
		t.Fatal(err)
	}
	purging := append(slices.Clip(archiving), "TOLLGATE_KEEP_WINDOWS=36d", "TOLLGATE_KEEP_DAYS=36d")
	c = start(t, purging)
	eventually(t, "counters and days are deleted", func() bool {
		return number(t, db, "SELECT (SELECT count(*) FROM limit_windows) + (SELECT count(*) FROM usage_days)") == 0
	})
	c.signal(t, syscall.SIGTERM)
	must(t, purging, "", "ledger", "verify", "--full")
}

// checkLost has an event lost after its week was sealed, and expects that no week is archived meanwhile.
func checkLost(t *testing.T, environment []string, db *bun.DB) {
	t.Helper()
	_, err := db.Exec(`CREATE TABLE lost AS SELECT * FROM weekly_events LIMIT 1;
DELETE FROM weekly_events WHERE event_id = (SELECT event_id FROM lost)`)
	if err != nil {
		t.Fatal(err)
	}
	r := do(t, environment, "", "archive", "run")
	if r.code != exitFailure || !strings.Contains(r.stdout, "usage_days") || !strings.Contains(r.stderr, "no week is archived") {
		t.Errorf("an event was lost: exit code %d, said %q %q", r.code, r.stdout, r.stderr)
	}
	if archived := number(t, db, "SELECT count(*) FROM usage_weeks WHERE file IS NOT NULL"); archived != 0 {
		t.Errorf("%d weeks are archived beside one that lost an event", archived)
	}
	if _, err := db.Exec("INSERT INTO weekly_events SELECT * FROM lost; DROP TABLE lost"); err != nil {
		t.Fatal(err)
	}
}

// checkCSV archives the weeks as CSV, and has the database forget it.
func checkCSV(t *testing.T, environment []string, db *bun.DB, folder string, weeks int) {
	t.Helper()
	if r := do(t, environment, "", "archive", "run", "--format", "xml"); r.code != exitUsage || !strings.Contains(r.stderr, `"xml"`) {
		t.Errorf("an unknown format: exit code %d, said %q", r.code, r.stderr)
	}
	if said := must(t, environment, "", "archive", "run", "--format", "csv"); strings.Count(said, " is archived.\n") != weeks {
		t.Errorf("%d weeks as CSV: %q", weeks, said)
	}
	checkDamage(t, environment, filepath.Join(folder, "events", "week=2*", "part-000.csv.zst"), []string{"archive", "verify"})
	if _, err := db.Exec("UPDATE usage_weeks SET file = NULL"); err != nil {
		t.Fatal(err)
	}
}

// checkDamage damages the last file with a name like this in every way, and expects commands to tell.
func checkDamage(t *testing.T, environment []string, pattern string, commands ...[]string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	file := files[len(files)-1]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := append([]byte{}, whole...)
	changed[len(changed)/2] ^= 1
	for what, content := range map[string][]byte{
		"a byte at the end is lost": whole[:len(whole)-1], "the first byte is lost": whole[1:], "a byte is changed": changed, "nothing is left": {},
		"a byte in the middle is lost": append(append([]byte{}, whole[:len(whole)/2]...), whole[len(whole)/2+1:]...),
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range commands {
			if r := do(t, environment, "", command...); r.code != exitFailure || !strings.Contains(r.stderr, file) {
				t.Errorf("%s: %v: exit code %d, said %q", what, command, r.code, r.stderr)
			}
		}
	}
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, environment, "", "archive", "verify")
}
