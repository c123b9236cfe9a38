package web_test

import (
	"testing"
)

// reasonsOf are the limits that block a call, as "kind duration scope reason", in their order.
func reasonsOf(lines any) (all []string) {
	if lines == nil {
		return nil
	}
	for _, line := range objects(lines) {
		all = append(all, line["kind"].(string)+" "+line["reset_duration"].(string)+" "+line["scope"].(string)+" "+line["reason"].(string))
	}
	return all
}

// Every door says which limits block a call, and why: the one that decides first.
func TestRefusedBy(t *testing.T) {
	g := newGateway(t)
	ask := func(cost, tokens float64) object {
		return with(model(g.key), "estimated_cost", cost, "estimated_tokens", tokens)
	}
	caller := g.apiKey("Usage:View")
	blocked := func(resource object) object {
		return caller.api("POST", "/access/v1/evaluation", evaluation(g.mine(), resource)).is(200).json()["context"].(object)
	}
	same(t, "allowed", g.admin.decides(ask(1, 1), "allowed", 200)["refused_by"], nil)
	same(t, "a model that is blocked", g.admin.decides(with(model(g.key), "model", "openai/gpt-3"), "model_blocked", 403)["refused_by"], nil)
	g.admin.counted(event(g.key, "cost", 7.5))

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
			d := g.admin.decides(with(ask(row.cost, row.tokens), "reserve", reserve), row.kind, row.status)
			same(t, "refused by", reasonsOf(d["refused_by"]), row.want)
			same(t, "a wait helps", d["retry_after_s"] != nil, row.want[0] == spend+"does_not_fit_now")
		}
	}
	d := g.admin.decides(ask(1, 0), "budget_exceeded", 402)
	line := objects(d["refused_by"])[0]
	same(t, "of the line", []any{line["limit"], line["used"], line["reserved"], line["asked"]}, []any{8.0, 7.5, 0.0, 1.0})
	same(t, "resets", line["resets_at"], objects(d["limits"])[3]["window_ends_at"])
	var id string
	g.scan(&id, "SELECT b.id FROM limit_lines AS b JOIN user_access_profiles AS c USING (policy_id) WHERE c.user_id = ? AND b.reset_duration = '1d'", g.ada)
	same(t, "id of the line", line["line_id"], id)

	g.admin.counted(event(g.key, "cost", 2.5))
	g.admin.withinASecond(model(g.key), "budget_exceeded")
	same(t, "used up", reasonsOf(g.admin.ask(model(g.key))["refused_by"]), []string{month + "used_up", spend + "used_up"})
	same(t, "AuthZEN, a model", reasonsOf(blocked(modelled)["refused_by"]), []string{month + "used_up", spend + "used_up"})
	same(t, "AuthZEN, a tool", reasonsOf(blocked(entity("tool", "github/create_issue"))["refused_by"]), []string{month + "used_up"})
	for _, options := range []string{"model=openai%2Fgpt-4o", "model=openai%2Fgpt-4o&reserve=0.01", "mcp_client_id=github&tool_name=create_issue"} {
		for _, door := range asking(options) {
			a := g.bearer(g.key).get(door).closed("budget_exceeded", 402)
			same(t, door, a.Header.Get("X-Access-Line"), "spend 1M total")
		}
	}
	for _, door := range asking("model=openai%2Fgpt-3") {
		a := g.bearer(g.key).get(door).closed("model_blocked", 403)
		same(t, door, a.Header.Values("X-Access-Line"), []string(nil))
	}
}
