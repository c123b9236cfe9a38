package web_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tollgate/handlers"
	"tollgate/web/webtest"
)

func TestAuthZENEvaluation(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 7.5))
	caller := g.APIKey("Usage:View")
	for _, c := range []struct {
		name    string
		request webtest.Object
		want    string // reason of a denial
	}{
		{"a model", webtest.Evaluation(g.Mine(), webtest.Modelled), ""},
		{"the provider as a property", webtest.Evaluation(g.Mine(), webtest.Entity("model", "gpt-4o", "provider", "openai")), ""},
		{"the user", webtest.Evaluation(webtest.Entity("user", g.Ada), webtest.Modelled), ""},
		{"an identity", webtest.Evaluation(webtest.Entity("identity", g.Ada), webtest.Modelled), ""},
		{"a tool", webtest.Evaluation(g.Mine(), webtest.Entity("tool", "github/create_issue")), ""},
		{"a tool of a server as a property", webtest.Evaluation(g.Mine(), webtest.Entity("tool", "create_issue", "mcp_client_id", "github")), ""},
		{"another model", webtest.Evaluation(g.Mine(), webtest.Entity("model", "openai/gpt-3")), "model_blocked"},
		{"another provider", webtest.Evaluation(g.Mine(), webtest.Entity("model", "azure/gpt-4o")), "provider_blocked"},
		{"another tool", webtest.Evaluation(g.Mine(), webtest.Entity("tool", "jira/x")), "mcp_tool_blocked"},
		{"a tool without a server", webtest.Evaluation(g.Mine(), webtest.Entity("tool", "create_issue")), "mcp_tool_blocked"},
		{"an unknown key", webtest.Evaluation(webtest.Entity("virtual_key", "x"), webtest.Modelled), "access_not_found"},
		{"an unknown user", webtest.Evaluation(webtest.Entity("user", "x"), webtest.Modelled), "access_not_found"},
		{"who holds nothing", webtest.Evaluation(webtest.Entity("user", g.Bob), webtest.Modelled), "access_blocked"},
		{"a kind of subject that is unknown", webtest.Evaluation(webtest.Entity("robot", g.Ada), webtest.Modelled), "unknown_type"},
		{"another action", webtest.With(webtest.Evaluation(g.Mine(), webtest.Modelled), "action", webtest.Object{"name": "delete"}), "unknown_action"},
		{"a kind of resource that is unknown", webtest.Evaluation(g.Mine(), webtest.Entity("record", "record-1")), "unknown_type"},
		{"members that are unknown", webtest.With(webtest.Evaluation(webtest.With(g.Mine(), "x", 1), webtest.With(webtest.Modelled, "y", nil)), "z", []int{1}, "context", webtest.Object{"time": "now", "deep": webtest.Object{}}, "options", webtest.Object{}), ""},
		{"a provider that is no text", webtest.Evaluation(g.Mine(), webtest.Entity("model", "openai/gpt-4o", "provider", 7)), ""},
	} {
		a := caller.API("POST", "/access/v1/evaluation", c.request).Is(200)
		got := a.JSON()
		context, _ := got["context"].(webtest.Object)
		reason, _ := context["reason"].(string)
		if got["decision"] != (c.want == "") || reason != c.want {
			t.Errorf("%s: %s", c.name, a.Body)
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", c.name, a.Header.Get("Cache-Control"))
		}
		// The same request has the same decision; "evaluations" without a list is a single evaluation.
		if again := caller.API("POST", "/access/v1/evaluation", c.request); string(again.Body) != string(a.Body) {
			t.Errorf("%s: %s, then %s", c.name, a.Body, again.Body)
		}
		for _, more := range []webtest.Object{webtest.With(c.request, "evaluations", []webtest.Object{}), c.request} {
			if again := caller.API("POST", "/access/v1/evaluations", more).Is(200); string(again.Body) != string(a.Body) {
				t.Errorf("%s: evaluated %s, in a batch of none %s", c.name, a.Body, again.Body)
			}
		}
	}
	g.Admin.Counted(webtest.Event(g.Key, "cost", 0.5))
	context := caller.API("POST", "/access/v1/evaluation", webtest.Evaluation(g.Mine(), webtest.Modelled)).Is(200).Object("context")
	if context["reason"] != "budget_exceeded" || context["status_code"] != 402.0 || context["retry_after_s"].(float64) < 1 || context["message"] == "" {
		t.Errorf("got %v", context)
	}
}

