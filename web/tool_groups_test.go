package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func (c *console) addGroup(name, tools string) int64 {
	c.t.Helper()
	got := c.apiKey().api("POST", "/api/mcp/tool-groups", fmt.Sprintf(`{"name":%q,"tools":%s}`, name, tools)).is(http.StatusCreated)
	return int64(got.json()["tool_group"].(map[string]any)["id"].(float64))
}

// grouped is a group's answer for one server.
func grouped(server string, names ...any) map[string]any {
	return map[string]any{"mcp_client_id": server, "tool_names": append([]any{}, names...)}
}

func (c *console) group(path string) map[string]any {
	c.t.Helper()
	return c.apiKey().get(path).is(http.StatusOK).json()["tool_group"].(map[string]any)
}

func TestCreateToolGroup(t *testing.T) {
	c := newConsole(t)
	c.addServer("github", "read", "write")
	c.addServer("jira", "find")
	c.addServer("slack", "post")
	for i, door := range doorsTo(c, "/mcp/tool-groups", "POST", "/api/mcp/tool-groups") {
		name := "Group " + door.name
		got := door.send(
			url.Values{
				"name": {name}, "description": {"One\r\ntwo"},
				"tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"write", "read"},
				"tools[s1].mcp_client_id": {"jira"}, "tools[s1].tool_names": {"*", "find"}, // beside "all", single tools add nothing
				"tools[s2].mcp_client_id": {"slack"},
			},
			map[string]any{"name": name, "description": "One\r\ntwo", "tools": []any{grouped("github", "write", "read"), grouped("jira", "*")}},
		)
		path := fmt.Sprintf("/mcp/tool-groups/%d", i+1)
		if door.name == "form" {
			got.redirects(path)
		} else if got.is(http.StatusCreated); got.Header.Get("Location") != "/api"+path {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		group := c.group("/api" + path)
		want := []any{grouped("github", "write", "read"), grouped("jira", "*")}
		if group["name"] != name || group["description"] != "One\ntwo" || !reflect.DeepEqual(group["tools"], want) {
			t.Errorf("%s: got %v", door.name, group)
		}
	}
	for _, door := range doorsTo(c, "/mcp/tool-groups", "POST", "/api/mcp/tool-groups") {
		door.send(url.Values{"name": {"GROUP FORM"}}, `{"name":"GROUP FORM"}`).refuses(409, "name_taken", "name")
	}
	// A server may be listed without tools.
	id := c.addGroup("Nothing", `[{"mcp_client_id":"slack","tool_names":[]}]`)
	if group := c.group(fmt.Sprintf("/api/governance/mcp/tool-groups/%d", id)); !reflect.DeepEqual(group["tools"], []any{grouped("slack")}) || group["description"] != nil {
		t.Errorf("got %v", group)
	}
}

func TestToolGroupInputsRefused(t *testing.T) {
	c := newConsole(t)
	c.addServer("github", "read", "write")
	c.addServer("jira", "find")
	form := func(server string, names ...string) url.Values {
		return url.Values{"name": {"x"}, "tools[s0].mcp_client_id": {server}, "tools[s0].tool_names": names}
	}
	c.refusesAll(t, []badRow{
		{"no name", url.Values{"description": {"x"}}, `{}`, "required", "name"},
		{"empty name", url.Values{"name": {""}}, `{"name":""}`, "required", "name"},
		{"long description", url.Values{"name": {"x"}, "description": {strings.Repeat("x", 2001)}}, `{"name":"x","description":"` + strings.Repeat("x", 2001) + `"}`, "too_long", "description"},
		{"null tools", nil, `{"name":"x","tools":null}`, "null_not_allowed", "tools"},
		{"tools of another type", nil, `{"name":"x","tools":{}}`, "wrong_type", "tools"},
		{"null row", nil, `{"name":"x","tools":[null]}`, "null_not_allowed", "tools[0]"},
		{"text as row", nil, `{"name":"x","tools":["github"]}`, "wrong_type", "tools[0]"},
		{"no server", nil, `{"name":"x","tools":[{}]}`, "required", "tools[0].mcp_client_id"},
		{"unknown server", form("nope", "read"), `{"name":"x","tools":[{"mcp_client_id":"nope","tool_names":["read"]}]}`, "unknown_mcp_server", "tools[0].mcp_client_id"},
		{"unknown tool", form("github", "read", "find"), `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["read","find"]}]}`, "unknown_tool", "tools[0].tool_names[1]"},
		{"tool with a space", form("github", "a b"), `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["a b"]}]}`, "invalid_tool_name", "tools[0].tool_names[0]"},
		{"duplicate tool", form("github", "read", "read"), `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["read","read"]}]}`, "duplicate_tool", "tools[0].tool_names[1]"},
		{"all beside names", nil, `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["*","read"]}]}`, "tools_conflict", "tools[0].tool_names"},
		{"all twice", nil, `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["*","*"]}]}`, "duplicate_tool", "tools[0].tool_names[1]"},
		{"null names", nil, `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":null}]}`, "null_not_allowed", "tools[0].tool_names"},
		{"null tool", nil, `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":[null]}]}`, "null_not_allowed", "tools[0].tool_names[0]"},
		{
			"duplicate server",
			url.Values{
				"name": {"x"}, "tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"read"},
				"tools[s1].mcp_client_id": {"github"}, "tools[s1].tool_names": {"write"},
			},
			`{"name":"x","tools":[{"mcp_client_id":"github"},{"mcp_client_id":"github"}]}`, "duplicate_mcp_server", "tools[1].mcp_client_id",
		},
	}, "/mcp/tool-groups", "POST", "/api/mcp/tool-groups")
	if n := c.count("tool_groups"); n != 0 {
		t.Errorf("%d groups were stored", n)
	}
	c.apiKey().api("POST", "/api/mcp/tool-groups", `{"name":"x","tools":[{"mcp_client_id":"github","command":"sh"}]}`).refuses(400, "unknown_field", "tools[0].command")
	for _, id := range []string{"0x1", "-1", "abc", "1.0", "99999999999999999999"} {
		c.apiKey().get("/api/mcp/tool-groups/"+id).refuses(400, "invalid_id", "")
	}
	c.apiKey().get("/api/mcp/tool-groups/999").refuses(404, "not_found", "")
}

func TestToolGroupFormKeepsWhatWasTicked(t *testing.T) {
	c := newConsole(t)
	c.addServer("github", "read", "write")
	c.addServer("jira", "find")
	got := c.login(admin).post("/mcp/tool-groups", url.Values{
		"name": {""}, "description": {"kept"}, "tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"write"},
		"tools[s1].mcp_client_id": {"jira"}, "tools[s1].tool_names": {"*"},
	}).refuses(422, "required", "name")
	for value, want := range map[string]bool{"read": false, "write": true, "find": false} {
		if got := present(got.one("input", "type", "checkbox", "value", value), "checked"); got != want {
			t.Errorf("%s ticked: %v", value, got)
		}
	}
	for name, want := range map[string]bool{"tools[s0].tool_names": false, "tools[s1].tool_names": true} {
		if got := present(got.one("input", "name", name, "value", "*"), "checked"); got != want {
			t.Errorf("%s all: %v", name, got)
		}
	}
	if area := got.one("textarea", "name", "description"); text(area) != "kept" {
		t.Errorf("description %q", text(area))
	}
	if words := text(got.one("span", "data-filter-count", "")); words != "1 of 3" {
		t.Errorf("count %q", words)
	}
	// A server that was deleted meanwhile is named beside the tree.
	got = c.login(admin).post("/mcp/tool-groups", url.Values{
		"name": {"x"}, "tools[s0].mcp_client_id": {"gone"}, "tools[s0].tool_names": {"write"},
	}).refuses(422, "unknown_mcp_server", "tools[0].mcp_client_id")
	got.one("a", "href", "#tools")
	got.one("fieldset", "id", "tools")
}

func TestUpdateToolGroup(t *testing.T) {
	c := newConsole(t)
	c.addServer("github", "read", "write")
	c.addServer("jira", "find")
	id := c.addGroup("Group", `[{"mcp_client_id":"github","tool_names":["read"]}]`)
	page, api := fmt.Sprintf("/mcp/tool-groups/%d", id), fmt.Sprintf("/api/mcp/tool-groups/%d", id)
	for _, door := range doorsTo(c, page, "PUT", api) {
		form := url.Values{
			"name": {door.name}, "description": {""}, "tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"write"},
			"tools[s1].mcp_client_id": {"jira"}, "tools[s1].tool_names": {"*"},
		}
		body := map[string]any{"name": door.name, "description": nil, "tools": []any{grouped("github", "write"), grouped("jira", "*")}, "id": "ignored"}
		got := door.send(form, body)
		if door.name == "form" {
			got.redirects(page)
		} else {
			got.is(200)
		}
		group := c.group(api)
		if group["name"] != door.name || !reflect.DeepEqual(group["tools"], body["tools"]) {
			t.Errorf("got %v", group)
		}
		rows := c.count("audit_logs")
		if door.send(form, body); c.count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.name)
		}
		door.send(url.Values{"name": {""}}, `{"name":""}`).refuses(door.refused, "required", "name")
	}
	// An absent field keeps its value; a list replaces the old one.
	if got := c.apiKey().api("PUT", api, `{"description":"d"}`).is(200).json()["tool_group"].(map[string]any); len(got["tools"].([]any)) != 2 || got["description"] != "d" {
		t.Errorf("got %v", got)
	}
	c.apiKey().api("PUT", api, `{"tools":[]}`).is(200)
	if got := c.group(api); len(got["tools"].([]any)) != 0 {
		t.Errorf("got %v", got)
	}
	c.apiKey().api("PUT", "/api/mcp/tool-groups/999", `{}`).refuses(404, "not_found", "")
	c.login(admin).post("/mcp/tool-groups/999", url.Values{"name": {"x"}}).refuses(404, "not_found", "")
}

