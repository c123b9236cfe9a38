package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A reversed charge is subtracted from the counters, the report and decisions, at once and on every console; the ledger
// has it as a row of its own, and the audit log names the actor and the reason.
func TestAdjustments(t *testing.T) {
	g := newGateway(t)
	other, _ := g.another(g.appURL())
	call, second := event(g.key, "event_id", "chatcmpl-7", "cost", 5.000000001), event(g.key, "cost", 2)
	g.admin.counted(call)
	g.admin.counted(second)
	g.admin.decides(with(model(g.key), "estimated_cost", 2), "budget_exceeded", 402)
	got := g.admin.api("POST", "/api/usage/adjustments", object{"event_id": "chatcmpl-7", "amount": -4.5, "reason": " The provider paid\nit back. "}).is(201).object("adjustment")
	same(t, "adjustment", []any{got["event_id"], got["amount"], got["charge"], got["reason"]}, []any{"chatcmpl-7", -4.5, 0.500000001, "The provider paid\nit back."})
	same(t, "used", g.used(g.ada), map[string]int64{"spend 1M total": 2_500_000_001, "spend 1d provider": 2_500_000_001, "tokens 1h total": 20, "requests 1d total": 2})
	g.admin.decides(with(model(g.key), "estimated_cost", 2), "allowed", 200)
	g.admin.at(other).withinASecond(with(model(g.key), "estimated_cost", 2), "allowed")
	total := g.admin.api("GET", "/api/usage?provider=openai&user_id="+g.ada, nil).is(200).json()["total"].(object)
	same(t, "reported", []any{total["cost"], total["tokens"], total["requests"]}, []any{2.500000001, 20.0, 2.0})
	same(t, "the event stays as it was reported", g.admin.report(call).is(200).json()["status"], any("duplicate"))
	same(t, "in the ledger", g.count("usage_adjustments"), 1)
	g.balanced()
	row := objects(g.admin.api("GET", "/api/access-profiles/audit-logs?user_id="+g.ada+"&action=update", nil).is(200).json()["audit_logs"])[0]
	for _, words := range []string{"chatcmpl-7", "-4.5", "The provider paid"} {
		if !strings.Contains(fmt.Sprint(row["new_values"], row["metadata"]), words) {
			t.Errorf("the audit log has no %q: %v", words, row)
		}
	}
	if page := string(g.session.get("/audit").is(200).body); !strings.Contains(page, "chatcmpl-7") {
		t.Error("the page of the audit log does not show it")
	}

	// At most the rest of the charge can be reversed; a full reversal equals the cost as reported.
	g.unchanged(func() {
		for _, amount := range []string{"-0.500000002", "-4.5", "-1000000"} {
			g.admin.api("POST", "/api/usage/adjustments", `{"event_id":"chatcmpl-7","amount":`+amount+`,"reason":"again"}`).refuses(409, "exceeds_charge", "amount")
		}
		g.admin.api("POST", "/api/usage/adjustments", object{"event_id": "chatcmpl-7", "amount": -4.5, "reason": "The provider paid\nit back."}).refuses(409, "already_adjusted", "")
	})
	g.admin.api("POST", "/api/usage/adjustments", `{"event_id":"chatcmpl-7","amount":-5.000000009999e-1,"reason":"the rest"}`).is(201)
	g.admin.api("POST", "/api/usage/adjustments", object{"event_id": strings.ToUpper(second["event_id"].(string)), "amount": -2, "reason": "free"}).is(201)
	same(t, "used", g.used(g.ada), map[string]int64{"tokens 1h total": 20, "requests 1d total": 2})
	g.balanced()
}

