package web_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tollgate/handlers"
)

func entity(kind, id string, properties ...any) object {
	e := object{"type": kind, "id": id}
	if len(properties) > 0 {
		e["properties"] = with(object{}, properties...)
	}
	return e
}

var call = object{"name": "call"}

func evaluation(subject, resource object) object {
	return object{"subject": subject, "action": call, "resource": resource}
}

func (g gateway) mine() object { return entity("virtual_key", g.key) }

var modelled = entity("model", "openai/gpt-4o")

func TestAuthZENEvaluation(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "cost", 7.5))
	caller := g.apiKey("Usage:View")
	for _, c := range []struct {
		name    string
		request object
		want    string // reason of a denial
	}{
		{"a model", evaluation(g.mine(), modelled), ""},
		{"the provider as a property", evaluation(g.mine(), entity("model", "gpt-4o", "provider", "openai")), ""},
		{"the user", evaluation(entity("user", g.ada), modelled), ""},
		{"an identity", evaluation(entity("identity", g.ada), modelled), ""},
		{"a tool", evaluation(g.mine(), entity("tool", "github/create_issue")), ""},
		{"a tool of a server as a property", evaluation(g.mine(), entity("tool", "create_issue", "mcp_client_id", "github")), ""},
		{"another model", evaluation(g.mine(), entity("model", "openai/gpt-3")), "model_blocked"},
		{"another provider", evaluation(g.mine(), entity("model", "azure/gpt-4o")), "provider_blocked"},
		{"another tool", evaluation(g.mine(), entity("tool", "jira/x")), "mcp_tool_blocked"},
		{"a tool without a server", evaluation(g.mine(), entity("tool", "create_issue")), "mcp_tool_blocked"},
		{"an unknown key", evaluation(entity("virtual_key", "x"), modelled), "access_not_found"},
		{"an unknown user", evaluation(entity("user", "x"), modelled), "access_not_found"},
		{"who holds nothing", evaluation(entity("user", g.bob), modelled), "access_blocked"},
		{"a kind of subject that is unknown", evaluation(entity("robot", g.ada), modelled), "unknown_type"},
		{"another action", with(evaluation(g.mine(), modelled), "action", object{"name": "delete"}), "unknown_action"},
		{"a kind of resource that is unknown", evaluation(g.mine(), entity("record", "record-1")), "unknown_type"},
		{"members that are unknown", with(evaluation(with(g.mine(), "x", 1), with(modelled, "y", nil)), "z", []int{1}, "context", object{"time": "now", "deep": object{}}, "options", object{}), ""},
		{"a provider that is no text", evaluation(g.mine(), entity("model", "openai/gpt-4o", "provider", 7)), ""},
	} {
		a := caller.api("POST", "/access/v1/evaluation", c.request).is(200)
		got := a.json()
		context, _ := got["context"].(object)
		reason, _ := context["reason"].(string)
		if got["decision"] != (c.want == "") || reason != c.want {
			t.Errorf("%s: %s", c.name, a.body)
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", c.name, a.Header.Get("Cache-Control"))
		}
		// The same request has the same decision; "evaluations" without a list is a single evaluation.
		if again := caller.api("POST", "/access/v1/evaluation", c.request); string(again.body) != string(a.body) {
			t.Errorf("%s: %s, then %s", c.name, a.body, again.body)
		}
		for _, more := range []object{with(c.request, "evaluations", []object{}), c.request} {
			if again := caller.api("POST", "/access/v1/evaluations", more).is(200); string(again.body) != string(a.body) {
				t.Errorf("%s: evaluated %s, in a batch of none %s", c.name, a.body, again.body)
			}
		}
	}
	g.admin.counted(event(g.key, "cost", 0.5))
	context := caller.api("POST", "/access/v1/evaluation", evaluation(g.mine(), modelled)).is(200).object("context")
	if context["reason"] != "budget_exceeded" || context["status_code"] != 402.0 || context["retry_after_s"].(float64) < 1 || context["message"] == "" {
		t.Errorf("got %v", context)
	}
}