func TestToolGroupPages(t *testing.T) {
	c := newConsole(t)
	browser := c.login(admin)
	browser.get("/mcp/tool-groups/new").is(200).one("a", "href", "/mcp/clients/new")
	c.addServer("github", "read", "write")
	id := c.addGroup("Readers", `[{"mcp_client_id":"github","tool_names":["read"]}]`)
	profile := c.profileNaming("Everyone", fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d}]`, id))
	page := fmt.Sprintf("/mcp/tool-groups/%d", id)
	browser.get(page).is(200).one("a", "href", fmt.Sprintf("/access-profiles/%d", profile))
	if edit := browser.get(page + "/edit").is(200); !present(edit.one("input", "type", "checkbox", "value", "read"), "checked") {
		t.Error("read is not ticked")
	}
	if rows := browser.get("/mcp/tool-groups?search=READ").is(200).all("a", "class", "row-name"); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
	for _, door := range doorsTo(c, page+"/delete", "DELETE", "/api"+page) {
		got := door.send(url.Values{}, nil).refuses(409, "in_use", "")
		want := "Readers cannot be removed while named by 1 profile (Everyone)."
		if door.name == "form" {
			want = "Everyone</a>"
		}
		if !strings.Contains(string(got.body), want) {
			t.Errorf("got %s", got.body)
		}
	}
	c.apiKey().api("DELETE", fmt.Sprintf("/api/access-profiles/%d", profile), nil).is(200)
	browser.get(page+"/delete").is(200).one("button", "class", "button danger")
	browser.post(page+"/delete", nil).redirects("/mcp/tool-groups")
	c.apiKey().api("DELETE", "/api"+page, nil).refuses(404, "not_found", "")
	c.apiKey().api("DELETE", "/api/mcp/clients/github", nil).is(200)
}

func TestDeleteToolGroupWhileAProfileNamesIt(t *testing.T) {
	c := newConsole(t)
	key := c.apiKey()
	for round := range 20 {
		id := c.addGroup(fmt.Sprintf("group %d", round), "[]")
		deleted, created := race(
			func() answer { return key.api("DELETE", fmt.Sprintf("/api/mcp/tool-groups/%d", id), nil) },
			func() answer {
				return key.api("POST", "/api/access-profiles", fmt.Sprintf(`{"name":"p%d","mcp_tool_groups":[{"tool_group_id":%d}]}`, id, id))
			},
		)
		switch [2]int{deleted.StatusCode, created.StatusCode} {
		case [2]int{200, 400}, [2]int{409, 201}:
		default:
			t.Fatalf("deleted %d %s, created %d %s", deleted.StatusCode, deleted.body, created.StatusCode, created.body)
		}
	}
}

func TestDeleteServerWhileAGroupNamesIt(t *testing.T) {
	c := newConsole(t)
	key := c.apiKey()
	for round := range 20 {
		id := fmt.Sprintf("s%d", round)
		c.addServer(id, "tool")
		deleted, created := race(
			func() answer { return key.api("DELETE", "/api/mcp/clients/"+id, nil) },
			func() answer {
				return key.api("POST", "/api/mcp/tool-groups", fmt.Sprintf(`{"name":%q,"tools":[{"mcp_client_id":%q,"tool_names":["tool"]}]}`, id, id))
			},
		)
		switch [2]int{deleted.StatusCode, created.StatusCode} {
		case [2]int{200, 400}, [2]int{409, 201}:
		default:
			t.Fatalf("deleted %d %s, created %d %s", deleted.StatusCode, deleted.body, created.StatusCode, created.body)
		}
	}
}

// 500 tools in one form come back complete.
func TestToolGroupWith500Tools(t *testing.T) {
	c := newConsole(t)
	tools := make([]string, 500)
	for i := range tools {
		tools[i] = fmt.Sprintf("tool_%03d", i)
	}
	c.addServer("big", tools...)
	form := url.Values{"name": {"All by name"}, "tools[s0].mcp_client_id": {"big"}, "tools[s0].tool_names": tools}
	c.login(admin).post("/mcp/tool-groups", form).redirects("/mcp/tool-groups/1")
	edit := c.login(admin).get("/mcp/tool-groups/1/edit").is(200)
	ticked := 0
	for _, box := range edit.all("input", "name", "tools[s0].tool_names") {
		if present(box, "checked") {
			ticked++
		}
	}
	if ticked != 500 {
		t.Errorf("%d ticked", ticked)
	}
}
