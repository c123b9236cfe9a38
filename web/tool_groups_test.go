package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// grouped is a group's answer for one server.
func grouped(server string, names ...any) map[string]any {
	return map[string]any{"mcp_client_id": server, "tool_names": append([]any{}, names...)}
}

func TestCreateToolGroup(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddServer("github", "read", "write")
	c.AddServer("jira", "find")
	c.AddServer("slack", "post")
	for i, door := range webtest.DoorsTo(c, "/mcp/tool-groups", "POST", "/api/mcp/tool-groups") {
		name := "Group " + door.Name
		got := door.Send(
			url.Values{
				"name": {name}, "description": {"One\r\ntwo"},
				"tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"write", "read"},
				"tools[s1].mcp_client_id": {"jira"}, "tools[s1].tool_names": {"*", "find"}, // beside "all", single tools add nothing
				"tools[s2].mcp_client_id": {"slack"},
			},
			map[string]any{"name": name, "description": "One\r\ntwo", "tools": []any{grouped("github", "write", "read"), grouped("jira", "*")}},
		)
		path := fmt.Sprintf("/mcp/tool-groups/%d", i+1)
		if door.Name == "form" {
			got.Redirects(path)
		} else if got.Is(http.StatusCreated); got.Header.Get("Location") != "/api"+path {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		group := c.Group("/api" + path)
		want := []any{grouped("github", "write", "read"), grouped("jira", "*")}
		if group["name"] != name || group["description"] != "One\ntwo" || !reflect.DeepEqual(group["tools"], want) {
			t.Errorf("%s: got %v", door.Name, group)
		}
	}
	for _, door := range webtest.DoorsTo(c, "/mcp/tool-groups", "POST", "/api/mcp/tool-groups") {
		door.Send(url.Values{"name": {"GROUP FORM"}}, `{"name":"GROUP FORM"}`).Refuses(409, "name_taken", "name")
	}
	// A server may be listed without tools.
	id := c.AddGroup("Nothing", `[{"mcp_client_id":"slack","tool_names":[]}]`)
	if group := c.Group(fmt.Sprintf("/api/governance/mcp/tool-groups/%d", id)); !reflect.DeepEqual(group["tools"], []any{grouped("slack")}) || group["description"] != nil {
		t.Errorf("got %v", group)
	}
}

func TestToolGroupInputsRefused(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddServer("github", "read", "write")
	c.AddServer("jira", "find")
	form := func(server string, names ...string) url.Values {
		return url.Values{"name": {"x"}, "tools[s0].mcp_client_id": {server}, "tools[s0].tool_names": names}
	}
	c.RefusesAll(t, []webtest.BadRow{
		{Name: "no name", Form: url.Values{"description": {"x"}}, Body: `{}`, Code: "required", Param: "name"},
		{Name: "empty name", Form: url.Values{"name": {""}}, Body: `{"name":""}`, Code: "required", Param: "name"},
		{Name: "long description", Form: url.Values{"name": {"x"}, "description": {strings.Repeat("x", 2001)}}, Body: `{"name":"x","description":"` + strings.Repeat("x", 2001) + `"}`, Code: "too_long", Param: "description"},
		{Name: "null tools", Form: nil, Body: `{"name":"x","tools":null}`, Code: "null_not_allowed", Param: "tools"},
		{Name: "tools of another type", Form: nil, Body: `{"name":"x","tools":{}}`, Code: "wrong_type", Param: "tools"},
		{Name: "null row", Form: nil, Body: `{"name":"x","tools":[null]}`, Code: "null_not_allowed", Param: "tools[0]"},
		{Name: "text as row", Form: nil, Body: `{"name":"x","tools":["github"]}`, Code: "wrong_type", Param: "tools[0]"},
		{Name: "no server", Form: nil, Body: `{"name":"x","tools":[{}]}`, Code: "required", Param: "tools[0].mcp_client_id"},
		{Name: "unknown server", Form: form("nope", "read"), Body: `{"name":"x","tools":[{"mcp_client_id":"nope","tool_names":["read"]}]}`, Code: "unknown_mcp_server", Param: "tools[0].mcp_client_id"},
		{Name: "unknown tool", Form: form("github", "read", "find"), Body: `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["read","find"]}]}`, Code: "unknown_tool", Param: "tools[0].tool_names[1]"},
		{Name: "tool with a space", Form: form("github", "a b"), Body: `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["a b"]}]}`, Code: "invalid_tool_name", Param: "tools[0].tool_names[0]"},
		{Name: "duplicate tool", Form: form("github", "read", "read"), Body: `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["read","read"]}]}`, Code: "duplicate_tool", Param: "tools[0].tool_names[1]"},
		{Name: "all beside names", Form: nil, Body: `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["*","read"]}]}`, Code: "tools_conflict", Param: "tools[0].tool_names"},
		{Name: "all twice", Form: nil, Body: `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":["*","*"]}]}`, Code: "duplicate_tool", Param: "tools[0].tool_names[1]"},
		{Name: "null names", Form: nil, Body: `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":null}]}`, Code: "null_not_allowed", Param: "tools[0].tool_names"},
		{Name: "null tool", Form: nil, Body: `{"name":"x","tools":[{"mcp_client_id":"github","tool_names":[null]}]}`, Code: "null_not_allowed", Param: "tools[0].tool_names[0]"},
		{
			Name: "duplicate server",
			Form: url.Values{
				"name": {"x"}, "tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"read"},
				"tools[s1].mcp_client_id": {"github"}, "tools[s1].tool_names": {"write"},
			},
			Body: `{"name":"x","tools":[{"mcp_client_id":"github"},{"mcp_client_id":"github"}]}`, Code: "duplicate_mcp_server", Param: "tools[1].mcp_client_id",
		},
	}, "/mcp/tool-groups", "POST", "/api/mcp/tool-groups")
	if n := c.Count("tool_groups"); n != 0 {
		t.Errorf("%d groups were stored", n)
	}
	c.APIKey().API("POST", "/api/mcp/tool-groups", `{"name":"x","tools":[{"mcp_client_id":"github","command":"sh"}]}`).Refuses(400, "unknown_field", "tools[0].command")
	for _, id := range []string{"0x1", "-1", "abc", "1.0", "99999999999999999999"} {
		c.APIKey().Get("/api/mcp/tool-groups/"+id).Refuses(400, "invalid_id", "")
	}
	c.APIKey().Get("/api/mcp/tool-groups/999").Refuses(404, "not_found", "")
}

func TestToolGroupFormKeepsWhatWasTicked(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddServer("github", "read", "write")
	c.AddServer("jira", "find")
	got := c.Login(webtest.Admin).Post("/mcp/tool-groups", url.Values{
		"name": {""}, "description": {"kept"}, "tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"write"},
		"tools[s1].mcp_client_id": {"jira"}, "tools[s1].tool_names": {"*"},
	}).Refuses(422, "required", "name")
	for value, want := range map[string]bool{"read": false, "write": true, "find": false} {
		if got := webtest.Present(got.One("input", "type", "checkbox", "value", value), "checked"); got != want {
			t.Errorf("%s ticked: %v", value, got)
		}
	}
	for name, want := range map[string]bool{"tools[s0].tool_names": false, "tools[s1].tool_names": true} {
		if got := webtest.Present(got.One("input", "name", name, "value", "*"), "checked"); got != want {
			t.Errorf("%s all: %v", name, got)
		}
	}
	if area := got.One("textarea", "name", "description"); webtest.Text(area) != "kept" {
		t.Errorf("description %q", webtest.Text(area))
	}
	if words := webtest.Text(got.One("span", "data-filter-count", "")); words != "1 of 3" {
		t.Errorf("count %q", words)
	}
	// A server that was deleted meanwhile is named beside the tree.
	got = c.Login(webtest.Admin).Post("/mcp/tool-groups", url.Values{
		"name": {"x"}, "tools[s0].mcp_client_id": {"gone"}, "tools[s0].tool_names": {"write"},
	}).Refuses(422, "unknown_mcp_server", "tools[0].mcp_client_id")
	got.One("a", "href", "#tools")
	got.One("fieldset", "id", "tools")
}

func TestUpdateToolGroup(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddServer("github", "read", "write")
	c.AddServer("jira", "find")
	id := c.AddGroup("Group", `[{"mcp_client_id":"github","tool_names":["read"]}]`)
	page, api := fmt.Sprintf("/mcp/tool-groups/%d", id), fmt.Sprintf("/api/mcp/tool-groups/%d", id)
	for _, door := range webtest.DoorsTo(c, page, "PUT", api) {
		form := url.Values{
			"name": {door.Name}, "description": {""}, "tools[s0].mcp_client_id": {"github"}, "tools[s0].tool_names": {"write"},
			"tools[s1].mcp_client_id": {"jira"}, "tools[s1].tool_names": {"*"},
		}
		body := map[string]any{"name": door.Name, "description": nil, "tools": []any{grouped("github", "write"), grouped("jira", "*")}, "id": "ignored"}
		got := door.Send(form, body)
		if door.Name == "form" {
			got.Redirects(page)
		} else {
			got.Is(200)
		}
		group := c.Group(api)
		if group["name"] != door.Name || !reflect.DeepEqual(group["tools"], body["tools"]) {
			t.Errorf("got %v", group)
		}
		rows := c.Count("audit_logs")
		if door.Send(form, body); c.Count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.Name)
		}
		door.Send(url.Values{"name": {""}}, `{"name":""}`).Refuses(door.Refused, "required", "name")
	}
	// An absent field keeps its value; a list replaces the old one.
	if got := c.APIKey().API("PUT", api, `{"description":"d"}`).Is(200).JSON()["tool_group"].(map[string]any); len(got["tools"].([]any)) != 2 || got["description"] != "d" {
		t.Errorf("got %v", got)
	}
	c.APIKey().API("PUT", api, `{"tools":[]}`).Is(200)
	if got := c.Group(api); len(got["tools"].([]any)) != 0 {
		t.Errorf("got %v", got)
	}
	c.APIKey().API("PUT", "/api/mcp/tool-groups/999", `{}`).Refuses(404, "not_found", "")
	c.Login(webtest.Admin).Post("/mcp/tool-groups/999", url.Values{"name": {"x"}}).Refuses(404, "not_found", "")
}

