package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/catalogue"
	"tollgate/models/permission"
	"tollgate/models/policy"
)

// calls is a key for the routes of gateways that has no other permission.
var calls = permission.Permission("Usage:Create")

func TestDecisionAnswer(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "cost", 2.5, "tokens", 100))
	for _, path := range []string{"/api/decisions", "/api/governance/decisions"} {
		for _, body := range []object{model(g.key), with(model(g.key), "virtual_key", nil, "user_id", g.ada), with(model(g.key), "provider", nil, "model", "openai/gpt-4o")} {
			a := g.apiKey("Usage:View").api("POST", path, body).is(200)
			if a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", a.Header.Get("Cache-Control"))
			}
			d := a.json()
			want := "access_profile_id decision limits message model payer provider status_code type user_id"
			if body["virtual_key"] != nil {
				want += " virtual_key_id"
				same(t, "key", d["virtual_key_id"], g.keys(g.ada)[0]["id"])
			}
			if keysOf(d) != want {
				t.Errorf("members %s", keysOf(d))
			}
			same(t, "who", []any{d["user_id"], d["access_profile_id"], d["provider"], d["model"]}, []any{g.ada, float64(g.work), "openai", "gpt-4o"})
			same(t, "payer", d["payer"], object{"id": g.held["id"], "access_profile_id": float64(g.work), "name": "Work"})
			var lines []object
			for _, line := range objects(d["limits"]) {
				ends, err := time.Parse(time.RFC3339Nano, line["window_ends_at"].(string))
				if err != nil || !ends.After(time.Now()) || !strings.HasSuffix(line["window_ends_at"].(string), "Z") {
					t.Errorf("the window ends at %v", line["window_ends_at"])
				}
				delete(line, "window_ends_at")
				lines = append(lines, line)
			}
			same(t, "limits", lines, []object{
				{"scope": "total", "kind": "spend", "used": 2.5, "reserved": 0.0, "limit": 10.0},
				{"scope": "total", "kind": "tokens", "used": 100.0, "reserved": 0.0, "limit": 1000.0},
				{"scope": "total", "kind": "requests", "used": 1.0, "reserved": 0.0, "limit": 100.0},
				{"scope": "provider:openai", "kind": "spend", "used": 2.5, "reserved": 0.0, "limit": 8.0},
			})
			if d["decision"] != true || d["type"] != "allowed" || d["status_code"] != 200.0 || d["message"] == "" {
				t.Errorf("got %v", d)
			}
		}
	}
	// A tool belongs to no provider.
	same(t, "limits of a tool", len(g.admin.decides(tool(g.key, "github", "create_issue"), "allowed", 200)["limits"].([]any)), 3)
	d := g.admin.decides(with(model(g.key), "estimated_cost", 5.500000001), "budget_exceeded", 402)
	if seconds := d["retry_after_s"].(float64); seconds < 1 || seconds > 24*3600+1 {
		t.Errorf("retry after %v", seconds)
	}
	g.admin.decides(with(model(g.key), "estimated_cost", 5.5, "estimated_tokens", 900), "allowed", 200)
	g.admin.decides(with(model(g.key), "estimated_tokens", 901), "token_limited", 429)
}

