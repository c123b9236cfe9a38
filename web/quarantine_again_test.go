package web_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/ledger"
	"tollgate/models/modelstest"
	"tollgate/web/webtest"
)

// A model that was sent without a provider and has a slash in its name is of the provider that lists it, also when that
// is known only once a user is: its price and the limits of its provider count.
func TestQuarantinedBareModel(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("POST", "/api/providers", `{"name":"together","models":["meta-llama/Llama-3"],
		"prices":[{"model":"meta-llama/Llama-3","input_cost_per_million_tokens":100000,"output_cost_per_million_tokens":0}]}`).Is(201)
	g.Admin.API("POST", "/api/providers", `{"name":"meta-llama","models":["Llama-3"],
		"prices":[{"model":"Llama-3","input_cost_per_million_tokens":50000,"output_cost_per_million_tokens":0}]}`).Is(201)
	g.Give(g.Bob, g.ProfileNaming("Together", `"provider_configs":[{"provider_name":"together","allowed_models":["meta-llama/Llama-3"],"budgets":[{"max_limit":100,"reset_duration":"1d"}]}]`))
	used := []any{"provider", nil, "model", "meta-llama/Llama-3", "cost", nil, "tokens", nil, "input_tokens", 30}
	row := g.Stray(used...)
	webtest.Same(t, "kept", []any{row["bare_model"], row["cost"]}, []any{"meta-llama/Llama-3", 1.5})
	spent := func() int64 { return g.Used(g.Bob)["spend 1d provider"] }
	g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Bob}).Is(200)
	webtest.Same(t, "spent after it was assigned", spent(), int64(3_000_000_000))
	webtest.Same(t, "audit rows with what was charged", g.Count("audit_logs WHERE new_values::jsonb -> 'cost' = '3'"), 1)
	g.Admin.Counted(webtest.With(webtest.Event("", "virtual_key", nil, "user_id", g.Bob), used...))
	webtest.Same(t, "spent after it was reported for the user", spent(), int64(6_000_000_000))

	estimate := webtest.With(webtest.Event("sk-bf-unknown", used...), "estimated", true)
	row = g.Stray(append(used, "estimated", true, "event_id", estimate["event_id"])...)
	g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Bob}).Is(200)
	exact := g.Admin.Report(webtest.With(estimate, "estimated", nil, "input_tokens", 10)).Is(200).JSON()
	webtest.Same(t, "the exact event of one that was assigned", exact["status"], any("counted"))
	webtest.Same(t, "spent after the exact event", spent(), int64(7_000_000_000))

	// What was stored before bare models were has the two parts of the name.
	old := g.Stray("provider", nil, "model", "meta-llama/Llama-3")
	g.Exec("UPDATE usage_quarantine SET event = (event::jsonb - 'bare_model' - 'estimated')::text WHERE event_id = ?::uuid", old["id"])
	g.Admin.API("POST", webtest.Settle(old, "assign"), webtest.Object{"user_id": g.Bob}).Is(200)
	webtest.Same(t, "provider of an older one", g.Count("counted_events WHERE provider = 'meta-llama' AND model = 'Llama-3'"), 1)
	g.Balanced()
}

// An event of an unknown key that is reported again is compared with the one in the quarantine, and an exact one takes
// the place of its estimate, before and after that is assigned.
func TestQuarantinedUsageComesAgain(t *testing.T) {
	g := webtest.NewGateway(t)
	estimate := webtest.Event("sk-bf-unknown", "estimated", true, "cost", 3, "tokens", 500)
	exact := webtest.With(estimate, "estimated", nil, "cost", 1.5, "tokens", 20)
	status := func(event webtest.Object) any { return g.Admin.Report(event).Is(200).JSON()["status"] }
	row := g.Stray("event_id", estimate["event_id"], "estimated", true, "cost", 3, "tokens", 500)
	webtest.Same(t, "an estimate", row["estimated"], any(true))
	again := g.Admin.Report(estimate).Is(200).JSON()
	webtest.Same(t, "the same again", []any{again["status"], again["duplicate"]}, []any{"quarantined", true})
	g.Unchanged(func() {
		g.Admin.Report(webtest.With(estimate, "tokens", 77)).Refuses(409, "event_conflict", "event_id")
		g.Admin.Report(webtest.With(exact, "model", "gpt-3")).Refuses(409, "event_conflict", "event_id")
		batch := g.Admin.Report(webtest.Object{"events": []webtest.Object{webtest.With(estimate, "cost", 4)}}).Is(200).JSON()
		webtest.Same(t, "in a batch", []any{batch["quarantined"], batch["rejected"]}, []any{0.0, 1.0})
	})
	replaced := g.Admin.Report(exact).Is(200).JSON()
	webtest.Same(t, "the exact one", []any{replaced["status"], replaced["duplicate"]}, []any{"quarantined", false})
	g.Unchanged(func() {
		webtest.Same(t, "the estimate after it", g.Admin.Report(webtest.With(estimate, "cost", 9)).Is(200).JSON()["duplicate"], any(true))
		g.Admin.Report(webtest.With(exact, "cost", 2)).Refuses(409, "event_conflict", "event_id")
	})
	g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Ada}).Is(200)
	webtest.Same(t, "spent", g.Used(g.Ada)["spend 1M total"], int64(1_500_000_000))

	// One that is assigned while it is an estimate stays one.
	late := webtest.Event("sk-bf-unknown", "estimated", true, "cost", 3)
	row = g.Stray("event_id", late["event_id"], "estimated", true, "cost", 3)
	g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Ada}).Is(200)
	webtest.Same(t, "the estimate again", status(late), any("duplicate"))
	g.Admin.Report(webtest.With(late, "tokens", 11)).Refuses(409, "event_conflict", "event_id")
	webtest.Same(t, "its exact event", status(webtest.With(late, "estimated", nil, "cost", 0.5)), any("counted"))
	webtest.Same(t, "once more", status(webtest.With(late, "estimated", nil, "cost", 0.5)), any("duplicate"))
	g.Admin.Report(webtest.With(late, "estimated", nil, "cost", 1)).Refuses(409, "event_conflict", "event_id")
	webtest.Same(t, "spent", g.Used(g.Ada)["spend 1M total"], int64(2_000_000_000))
	// Also by the key, once it is known whose it was.
	webtest.Same(t, "by a known user", status(webtest.With(late, "virtual_key", g.Key, "estimated", nil, "cost", 0.5)), any("duplicate"))
	g.Balanced()
}

