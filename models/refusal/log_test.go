package refusal_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/modelstest"
	"tollgate/models/refusal"
)

var noon = time.Now().UTC().Truncate(time.Hour)

func newLog(db *bun.DB) *refusal.Log { return refusal.New(db, slog.New(slog.DiscardHandler), 30) }

// tooMuch is a call of a user that a budget refused.
func tooMuch(user uuid.UUID, asked string, at time.Time) refusal.Refusal {
	return refusal.Refusal{
		At: at, User: user, Key: uuid.UUID{7}, Reason: "budget_exceeded", CopyID: 3, ProfileID: 4, Asked: asked, Granted: true, Cost: 1_000, Tokens: 5,
		Limit: refusal.Limit{
			ID: uuid.UUID{9}, Scope: "total", Kind: "spend", Duration: "1d", Reason: "used_up", Used: 60, Most: 60, ResetsAt: noon.Add(time.Hour),
		},
	}
}

// Two consoles that write the same rows at the same time never block each other, and stopping them loses nothing.
func TestConsolesAddUp(t *testing.T) {
	h := modelstest.NewHarness(t)
	var users []uuid.UUID
	for range 5 {
		users = append(users, uuid.MustParse(h.User(101)))
	}
	const rounds, calls = 10, 200
	for range rounds {
		var consoles sync.WaitGroup
		for range 2 {
			consoles.Go(func() {
				l := newLog(h.DB)
				ctx, stop := context.WithCancel(t.Context())
				running := make(chan struct{})
				go func() { l.Run(ctx); close(running) }()
				for i := range calls {
					l.Add(tooMuch(users[i%len(users)], fmt.Sprint("openai/m", i%3), noon))
					l.Allowed(noon, users[0], 4)
					if i%50 == 0 {
						h.Must(l.Flush(t.Context()))
					}
				}
				stop()
				<-running
			})
		}
		consoles.Wait()
	}
	const all = 2 * rounds * calls
	modelstest.AssertValue(t, h.DB, all, "SELECT sum(calls)::int FROM refusals")
	modelstest.AssertValue(t, h.DB, 15, "SELECT count(*)::int FROM refusals")
	modelstest.AssertValue(t, h.DB, all*1000, "SELECT sum(estimated_cost)::int FROM refusals")
	modelstest.AssertValue(t, h.DB, all, "SELECT sum(calls)::int FROM decision_hours WHERE reason = 0")
	modelstest.AssertValue(t, h.DB, all, "SELECT sum(calls)::int FROM decision_hours WHERE reason = 8")
	modelstest.AssertValue(t, h.DB, 2*rounds, "SELECT count(ended_at)::int FROM decision_consoles")
}

// However many names one key asks for, there are few rows, and every call is counted.
func TestNamesFold(t *testing.T) {
	h := modelstest.NewHarness(t)
	user, l := uuid.MustParse(h.User(101)), newLog(h.DB)
	const calls = 1_000_000
	for i := range calls {
		l.Add(tooMuch(user, fmt.Sprint("openai/model-", i), noon))
		if i == calls/2 {
			h.Must(l.Flush(t.Context())) // the names of a minute are remembered
		}
	}
	for range 10_000 {
		l.Add(refusal.Refusal{At: noon, Reason: "access_not_found", Asked: uuid.NewString()})
	}
	h.Must(l.Flush(t.Context()))
	modelstest.AssertValue(t, h.DB, 21, "SELECT count(*)::int FROM refusals WHERE user_id <> ''")
	modelstest.AssertValue(t, h.DB, calls, "SELECT sum(calls)::int FROM refusals WHERE user_id <> ''")
	modelstest.AssertValue(t, h.DB, calls-20, "SELECT calls::int FROM refusals WHERE asked = '(others)'")
	modelstest.AssertValue(t, h.DB, "1 10000", "SELECT count(*) || ' ' || sum(calls) FROM refusals WHERE user_id = ''")
}