func TestAuthZENEvaluations(t *testing.T) {
	g := webtest.NewGateway(t)
	caller := g.APIKey("Usage:View")
	yes, no := webtest.Object{"resource": webtest.Modelled}, webtest.Object{"resource": webtest.Entity("model", "openai/gpt-3")}
	send := func(body webtest.Object, semantic string) string {
		t.Helper()
		body = webtest.With(body, "subject", g.Mine(), "action", webtest.Call)
		if semantic != "" {
			body["options"] = webtest.Object{"evaluations_semantic": semantic}
		}
		got := caller.API("POST", "/access/v1/evaluations", body).Is(200).JSON()
		if webtest.KeysOf(got) != "evaluations" {
			t.Fatalf("got %v", got)
		}
		var decisions []string
		for _, one := range webtest.Objects(got["evaluations"]) {
			decisions = append(decisions, fmt.Sprint(one["decision"]))
		}
		return strings.Join(decisions, " ")
	}
	all := webtest.Object{"evaluations": []webtest.Object{yes, no, yes, no}}
	webtest.Same(t, "as it is", send(all, ""), "true false true false")
	webtest.Same(t, "all", send(all, "execute_all"), "true false true false")
	webtest.Same(t, "until the first denial", send(all, "deny_on_first_deny"), "true false")
	webtest.Same(t, "until the first permission", send(webtest.Object{"evaluations": []webtest.Object{no, no, yes, no}}, "permit_on_first_permit"), "false false true")
	webtest.Same(t, "no denial", send(webtest.Object{"evaluations": []webtest.Object{yes, yes}}, "deny_on_first_deny"), "true true")
	webtest.Same(t, "no permission", send(webtest.Object{"evaluations": []webtest.Object{no, no}}, "permit_on_first_permit"), "false false")
	// Defaults: an entity of an entry replaces the default as a whole; if it is incomplete, the entry is denied.
	webtest.Same(t, "defaults", send(webtest.Object{"resource": webtest.Modelled, "evaluations": []webtest.Object{
		{},
		{"subject": webtest.Entity("user", g.Ada)},
		{"subject": webtest.Entity("user", g.Bob)},
		{"resource": webtest.Object{"id": "openai/gpt-4o-mini"}},
		{"resource": webtest.Object{"type": "tool"}},
		{"resource": webtest.Entity("tool", "jira/t")},
		{"resource": webtest.Entity("model", "gpt-4o", "provider", "openai")},
		{"action": webtest.Object{}},
		{"subject": nil},
		{"resource": nil},
		{"action": nil},
		{"action": webtest.Call, "Action": webtest.Object{"name": "x"}},
	}}, ""), "true true false false false true true false false false false true")
	webtest.Same(t, "an entity's properties are its own", send(webtest.Object{"resource": webtest.Entity("model", "x", "provider", "azure"), "evaluations": []webtest.Object{
		{"resource": webtest.Entity("model", "gpt-4o")}, {"resource": webtest.Entity("model", "gpt-4o", "provider", "azure")},
	}}, ""), "true false")
	// A bad entry is denied alone, in its place.
	for name, bad := range map[string]any{
		"without a resource": webtest.Object{}, "without an id": webtest.Object{"resource": webtest.Object{"type": "model"}}, "with an empty id": webtest.Object{"resource": webtest.Entity("model", "")},
		"with a subject that is text": webtest.Object{"subject": "ada", "resource": webtest.Modelled}, "with an id that is a number": webtest.Object{"resource": webtest.Object{"type": "model", "id": 7}},
		"that is text": "x", "that is null": nil, "that is a list": []any{}, "with null in it": webtest.Object{"subject": nil, "resource": webtest.Modelled}, "with an unknown type": webtest.Object{"resource": webtest.Entity("record", "x")},
	} {
		a := caller.API("POST", "/access/v1/evaluations", webtest.Object{"subject": g.Mine(), "action": webtest.Call, "evaluations": []any{yes, bad, no, yes}})
		if a.StatusCode != 200 {
			t.Errorf("one %s: %d %s", name, a.StatusCode, a.Body)
			continue
		}
		var decisions []any
		for _, one := range webtest.Objects(a.JSON()["evaluations"]) {
			decisions = append(decisions, one["decision"])
		}
		webtest.Same(t, "one "+name, decisions, []any{true, false, false, true})
	}
	caller.API("POST", "/access/v1/evaluations", webtest.With(all, "options", webtest.Object{"evaluations_semantic": "any"})).Is(400)
	many := make([]webtest.Object, 1001)
	for i := range many {
		many[i] = yes
	}
	caller.API("POST", "/access/v1/evaluations", webtest.Object{"subject": g.Mine(), "action": webtest.Call, "evaluations": many}).Is(400)
	if got := send(webtest.Object{"evaluations": many[:1000]}, ""); strings.Count(got, "true") != 1000 {
		t.Errorf("of a thousand: %.100s", got)
	}
}

