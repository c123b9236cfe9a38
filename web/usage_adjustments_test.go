package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// A reversed charge is subtracted from the counters, the report and decisions, at once and on every console; the ledger
// has it as a row of its own, and the audit log names the actor and the reason.
func TestAdjustments(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	call, second := webtest.Event(g.Key, "event_id", "chatcmpl-7", "cost", 5.000000001), webtest.Event(g.Key, "cost", 2)
	g.Admin.Counted(call)
	g.Admin.Counted(second)
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 2), "budget_exceeded", 402)
	got := g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": "chatcmpl-7", "amount": -4.5, "reason": " The provider paid\nit back. "}).Is(201).Object("adjustment")
	webtest.Same(t, "adjustment", []any{got["event_id"], got["amount"], got["charge"], got["reason"]}, []any{"chatcmpl-7", -4.5, 0.500000001, "The provider paid\nit back."})
	webtest.Same(t, "used", g.Used(g.Ada), map[string]int64{"spend 1M total": 2_500_000_001, "spend 1d provider": 2_500_000_001, "tokens 1h total": 20, "requests 1d total": 2})
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 2), "allowed", 200)
	g.Admin.At(other).WithinASecond(webtest.With(webtest.Model(g.Key), "estimated_cost", 2), "allowed")
	total := g.Admin.API("GET", "/api/usage?provider=openai&user_id="+g.Ada, nil).Is(200).JSON()["total"].(webtest.Object)
	webtest.Same(t, "reported", []any{total["cost"], total["tokens"], total["requests"]}, []any{2.500000001, 20.0, 2.0})
	webtest.Same(t, "the event stays as it was reported", g.Admin.Report(call).Is(200).JSON()["status"], any("duplicate"))
	webtest.Same(t, "in the ledger", g.Count("usage_adjustments"), 1)
	g.Balanced()
	row := webtest.Objects(g.Admin.API("GET", "/api/access-profiles/audit-logs?user_id="+g.Ada+"&action=update", nil).Is(200).JSON()["audit_logs"])[0]
	for _, words := range []string{"chatcmpl-7", "-4.5", "The provider paid"} {
		if !strings.Contains(fmt.Sprint(row["new_values"], row["metadata"]), words) {
			t.Errorf("the audit log has no %q: %v", words, row)
		}
	}
	if page := string(g.Session.Get("/audit").Is(200).Body); !strings.Contains(page, "chatcmpl-7") {
		t.Error("the page of the audit log does not show it")
	}

	// At most the rest of the charge can be reversed; a full reversal equals the cost as reported.
	g.Unchanged(func() {
		for _, amount := range []string{"-0.500000002", "-4.5", "-1000000"} {
			g.Admin.API("POST", "/api/usage/adjustments", `{"event_id":"chatcmpl-7","amount":`+amount+`,"reason":"again"}`).Refuses(409, "exceeds_charge", "amount")
		}
		g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": "chatcmpl-7", "amount": -4.5, "reason": "The provider paid\nit back."}).Refuses(409, "already_adjusted", "")
	})
	g.Admin.API("POST", "/api/usage/adjustments", `{"event_id":"chatcmpl-7","amount":-5.000000009999e-1,"reason":"the rest"}`).Is(201)
	g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": strings.ToUpper(second["event_id"].(string)), "amount": -2, "reason": "free"}).Is(201)
	webtest.Same(t, "used", g.Used(g.Ada), map[string]int64{"tokens 1h total": 20, "requests 1d total": 2})
	g.Balanced()
}

// With an id of its own an adjustment is made once, however often it is sent, also concurrently.
func TestAdjustmentsAreMadeOnce(t *testing.T) {
	g := webtest.NewGateway(t)
	call, free := webtest.Event(g.Key, "cost", 3), webtest.Event(g.Key, "cost", 3)
	g.Admin.Counted(call)
	g.Admin.Counted(free)
	refund := webtest.Object{"adjustment_id": "refund-1", "event_id": call["event_id"], "amount": -1, "reason": "refund"}
	var all []func() webtest.Answer
	for range 8 {
		all = append(all, func() webtest.Answer { return g.Admin.API("POST", "/api/usage/adjustments", refund) })
	}
	statuses := map[int]int{}
	for _, a := range webtest.Concurrently(all...) {
		statuses[a.StatusCode]++
		webtest.Same(t, "charge", a.Object("adjustment")["charge"], any(2.0))
	}
	webtest.Same(t, "statuses", fmt.Sprint(statuses), "map[200:7 201:1]")
	for _, content := range []webtest.Object{webtest.With(refund, "amount", -2), webtest.With(refund, "reason", "other"), webtest.With(refund, "event_id", free["event_id"])} {
		g.Admin.API("POST", "/api/usage/adjustments", content).Refuses(409, "adjustment_conflict", "adjustment_id")
	}
	g.Admin.API("POST", "/api/usage/adjustments", webtest.With(refund, "adjustment_id", uuid.NewString())).Is(201)
	// Of concurrent adjustments, as many are made as the charge covers.
	all = nil
	for i := range 8 {
		all = append(all, func() webtest.Answer {
			return g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": free["event_id"], "amount": -0.7, "reason": fmt.Sprint("part ", i)})
		})
		if i == 3 {
			all = append(all, func() webtest.Answer { return g.Admin.Report(webtest.Event(g.Key)) })
		}
	}
	made := 0
	for _, a := range webtest.Concurrently(all...) {
		if a.StatusCode == 201 {
			made++
		}
	}
	webtest.Same(t, "made", made, 4)
	webtest.Same(t, "spent", g.Used(g.Ada)["spend 1M total"], int64(1_000_000_000+200_000_000+1_000_000_000))
	g.Balanced()
}