func TestAuthZENEvaluations(t *testing.T) {
	g := newGateway(t)
	caller := g.apiKey("Usage:View")
	yes, no := object{"resource": modelled}, object{"resource": entity("model", "openai/gpt-3")}
	send := func(body object, semantic string) string {
		t.Helper()
		body = with(body, "subject", g.mine(), "action", call)
		if semantic != "" {
			body["options"] = object{"evaluations_semantic": semantic}
		}
		got := caller.api("POST", "/access/v1/evaluations", body).is(200).json()
		if keysOf(got) != "evaluations" {
			t.Fatalf("got %v", got)
		}
		var decisions []string
		for _, one := range objects(got["evaluations"]) {
			decisions = append(decisions, fmt.Sprint(one["decision"]))
		}
		return strings.Join(decisions, " ")
	}
	all := object{"evaluations": []object{yes, no, yes, no}}
	same(t, "as it is", send(all, ""), "true false true false")
	same(t, "all", send(all, "execute_all"), "true false true false")
	same(t, "until the first denial", send(all, "deny_on_first_deny"), "true false")
	same(t, "until the first permission", send(object{"evaluations": []object{no, no, yes, no}}, "permit_on_first_permit"), "false false true")
	same(t, "no denial", send(object{"evaluations": []object{yes, yes}}, "deny_on_first_deny"), "true true")
	same(t, "no permission", send(object{"evaluations": []object{no, no}}, "permit_on_first_permit"), "false false")
	// Defaults: an entity of an entry replaces the default as a whole; if it is incomplete, the entry is denied.
	same(t, "defaults", send(object{"resource": modelled, "evaluations": []object{
		{},
		{"subject": entity("user", g.ada)},
		{"subject": entity("user", g.bob)},
		{"resource": object{"id": "openai/gpt-4o-mini"}},
		{"resource": object{"type": "tool"}},
		{"resource": entity("tool", "jira/t")},
		{"resource": entity("model", "gpt-4o", "provider", "openai")},
		{"action": object{}},
		{"subject": nil},
		{"resource": nil},
		{"action": nil},
		{"action": call, "Action": object{"name": "x"}},
	}}, ""), "true true false false false true true false false false false true")
	same(t, "an entity's properties are its own", send(object{"resource": entity("model", "x", "provider", "azure"), "evaluations": []object{
		{"resource": entity("model", "gpt-4o")}, {"resource": entity("model", "gpt-4o", "provider", "azure")},
	}}, ""), "true false")
	// A bad entry is denied alone, in its place.
	for name, bad := range map[string]any{
		"without a resource": object{}, "without an id": object{"resource": object{"type": "model"}}, "with an empty id": object{"resource": entity("model", "")},
		"with a subject that is text": object{"subject": "ada", "resource": modelled}, "with an id that is a number": object{"resource": object{"type": "model", "id": 7}},
		"that is text": "x", "that is null": nil, "that is a list": []any{}, "with null in it": object{"subject": nil, "resource": modelled}, "with an unknown type": object{"resource": entity("record", "x")},
	} {
		a := caller.api("POST", "/access/v1/evaluations", object{"subject": g.mine(), "action": call, "evaluations": []any{yes, bad, no, yes}})
		if a.StatusCode != 200 {
			t.Errorf("one %s: %d %s", name, a.StatusCode, a.body)
			continue
		}
		var decisions []any
		for _, one := range objects(a.json()["evaluations"]) {
			decisions = append(decisions, one["decision"])
		}
		same(t, "one "+name, decisions, []any{true, false, false, true})
	}
	caller.api("POST", "/access/v1/evaluations", with(all, "options", object{"evaluations_semantic": "any"})).is(400)
	many := make([]object, 1001)
	for i := range many {
		many[i] = yes
	}
	caller.api("POST", "/access/v1/evaluations", object{"subject": g.mine(), "action": call, "evaluations": many}).is(400)
	if got := send(object{"evaluations": many[:1000]}, ""); strings.Count(got, "true") != 1000 {
		t.Errorf("of a thousand: %.100s", got)
	}
}

// An unreadable request gets a 400 with a message, never a status that the standard does not define.
func TestAuthZENRefuses(t *testing.T) {
	g := newGateway(t)
	caller := g.apiKey("Usage:View")
	good, err := json.Marshal(evaluation(g.mine(), modelled))
	g.must(err)
	paths := []string{"evaluation", "evaluations", "search/resource", "search/action"}
	refused := func(what string, a answer, status int) {
		t.Helper()
		var message string
		if a.StatusCode != status || json.Unmarshal(a.body, &message) != nil || message == "" {
			t.Errorf("%s: %d %s, want a message with %d", what, a.StatusCode, a.body, status)
		}
	}
	for _, path := range paths {
		path = "/access/v1/" + path
		for _, media := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", ""} {
			refused(path+" as "+media, caller.send("POST", path, media, strings.NewReader(string(good))), 400)
		}
		caller.send("POST", path, "application/json; charset=utf-8", strings.NewReader(string(good))).is(200)
		for _, body := range []string{
			``, `x`, `[]`, `null`, `"x"`, `{"subject":{}`, `{"subject":{},"subject":{}}`, string(good) + "x", `{"subject":"ada"}`, `{"subject":[]}`, "{\"a\":\"\xff\"}",
			strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), strings.Repeat(" ", 1<<20) + "{}", `{}`, `{"subject":null}`,
		} {
			refused(fmt.Sprintf("%s of %.30s", path, body), caller.api("POST", path, body), 400)
		}
		refused(path+" compressed", caller.with("Content-Encoding", "gzip").api("POST", path, string(good)), 400)
		refused(path+" signed out", g.anonymous().api("POST", path, string(good)), 401)
		refused(path+" of a virtual key", g.bearer(g.key).api("POST", path, string(good)), 403)
		refused(path+" without the permission", g.apiKey("Users:View").api("POST", path, string(good)), 403)
		if a := g.anonymous().api("POST", path, string(good)); len(a.Header.Values("WWW-Authenticate")) == 0 {
			t.Errorf("%s: no WWW-Authenticate", path)
		}
	}
	whole := evaluation(g.mine(), modelled)
	for _, path := range []string{"/access/v1/evaluation", "/access/v1/evaluations"} {
		for _, member := range []string{"subject", "action", "resource"} {
			refused(path+" without "+member, caller.api("POST", path, with(whole, member, nil)), 400)
			for _, part := range []string{"type", "id", "name"} {
				if entity := whole[member].(object); entity[part] != nil {
					for _, value := range []any{nil, "", 7, object{}} {
						refused(fmt.Sprintf("%s with %s.%s %v", path, member, part, value), caller.api("POST", path, with(whole, member, with(entity, part, value))), 400)
					}
				}
			}
		}
	}
	id := uuid.NewString()
	for _, path := range paths {
		for body, status := range map[string]int{string(good): 200, `{}`: 400} {
			if got := caller.with("X-Request-ID", id).api("POST", "/access/v1/"+path, body).is(status).Header.Get("X-Request-ID"); got != id {
				t.Errorf("%s: X-Request-ID %q", path, got)
			}
		}
	}
}