// An unreadable request gets a 400 with a message, never a status that the standard does not define.
func TestAuthZENRefuses(t *testing.T) {
	g := webtest.NewGateway(t)
	caller := g.APIKey("Usage:View")
	good, err := json.Marshal(webtest.Evaluation(g.Mine(), webtest.Modelled))
	g.Must(err)
	paths := []string{"evaluation", "evaluations", "search/resource", "search/action"}
	refused := func(what string, a webtest.Answer, status int) {
		t.Helper()
		var message string
		if a.StatusCode != status || json.Unmarshal(a.Body, &message) != nil || message == "" {
			t.Errorf("%s: %d %s, want a message with %d", what, a.StatusCode, a.Body, status)
		}
	}
	for _, path := range paths {
		path = "/access/v1/" + path
		for _, media := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", ""} {
			refused(path+" as "+media, caller.Send("POST", path, media, strings.NewReader(string(good))), 400)
		}
		caller.Send("POST", path, "application/json; charset=utf-8", strings.NewReader(string(good))).Is(200)
		for _, body := range []string{
			``, `x`, `[]`, `null`, `"x"`, `{"subject":{}`, `{"subject":{},"subject":{}}`, string(good) + "x", `{"subject":"ada"}`, `{"subject":[]}`, "{\"a\":\"\xff\"}",
			strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), strings.Repeat(" ", 1<<20) + "{}", `{}`, `{"subject":null}`,
		} {
			refused(fmt.Sprintf("%s of %.30s", path, body), caller.API("POST", path, body), 400)
		}
		refused(path+" compressed", caller.With("Content-Encoding", "gzip").API("POST", path, string(good)), 400)
		refused(path+" signed out", g.Anonymous().API("POST", path, string(good)), 401)
		refused(path+" of a virtual key", g.Bearer(g.Key).API("POST", path, string(good)), 403)
		refused(path+" without the permission", g.APIKey("Users:View").API("POST", path, string(good)), 403)
		if a := g.Anonymous().API("POST", path, string(good)); len(a.Header.Values("WWW-Authenticate")) == 0 {
			t.Errorf("%s: no WWW-Authenticate", path)
		}
	}
	whole := webtest.Evaluation(g.Mine(), webtest.Modelled)
	for _, path := range []string{"/access/v1/evaluation", "/access/v1/evaluations"} {
		for _, member := range []string{"subject", "action", "resource"} {
			refused(path+" without "+member, caller.API("POST", path, webtest.With(whole, member, nil)), 400)
			for _, part := range []string{"type", "id", "name"} {
				if entity := whole[member].(webtest.Object); entity[part] != nil {
					for _, value := range []any{nil, "", 7, webtest.Object{}} {
						refused(fmt.Sprintf("%s with %s.%s %v", path, member, part, value), caller.API("POST", path, webtest.With(whole, member, webtest.With(entity, part, value))), 400)
					}
				}
			}
		}
	}
	id := uuid.NewString()
	for _, path := range paths {
		for body, status := range map[string]int{string(good): 200, `{}`: 400} {
			if got := caller.With("X-Request-ID", id).API("POST", "/access/v1/"+path, body).Is(status).Header.Get("X-Request-ID"); got != id {
				t.Errorf("%s: X-Request-ID %q", path, got)
			}
		}
	}
}