func TestAdjustmentsRefused(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "priced"))
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "unpriced", "cost", nil))
	g.Admin.Report(webtest.Event("not a key", "event_id", "stray")).Is(200)
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 1, "reserve", true), "allowed", 200)
	ingest, keeper := g.APIKey("Usage:View", "Usage:Create"), g.APIKey("Usage:Update")
	g.Unchanged(func() {
		for _, row := range []struct {
			body        string
			status      int
			code, param string
		}{
			{`"event_id":"priced","amount":1,"reason":"r"`, 400, "number_out_of_range", "amount"},
			{`"event_id":"priced","amount":0,"reason":"r"`, 400, "number_out_of_range", "amount"},
			{`"event_id":"priced","amount":-0.0,"reason":"r"`, 400, "number_out_of_range", "amount"},
			{`"event_id":"priced","amount":-1e-12,"reason":"r"`, 400, "number_out_of_range", "amount"},
			{`"event_id":"priced","amount":-1e99999999999,"reason":"r"`, 400, "number_out_of_range", "amount"},
			{`"event_id":"priced","amount":"-1","reason":"r"`, 400, "wrong_type", "amount"},
			{`"event_id":"priced","reason":"r"`, 400, "required", "amount"},
			{`"event_id":"priced","amount":-1`, 400, "required", "reason"},
			{`"event_id":"priced","amount":-1,"reason":" "`, 400, "required", "reason"},
			{`"event_id":"priced","amount":-1,"reason":"` + strings.Repeat("x", 501) + `"`, 400, "too_long", "reason"},
			{`"event_id":"a b","amount":-1,"reason":"r"`, 400, "invalid_event_id", "event_id"},
			{`"amount":-1,"reason":"r"`, 400, "required", "event_id"},
			{`"adjustment_id":"a b","event_id":"priced","amount":-1,"reason":"r"`, 400, "invalid_adjustment_id", "adjustment_id"},
			{`"event_id":"priced","amount":-1,"reason":"r","tokens":-1`, 400, "unknown_field", "tokens"},
			{`"event_id":"unknown","amount":-1,"reason":"r"`, 404, "not_found", "event_id"},
			{`"event_id":"stray","amount":-1,"reason":"r"`, 404, "not_found", "event_id"},
			{`"event_id":"unpriced","amount":-1,"reason":"r"`, 409, "exceeds_charge", "amount"},
			{`"event_id":"priced","amount":-1.000000001,"reason":"r"`, 409, "exceeds_charge", "amount"},
		} {
			keeper.API("POST", "/api/governance/usage/adjustments", "{"+row.body+"}").Refuses(row.status, row.code, row.param)
		}
		ingest.API("POST", "/api/usage/adjustments", `{"event_id":"priced","amount":-1,"reason":"r"}`).Refuses(403, "forbidden", "")
	})
	keeper.API("POST", "/api/usage/adjustments", `{"event_id":"priced","amount":-1,"reason":"r"}`).Is(201)
	g.Balanced()
}

// No counter falls below zero, even if an operator has cleared it, and a charge of a deleted user can be reversed too.
func TestAdjustmentsOfWhatWasCleared(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "before", "cost", 5))
	profile := fmt.Sprint("/api/access-profiles/", g.Work)
	g.Admin.API("POST", profile+"/propagate", `{"fields":["provider_configs","budgets"],"reset_usage":true}`).Is(200)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 1))
	shown := func() any { return webtest.Objects(g.Copies(g.Ada)[0]["budgets"])[0]["current_usage"] }
	webtest.Same(t, "used since", shown(), any(1.0))
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "jira-1", "provider", nil, "model", nil, "mcp_client_id", "jira", "tool_name", "t", "cost", 0.5))
	g.Admin.API("POST", "/api/usage/adjustments", `{"event_id":"jira-1","amount":-0.5,"reason":"r"}`).Is(201)
	webtest.Same(t, "of the tool", g.Admin.API("GET", "/api/usage?provider=mcp", nil).JSON()["total"].(webtest.Object)["cost"], any(0.0))
	webtest.Same(t, "used since", shown(), any(1.0))
	g.Admin.API("POST", "/api/usage/adjustments", `{"event_id":"before","amount":-5,"reason":"r"}`).Is(201)
	webtest.Same(t, "used since", shown(), any(1.0))
	g.Balanced()
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "last"))
	g.Admin.API("DELETE", "/api/users/"+g.Ada, nil).Is(200)
	g.Admin.API("POST", "/api/usage/adjustments", `{"event_id":"last","amount":-1,"reason":"r"}`).Is(201)
	g.Balanced()
}