// A wrong credential is an error of the caller; a wrong key in the call is a decision.
func TestPermissionForDecisions(t *testing.T) {
	g := newGateway(t)
	unknown := "sk-bf-" + strings.Repeat("a", 49)
	foreign := newGateway(t).key
	for _, value := range []any{unknown, foreign, "x", "sk-bf-", g.admin.header.Get("Authorization"), strings.ToUpper(g.key), g.key + "0", g.key[:len(g.key)-1]} {
		if value == "" {
			continue
		}
		if d := g.admin.decides(model(value), "access_not_found", 401); d["payer"] != nil || len(d["limits"].([]any)) != 0 {
			t.Errorf("got %v", d)
		}
	}
	// Unknown and malformed subjects are answered alike.
	for _, subject := range []string{"a\u200bb", strings.Repeat("x", 256), "sk-bf-\u00e9"} {
		unknown := g.admin.ask(with(model(nil), "virtual_key", nil, "user_id", uuid.NewString()))
		for _, body := range []object{model(subject), with(model(nil), "virtual_key", nil, "user_id", subject)} {
			same(t, subject, g.admin.ask(body), unknown)
		}
		answers := []object{}
		for _, kind := range []string{"virtual_key", "user"} {
			for _, id := range []string{subject, uuid.NewString()} {
				answers = append(answers, g.admin.api("POST", "/access/v1/evaluation", evaluation(entity(kind, id), modelled)).is(200).json())
			}
		}
		for _, a := range answers[1:] {
			same(t, subject, a, answers[0])
		}
	}
	for _, user := range []string{uuid.NewString(), "nobody", g.userID(bob)} {
		if d := g.admin.ask(with(model(""), "virtual_key", nil, "user_id", user)); d["decision"] != false {
			t.Errorf("%s: %v", user, d)
		}
	}
	for _, scope := range []permission.Permission{"Usage:View", calls} {
		g.apiKey(scope).decides(model(g.key), "allowed", 200)
	}
	g.login(viewer).with("Sec-Fetch-Site", "same-origin").decides(model(g.key), "allowed", 200)
	g.anonymous().with("Authorization", basic(viewer, password)).decides(model(g.key), "allowed", 200)
	for name, v := range map[string]client{
		"anonymous": g.anonymous(), "an unknown API key": g.bearer("tg_" + strings.Repeat("a", 49)), "an unknown virtual key": g.bearer(unknown),
		"a wrong password": g.anonymous().with("Authorization", basic(viewer, "x")),
	} {
		code := "unauthenticated"
		if name == "a wrong password" {
			code = "invalid_credentials"
		}
		if a := v.api("POST", "/api/decisions", model(g.key)).refuses(401, code, ""); len(a.Header.Values("WWW-Authenticate")) == 0 {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
	g.bearer(g.key).api("POST", "/api/decisions", model(g.key)).refuses(403, "forbidden", "")
	g.apiKey("AccessProfiles:View", "Usage:Update").api("POST", "/api/decisions", model(g.key)).refuses(403, "forbidden", "")
}

func TestDecisionInputsRefused(t *testing.T) {
	g := newGateway(t)
	g.unchanged(func() {
		for _, row := range []struct {
			body, code, param string
		}{
			{`{}`, "required", "virtual_key"},
			{`{"model":"x"}`, "required", "virtual_key"},
			{`{"virtual_key":"","model":"x"}`, "required", "virtual_key"},
			{`{"virtual_key":null,"model":"x"}`, "null_not_allowed", "virtual_key"},
			{`{"virtual_key":7,"model":"x"}`, "wrong_type", "virtual_key"},
			{`{"user_id":{},"model":"x"}`, "wrong_type", "user_id"},
			{`{"virtual_key":"k","user_id":"u","model":"x"}`, "ambiguous_user", "user_id"},
			{`{"virtual_key":"k"}`, "required", "model"},
			{`{"virtual_key":"k","model":null}`, "null_not_allowed", "model"},
			{`{"virtual_key":"k","model":["x"]}`, "wrong_type", "model"},
			{`{"virtual_key":"k","provider":1,"model":"x"}`, "wrong_type", "provider"},
			{`{"virtual_key":"k","model":"x","tool_name":"t"}`, "ambiguous_question", "model"},
			{`{"virtual_key":"k","tool_name":"t"}`, "required", "mcp_client_id"},
			{`{"virtual_key":"k","mcp_client_id":"github"}`, "required", "tool_name"},
			{`{"virtual_key":"k","model":"x","estimated_cost":-1}`, "number_out_of_range", "estimated_cost"},
			{`{"virtual_key":"k","model":"x","estimated_cost":"1"}`, "wrong_type", "estimated_cost"},
			{`{"virtual_key":"k","model":"x","estimated_cost":1000000.000000001}`, "number_out_of_range", "estimated_cost"},
			{`{"virtual_key":"k","model":"x","estimated_tokens":1.5}`, "not_an_integer", "estimated_tokens"},
			{`{"virtual_key":"k","model":"x","estimated_tokens":-1}`, "number_out_of_range", "estimated_tokens"},
			{`{"virtual_key":"k","model":"x","estimated_tokens":9007199254740992}`, "number_out_of_range", "estimated_tokens"},
			{`{"virtual_key":"k","model":"x","reserve":"true"}`, "wrong_type", "reserve"},
			{`{"virtual_key":"k","model":"x","cost":1}`, "unknown_field", "cost"},
			{`{"virtual_key":"k","Model":"x"}`, "unknown_field", "Model"},
			{`{"virtual_key":"k","model":"x","model":"y"}`, "duplicate_key", "model"},
			{`[]`, "expected_object", ""},
			{``, "empty_body", ""},
			{`{"virtual_key":"k","model":NaN}`, "invalid_json", ""},
		} {
			for _, path := range []string{"/api/decisions", "/api/governance/decisions"} {
				g.admin.api("POST", path, row.body).refuses(400, row.code, row.param)
			}
		}
		g.admin.send("POST", "/api/decisions", "text/plain", strings.NewReader(`{}`)).refuses(415, "unsupported_media_type", "")
		g.admin.api("POST", "/api/decisions", strings.Repeat(" ", 1<<20)+`{}`).refuses(413, "body_too_large", "")
		g.admin.get("/api/decisions").refuses(405, "method_not_allowed", "")
	})
}

// Problems come in the order of the schema, every time.
func TestDecisionProblemsComeInOrder(t *testing.T) {
	g := newGateway(t)
	for range 20 {
		got := g.admin.api("POST", "/api/decisions", `{"virtual_key":null,"user_id":null,"model":7,"estimated_cost":-1}`).is(400)
		same(t, "problems", got.problems(), "null_not_allowed virtual_key; null_not_allowed user_id; wrong_type model; number_out_of_range estimated_cost")
		if t.Failed() {
			return
		}
	}
}

// D-03 to D-05, and limits other than the first.
func TestDecisionsAtLimits(t *testing.T) {
	g := newGateway(t)
	all := g.profileNaming("All", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":2,"reset_duration":"1d"}]`)
	_, key := g.give(g.bob, all)
	g.admin.decides(with(model(key), "model", "no catalogue lists this"), "allowed", 200)
	for _, name := range []string{"", strings.Repeat("x", 256), "*", "openai/*", "../x"} {
		g.admin.decides(with(model(key), "model", name), "model_blocked", 403)
		g.admin.decides(with(model(key), "model", name, "provider", nil), "model_blocked", 403)
	}
	g.admin.counted(event(key, "cost", 1.999999999))
	g.admin.decides(model(key), "allowed", 200)
	g.admin.decides(with(model(key), "estimated_cost", 0.000000001), "allowed", 200)
	g.admin.decides(with(model(key), "estimated_cost", 0.000000002), "budget_exceeded", 402)
	g.admin.counted(event(key, "cost", 0.000000001))
	d := g.admin.decides(model(key), "budget_exceeded", 402)
	same(t, "used", objects(d["limits"])[0]["used"], 2.0)
	// A limit of 0 blocks before anything is used, also for a tool.
	nothing := g.profileNaming("Nothing", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":0,"reset_duration":"1Y"}],"mcp_servers":[{"mcp_server_id":"github"}]`)
	user := g.member("cy@example.com", "Viewer")
	_, key = g.give(user, nothing)
	g.admin.decides(model(key), "budget_exceeded", 402)
	g.admin.decides(with(model(key), "reserve", true), "budget_exceeded", 402)
	g.admin.decides(tool(key, "github", "create_issue"), "budget_exceeded", 402)
	g.admin.decides(tool(key, "github", "unheard-of"), "budget_exceeded", 402)
	// The first assigned copy with room pays; a big limit is shown exactly.
	wide := g.profileNaming("Wide", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"rate_limit":{"token_max_limit":10000000000,"token_reset_duration":"1M"}`)
	g.give(user, wide)
	g.admin.withinASecond(model(key), "allowed")
	d = g.admin.decides(model(key), "allowed", 200)
	same(t, "payer", d["payer"].(object)["name"], "Wide")
	same(t, "limit", objects(d["limits"])[0]["limit"], 1e10)
}

// A decision changes nothing, on every route.
func TestDecisionsArePureReads(t *testing.T) {
	g := newGateway(t)
	caller := g.apiKey("Usage:View")
	g.unchanged(func() {
		for range 3 {
			for _, q := range []object{
				model(g.key), with(model(g.key), "model", "x"), model("x"), tool(g.key, "github", "create_issue"), tool(g.key, "jira", "x"),
				with(model(g.key), "estimated_cost", 1, "estimated_tokens", 1, "reserve", false), with(model(g.key), "estimated_cost", 1000),
				with(model(g.key), "estimated_cost", 1000, "reserve", true), with(model("x"), "reserve", true),
			} {
				caller.ask(q)
			}
			evaluation := object{"subject": object{"type": "virtual_key", "id": g.key}, "action": object{"name": "call"}, "resource": object{"type": "model", "id": "openai/gpt-4o"}}
			for _, path := range []string{"evaluation", "evaluations", "search/resource", "search/action"} {
				caller.api("POST", "/access/v1/"+path, evaluation).is(200)
			}
			for _, door := range trusting {
				g.bearer(g.key).with("X-Model", "openai/gpt-4o").get(door).is(200)
				g.bearer("x").with("X-Model", "openai/gpt-4o").get(door).is(401)
			}
		}
	})
}

// Tools are decided as the pages list them; a new tool of a server is granted by a whole server and by "*", but by no
// list of names.
func TestToolsAreDecidedAsListed(t *testing.T) {
	s := newStage(t)
	s.exec("INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('slack', 'slack', 'slack', '{a,b,c}')")
	named := s.addGroup("Named", `[{"mcp_client_id":"slack","tool_names":["a","b"]}]`)
	every := s.addGroup("Every", `[{"mcp_client_id":"jira","tool_names":["*"]}]`)
	keys := map[string]string{}
	profiles := map[string]int64{}
	for name, policy := range map[string]string{
		"nothing":  `"tags":[]`,
		"whole":    `"mcp_servers":[{"mcp_server_id":"slack"}]`,
		"named":    fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d}]`, named),
		"every":    fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d}]`, every),
		"narrowed": fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d},{"tool_group_id":%d}],"mcp_tool_overrides":[{"mcp_client_id":"slack","tool_name":"a","action":"exclude"}]`, named, every),
		"included": `"mcp_tool_overrides":[{"mcp_client_id":"slack","tool_name":"c","action":"include"}]`,
		"both":     fmt.Sprintf(`"mcp_servers":[{"mcp_server_id":"github"}],"mcp_tool_groups":[{"tool_group_id":%d}],"mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"include"}]`, named),
	} {
		profiles[name] = s.profileNaming(name, policy)
		_, keys[name] = s.give(s.member(name+"@example.com", "Viewer"), profiles[name])
	}
	compare := func(when string) {
		t.Helper()
		offered, err := catalogue.LoadCatalogue(t.Context(), s.db)
		s.must(err)
		for name, key := range keys {
			var rules policy.Policy
			stored, err := json.Marshal(s.admin.get(fmt.Sprint("/api/access-profiles/", profiles[name])).object("access_profile"))
			s.must(err)
			s.must(json.Unmarshal(stored, &rules))
			listed := map[string]bool{}
			for _, grant := range policy.Grants(offered, rules) {
				for _, tool := range grant.Tools {
					listed[grant.Server+" "+tool] = true
				}
			}
			for _, server := range []string{"github", "jira", "slack", "unheard-of"} {
				for _, name := range []string{"a", "b", "c", "t", "create_issue", "delete_repo", "new", "A", "*", ""} {
					want, status := "mcp_tool_blocked", 403
					if listed[server+" "+name] {
						want, status = "allowed", 200
					}
					s.admin.decides(tool(key, server, name), want, status)
				}
			}
		}
		if t.Failed() {
			t.Fatal(when)
		}
	}
	compare("at first")
	for _, change := range []string{"slack a b c new", "jira t new"} {
		server, tools, _ := strings.Cut(change, " ")
		s.admin.api("PUT", "/api/mcp/clients/"+server, object{"tools": strings.Fields(tools)}).is(http.StatusOK)
	}
	s.admin.withinASecond(tool(keys["whole"], "slack", "new"), "allowed")
	s.admin.withinASecond(tool(keys["every"], "jira", "new"), "allowed")
	s.admin.decides(tool(keys["named"], "slack", "new"), "mcp_tool_blocked", 403)
	compare("after new tools")
}
