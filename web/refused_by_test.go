package web_test

import (
	"testing"

	"tollgate/web/webtest"
)

// reasonsOf are the limits that block a call, as "kind duration scope reason", in their order.
func reasonsOf(lines any) (all []string) {
	if lines == nil {
		return nil
	}
	for _, line := range webtest.Objects(lines) {
		all = append(all, line["kind"].(string)+" "+line["reset_duration"].(string)+" "+line["scope"].(string)+" "+line["reason"].(string))
	}
	return all
}

// Every door says which limits block a call, and why: the one that decides first.
func TestRefusedBy(t *testing.T) {
	g := webtest.NewGateway(t)
	ask := func(cost, tokens float64) webtest.Object {
		return webtest.With(webtest.Model(g.Key), "estimated_cost", cost, "estimated_tokens", tokens)
	}
	caller := g.APIKey("Usage:View")
	blocked := func(resource webtest.Object) webtest.Object {
		return caller.API("POST", "/access/v1/evaluation", webtest.Evaluation(g.Mine(), resource)).Is(200).JSON()["context"].(webtest.Object)
	}
	webtest.Same(t, "allowed", g.Admin.Decides(ask(1, 1), "allowed", 200)["refused_by"], nil)
	webtest.Same(t, "a model that is blocked", g.Admin.Decides(webtest.With(webtest.Model(g.Key), "model", "openai/gpt-3"), "model_blocked", 403)["refused_by"], nil)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 7.5))

	const spend, month, tokens = "spend 1d provider:openai ", "spend 1M total ", "tokens 1h total "
	for _, row := range []struct {
		cost, tokens float64
		kind         string
		status       int
		want         []string
	}{
		{1, 0, "budget_exceeded", 402, []string{spend + "does_not_fit_now"}},
		{9, 0, "budget_exceeded", 402, []string{spend + "never_fits", month + "does_not_fit_now"}},
		{1, 5000, "token_limited", 429, []string{tokens + "never_fits", spend + "does_not_fit_now"}},
		{9, 5000, "token_limited", 429, []string{tokens + "never_fits", month + "does_not_fit_now", spend + "never_fits"}},
	} {
		for _, reserve := range []bool{false, true} {
			d := g.Admin.Decides(webtest.With(ask(row.cost, row.tokens), "reserve", reserve), row.kind, row.status)
			webtest.Same(t, "refused by", reasonsOf(d["refused_by"]), row.want)
			webtest.Same(t, "a wait helps", d["retry_after_s"] != nil, row.want[0] == spend+"does_not_fit_now")
		}
	}
	d := g.Admin.Decides(ask(1, 0), "budget_exceeded", 402)
	line := webtest.Objects(d["refused_by"])[0]
	webtest.Same(t, "of the line", []any{line["limit"], line["used"], line["reserved"], line["asked"]}, []any{8.0, 7.5, 0.0, 1.0})
	webtest.Same(t, "resets", line["resets_at"], webtest.Objects(d["limits"])[3]["window_ends_at"])
	var id string
	g.Scan(&id, "SELECT b.id FROM limit_lines AS b JOIN user_access_profiles AS c USING (policy_id) WHERE c.user_id = ? AND b.reset_duration = '1d'", g.Ada)
	webtest.Same(t, "id of the line", line["line_id"], id)

	g.Admin.Counted(webtest.Event(g.Key, "cost", 2.5))
	g.Admin.WithinASecond(webtest.Model(g.Key), "budget_exceeded")
	webtest.Same(t, "used up", reasonsOf(g.Admin.Ask(webtest.Model(g.Key))["refused_by"]), []string{month + "used_up", spend + "used_up"})
	webtest.Same(t, "AuthZEN, a model", reasonsOf(blocked(webtest.Modelled)["refused_by"]), []string{month + "used_up", spend + "used_up"})
	webtest.Same(t, "AuthZEN, a tool", reasonsOf(blocked(webtest.Entity("tool", "github/create_issue"))["refused_by"]), []string{month + "used_up"})
	for _, options := range []string{"model=openai%2Fgpt-4o", "model=openai%2Fgpt-4o&reserve=0.01", "mcp_client_id=github&tool_name=create_issue"} {
		for _, door := range webtest.Asking(options) {
			a := g.Bearer(g.Key).Get(door).Closed("budget_exceeded", 402)
			webtest.Same(t, door, a.Header.Get("X-Access-Line"), "spend 1M total")
		}
	}
	for _, door := range webtest.Asking("model=openai%2Fgpt-3") {
		a := g.Bearer(g.Key).Get(door).Closed("model_blocked", 403)
		webtest.Same(t, door, a.Header.Values("X-Access-Line"), []string(nil))
	}
}
