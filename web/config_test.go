package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

type object = webtest.Object

// filled is a console that has something of every kind of document.
func filled(t *testing.T) webtest.Stage {
	t.Helper()
	s := webtest.NewStage(t)
	s.Admin.API("PUT", "/api/providers/openai", object{"prices": []object{{
		"model": "gpt-4o", "input_cost_per_million_tokens": 2.5, "output_cost_per_million_tokens": 10.0, "cache_read_cost_per_million_tokens": 1.25,
	}}}).Is(200)
	s.Admin.API("PUT", "/api/mcp/clients/github", object{"url": "https://mcp.example.com/github"}).Is(200)
	s.Admin.API("POST", "/api/mcp/tool-groups", object{"name": "Rëad: \"code\"", "description": "Two\n\nlines", "tools": []object{{"mcp_client_id": "github", "tool_names": []string{"create_issue"}}}}).Is(201)
	role := s.AddRole("Engineer", permission.ViewUsage, permission.ViewAccessProfiles)
	profiles := fmt.Sprint("/api/access-profiles/", webtest.Research)
	s.Admin.API("PUT", profiles, object{"time_zone": "Europe/Warsaw"}).Is(200)
	s.Admin.API("POST", profiles+"/roles", object{"role_ids": []int64{role}, "is_default": true}).Is(200)
	s.Admin.API("POST", profiles+"/roles", object{"role_ids": []int64{s.RoleID("Developer")}}).Is(200)
	s.Admin.API("POST", "/api/access-profiles", object{"name": "012"}).Is(201)
	s.Admin.API("POST", "/api/access-profiles", object{"name": "Retired"}).Is(201)
	s.Admin.API("PUT", "/api/access-profiles/6/deactivate", nil).Is(200)
	s.Admin.API("POST", "/api/scim-connections", object{"name": "Directory", "default_role_id": s.RoleID("Member"), "email_domains": []string{"example.com"}}).Is(201)
	s.Session.Post("/settings/gateway", map[string][]string{"gateway_address": {"https://llm.example.com/v1"}}).Is(http.StatusSeeOther)
	return s
}

func documentsOf(t *testing.T, v webtest.Client, query string) []any {
	t.Helper()
	return v.Get("/api/config" + query).Is(200).JSON()["documents"].([]any)
}

func compact(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is exported makes the same console of an empty one, and then nothing is left to change.
func TestConfigRoundTrip(t *testing.T) {
	s := filled(t)
	all := documentsOf(t, s.Admin, "")
	kinds := map[string]int{}
	for _, document := range all {
		kinds[document.(object)["kind"].(string)]++
	}
	for _, kind := range []string{"provider", "mcp_client", "tool_group", "role", "access_profile", "scim_connection", "settings"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s is exported: %v", kind, kinds)
		}
	}
	other := webtest.NewConsole(t)
	admin := other.APIKey(permission.AllPermissions()...)
	body := object{"set": "platform", "documents": all}
	planned := admin.API("POST", "/api/config/plan", body).Is(200).JSON()
	if got := len(planned["changes"].([]any)); got != len(all) || planned["applied"] != false {
		t.Fatalf("%d of %d documents change: %v", got, len(all), planned)
	}
	if left := documentsOf(t, admin, ""); len(left) > 0 {
		t.Fatalf("a plan left %v", left)
	}
	body["plan"] = planned["plan"]
	if applied := admin.API("POST", "/api/config/apply", body).Is(200).JSON(); applied["applied"] != true {
		t.Fatalf("applied %v", applied)
	}
	if got := documentsOf(t, admin, ""); compact(t, got) != compact(t, all) {
		t.Errorf("exported again:\n%s\nwant\n%s", compact(t, got), compact(t, all))
	}
	if got := documentsOf(t, admin, "?set=platform"); len(got) != len(all) {
		t.Errorf("the set has %d documents, want %d", len(got), len(all))
	}
	delete(body, "plan")
	again := admin.API("POST", "/api/config/plan", body).Is(200).JSON()
	if len(again["changes"].([]any)) > 0 || int(again["unchanged"].(float64)) != len(all) {
		t.Errorf("planned again: %v", again)
	}
	// The first console has all of it already, so its rows only get an owner.
	adopted := s.Admin.API("POST", "/api/config/apply", body).Is(200).JSON()
	for _, change := range adopted["changes"].([]any) {
		if change.(object)["action"] != "adopt" {
			t.Errorf("changed %v", change)
		}
	}
}

const engineering = `{"kind": "access_profile", "name": "Engineering", "tags": ["a"], "provider_configs": [{"provider_name": "openai", "allowed_models": ["gpt-5"]}],
"budgets": [{"max_limit": 60, "reset_duration": "1d"}], "mcp_tool_groups": ["read code"], "roles": [{"role": "engineer", "is_default": true}]}`