// Memory is bounded when the database cannot be written, and what is added up or dropped is told.
func TestMemoryIsBounded(t *testing.T) {
	h := modelstest.NewHarness(t)
	h.Exec(h.Owner, "ALTER TABLE refusals RENAME TO away")
	l := newLog(h.DB)
	const calls = 60_000
	for i := range calls {
		l.Add(refusal.Refusal{At: noon.Add(time.Duration(i) * time.Minute), Reason: "access_not_found"})
		if i%20_000 == 0 {
			if err := l.Flush(t.Context()); err == nil {
				t.Fatal("a flush without a table")
			}
		}
	}
	metrics := modelstest.Metrics(t, l)
	if cells := metrics["tollgate_decision_log_cells"]; cells < 20_000 || cells > 21_000 {
		t.Errorf("%v cells wait", cells)
	}
	folded, dropped := metrics["tollgate_decision_log_folded_total"], metrics["tollgate_decision_log_dropped_total"]
	if folded == 0 || dropped == 0 || metrics["tollgate_refusals_total"] != calls {
		t.Errorf("folded %v, dropped %v: %v", folded, dropped, metrics)
	}
	h.Exec(h.Owner, "ALTER TABLE away RENAME TO refusals")
	h.Must(l.Flush(t.Context()))
	var kept float64
	h.Scan(&kept, "SELECT sum(calls) FROM refusals")
	if kept+dropped != calls {
		t.Errorf("%v kept and %v dropped of %d", kept, dropped, calls)
	}
	if left := modelstest.Metrics(t, l)["tollgate_decision_log_cells"]; left != 0 {
		t.Errorf("%v cells are left", left)
	}
}

// A database that was restored from a backup does not know the console any more; it begins anew.
func TestRestoredDatabase(t *testing.T) {
	h := modelstest.NewHarness(t)
	user, l := uuid.MustParse(h.User(101)), newLog(h.DB)
	l.Add(tooMuch(user, "openai/m", noon))
	h.Must(l.Flush(t.Context()))
	h.Exec(h.DB, "DELETE FROM decision_consoles")
	l.Add(tooMuch(user, "openai/m", noon))
	if err := l.Flush(t.Context()); err == nil {
		t.Error("it was not said")
	}
	h.Must(l.Flush(t.Context()))
	modelstest.AssertValue(t, h.DB, 2, "SELECT sum(calls)::int FROM refusals")
}

// What is not a legible name is not kept, and no secret is, however it is written into a name.
func TestNamesAreLegible(t *testing.T) {
	h := modelstest.NewHarness(t)
	user := uuid.MustParse(h.User(101))
	key := "sk-bf-" + strings.Repeat("aB3_", 11)
	for asked, want := range map[string]string{
		"openai/gpt-5": "openai/gpt-5", "anthropic/claude-opus-4-1-20250805": "", "bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0": "",
		"meta-llama/Llama-3.1-405B-Instruct-FP8": "", "日本/モデル": "", "": "", "openai/task-model": "",
		"accounts/fireworks/models/deepseek-v3p1": "",

		strings.Repeat("x", 10<<20): "(not a name)", "a\x00b": "(not a name)", "\x1b[31mred": "(not a name)", "<img src=x>": "(not a name)",
		"a\xff": "(not a name)", "a\nb": "(not a name)", "a\u202eb": "(not a name)",

		key: "(masked)", "openai/" + key: "(masked)", "x" + key: "(masked)", key + "/gpt-5": "(masked)", "openai/gpt-5 " + key: "(masked)",
		"openai/sk-proj-123": "(masked)", "tg_abcdefgh": "(masked)", "ghp_0123": "(masked)", "Bearer abc": "(masked)",
		"openai/" + strings.Repeat("a1", 12): "(masked)",
	} {
		if want == "" {
			want = asked
		}
		h.Exec(h.DB, "DELETE FROM refusals")
		one := newLog(h.DB)
		one.Add(tooMuch(user, asked, noon))
		h.Must(one.Flush(t.Context()))
		modelstest.AssertValue(t, h.DB, want, "SELECT asked FROM refusals")
	}
}

// Rows are deleted when they are older than the setting; the sums by hour, which name no user, stay for a year.
func TestOldRowsAreDeleted(t *testing.T) {
	h := modelstest.NewHarness(t)
	user, l := uuid.MustParse(h.User(101)), newLog(h.DB)
	for _, days := range []int{0, 29, 31, 380, 420} {
		l.Add(tooMuch(user, fmt.Sprint("openai/", days), time.Now().AddDate(0, 0, -days)))
	}
	h.Must(l.Flush(t.Context()))
	ctx, stop := context.WithCancel(t.Context())
	running := make(chan struct{})
	go func() { newLog(h.DB).Run(ctx); close(running) }()
	for left, ticks := 0, time.NewTicker(10*time.Millisecond); left != 2; <-ticks.C {
		h.Scan(&left, "SELECT count(*) FROM refusals")
	}
	for left, ticks := 0, time.NewTicker(10*time.Millisecond); left != 4; <-ticks.C {
		h.Scan(&left, "SELECT count(*) FROM decision_hours")
	}
	stop()
	<-running
}