func TestAuthZENMetadata(t *testing.T) {
	g := newGateway(t)
	const path, base = "/.well-known/authzen-configuration", "https://tollgate.example"
	g.anonymous().get(path).is(404) // reached over http
	newConsole(t, func(h *handlers.Handlers) { h.BaseURL = "" }).anonymous().get(path).is(404)
	a := newConsole(t, func(h *handlers.Handlers) { h.BaseURL = base + "/" }).anonymous().get(path).is(200)
	got := a.json()
	same(t, "metadata", got, object{
		"policy_decision_point": base, "access_evaluation_endpoint": base + "/access/v1/evaluation", "access_evaluations_endpoint": base + "/access/v1/evaluations",
		"search_resource_endpoint": base + "/access/v1/search/resource", "search_action_endpoint": base + "/access/v1/search/action",
	})
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") || !strings.Contains(a.Header.Get("Cache-Control"), "max-age") {
		t.Errorf("headers %v", a.Header)
	}
	for name, endpoint := range got {
		if name != "policy_decision_point" {
			g.apiKey("Usage:View").api("POST", strings.TrimPrefix(endpoint.(string), base), evaluation(g.mine(), modelled)).is(200)
		}
	}
}

func TestAuthZENSearch(t *testing.T) {
	g := newGateway(t)
	caller := g.apiKey("Usage:View")
	search := func(subject object, kind string, more ...any) (ids []string) {
		t.Helper()
		got := caller.api("POST", "/access/v1/search/resource", with(evaluation(subject, object{"type": kind}), more...)).is(200).json()
		for _, one := range objects(got["results"]) {
			if one["type"] != kind {
				t.Errorf("a %v among each %s", one["type"], kind)
			}
			ids = append(ids, one["id"].(string))
		}
		if page := got["page"].(object); page["next_token"] != "" || page["count"] != float64(len(ids)) {
			t.Errorf("page %v of %v", page, ids)
		}
		slices.Sort(ids)
		return ids
	}
	same(t, "models", search(g.mine(), "model"), []string{"openai/gpt-4o", "openai/gpt-4o-mini"})
	same(t, "tools", search(g.mine(), "tool"), []string{"github/create_issue", "github/delete_repo", "jira/t"})
	same(t, "by the user, with a page", search(entity("user", g.ada), "model", "page", object{"limit": 1}), []string{"openai/gpt-4o", "openai/gpt-4o-mini"})
	same(t, "with an id, which is passed over", search(g.mine(), "model", "resource", entity("model", "x")), []string{"openai/gpt-4o", "openai/gpt-4o-mini"})
	for name, none := range map[string][]string{
		"an unknown kind": search(g.mine(), "record"), "an unknown key": search(entity("virtual_key", "x"), "model"), "an unknown kind of subject": search(entity("robot", "x"), "tool"),
		"who holds nothing": search(entity("user", g.bob), "model"),
	} {
		if len(none) != 0 {
			t.Errorf("%s: %v", name, none)
		}
	}
	// Every search result is allowed by an evaluation.
	for _, kind := range []string{"model", "tool"} {
		for _, id := range search(g.mine(), kind) {
			same(t, id, caller.api("POST", "/access/v1/evaluation", evaluation(g.mine(), entity(kind, id))).is(200).json(), object{"decision": true})
		}
	}
	actions := func(subject, resource object) any {
		return caller.api("POST", "/access/v1/search/action", object{"subject": subject, "resource": resource}).is(200).json()["results"]
	}
	same(t, "actions", actions(g.mine(), modelled), []any{object{"name": "call"}})
	same(t, "none", actions(g.mine(), entity("model", "openai/gpt-3")), []any{})
	same(t, "none of an unknown kind", actions(g.mine(), entity("record", "x")), []any{})
	g.admin.counted(event(g.key, "cost", 8))
	g.exec("UPDATE providers SET models = '{gpt-4o}'")
	same(t, "models, used up", search(g.mine(), "model"), []string(nil))
	same(t, "tools, of no provider", len(search(g.mine(), "tool")), 3)
}