// platform are documents that need each other.
func platform(t *testing.T, more ...string) object {
	t.Helper()
	texts := append([]string{
		engineering, `{"kind": "role", "name": "Engineer", "permission_ids": ["Usage:View"]}`,
		`{"kind": "tool_group", "name": "Read code", "tools": [{"mcp_client_id": "github", "tool_names": ["get_commit"]}]}`,
		`{"kind": "mcp_client", "client_id": "github", "name": "GitHub", "tools": ["get_commit", "push"]}`,
		`{"kind": "provider", "name": "openai", "models": ["gpt-5"]}`,
	}, more...)
	body := object{"set": "platform"}
	var documents []any
	for _, text := range texts {
		var document object
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Fatal(text, err)
		}
		documents = append(documents, document)
	}
	body["documents"] = documents
	return body
}

// with is a body with other members.
func with(body object, pairs ...any) object {
	changed := object{}
	for name, value := range body {
		changed[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		changed[pairs[i].(string)] = pairs[i+1]
	}
	return changed
}

func documentOf(body object, kind string) object {
	for _, d := range body["documents"].([]any) {
		if d.(object)["kind"] == kind {
			return d.(object)
		}
	}
	return nil
}

func configured(t *testing.T) (*webtest.Console, webtest.Client) {
	t.Helper()
	c := webtest.NewConsole(t)
	admin := c.APIKey(permission.AllPermissions()...)
	admin.API("POST", "/api/config/apply", platform(t)).Is(200)
	return c, admin
}

// Every problem is found at once, has the path of its field, and leaves nothing behind.
func TestConfigProblems(t *testing.T) {
	c := webtest.NewConsole(t)
	admin := c.APIKey(permission.AllPermissions()...)
	for name, test := range map[string]struct {
		edit func(object)
		want []string
	}{
		"unreadable": {func(b object) {
			documentOf(b, "access_profile")["budgets"] = []object{{"max_limit": 1, "reset_duration": "1d", "burst": 1, "current_usage": 2}}
			documentOf(b, "role")["id"] = 7
			documentOf(b, "mcp_client")["credential_value"] = "x"
			documentOf(b, "provider")["kind"] = "providers"
		}, []string{
			"documents[0].budgets[0].burst unknown_field", "documents[0].budgets[0].current_usage unknown_field", "documents[1].id unknown_field",
			"documents[3].credential_value unknown_field", "documents[4].kind unknown_kind",
		}},
		"names": {func(b object) {
			documentOf(b, "access_profile")["mcp_tool_groups"] = []string{"Read code", "Write code"}
			documentOf(b, "access_profile")["roles"] = []object{{"role": "Captain"}}
			documentOf(b, "access_profile")["mcp_servers"] = []string{"jira"}
			documentOf(b, "role")["permission_ids"] = []string{"Usage:View"}
		}, []string{
			"documents[0].mcp_tool_groups[1] unknown_tool_group", "documents[0].mcp_servers[0] unknown_mcp_server", "documents[0].roles[0].role unknown_role",
		}},
		"values": {func(b object) {
			documentOf(b, "access_profile")["budgets"] = []object{{"max_limit": -1, "reset_duration": "1d"}}
			documentOf(b, "access_profile")["time_zone"] = "Europe/Nowhere"
			documentOf(b, "role")["permission_ids"] = []string{"Usage:Fly"}
			documentOf(b, "provider")["models"] = []string{"a", "a"}
			documentOf(b, "provider")["protected"] = "yes"
		}, []string{
			"documents[0].budgets[0].max_limit max_limit_negative", "documents[0].time_zone invalid_time_zone", "documents[1].permission_ids[0] unknown_permission",
			"documents[4].models[1] duplicate_model", "documents[4].protected wrong_type",
		}},
		"saves": {func(b object) {
			documentOf(b, "tool_group")["tools"] = []object{{"mcp_client_id": "github", "tool_names": []string{"fly"}}}
			b["documents"] = append(b["documents"].([]any), object{"kind": "mcp_client", "client_id": "other", "name": "GitHub"})
		}, []string{
			"documents[5].name name_taken", "documents[2].tools[0].tool_names[0] unknown_tool",
		}},
		"twins": {func(b object) {
			b["documents"] = append(b["documents"].([]any), object{"kind": "access_profile", "name": "ENGINEERING"})
		}, []string{"documents[5].name duplicate_document"}},
		"built in": {func(b object) {
			documentOf(b, "role")["name"] = "admin"
			documentOf(b, "access_profile")["roles"] = []object{}
		}, []string{"documents[1].name system_role"}},
		"renamed": {func(b object) {
			documentOf(b, "provider")["renamed_from"] = "x"
		}, []string{"documents[4].renamed_from unknown_field"}},
	} {
		t.Run(name, func(t *testing.T) {
			body := platform(t)
			test.edit(body)
			c.Unchanged(func() {
				for _, path := range []string{"/api/config/plan", "/api/config/apply"} {
					answer := admin.API("POST", path, body)
					if answer.StatusCode != http.StatusBadRequest && path != "/api/config/plan" {
						t.Errorf("status %d", answer.StatusCode)
					}
					var got []string
					for _, p := range answer.JSON()["errors"].([]any) {
						got = append(got, fmt.Sprint(p.(object)["param"], " ", p.(object)["code"]))
					}
					if !slices.Equal(got, test.want) {
						t.Errorf("%s: got %q\n%s", path, got, answer.Body)
					}
				}
			})
		})
	}
	admin.API("POST", "/api/config/plan", object{"set": "platform", "documents": []any{}}).Refuses(400, "no_documents", "documents")
	admin.API("POST", "/api/config/plan", with(platform(t), "set", nil)).Refuses(400, "null_not_allowed", "set")
	admin.API("POST", "/api/config/plan", with(platform(t), "sets", "x")).Refuses(400, "unknown_field", "sets")
	admin.API("POST", "/api/config/plan", with(platform(t), "on_drift", "merge")).Refuses(400, "invalid_on_drift", "on_drift")
	admin.API("POST", "/api/config/plan", object{"set": "x", "documents": []any{1, object{}}}).Refuses(400, "wrong_type", "documents[0]")
}

// A plan goes stale with the console, the options and the set, and that is found before drift.
func TestConfigStalePlan(t *testing.T) {
	_, admin := configured(t)
	body := platform(t)
	documentOf(body, "access_profile")["tags"] = []string{"b"}
	plan := admin.API("POST", "/api/config/plan", body).Is(200).JSON()["plan"]
	body = with(body, "plan", plan)
	for _, pair := range [][]any{{"on_drift", "revert"}, {"prune", true}, {"set", "other"}, {"max_deletes", 3}, {"propagate", true}} {
		admin.API("POST", "/api/config/apply", with(body, pair...)).Refuses(412, "stale_plan", "plan")
	}
	admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{"c"}}).Is(200)
	admin.API("POST", "/api/config/apply", body).Refuses(412, "stale_plan", "plan")
	admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{"a"}}).Is(200)
	admin.API("POST", "/api/config/apply", body).Is(200)
}