func TestToolGroupPages(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	browser.Get("/mcp/tool-groups/new").Is(200).One("a", "href", "/mcp/clients/new")
	c.AddServer("github", "read", "write")
	id := c.AddGroup("Readers", `[{"mcp_client_id":"github","tool_names":["read"]}]`)
	profile := c.ProfileNaming("Everyone", fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d}]`, id))
	page := fmt.Sprintf("/mcp/tool-groups/%d", id)
	browser.Get(page).Is(200).One("a", "href", fmt.Sprintf("/access-profiles/%d", profile))
	if edit := browser.Get(page + "/edit").Is(200); !webtest.Present(edit.One("input", "type", "checkbox", "value", "read"), "checked") {
		t.Error("read is not ticked")
	}
	if rows := browser.Get("/mcp/tool-groups?search=READ").Is(200).All("a", "class", "row-name"); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
	for _, door := range webtest.DoorsTo(c, page+"/delete", "DELETE", "/api"+page) {
		got := door.Send(url.Values{}, nil).Refuses(409, "in_use", "")
		want := "Readers cannot be removed while named by 1 profile (Everyone)."
		if door.Name == "form" {
			want = "Everyone</a>"
		}
		if !strings.Contains(string(got.Body), want) {
			t.Errorf("got %s", got.Body)
		}
	}
	c.APIKey().API("DELETE", fmt.Sprintf("/api/access-profiles/%d", profile), nil).Is(200)
	browser.Get(page+"/delete").Is(200).One("button", "class", "button danger")
	browser.Post(page+"/delete", nil).Redirects("/mcp/tool-groups")
	c.APIKey().API("DELETE", "/api"+page, nil).Refuses(404, "not_found", "")
	c.APIKey().API("DELETE", "/api/mcp/clients/github", nil).Is(200)
}

func TestDeleteToolGroupWhileAProfileNamesIt(t *testing.T) {
	c := webtest.NewConsole(t)
	key := c.APIKey()
	for round := range 20 {
		id := c.AddGroup(fmt.Sprintf("group %d", round), "[]")
		deleted, created := webtest.Race(
			func() webtest.Answer { return key.API("DELETE", fmt.Sprintf("/api/mcp/tool-groups/%d", id), nil) },
			func() webtest.Answer {
				return key.API("POST", "/api/access-profiles", fmt.Sprintf(`{"name":"p%d","mcp_tool_groups":[{"tool_group_id":%d}]}`, id, id))
			},
		)
		switch [2]int{deleted.StatusCode, created.StatusCode} {
		case [2]int{200, 400}, [2]int{409, 201}:
		default:
			t.Fatalf("deleted %d %s, created %d %s", deleted.StatusCode, deleted.Body, created.StatusCode, created.Body)
		}
	}
}

func TestDeleteServerWhileAGroupNamesIt(t *testing.T) {
	c := webtest.NewConsole(t)
	key := c.APIKey()
	for round := range 20 {
		id := fmt.Sprintf("s%d", round)
		c.AddServer(id, "tool")
		deleted, created := webtest.Race(
			func() webtest.Answer { return key.API("DELETE", "/api/mcp/clients/"+id, nil) },
			func() webtest.Answer {
				return key.API("POST", "/api/mcp/tool-groups", fmt.Sprintf(`{"name":%q,"tools":[{"mcp_client_id":%q,"tool_names":["tool"]}]}`, id, id))
			},
		)
		switch [2]int{deleted.StatusCode, created.StatusCode} {
		case [2]int{200, 400}, [2]int{409, 201}:
		default:
			t.Fatalf("deleted %d %s, created %d %s", deleted.StatusCode, deleted.Body, created.StatusCode, created.Body)
		}
	}
}

// 500 tools in one form come back complete.
func TestToolGroupWith500Tools(t *testing.T) {
	c := webtest.NewConsole(t)
	tools := make([]string, 500)
	for i := range tools {
		tools[i] = fmt.Sprintf("tool_%03d", i)
	}
	c.AddServer("big", tools...)
	form := url.Values{"name": {"All by name"}, "tools[s0].mcp_client_id": {"big"}, "tools[s0].tool_names": tools}
	c.Login(webtest.Admin).Post("/mcp/tool-groups", form).Redirects("/mcp/tool-groups/1")
	edit := c.Login(webtest.Admin).Get("/mcp/tool-groups/1/edit").Is(200)
	ticked := 0
	for _, box := range edit.All("input", "name", "tools[s0].tool_names") {
		if webtest.Present(box, "checked") {
			ticked++
		}
	}
	if ticked != 500 {
		t.Errorf("%d ticked", ticked)
	}
}
