package web_test

import (
	"net/http"
	"testing"
)

// Of two members that exclude each other neither is ignored: the request is refused, and says which one to leave out.
func TestMembersThatExcludeEachOther(t *testing.T) {
	g := newGateway(t)
	held, budget := copyPath(g.ada, g.held), objects(g.held["budgets"])[0]["id"].(string)
	one := func() object { return event(g.key) }
	about := object{"mcp_client_id": "github", "tool_name": "create_issue"}
	both := func(body object) object {
		return with(body, "mcp_client_id", about["mcp_client_id"], "tool_name", about["tool_name"])
	}
	g.unchanged(func() {
		for _, row := range []struct {
			method, path string
			body         object
			code, param  string
		}{
			{"POST", "/usage", with(one(), "events", []object{one()}), "ambiguous_event", "cost"},
			{"POST", "/usage", with(one(), "events", []object{}), "ambiguous_event", "cost"},
			{"POST", "/usage", object{"events": []object{one()}, "virtual_key": g.key}, "ambiguous_event", "virtual_key"},
			{"POST", "/usage", both(one()), "ambiguous_event", "model"},
			{"POST", "/usage", with(one(), "tool_name", "create_issue"), "ambiguous_event", "model"},
			{"POST", "/usage", with(one(), "user_id", g.ada), "ambiguous_user", "user_id"},
			{"POST", "/decisions", both(model(g.key)), "ambiguous_question", "model"},
			{"POST", "/decisions", with(tool(g.key, "github", "create_issue"), "provider", "openai"), "ambiguous_question", "provider"},
			{"POST", "/decisions", with(model(g.key), "user_id", g.ada), "ambiguous_user", "user_id"},
			{"POST", "/decisions", with(model(g.key), "reserve", false, "lease_s", 60), "required", "reserve"},
			{"POST", "/decisions", with(model(g.key), "reservation_id", "x"), "required", "reserve"},
			{"PUT", held + "/budgets/" + budget + "/override", object{"amount": 1, "mode": "forever", "cycles": 2}, "cycles_not_allowed", "cycles"},
			{"POST", "/access-profiles", object{"name": "x", "provider_configs": []object{{"provider_name": "openai", "all_models_allowed": true, "allowed_models": []string{"m"}}}}, "models_conflict", "provider_configs[0].allowed_models"},
			{"POST", "/access-profiles", object{"name": "x", "budgets": []object{{"max_limit": 1, "reset_duration": "1d", "reset_config": object{"quarter_start_month": 2}}}}, "reset_config_not_allowed", "budgets[0].reset_config"},
			{"POST", "/mcp/tool-groups", object{"name": "x", "tools": []object{{"mcp_client_id": "github", "tool_names": []string{"*", "create_issue"}}}}, "tools_conflict", "tools[0].tool_names"},
		} {
			for _, prefix := range []string{"/api", "/api/governance"} {
				g.admin.api(row.method, prefix+row.path, row.body).refuses(http.StatusBadRequest, row.code, row.param)
			}
		}
	})
	// In a batch such an event does not affect the others.
	got := g.admin.report(object{"events": []object{both(one()), one()}}).is(http.StatusOK).json()
	same(t, "statuses", []any{objects(got["results"])[0]["status"], objects(got["results"])[1]["status"]}, []any{"invalid", "counted"})
}