// What was changed in the console since the last apply stops the next one, until it is settled.
func TestConfigDrift(t *testing.T) {
	_, admin := configured(t)
	body := platform(t)
	admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{"edited"}, "budgets": []object{{"max_limit": 5, "reset_duration": "1d"}}}).Is(200)
	planned := admin.API("POST", "/api/config/plan", body).Is(200).JSON()
	conflict := planned["conflicts"].([]any)[0].(object)
	want := `[{"after":["edited"],"before":["a"],"field":"tags"},{"after":5,"before":60,"field":"budgets[1d].max_limit"}]`
	if got := compact(t, conflict["fields"]); conflict["code"] != "drift" || got != want {
		t.Errorf("the plan says %v", conflict)
	}
	admin.API("POST", "/api/config/apply", body).Refuses(409, "drift", "documents[0]")
	drifts := admin.Get("/api/config/drift").Is(200).JSON()["drift"].([]any)
	if len(drifts) != 1 || compact(t, drifts[0].(object)["fields"]) != want {
		t.Errorf("drift: %v", drifts)
	}
	// A file that says the same adopts the change.
	same := platform(t)
	documentOf(same, "access_profile")["tags"] = []string{"edited"}
	documentOf(same, "access_profile")["budgets"] = []object{{"max_limit": 5, "reset_duration": "1d"}}
	admin.API("POST", "/api/config/apply", same).Is(200)
	// An edit that is undone by hand is none.
	admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{"x"}}).Is(200)
	admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{"edited"}}).Is(200)
	admin.API("POST", "/api/config/apply", body).Is(200)
	// Revert undoes an edit.
	admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{"x"}}).Is(200)
	admin.API("POST", "/api/config/apply", with(body, "on_drift", "revert")).Is(200)
	webtest.Same(t, "tags", admin.Profile(1)["tags"], []any{"a"})
	// What was deleted in the console is not made again by itself.
	admin.API("DELETE", "/api/access-profiles/1", nil).Is(200)
	admin.API("POST", "/api/config/apply", body).Refuses(409, "drift", "documents[0]")
	admin.API("POST", "/api/config/apply", with(body, "on_drift", "revert")).Is(200)
	if n := len(admin.Get("/api/config/drift").Is(200).JSON()["drift"].([]any)); n > 0 {
		t.Errorf("%d drifted", n)
	}
}

