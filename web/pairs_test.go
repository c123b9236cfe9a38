package web_test

import (
	"net/http"
	"testing"

	"tollgate/web/webtest"
)

// Of two members that exclude each other neither is ignored: the request is refused, and says which one to leave out.
func TestMembersThatExcludeEachOther(t *testing.T) {
	g := webtest.NewGateway(t)
	held, budget := webtest.CopyPath(g.Ada, g.Held), webtest.Objects(g.Held["budgets"])[0]["id"].(string)
	one := func() webtest.Object { return webtest.Event(g.Key) }
	about := webtest.Object{"mcp_client_id": "github", "tool_name": "create_issue"}
	both := func(body webtest.Object) webtest.Object {
		return webtest.With(body, "mcp_client_id", about["mcp_client_id"], "tool_name", about["tool_name"])
	}
	g.Unchanged(func() {
		for _, row := range []struct {
			method, path string
			body         webtest.Object
			code, param  string
		}{
			{"POST", "/usage", webtest.With(one(), "events", []webtest.Object{one()}), "ambiguous_event", "cost"},
			{"POST", "/usage", webtest.With(one(), "events", []webtest.Object{}), "ambiguous_event", "cost"},
			{"POST", "/usage", webtest.Object{"events": []webtest.Object{one()}, "virtual_key": g.Key}, "ambiguous_event", "virtual_key"},
			{"POST", "/usage", both(one()), "ambiguous_event", "model"},
			{"POST", "/usage", webtest.With(one(), "tool_name", "create_issue"), "ambiguous_event", "model"},
			{"POST", "/usage", webtest.With(one(), "user_id", g.Ada), "ambiguous_user", "user_id"},
			{"POST", "/decisions", both(webtest.Model(g.Key)), "ambiguous_question", "model"},
			{"POST", "/decisions", webtest.With(webtest.Tool(g.Key, "github", "create_issue"), "provider", "openai"), "ambiguous_question", "provider"},
			{"POST", "/decisions", webtest.With(webtest.Model(g.Key), "user_id", g.Ada), "ambiguous_user", "user_id"},
			{"POST", "/decisions", webtest.With(webtest.Model(g.Key), "reserve", false, "lease_s", 60), "required", "reserve"},
			{"POST", "/decisions", webtest.With(webtest.Model(g.Key), "reservation_id", "x"), "required", "reserve"},
			{"PUT", held + "/budgets/" + budget + "/override", webtest.Object{"amount": 1, "mode": "forever", "cycles": 2}, "cycles_not_allowed", "cycles"},
			{"POST", "/access-profiles", webtest.Object{"name": "x", "provider_configs": []webtest.Object{{"provider_name": "openai", "all_models_allowed": true, "allowed_models": []string{"m"}}}}, "models_conflict", "provider_configs[0].allowed_models"},
			{"POST", "/access-profiles", webtest.Object{"name": "x", "budgets": []webtest.Object{{"max_limit": 1, "reset_duration": "1d", "reset_config": webtest.Object{"quarter_start_month": 2}}}}, "reset_config_not_allowed", "budgets[0].reset_config"},
			{"POST", "/mcp/tool-groups", webtest.Object{"name": "x", "tools": []webtest.Object{{"mcp_client_id": "github", "tool_names": []string{"*", "create_issue"}}}}, "tools_conflict", "tools[0].tool_names"},
		} {
			for _, prefix := range []string{"/api", "/api/governance"} {
				g.Admin.API(row.method, prefix+row.path, row.body).Refuses(http.StatusBadRequest, row.code, row.param)
			}
		}
	})
	// In a batch such an event does not affect the others.
	got := g.Admin.Report(webtest.Object{"events": []webtest.Object{both(one()), one()}}).Is(http.StatusOK).JSON()
	webtest.Same(t, "statuses", []any{webtest.Objects(got["results"])[0]["status"], webtest.Objects(got["results"])[1]["status"]}, []any{"invalid", "counted"})
}