// An event that waits in the quarantine is that of the same call also when the catalogue names its provider otherwise
// since, or its model with the provider in front.
func TestQuarantinedUsageOfARenamedProvider(t *testing.T) {
	g := webtest.NewGateway(t)
	for sent, offered := range map[string]string{
		"vertex_ai": `{"name":"vertex_ai","models":["gemini"]}`,
		"x_ai":      `{"name":"xai","models":["x_ai/gemini"]}`,
		"Mine":      `{"name":"mine","models":["gemini"]}`,
	} {
		of := []any{"provider", sent, "model", "gemini", "event_id", sent + "-1", "cost", 3}
		row := g.Stray(append(of, "estimated", true)...)
		g.Admin.API("POST", "/api/providers", offered).Is(201)
		event := webtest.Event("sk-bf-unknown", append(of, "cost", 1.5)...)
		exact := g.Admin.Report(event).Is(200).JSON()
		webtest.Same(t, "the exact one of "+sent, []any{exact["status"], exact["duplicate"]}, []any{"quarantined", false})
		webtest.Same(t, "once more", g.Admin.Report(event).Is(200).JSON()["duplicate"], any(true))
		shown := g.Admin.Get(webtest.Quarantine + "/" + row["id"].(string)).Is(200).Object("quarantined_event")
		webtest.Same(t, "its cost", shown["cost"], any(1.5))
		g.Admin.Report(webtest.With(event, "model", "other")).Refuses(409, "event_conflict", "event_id")
	}
}

// An estimate that its exact event replaces while an admin assigns it is charged with the exact cost; of those alike,
// one that changed meanwhile stays open.
func TestQuarantinedEstimateBecomesExactWhileItIsAssigned(t *testing.T) {
	g := webtest.NewGateway(t)
	estimated := func() (estimate, row webtest.Object) {
		estimate = webtest.Event("sk-bf-unknown", "estimated", true, "cost", 3)
		return estimate, g.Stray("event_id", estimate["event_id"], "estimated", true, "cost", 3)
	}
	spent := func() int64 { return g.Used(g.Ada)["spend 1M total"] }
	assignedWhile := func(row, estimate webtest.Object, alike bool) any {
		user, err := g.Owner().BeginTx(t.Context(), nil)
		g.Must(err)
		_, err = user.NewRaw("SELECT FROM users WHERE id = ? FOR UPDATE", g.Ada).Exec(t.Context()) // which assigning locks first
		g.Must(err)
		assigned := make(chan webtest.Answer)
		go func() {
			assigned <- g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Ada, "alike": alike})
		}()
		blocked(g, func() int { return 1 })
		exact := g.Admin.Report(webtest.With(estimate, "estimated", nil, "cost", 1.5)).Is(200).JSON()
		webtest.Same(t, "exact meanwhile", []any{exact["status"], exact["duplicate"]}, []any{"quarantined", false})
		g.Must(user.Rollback())
		return (<-assigned).Is(200).JSON()["settled"]
	}
	estimate, row := estimated()
	webtest.Same(t, "settled", assignedWhile(row, estimate, false), any(1.0))
	webtest.Same(t, "spent of the exact event", spent(), int64(1_500_000_000))
	webtest.Same(t, "estimates", g.Count("counted_events WHERE estimated"), 0)
	webtest.Same(t, "audit rows with what was charged", g.Count("audit_logs WHERE new_values::jsonb -> 'cost' = '1.5'"), 1)

	_, row = estimated()
	estimate, other := estimated()
	webtest.Same(t, "settled of two alike", assignedWhile(row, estimate, true), any(1.0))
	webtest.Same(t, "spent of one of two", spent(), int64(4_500_000_000))
	g.Admin.API("POST", webtest.Settle(other, "assign"), webtest.Object{"user_id": g.Ada}).Is(200)
	webtest.Same(t, "spent of both", spent(), int64(6_000_000_000))
	g.Balanced()
}