// The page of what was changed shows both values and the document to copy, and resources say which set manages them.
func TestConfigDriftPage(t *testing.T) {
	c, admin := configured(t)
	page := c.Login(webtest.Admin).Get("/settings/configuration").Is(200)
	if !strings.Contains(string(page.Body), "Nothing differs from files of configuration.") {
		t.Errorf("without drift: %s", webtest.Text(page.One("main")))
	}
	admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{"edited"}}).Is(200)
	admin.API("POST", "/api/access-profiles", object{"name": "By hand"}).Is(201)
	row := webtest.Text(c.Login(webtest.Admin).Get("/settings/configuration?set=platform").Is(200).One("tbody", "id", "rows"))
	for _, words := range []string{"Engineering access_profile", "platform", "tags [a] → [edited]", "kind: access_profile", "tags: [edited]"} {
		if !strings.Contains(row, words) {
			t.Errorf("no %q in %s", words, row)
		}
	}
	if rows := c.Login(webtest.Admin).Get("/settings/configuration?set=other").Is(200).All("tbody", "id", "rows"); len(rows) > 0 {
		t.Error("another set has drift too")
	}
	if rows := c.Login(webtest.Viewer).Get("/settings/configuration").Is(200).All("tbody", "id", "rows"); len(rows) != 1 {
		t.Error("who may view profiles does not see it")
	}
	for path, want := range map[string]bool{
		"/access-profiles/1": true, "/access-profiles/1/edit": true, "/providers/openai": true, "/mcp/clients/github": true, "/mcp/tool-groups/1": true,
		"/access-profiles/2": false, "/access-profiles/2/edit": false, "/access-profiles/new": false,
	} {
		shown := webtest.Text(c.Login(webtest.Admin).Get(path).Is(200).One("main"))
		if strings.Contains(shown, "Managed by set platform") != want {
			t.Errorf("%s says that a set manages it: %v", path, !want)
		}
	}
}

// A set deletes only what is its own, only when asked, and never more than allowed.
func TestConfigPrune(t *testing.T) {
	c, admin := configured(t)
	admin.API("POST", "/api/access-profiles", object{"name": "By hand"}).Is(201)
	only := platform(t)
	only["documents"] = []any{documentOf(only, "provider")}
	kept := admin.API("POST", "/api/config/apply", only).Is(200).JSON()
	if got := len(kept["unmanaged"].([]any)); got != 4 || len(kept["changes"].([]any)) > 0 {
		t.Errorf("without prune: %v", kept)
	}
	c.Unchanged(func() {
		admin.API("POST", "/api/config/apply", with(only, "prune", true, "max_deletes", 3)).Refuses(409, "too_many_deletes", "max_deletes")
		admin.API("POST", "/api/config/apply", with(only, "set", "other")).Refuses(409, "owned_by_other_set", "documents[0]")
		planned := admin.API("POST", "/api/config/plan", with(only, "prune", true)).Is(200).JSON()
		if got := compact(t, actions(planned)); got != `["delete access_profile Engineering","delete role Engineer","delete tool_group Read code","delete mcp_client github"]` {
			t.Errorf("planned %s", got)
		}
	})
	// What another set uses stays, and with it everything.
	admin.API("POST", "/api/config/apply", object{"set": "other", "documents": []any{object{"kind": "access_profile", "name": "Other", "mcp_tool_groups": []string{"Read code"}}}}).Is(200)
	c.Unchanged(func() { admin.API("POST", "/api/config/apply", with(only, "prune", true)).Refuses(400, "in_use", "") })
	admin.API("POST", "/api/config/apply", object{"set": "other", "prune": true, "documents": []any{object{"kind": "access_profile", "name": "Another", "protected": true}}}).Is(200)
	admin.API("POST", "/api/config/apply", with(only, "prune", true)).Is(200)
	if names := exportedNames(t, admin); names != "provider openai, access_profile Another, access_profile By hand" {
		t.Errorf("left: %s", names)
	}
	// What is protected is not pruned.
	other := admin.API("POST", "/api/config/apply", object{"set": "other", "prune": true, "documents": []any{object{"kind": "access_profile", "name": "Third"}}}).Is(200).JSON()
	if got := compact(t, other["unmanaged"]); got != `[{"kind":"access_profile","name":"Another","protected":true}]` {
		t.Errorf("unmanaged: %s", got)
	}
}

func actions(planned object) (lines []string) {
	for _, change := range planned["changes"].([]any) {
		c := change.(object)
		lines = append(lines, fmt.Sprint(c["action"], " ", c["kind"], " ", c["name"]))
	}
	return lines
}

func exportedNames(t *testing.T, v webtest.Client) string {
	t.Helper()
	var names []string
	for _, document := range documentsOf(t, v, "") {
		d := document.(object)
		name := d["name"]
		if id, server := d["client_id"]; server {
			name = id
		}
		names = append(names, fmt.Sprint(d["kind"], " ", name))
	}
	return strings.Join(names, ", ")
}