func TestAuthZENMetadata(t *testing.T) {
	g := webtest.NewGateway(t)
	const path, base = "/.well-known/authzen-configuration", "https://tollgate.example"
	g.Anonymous().Get(path).Is(404) // reached over http
	webtest.NewConsole(t, func(h *handlers.Handlers) { h.BaseURL = "" }).Anonymous().Get(path).Is(404)
	a := webtest.NewConsole(t, func(h *handlers.Handlers) { h.BaseURL = base + "/" }).Anonymous().Get(path).Is(200)
	got := a.JSON()
	webtest.Same(t, "metadata", got, webtest.Object{
		"policy_decision_point": base, "access_evaluation_endpoint": base + "/access/v1/evaluation", "access_evaluations_endpoint": base + "/access/v1/evaluations",
		"search_resource_endpoint": base + "/access/v1/search/resource", "search_action_endpoint": base + "/access/v1/search/action",
	})
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") || !strings.Contains(a.Header.Get("Cache-Control"), "max-age") {
		t.Errorf("headers %v", a.Header)
	}
	for name, endpoint := range got {
		if name != "policy_decision_point" {
			g.APIKey("Usage:View").API("POST", strings.TrimPrefix(endpoint.(string), base), webtest.Evaluation(g.Mine(), webtest.Modelled)).Is(200)
		}
	}
}

func TestAuthZENSearch(t *testing.T) {
	g := webtest.NewGateway(t)
	caller := g.APIKey("Usage:View")
	search := func(subject webtest.Object, kind string, more ...any) (ids []string) {
		t.Helper()
		got := caller.API("POST", "/access/v1/search/resource", webtest.With(webtest.Evaluation(subject, webtest.Object{"type": kind}), more...)).Is(200).JSON()
		for _, one := range webtest.Objects(got["results"]) {
			if one["type"] != kind {
				t.Errorf("a %v among each %s", one["type"], kind)
			}
			ids = append(ids, one["id"].(string))
		}
		if page := got["page"].(webtest.Object); page["next_token"] != "" || page["count"] != float64(len(ids)) {
			t.Errorf("page %v of %v", page, ids)
		}
		slices.Sort(ids)
		return ids
	}
	webtest.Same(t, "models", search(g.Mine(), "model"), []string{"openai/gpt-4o", "openai/gpt-4o-mini"})
	webtest.Same(t, "tools", search(g.Mine(), "tool"), []string{"github/create_issue", "github/delete_repo", "jira/t"})
	webtest.Same(t, "by the user, with a page", search(webtest.Entity("user", g.Ada), "model", "page", webtest.Object{"limit": 1}), []string{"openai/gpt-4o", "openai/gpt-4o-mini"})
	webtest.Same(t, "with an id, which is passed over", search(g.Mine(), "model", "resource", webtest.Entity("model", "x")), []string{"openai/gpt-4o", "openai/gpt-4o-mini"})
	for name, none := range map[string][]string{
		"an unknown kind": search(g.Mine(), "record"), "an unknown key": search(webtest.Entity("virtual_key", "x"), "model"), "an unknown kind of subject": search(webtest.Entity("robot", "x"), "tool"),
		"who holds nothing": search(webtest.Entity("user", g.Bob), "model"),
	} {
		if len(none) != 0 {
			t.Errorf("%s: %v", name, none)
		}
	}
	// Every search result is allowed by an evaluation.
	for _, kind := range []string{"model", "tool"} {
		for _, id := range search(g.Mine(), kind) {
			webtest.Same(t, id, caller.API("POST", "/access/v1/evaluation", webtest.Evaluation(g.Mine(), webtest.Entity(kind, id))).Is(200).JSON(), webtest.Object{"decision": true})
		}
	}
	actions := func(subject, resource webtest.Object) any {
		return caller.API("POST", "/access/v1/search/action", webtest.Object{"subject": subject, "resource": resource}).Is(200).JSON()["results"]
	}
	webtest.Same(t, "actions", actions(g.Mine(), webtest.Modelled), []any{webtest.Object{"name": "call"}})
	webtest.Same(t, "none", actions(g.Mine(), webtest.Entity("model", "openai/gpt-3")), []any{})
	webtest.Same(t, "none of an unknown kind", actions(g.Mine(), webtest.Entity("record", "x")), []any{})
	g.Admin.Counted(webtest.Event(g.Key, "cost", 8))
	g.Exec("UPDATE providers SET models = '{gpt-4o}'")
	webtest.Same(t, "models, used up", search(g.Mine(), "model"), []string(nil))
	webtest.Same(t, "tools, of no provider", len(search(g.Mine(), "tool")), 3)
}