// What is corrected of an event before a reset is not shown, in either direction; of an event since, it is.
func TestCorrectionsAcrossAReset(t *testing.T) {
	g := webtest.NewGateway(t)
	reset := func() {
		g.Admin.API("POST", fmt.Sprint("/api/access-profiles/", g.Work, "/propagate"), `{"fields":["provider_configs","budgets","rate_limit"],"reset_usage":true}`).Is(200)
	}
	shows := func(what string, cost, tokens float64) {
		t.Helper()
		held := g.Copies(g.Ada)[0]
		provider := webtest.Objects(held["provider_configs"])[0]
		webtest.Same(t, what, []any{
			webtest.Objects(held["budgets"])[0]["current_usage"], webtest.Objects(provider["budgets"])[0]["current_usage"],
			held["rate_limit"].(webtest.Object)["token_current_usage"],
		}, []any{cost, cost, tokens})
	}
	refund := func(event string, amount float64) {
		g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": event, "amount": amount, "reason": "r"}).Is(201)
	}
	exact := func(event webtest.Object, cost float64, tokens int) {
		g.Admin.Counted(webtest.With(event, "estimated", nil, "cost", cost, "tokens", tokens))
	}
	estimate := func() webtest.Object {
		made := webtest.Event(g.Key, "estimated", true, "cost", 1, "tokens", 10)
		g.Admin.Counted(made)
		return made
	}
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "before", "cost", 4, "tokens", 10))
	more, less := estimate(), estimate()
	reset()
	shows("after the reset", 0, 0)
	exact(more, 3, 30)
	shows("after an estimate from before that was too low", 0, 0)
	since := estimate()
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "since", "cost", 2, "tokens", 10))
	shows("used since", 3, 20)
	refund("before", -4)
	exact(less, 0.5, 5)
	shows("after corrections of what was before", 3, 20)
	refund("since", -1.5)
	exact(since, 2, 15)
	shows("after corrections of what was since", 2.5, 25)
	reset()
	refund("since", -0.5)
	shows("after another reset", 0, 0)

	_, g.Key = g.Give(g.Bob, g.Work)
	g.Ada = g.Bob // whose counter of spend has counted nothing yet
	free := webtest.Event(g.Key, "estimated", true, "cost", 0, "tokens", 10)
	g.Admin.Counted(free)
	reset()
	exact(free, 3, 30)
	shows("after an estimate from before that cost nothing", 0, 0)
	g.Balanced()
}

// A limit that gets a window back which it had before begins at zero. Corrections of what was used in it before
// do not change that.
func TestCorrectionsOfAWindowThatReturns(t *testing.T) {
	g := webtest.NewGateway(t)
	lasts := func(duration string) {
		profile := fmt.Sprint("/api/access-profiles/", g.Work)
		g.Admin.API("PUT", profile, `{"rate_limit":{"token_max_limit":1000,"token_reset_duration":"`+duration+`"}}`).Is(200)
		g.Admin.API("POST", profile+"/propagate", `{"fields":["rate_limit"]}`).Is(200)
	}
	before := webtest.Event(g.Key, "estimated", true, "tokens", 10)
	g.Admin.Counted(before)
	lasts("1d")
	lasts("1h")
	g.Admin.Counted(webtest.Event(g.Key, "tokens", 10))
	g.Admin.Counted(webtest.With(before, "estimated", nil, "tokens", 5))
	shown := func() any { return g.Copies(g.Ada)[0]["rate_limit"].(webtest.Object)["token_current_usage"] }
	webtest.Same(t, "used since", shown(), any(10.0))

	_, g.Key = g.Give(g.Bob, g.Work)
	g.Ada = g.Bob // whose counter has counted nothing yet
	free := webtest.Event(g.Key, "estimated", true, "tokens", 0)
	g.Admin.Counted(free)
	lasts("1d")
	lasts("1h")
	g.Admin.Counted(webtest.With(free, "estimated", nil, "tokens", 5))
	webtest.Same(t, "used since by another", shown(), any(0.0))
	g.Balanced()
}