// A rename keeps the row and who holds it; two names cannot be swapped in one apply.
func TestConfigRename(t *testing.T) {
	c, admin := configured(t)
	user := c.Member("ada@example.com", "Viewer")
	admin.API("POST", "/api/users/"+user+"/access-profiles", object{"access_profile_id": 1}).Is(201)
	body := platform(t)
	documentOf(body, "access_profile")["name"], documentOf(body, "access_profile")["renamed_from"] = "Builders", "Engineering"
	documentOf(body, "tool_group")["name"], documentOf(body, "tool_group")["renamed_from"] = "Read", "Read code"
	documentOf(body, "access_profile")["mcp_tool_groups"] = []string{"Read"}
	done := admin.API("POST", "/api/config/apply", body).Is(200).JSON()
	if got := compact(t, actions(done)); got != `["update tool_group Read","update access_profile Builders"]` {
		t.Errorf("changed %s", got)
	}
	if p := admin.Profile(1); p["name"] != "Builders" {
		t.Errorf("the profile is %v", p["name"])
	}
	again := admin.API("POST", "/api/config/apply", body).Is(200).JSON()
	if n := len(again["changes"].([]any)); n > 0 || again["unchanged"] != 5.0 {
		t.Errorf("again: %v", again)
	}
	admin.API("POST", "/api/config/apply", with(body, "documents", append(body["documents"].([]any), object{"kind": "access_profile", "name": "Other"}))).Is(200)
	swap := object{"set": "platform", "documents": []any{
		object{"kind": "access_profile", "name": "Other", "renamed_from": "Builders"}, object{"kind": "access_profile", "name": "Builders", "renamed_from": "Other"},
	}}
	admin.API("POST", "/api/config/apply", swap).Refuses(400, "rename_conflict", "documents[0].renamed_from")
}

// A role that is renamed goes on to hand out its profiles, and a field that is left out gets its default.
func TestConfigRenamedRoleAndOmittedFields(t *testing.T) {
	c, admin := configured(t)
	body := platform(t)
	profile, role := documentOf(body, "access_profile"), documentOf(body, "role")
	profile["fail_open_for"] = 60
	apply := func() []string {
		t.Helper()
		return actions(admin.API("POST", "/api/config/apply", body).Is(200).JSON())
	}
	apply()
	webtest.Same(t, "seconds without the database", admin.Profile(1)["fail_open_for"], any(60.0))
	role["name"], role["renamed_from"] = "Builder", "Engineer"
	profile["roles"] = []object{{"role": "builder", "is_default": true}}
	delete(profile, "fail_open_for")
	apply()
	webtest.Same(t, "left out", admin.Profile(1)["fail_open_for"], nil)
	webtest.Same(t, "roles", c.Count("role_access_profiles AS a JOIN roles AS r ON r.id = a.role_id WHERE a.is_default AND r.name = 'Builder'"), 1)
	if again := apply(); len(again) > 0 {
		t.Errorf("changed again: %v", again)
	}
}

// An actor who may look may plan; an apply needs what each change needs, and no actor grants what they lack.
func TestConfigPermissions(t *testing.T) {
	c, admin := configured(t)
	view := []permission.Permission{
		permission.ViewAccessProfiles, permission.ViewRoles, permission.ViewProviders, permission.ViewMCPServers, permission.ViewToolGroups,
	}
	looks := c.APIKey(view...)
	body := platform(t)
	documentOf(body, "role")["permission_ids"] = []string{"Usage:View", "Users:Delete"}
	looks.API("POST", "/api/config/plan", body).Is(200)
	looks.API("POST", "/api/config/plan", with(body, "documents", append(body["documents"].([]any), object{"kind": "settings"}))).Refuses(403, "forbidden", "")
	changes, usage := c.APIKey(append(view, permission.UpdateRoles, permission.ViewUsage)...), c.APIKey(permission.ViewUsage)
	c.Unchanged(func() {
		refused := looks.API("POST", "/api/config/apply", body).Refuses(403, "forbidden", "")
		if !strings.Contains(string(refused.Body), "Roles:Update") {
			t.Errorf("it does not say what is needed: %s", refused.Body)
		}
		changes.API("POST", "/api/config/apply", body).Refuses(403, "forbidden", "documents[1].permission_ids[1]")
		usage.API("POST", "/api/config/plan", body).Refuses(403, "forbidden", "")
	})
	if got := documentsOf(t, c.APIKey(permission.ViewProviders), ""); len(got) != 1 {
		t.Errorf("who may see providers is shown %v", got)
	}
	half := object{"set": "platform", "documents": []any{documentOf(body, "provider")}}
	c.APIKey(permission.ViewProviders).API("POST", "/api/config/plan", half).Refuses(403, "forbidden", "")
	c.APIKey(permission.ViewProviders).Get("/api/config?set=platform").Refuses(403, "forbidden", "")
	admin.API("POST", "/api/config/apply", body).Is(200)
}