// With an id of its own an adjustment is made once, however often it is sent, also concurrently.
func TestAdjustmentsAreMadeOnce(t *testing.T) {
	g := newGateway(t)
	call, free := event(g.key, "cost", 3), event(g.key, "cost", 3)
	g.admin.counted(call)
	g.admin.counted(free)
	refund := object{"adjustment_id": "refund-1", "event_id": call["event_id"], "amount": -1, "reason": "refund"}
	var all []func() answer
	for range 8 {
		all = append(all, func() answer { return g.admin.api("POST", "/api/usage/adjustments", refund) })
	}
	statuses := map[int]int{}
	for _, a := range concurrently(all...) {
		statuses[a.StatusCode]++
		same(t, "charge", a.object("adjustment")["charge"], any(2.0))
	}
	same(t, "statuses", fmt.Sprint(statuses), "map[200:7 201:1]")
	for _, content := range []object{with(refund, "amount", -2), with(refund, "reason", "other"), with(refund, "event_id", free["event_id"])} {
		g.admin.api("POST", "/api/usage/adjustments", content).refuses(409, "adjustment_conflict", "adjustment_id")
	}
	g.admin.api("POST", "/api/usage/adjustments", with(refund, "adjustment_id", uuid.NewString())).is(201)
	// Of concurrent adjustments, as many are made as the charge covers.
	all = nil
	for i := range 8 {
		all = append(all, func() answer {
			return g.admin.api("POST", "/api/usage/adjustments", object{"event_id": free["event_id"], "amount": -0.7, "reason": fmt.Sprint("part ", i)})
		})
		if i == 3 {
			all = append(all, func() answer { return g.admin.report(event(g.key)) })
		}
	}
	made := 0
	for _, a := range concurrently(all...) {
		if a.StatusCode == 201 {
			made++
		}
	}
	same(t, "made", made, 4)
	same(t, "spent", g.used(g.ada)["spend 1M total"], int64(1_000_000_000+200_000_000+1_000_000_000))
	g.balanced()
}

func TestAdjustmentsRefused(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "event_id", "priced"))
	g.admin.counted(event(g.key, "event_id", "unpriced", "cost", nil))
	g.admin.report(event("not a key", "event_id", "stray")).is(200)
	g.admin.decides(with(model(g.key), "estimated_cost", 1, "reserve", true), "allowed", 200)
	ingest, keeper := g.apiKey("Usage:View", "Usage:Create"), g.apiKey("Usage:Update")
	g.unchanged(func() {
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
			keeper.api("POST", "/api/governance/usage/adjustments", "{"+row.body+"}").refuses(row.status, row.code, row.param)
		}
		ingest.api("POST", "/api/usage/adjustments", `{"event_id":"priced","amount":-1,"reason":"r"}`).refuses(403, "forbidden", "")
	})
	keeper.api("POST", "/api/usage/adjustments", `{"event_id":"priced","amount":-1,"reason":"r"}`).is(201)
	g.balanced()
}

// No counter falls below zero, even if an operator has cleared it, and a charge of a deleted user can be reversed too.
func TestAdjustmentsOfWhatWasCleared(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "event_id", "before", "cost", 5))
	profile := fmt.Sprint("/api/access-profiles/", g.work)
	g.admin.api("POST", profile+"/propagate", `{"fields":["provider_configs","budgets"],"reset_usage":true}`).is(200)
	g.admin.counted(event(g.key, "cost", 1))
	shown := func() any { return objects(g.copies(g.ada)[0]["budgets"])[0]["current_usage"] }
	same(t, "used since", shown(), any(1.0))
	g.admin.counted(event(g.key, "event_id", "jira-1", "provider", nil, "model", nil, "mcp_client_id", "jira", "tool_name", "t", "cost", 0.5))
	g.admin.api("POST", "/api/usage/adjustments", `{"event_id":"jira-1","amount":-0.5,"reason":"r"}`).is(201)
	same(t, "of the tool", g.admin.api("GET", "/api/usage?provider=mcp", nil).json()["total"].(object)["cost"], any(0.0))
	same(t, "used since", shown(), any(1.0))
	g.admin.api("POST", "/api/usage/adjustments", `{"event_id":"before","amount":-5,"reason":"r"}`).is(201)
	if n := shown().(float64); n < 0 || n > 1 {
		t.Errorf("used since: %v", n)
	}
	g.balanced()
	g.admin.counted(event(g.key, "event_id", "last"))
	g.admin.api("DELETE", "/api/users/"+g.ada, nil).is(200)
	g.admin.api("POST", "/api/usage/adjustments", `{"event_id":"last","amount":-1,"reason":"r"}`).is(201)
	g.balanced()
}