// An event that was counted while it waited in the quarantine is not charged again, however late it is assigned, and
// whether what counted it is still stored.
func TestQuarantinedUsageThatWasCountedLongAgo(t *testing.T) {
	g := webtest.NewGateway(t)
	assigned := func(row webtest.Object) webtest.Answer {
		return g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Bob})
	}
	settled := func(row webtest.Object) any {
		return g.Admin.Get(webtest.Quarantine + "/" + row["id"].(string)).Is(200).Object("quarantined_event")["outcome"]
	}
	row, other := g.Stray(), g.Stray()
	for _, one := range []webtest.Object{row, other} {
		g.Admin.Counted(webtest.Event(g.Key, "event_id", one["event_id"]))
	}
	aged(g, 50)
	g.Exec("UPDATE usage_quarantine SET received_at = received_at - interval '50 days'")
	open := g.Stray()
	assigned(row).Refuses(409, "already_counted", "")
	g.Exec("UPDATE weekly_events SET received_at = received_at - interval '37 days' WHERE event_id = ?::uuid", other["id"])
	reused := g.Stray("event_id", "reused")
	g.Exec("UPDATE weekly_events SET event_id = ?::uuid WHERE event_id = ?::uuid", reused["id"], other["id"])
	assigned(reused).Is(200) // an id is that of another call after 36 days
	webtest.Same(t, "spent", g.Used(g.Bob)["spend 1M total"], int64(0))

	reconciled(g, ledger.Keep{Events: 40, Days: 800, Windows: 400})
	webtest.Same(t, "events that are left", g.Count("counted_events WHERE event_id = ?::uuid", row["id"]), 0)
	webtest.Same(t, "what was counted", settled(row), any("dismissed"))
	webtest.Same(t, "what was not", settled(open), any("open"))
	assigned(row).Refuses(409, "already_settled", "")
	assigned(open).Is(200)
}

// Events of unknown keys are kept with a few statements, however many a batch has, and batches that have the same ones
// in another order keep each once.
func TestBatchesOfUnknownKeysAreKept(t *testing.T) {
	const many = 400
	g := webtest.NewGateway(t)
	var sent atomic.Int64
	c, _ := g.Another(g.AppURL(), modelstest.Watch{Before: func(*bun.QueryEvent) { sent.Add(1) }})
	events := make([]webtest.Object, many)
	for i := range events {
		events[i] = webtest.Event("sk-bf-unknown", "model", fmt.Sprintf(`'"{\%d},É`, i), "estimated", true)
	}
	batch := func(c *webtest.Console, events []webtest.Object) webtest.Object {
		return g.Admin.At(c).Report(webtest.Object{"events": events}).Is(200).JSON()
	}
	batch(c, events[:1])
	before := sent.Load()
	exact := webtest.With(events[7], "estimated", nil, "cost", 3)
	told := batch(c, append([]webtest.Object{webtest.Event(g.Key), exact}, events...))
	webtest.Same(t, "told", []any{told["counted"], told["quarantined"], told["rejected"]}, []any{1.0, many + 1.0, 0.0})
	webtest.Same(t, "the estimate after the exact one", webtest.Objects(told["results"])[2+7]["duplicate"], any(true))
	if n := sent.Load() - before; n > 60 { // of which 40 are a console's own work on a slow machine
		t.Errorf("%d statements for %d events", n, many)
	}
	webtest.Same(t, "kept as sent", g.Count(`usage_quarantine WHERE event::jsonb ->> 'model' = '''"{\399},É'`), 1)
	webtest.Same(t, "the exact one", g.Count("usage_quarantine WHERE event_id = ?::uuid AND event::jsonb ->> 'cost' = '3'", exact["event_id"]), 1)

	for i := range events {
		events[i]["event_id"] = uuid.NewString()
	}
	reversed := slices.Clone(events)
	slices.Reverse(reversed)
	var both sync.WaitGroup
	both.Go(func() { batch(c, events) })
	both.Go(func() { batch(g.Console, reversed) })
	both.Wait()
	webtest.Same(t, "kept", g.Count("usage_quarantine"), 2*many)
}