// An apply says whom it hits, and brings a change to the holders only when asked.
func TestConfigEffects(t *testing.T) {
	c, admin := configured(t)
	user := c.Member("ada@example.com", "Viewer")
	admin.API("POST", "/api/users/"+user+"/access-profiles", object{"access_profile_id": 1}).Is(201)
	admin.API("POST", "/api/usage", object{"event_id": "e1", "user_id": user, "provider": "openai", "model": "gpt-5", "cost": 20, "input_tokens": 1, "output_tokens": 1}).Is(200)
	body := platform(t)
	documentOf(body, "access_profile")["budgets"] = []object{{"max_limit": 10, "reset_duration": "1d"}}
	planned := admin.API("POST", "/api/config/plan", body).Is(200).JSON()
	effects := planned["changes"].([]any)[0].(object)["effects"]
	if got := compact(t, effects); got != `{"differing":1,"holders":1,"refusing":1}` {
		t.Errorf("effects: %s", got)
	}
	limit := func() any {
		copies := admin.Get("/api/users/" + user + "/access-profiles").Is(200).JSON()["access_profiles"].([]any)
		return copies[0].(object)["budgets"].([]any)[0].(object)["max_limit"]
	}
	admin.API("POST", "/api/config/apply", body).Is(200)
	if got := limit(); got != 60.0 {
		t.Errorf("the copy has %v", got)
	}
	documentOf(body, "access_profile")["budgets"] = []object{{"max_limit": 30, "reset_duration": "1d"}}
	admin.API("POST", "/api/config/apply", with(body, "propagate", true)).Is(200)
	c.Eventually("the copy has the new limit", func() bool { return limit() == 30.0 })
}

// Tools can move between documents in one apply: they are added before something names them, and removed after.
func TestConfigToolsMove(t *testing.T) {
	_, admin := configured(t)
	body := platform(t)
	documentOf(body, "mcp_client")["tools"] = []string{"push", "pull"}
	documentOf(body, "tool_group")["tools"] = []object{{"mcp_client_id": "github", "tool_names": []string{"pull"}}}
	admin.API("POST", "/api/config/apply", body).Is(200)
	server := admin.Get("/api/mcp/clients/github").Is(200).Object("mcp_client")
	webtest.Same(t, "tools", server["tools"], []any{"push", "pull"})
}

// Tests run against the state after the change, before anything is kept.
func TestConfigPolicyTests(t *testing.T) {
	c, admin := configured(t)
	tests := []object{{"kind": "tests", "name": "stays", "cases": []object{
		{"as": "profile:Engineering", "allow": []string{"openai/gpt-5", "gpt-5", "tool:github/get_commit"}, "deny": []string{"openai/gpt-4o", "tool:github/push", "groq/x"}},
		{"as": "role:Engineer", "deny": []string{"openai/gpt-4o"}, "reason": "model_blocked"},
		{"as": "user:viewer@example.com", "deny": []string{"openai/gpt-5"}, "reason": "access_blocked"},
	}}}
	body := with(platform(t), "tests", tests)
	if n := admin.API("POST", "/api/config/test", object{"tests": tests}).Is(200).JSON()["passed"]; n != 8.0 {
		t.Errorf("%v passed", n)
	}
	admin.API("POST", "/api/config/apply", body).Is(200)
	documentOf(body, "access_profile")["provider_configs"] = []object{{"provider_name": "openai", "allowed_models": []string{"gpt-4o"}}}
	c.Unchanged(func() {
		answer := admin.API("POST", "/api/config/apply", body).Refuses(409, "test_failed", "tests[0].cases[0].allow[0]")
		want := "profile:Engineering and openai/gpt-5: expected allow, but it is denied, model_blocked."
		if got := answer.JSON()["error"].(object)["message"]; got != want {
			t.Errorf("it says %q", got)
		}
		planned := admin.API("POST", "/api/config/plan", body).Is(200).JSON()
		if n := len(planned["errors"].([]any)); n != 4 {
			t.Errorf("%d tests fail: %v", n, planned["errors"])
		}
	})
	for param, bad := range map[string]any{
		"tests[0].cases":           []object{{"name": "x"}},
		"tests[0].case":            []object{{"name": "x", "case": []object{}}},
		"tests[0].cases[0].as":     []object{{"cases": []object{{"as": "Engineering", "allow": []string{"x"}}}}},
		"tests[0].cases[0]":        []object{{"cases": []object{{"as": "role:x"}}}},
		"tests[0].cases[0].reason": []object{{"cases": []object{{"as": "role:x", "deny": []string{"x"}, "reason": "no"}}}},
	} {
		answer := admin.API("POST", "/api/config/plan", with(platform(t), "tests", bad)).Is(400)
		if got := answer.JSON()["error"].(object)["param"]; got != param {
			t.Errorf("%v at %v, want %s", answer.JSON()["error"], got, param)
		}
	}
	admin.API("POST", "/api/config/test", object{"tests": []object{{"cases": []object{{"as": "profile:Nobody", "deny": []string{"x"}}}}}}).Refuses(409, "test_failed", "tests[0].cases[0].as")
}

