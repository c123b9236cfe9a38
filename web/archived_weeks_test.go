package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollgate/models/archive"
	"tollgate/models/ledger"
	"tollgate/web/webtest"
)

// archivedWeeks are two weeks of 50 days ago that are archived in a folder; an estimate that came out of the quarantine
// is in the first of them.
func archivedWeeks(g webtest.Gateway, folder string) (estimate webtest.Object, first, second string) {
	g.T.Helper()
	g.Looked()
	estimate = webtest.Event("sk-bf-unknown", "estimated", true, "cost", 3)
	row := g.Stray("event_id", estimate["event_id"], "estimated", true, "cost", 3)
	g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Ada}).Is(200)
	g.Scan(&first, "SELECT max(week)::text FROM usage_weeks")
	_, err := nextWeek(g)
	g.Must(err)
	g.Admin.Counted(webtest.Event(g.Key))
	second = aged(g, 50)
	g.Exec("UPDATE usage_weeks SET opened_at = opened_at - interval '50 days', closed_at = closed_at - interval '50 days' WHERE week = ?", first)
	g.Exec(`UPDATE weekly_events SET received_at = received_at - interval '50 days', occurred_at = occurred_at - interval '50 days'
WHERE week = ?`, first)
	reconciled(g, ledger.Keep{Events: 60, Days: 800, Windows: 400, Archive: folder})
	webtest.Same(g.T, "archived weeks", g.Count("usage_weeks WHERE file IS NOT NULL AND week IN (?, ?)", first, second), 2)
	return estimate, first, second
}

// An exact event that comes after the week of its estimate was archived changes nothing, and its sender is told, so that
// what is dropped is what the file has.
func TestArchivedWeekStaysAsItIs(t *testing.T) {
	g := webtest.NewGateway(t)
	folder := t.TempDir()
	estimate, _, _ := archivedWeeks(g, folder)
	g.Unchanged(func() {
		g.Admin.Report(webtest.With(estimate, "estimated", nil, "cost", 1.5)).Refuses(409, "event_conflict", "event_id")
		same := g.Admin.Report(webtest.With(estimate, "estimated", nil)).Is(200).JSON()
		webtest.Same(t, "with what was estimated", same["status"], any("duplicate"))
	})
	reconciled(g, ledger.Keep{Events: 40, Days: 800, Windows: 400, Archive: folder})
	webtest.Same(t, "events", g.Count("counted_events"), 0)
	g.Balanced()
}

// A week whose file has other events is not dropped, and keeps no other week.
func TestWeekThatDiffersFromItsFile(t *testing.T) {
	g := webtest.NewGateway(t)
	folder := t.TempDir()
	_, first, second := archivedWeeks(g, folder)
	events := func(week string) int { return g.Count("counted_events WHERE week = ?", week) }
	g.Exec("UPDATE usage_weeks SET events = events + 1 WHERE week = ?", first)
	keep := ledger.Keep{Events: 40, Days: 800, Windows: 400, Archive: folder}
	if err := reconcile(g, keep); err == nil || !strings.Contains(err.Error(), "the week of "+first) {
		t.Errorf("said %v", err)
	}
	webtest.Same(t, "events of both weeks", []any{events(first), events(second)}, []any{1, 0})
	g.Exec("UPDATE usage_weeks SET events = events - 1 WHERE week = ?", first)
	reconciled(g, keep)
	webtest.Same(t, "events of the first week", events(first), 0)
}

// damages are what may happen to an archived file.
var damages = map[string]func(path string) error{
	"removed": os.Remove,
	"a byte changed": func(path string) error {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		content[len(content)/2] ^= 1
		return os.WriteFile(path, content, 0o600)
	},
}

// A week whose file is damaged or gone by the time that it is dropped stays, and is written again. It keeps no other.
func TestDamagedFileKeepsItsWeek(t *testing.T) {
	g := webtest.NewGateway(t)
	folder := t.TempDir()
	_, first, second := archivedWeeks(g, folder)
	events := func(week string) int { return g.Count("counted_events WHERE week = ?", week) }
	kept := func(days int) ledger.Keep {
		return ledger.Keep{Events: days, Days: 800, Windows: 400, Archive: folder}
	}
	var file string
	g.Scan(&file, "SELECT file FROM usage_weeks WHERE week = ?", first)
	for what, damage := range damages {
		reconciled(g, kept(60)) // writes what is not archived
		g.Must(damage(filepath.Join(folder, file)))
		reconciled(g, kept(40))
		webtest.Same(t, what+": events of both weeks", []any{events(first), events(second)}, []any{1, 0})
	}
	reconciled(g, kept(60))
	folder = t.TempDir()
	reconciled(g, kept(40))
	webtest.Same(t, "events whose file is in another folder", events(first), 1)
	reconciled(g, kept(40))
	webtest.Same(t, "events that are in a file", events(first), 0)
	g.Exec("UPDATE usage_weeks SET file = NULL WHERE week <> ?", first) // they are in the folder of before
	verified, err := archive.Verify(t.Context(), g.DB, folder)
	g.Must(err)
	webtest.Same(t, "events in the file", verified.Events, int64(1))
}
