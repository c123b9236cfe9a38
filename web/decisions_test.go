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
	"tollgate/web/webtest"
)

func TestDecisionAnswer(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 2.5, "tokens", 100))
	for _, path := range []string{"/api/decisions", "/api/governance/decisions"} {
		for _, body := range []webtest.Object{webtest.Model(g.Key), webtest.With(webtest.Model(g.Key), "virtual_key", nil, "user_id", g.Ada), webtest.With(webtest.Model(g.Key), "provider", nil, "model", "openai/gpt-4o")} {
			a := g.APIKey("Usage:View").API("POST", path, body).Is(200)
			if a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", a.Header.Get("Cache-Control"))
			}
			d := a.JSON()
			want := "access_profile_id decision limits message model payer provider status_code type user_id"
			if body["virtual_key"] != nil {
				want += " virtual_key_id"
				webtest.Same(t, "key", d["virtual_key_id"], g.Keys(g.Ada)[0]["id"])
			}
			if webtest.KeysOf(d) != want {
				t.Errorf("members %s", webtest.KeysOf(d))
			}
			webtest.Same(t, "who", []any{d["user_id"], d["access_profile_id"], d["provider"], d["model"]}, []any{g.Ada, float64(g.Work), "openai", "gpt-4o"})
			webtest.Same(t, "payer", d["payer"], webtest.Object{"id": g.Held["id"], "access_profile_id": float64(g.Work), "name": "Work"})
			var lines []webtest.Object
			for _, line := range webtest.Objects(d["limits"]) {
				ends, err := time.Parse(time.RFC3339Nano, line["window_ends_at"].(string))
				if err != nil || !ends.After(time.Now()) || !strings.HasSuffix(line["window_ends_at"].(string), "Z") {
					t.Errorf("the window ends at %v", line["window_ends_at"])
				}
				delete(line, "window_ends_at")
				lines = append(lines, line)
			}
			webtest.Same(t, "limits", lines, []webtest.Object{
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
	webtest.Same(t, "limits of a tool", len(g.Admin.Decides(webtest.Tool(g.Key, "github", "create_issue"), "allowed", 200)["limits"].([]any)), 3)
	d := g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 5.500000001), "budget_exceeded", 402)
	if seconds := d["retry_after_s"].(float64); seconds < 1 || seconds > 24*3600+1 {
		t.Errorf("retry after %v", seconds)
	}
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 5.5, "estimated_tokens", 900), "allowed", 200)
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_tokens", 901), "token_limited", 429)
}