// A test of a user says what a decision says: a user who is deactivated may call nothing.
func TestConfigTestsOfDeactivatedUsers(t *testing.T) {
	g := webtest.NewGateway(t)
	holds := func(list string, reason any) webtest.Answer {
		one := object{"as": "user:" + webtest.Ada, list: []string{"openai/gpt-4o", "gpt-4o", "tool:github/create_issue"}}
		if reason != nil {
			one["reason"] = reason
		}
		return g.Admin.API("POST", "/api/config/test", object{"tests": []object{{"cases": []object{one}}}})
	}
	calls := []object{webtest.Model(g.Key), {"virtual_key": g.Key, "model": "gpt-4o"}, webtest.Tool(g.Key, "github", "create_issue")}
	decides := func(kind string, status int) {
		t.Helper()
		for _, call := range calls {
			g.Admin.Decides(call, kind, status)
		}
	}
	decides("allowed", 200)
	holds("allow", nil).Is(200)
	g.Admin.API("PUT", "/api/users/"+g.Ada+"/deactivate", nil).Is(200)
	decides("access_blocked", 403)
	holds("allow", nil).Refuses(409, "test_failed", "tests[0].cases[0].allow[0]")
	holds("deny", "access_blocked").Is(200)
	g.Admin.API("PUT", "/api/users/"+g.Ada+"/activate", nil).Is(200)
	decides("allowed", 200)
	holds("allow", nil).Is(200)
}

// Versions and the audit log say of an apply what they say of the same changes through the API.
func TestConfigIsAudited(t *testing.T) {
	c := webtest.NewConsole(t)
	admin := c.APIKey(permission.AllPermissions()...)
	body := platform(t)
	admin.API("POST", "/api/config/plan", body).Is(200)
	admin.API("POST", "/api/config/apply", body).Is(200)
	var actions []string
	for _, row := range admin.Get("/api/access-profiles/audit-logs?limit=100").Is(200).JSON()["audit_logs"].([]any) {
		r := row.(object)
		if metadata := fmt.Sprint(r["metadata"]); !strings.Contains(metadata, "api_key") && !strings.Contains(metadata, `"user"`) {
			actions = append(actions, fmt.Sprint(r["action"]))
		}
	}
	if want := []string{"attach_role", "create", "create", "create", "create", "create"}; !reflect.DeepEqual(actions, want) {
		t.Errorf("audited %v", actions)
	}
	c.Fits(t, 6)
}

// A document that adopts a resource of no set may add to its lists and change what they hold; what it leaves out of them
// is drift.
func TestConfigAdoptionKeepsLists(t *testing.T) {
	c := webtest.NewConsole(t)
	admin := c.APIKey(permission.AllPermissions()...)
	admin.API("POST", "/api/config/apply", platform(t)).Is(200)
	price := func(model string, cost float64) object {
		return object{"model": model, "input_cost_per_million_tokens": cost, "output_cost_per_million_tokens": cost}
	}
	admin.API("POST", "/api/providers", object{"name": "initech", "models": []string{"big", "small"}, "prices": []object{price("big", 10), price("small", 1)}}).Is(201)
	admin.API("POST", "/api/mcp/clients", object{"client_id": "jira", "name": "Jira", "tools": []string{"read", "write"}}).Is(201)
	admin.API("POST", "/api/access-profiles", object{
		"name": "Capped", "tags": []string{"a"}, "budgets": []object{{"max_limit": 1, "reset_duration": "1d"}, {"max_limit": 9, "reset_duration": "1M"}},
		"provider_configs": []object{{"provider_name": "initech", "allowed_models": []string{"big"}, "rate_limit": object{"request_max_limit": 5, "request_reset_duration": "1m"}}},
	}).Is(201)
	user := c.Member("bob@example.com", "Viewer")
	admin.API("POST", "/api/users/"+user+"/access-profiles", object{"access_profile_id": 2}).Is(201)
	for name, test := range map[string]struct {
		document object
		want     string // the fields that are left out, as the plan compares them
	}{
		"models and prices": {
			object{"kind": "provider", "name": "initech", "models": []string{"small"}, "prices": []object{price("small", 2)}},
			`models ["big","small"], prices[big] {"input_cost_per_million_tokens":10,"model":"big","output_cost_per_million_tokens":10}`,
		},
		"tools": {object{"kind": "mcp_client", "client_id": "jira", "name": "Jira", "tools": []string{"write", "new"}}, `tools ["read","write","new"]`},
		"budgets and limits": {
			object{"kind": "access_profile", "name": "Capped", "budgets": []object{{"max_limit": 5, "reset_duration": "1d"}}, "provider_configs": []object{{"provider_name": "initech", "allowed_models": []string{"big"}}}},
			`provider_configs[initech].rate_limit {"request_max_limit":5,"request_reset_duration":"1m"}, budgets[1M] {"max_limit":9,"reset_duration":"1M"}, tags ["a"]`,
		},
		"profiles of a user": {object{"kind": "user", "email": "bob@example.com", "name": "Bob", "role": "Viewer"}, `access_profiles ["Capped"]`},
		"nothing":            {object{"kind": "provider", "name": "initech", "models": []string{"small", "big", "tiny"}, "prices": []object{price("small", 3), price("big", 10), price("tiny", 1)}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			body := object{"set": "imported", "documents": []any{test.document}}
			var fields []string
			for _, conflict := range admin.API("POST", "/api/config/plan", body).Is(200).JSON()["conflicts"].([]any) {
				for _, f := range conflict.(object)["fields"].([]any) {
					fields = append(fields, fmt.Sprint(f.(object)["field"], " ", compact(t, f.(object)["after"])))
				}
			}
			if got := strings.Join(fields, ", "); got != test.want {
				t.Errorf("left out are %s\nwant %s", got, test.want)
			}
			if test.want != "" {
				c.Unchanged(func() { admin.API("POST", "/api/config/apply", body).Refuses(409, "drift", "documents[0]") })
			}
			reverted := admin.API("POST", "/api/config/plan", with(body, "on_drift", "revert")).Is(200).JSON()
			if n := len(reverted["conflicts"].([]any)); n > 0 {
				t.Errorf("with revert: %v", reverted["conflicts"])
			}
		})
	}
	var names []string
	for _, document := range documentsOf(t, admin, "?unowned=true&users=true") {
		names = append(names, fmt.Sprint(document.(object)["kind"]))
	}
	if got := strings.Join(names, " "); !strings.HasPrefix(got, "provider mcp_client access_profile user") || strings.Contains(got, "role") {
		t.Errorf("of no set are %s", got)
	}
	admin.Get("/api/config?unowned=true&set=platform").Refuses(400, "invalid_query", "unowned")
}

// A set lets go of what no document describes: it stays as it is, protected or not, and another set can have it.
func TestConfigRelease(t *testing.T) {
	c, admin := configured(t)
	protected := platform(t)
	documentOf(protected, "role")["protected"] = true
	admin.API("POST", "/api/config/apply", protected).Is(200)
	before := exportedNames(t, admin)
	only := platform(t)
	only["documents"] = []any{documentOf(only, "mcp_client"), documentOf(only, "tool_group")}
	other := object{"set": "other", "documents": []any{documentOf(platform(t), "provider")}}
	refused := admin.API("POST", "/api/config/apply", other).Refuses(409, "owned_by_other_set", "documents[0]")
	if words := "remove its document from the files of platform and apply them with --release"; !strings.Contains(string(refused.Body), words) {
		t.Errorf("it does not say %q: %s", words, refused.Body)
	}
	body := with(only, "release", true, "prune", true)
	looks := c.APIKey(permission.ViewAccessProfiles, permission.ViewRoles, permission.ViewProviders, permission.ViewMCPServers, permission.ViewToolGroups)
	planned := looks.API("POST", "/api/config/plan", body).Is(200).JSON()
	if got := compact(t, actions(planned)); got != `["release provider openai","release role Engineer","release access_profile Engineering"]` || len(planned["unmanaged"].([]any)) > 0 {
		t.Errorf("planned %s: %v", got, planned["unmanaged"])
	}
	c.Unchanged(func() {
		looks.API("POST", "/api/config/apply", body).Refuses(403, "forbidden", "")
		admin.API("POST", "/api/config/apply", with(body, "plan", planned["plan"], "release", false)).Refuses(412, "stale_plan", "plan")
		admin.API("POST", "/api/config/plan", with(body, "release", "yes")).Refuses(400, "wrong_type", "release")
	})
	admin.API("POST", "/api/config/apply", with(body, "plan", planned["plan"])).Is(200)
	if after := exportedNames(t, admin); after != before {
		t.Errorf("%s became %s", before, after)
	}
	admin.API("POST", "/api/config/apply", other).Is(200)
	// A set may let go of everything.
	admin.API("POST", "/api/config/apply", object{"set": "platform", "documents": []any{}, "release": true}).Is(200)
	if left := documentsOf(t, admin, "?set=platform"); len(left) > 0 {
		t.Errorf("the set has %v", left)
	}
}