// A wrong credential is an error of the caller; a wrong key in the call is a decision.
func TestPermissionForDecisions(t *testing.T) {
	g := webtest.NewGateway(t)
	unknown := "sk-bf-" + strings.Repeat("a", 49)
	elsewhere := webtest.NewStage(t)
	_, foreign := elsewhere.Give(elsewhere.Ada, elsewhere.ProfileNaming("Work", webtest.Work))
	for _, value := range []any{unknown, foreign, "x", "sk-bf-", g.Admin.Header.Get("Authorization"), strings.ToUpper(g.Key), g.Key + "0", g.Key[:len(g.Key)-1]} {
		if value == "" {
			continue
		}
		if d := g.Admin.Decides(webtest.Model(value), "access_not_found", 401); d["payer"] != nil || len(d["limits"].([]any)) != 0 {
			t.Errorf("got %v", d)
		}
	}
	// Unknown and malformed subjects are answered alike.
	for _, subject := range []string{"a\u200bb", strings.Repeat("x", 256), "sk-bf-\u00e9"} {
		unknown := g.Admin.Ask(webtest.With(webtest.Model(nil), "virtual_key", nil, "user_id", uuid.NewString()))
		for _, body := range []webtest.Object{webtest.Model(subject), webtest.With(webtest.Model(nil), "virtual_key", nil, "user_id", subject)} {
			webtest.Same(t, subject, g.Admin.Ask(body), unknown)
		}
		answers := []webtest.Object{}
		for _, kind := range []string{"virtual_key", "user"} {
			for _, id := range []string{subject, uuid.NewString()} {
				answers = append(answers, g.Admin.API("POST", "/access/v1/evaluation", webtest.Evaluation(webtest.Entity(kind, id), webtest.Modelled)).Is(200).JSON())
			}
		}
		for _, a := range answers[1:] {
			webtest.Same(t, subject, a, answers[0])
		}
	}
	for _, user := range []string{uuid.NewString(), "nobody", g.UserID(webtest.Bob)} {
		if d := g.Admin.Ask(webtest.With(webtest.Model(""), "virtual_key", nil, "user_id", user)); d["decision"] != false {
			t.Errorf("%s: %v", user, d)
		}
	}
	for _, scope := range []permission.Permission{"Usage:View", webtest.Calls} {
		g.APIKey(scope).Decides(webtest.Model(g.Key), "allowed", 200)
	}
	g.Login(webtest.Viewer).With("Sec-Fetch-Site", "same-origin").Decides(webtest.Model(g.Key), "allowed", 200)
	g.Anonymous().With("Authorization", webtest.Basic(webtest.Viewer, webtest.Password)).Decides(webtest.Model(g.Key), "allowed", 200)
	for name, v := range map[string]webtest.Client{
		"anonymous": g.Anonymous(), "an unknown API key": g.Bearer("tg_" + strings.Repeat("a", 49)), "an unknown virtual key": g.Bearer(unknown),
		"a wrong password": g.Anonymous().With("Authorization", webtest.Basic(webtest.Viewer, "x")),
	} {
		code := "unauthenticated"
		if name == "a wrong password" {
			code = "invalid_credentials"
		}
		if a := v.API("POST", "/api/decisions", webtest.Model(g.Key)).Refuses(401, code, ""); len(a.Header.Values("WWW-Authenticate")) == 0 {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
	g.Bearer(g.Key).API("POST", "/api/decisions", webtest.Model(g.Key)).Refuses(403, "forbidden", "")
	g.APIKey("AccessProfiles:View", "Usage:Update").API("POST", "/api/decisions", webtest.Model(g.Key)).Refuses(403, "forbidden", "")
}

func TestDecisionInputsRefused(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Unchanged(func() {
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
			{`{"virtual_key":"k","model":"x","Model":"y"}`, "unknown_field", "Model"},
			{`{"virtual_key":"k","model":"x","model":"y"}`, "duplicate_key", "model"},
			{`[]`, "expected_object", ""},
			{``, "empty_body", ""},
			{`{"virtual_key":"k","model":NaN}`, "invalid_json", ""},
		} {
			for _, path := range []string{"/api/decisions", "/api/governance/decisions"} {
				g.Admin.API("POST", path, row.body).Refuses(400, row.code, row.param)
			}
		}
		g.Admin.Send("POST", "/api/decisions", "text/plain", strings.NewReader(`{}`)).Refuses(415, "unsupported_media_type", "")
		g.Admin.API("POST", "/api/decisions", strings.Repeat(" ", 1<<20)+`{}`).Refuses(413, "body_too_large", "")
		g.Admin.Get("/api/decisions").Refuses(405, "method_not_allowed", "")
	})
}

// Problems come in the order of the schema, every time.
func TestDecisionProblemsComeInOrder(t *testing.T) {
	g := webtest.NewGateway(t)
	for range 20 {
		got := g.Admin.API("POST", "/api/decisions", `{"virtual_key":null,"user_id":null,"model":7,"estimated_cost":-1}`).Is(400)
		webtest.Same(t, "problems", got.Problems(), "null_not_allowed virtual_key; null_not_allowed user_id; wrong_type model; number_out_of_range estimated_cost")
		if t.Failed() {
			return
		}
	}
}

// D-03 to D-05, and limits other than the first.
func TestDecisionsAtLimits(t *testing.T) {
	g := webtest.NewGateway(t)
	all := g.ProfileNaming("All", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":2,"reset_duration":"1d"}]`)
	_, key := g.Give(g.Bob, all)
	g.Admin.Decides(webtest.With(webtest.Model(key), "model", "no catalogue lists this"), "allowed", 200)
	for _, name := range []string{"", strings.Repeat("x", 256), "*", "openai/*", "../x"} {
		g.Admin.Decides(webtest.With(webtest.Model(key), "model", name), "model_blocked", 403)
		g.Admin.Decides(webtest.With(webtest.Model(key), "model", name, "provider", nil), "model_blocked", 403)
	}
	g.Admin.Counted(webtest.Event(key, "cost", 1.999999999))
	g.Admin.Decides(webtest.Model(key), "allowed", 200)
	g.Admin.Decides(webtest.With(webtest.Model(key), "estimated_cost", 0.000000001), "allowed", 200)
	g.Admin.Decides(webtest.With(webtest.Model(key), "estimated_cost", 0.000000002), "budget_exceeded", 402)
	g.Admin.Counted(webtest.Event(key, "cost", 0.000000001))
	d := g.Admin.Decides(webtest.Model(key), "budget_exceeded", 402)
	webtest.Same(t, "used", webtest.Objects(d["limits"])[0]["used"], 2.0)
	// A limit of 0 blocks before anything is used, also for a tool.
	nothing := g.ProfileNaming("Nothing", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":0,"reset_duration":"1Y"}],"mcp_servers":[{"mcp_server_id":"github"}]`)
	user := g.Member("cy@example.com", "Viewer")
	_, key = g.Give(user, nothing)
	g.Admin.Decides(webtest.Model(key), "budget_exceeded", 402)
	g.Admin.Decides(webtest.With(webtest.Model(key), "reserve", true), "budget_exceeded", 402)
	g.Admin.Decides(webtest.Tool(key, "github", "create_issue"), "budget_exceeded", 402)
	g.Admin.Decides(webtest.Tool(key, "github", "unheard-of"), "budget_exceeded", 402)
	// The first assigned copy with room pays; a big limit is shown exactly.
	wide := g.ProfileNaming("Wide", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"rate_limit":{"token_max_limit":10000000000,"token_reset_duration":"1M"}`)
	g.Give(user, wide)
	g.Admin.WithinASecond(webtest.Model(key), "allowed")
	d = g.Admin.Decides(webtest.Model(key), "allowed", 200)
	webtest.Same(t, "payer", d["payer"].(webtest.Object)["name"], "Wide")
	webtest.Same(t, "limit", webtest.Objects(d["limits"])[0]["limit"], 1e10)
}

// A decision changes nothing, on every route.
func TestDecisionsArePureReads(t *testing.T) {
	g := webtest.NewGateway(t)
	caller := g.APIKey("Usage:View", webtest.Calls)
	g.Unchanged(func() {
		for range 3 {
			for _, q := range []webtest.Object{
				webtest.Model(g.Key), webtest.With(webtest.Model(g.Key), "model", "x"), webtest.Model("x"), webtest.Tool(g.Key, "github", "create_issue"), webtest.Tool(g.Key, "jira", "x"),
				webtest.With(webtest.Model(g.Key), "estimated_cost", 1, "estimated_tokens", 1, "reserve", false), webtest.With(webtest.Model(g.Key), "estimated_cost", 1000),
				webtest.With(webtest.Model(g.Key), "estimated_cost", 1000, "reserve", true), webtest.With(webtest.Model("x"), "reserve", true),
			} {
				caller.Ask(q)
			}
			evaluation := webtest.Object{"subject": webtest.Object{"type": "virtual_key", "id": g.Key}, "action": webtest.Object{"name": "call"}, "resource": webtest.Object{"type": "model", "id": "openai/gpt-4o"}}
			for _, path := range []string{"evaluation", "evaluations", "search/resource", "search/action"} {
				caller.API("POST", "/access/v1/"+path, evaluation).Is(200)
			}
			for _, door := range webtest.Trusting {
				g.Bearer(g.Key).With("X-Model", "openai/gpt-4o").Get(door).Is(200)
				g.Bearer("x").With("X-Model", "openai/gpt-4o").Get(door).Is(401)
			}
		}
	})
}

// Tools are decided as the pages list them; a new tool of a server is granted by a whole server and by "*", but by no
// list of names.
func TestToolsAreDecidedAsListed(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec("INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('slack', 'slack', 'slack', '{a,b,c}')")
	named := s.AddGroup("Named", `[{"mcp_client_id":"slack","tool_names":["a","b"]}]`)
	every := s.AddGroup("Every", `[{"mcp_client_id":"jira","tool_names":["*"]}]`)
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
		profiles[name] = s.ProfileNaming(name, policy)
		_, keys[name] = s.Give(s.Member(name+"@example.com", "Viewer"), profiles[name])
	}
	compare := func(when string) {
		t.Helper()
		offered, err := catalogue.LoadCatalogue(t.Context(), s.DB)
		s.Must(err)
		for name, key := range keys {
			var rules policy.Policy
			stored, err := json.Marshal(s.Admin.Get(fmt.Sprint("/api/access-profiles/", profiles[name])).Object("access_profile"))
			s.Must(err)
			s.Must(json.Unmarshal(stored, &rules))
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
					s.Admin.Decides(webtest.Tool(key, server, name), want, status)
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
		s.Admin.API("PUT", "/api/mcp/clients/"+server, webtest.Object{"tools": strings.Fields(tools)}).Is(http.StatusOK)
	}
	s.Admin.WithinASecond(webtest.Tool(keys["whole"], "slack", "new"), "allowed")
	s.Admin.WithinASecond(webtest.Tool(keys["every"], "jira", "new"), "allowed")
	s.Admin.Decides(webtest.Tool(keys["named"], "slack", "new"), "mcp_tool_blocked", 403)
	compare("after new tools")
}
