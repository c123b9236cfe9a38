package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/handlers"
	"tollgate/web/webtest"
)

func TestCreateMCPServer(t *testing.T) {
	c := webtest.NewConsole(t)
	for i, door := range webtest.DoorsTo(c, "/mcp/clients", "POST", "/api/mcp/clients") {
		name, id := fmt.Sprintf("Jira Cloud %d", i), fmt.Sprintf("jira-cloud-%d", i)
		got := door.Send(
			url.Values{"name": {name}, "client_id": {""}, "url": {" https://mcp.example.com/mcp "}, "tools": {"create_issue\n\nissue/read\n"}},
			map[string]any{"name": name, "url": "https://mcp.example.com/mcp", "tools": []string{"create_issue", "issue/read"}, "tools_refreshed_at": "never"},
		)
		if door.Name == "form" {
			got.Redirects("/mcp/clients/" + id)
		} else if got.Is(http.StatusCreated); got.Header.Get("Location") != "/api/mcp/clients/"+id {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		server := c.Server(id)
		if server["name"] != name || server["url"] != "https://mcp.example.com/mcp" || server["tools_refreshed_at"] != nil ||
			!slices.Equal(webtest.List(server["tools"]), []string{"create_issue", "issue/read"}) {
			t.Errorf("%s: got %v", door.Name, server)
		}
	}
	key := c.APIKey()
	// A derived id gets a number when it is taken; an id that was sent does not.
	for name, id := range map[string]string{"Jira cloud (0)": "jira-cloud-0-2", "New": "new-2", "日本": "server"} {
		got := key.API("POST", "/api/mcp/clients", map[string]any{"name": name}).Is(201)
		if server := got.JSON()["mcp_client"].(map[string]any); server["client_id"] != id || server["url"] != nil {
			t.Errorf("%s: got %v", name, server)
		}
	}
	for _, door := range webtest.DoorsTo(c, "/mcp/clients", "POST", "/api/mcp/clients") {
		door.Send(url.Values{"name": {"JIRA CLOUD 0"}}, `{"name":"JIRA CLOUD 0"}`).Refuses(409, "name_taken", "name")
		door.Send(url.Values{"name": {"Other"}, "client_id": {"server"}}, `{"name":"Other","client_id":"server"}`).Refuses(409, "name_taken", "client_id")
	}
}

func TestMCPServerInputsRefused(t *testing.T) {
	c := webtest.NewConsole(t)
	cases := []webtest.BadRow{
		{Name: "no name", Form: url.Values{"client_id": {"x"}}, Body: `{"client_id":"x"}`, Code: "required", Param: "name"},
		{Name: "blank name", Form: url.Values{"name": {" "}}, Body: `{"name":" "}`, Code: "required", Param: "name"},
		{Name: "null name", Form: nil, Body: `{"name":null}`, Code: "null_not_allowed", Param: "name"},
		{Name: "null id", Form: nil, Body: `{"name":"x","client_id":null}`, Code: "null_not_allowed", Param: "client_id"},
		{Name: "empty id", Form: nil, Body: `{"name":"x","client_id":""}`, Code: "required", Param: "client_id"},
		{Name: "id new", Form: url.Values{"name": {"x"}, "client_id": {"new"}}, Body: `{"name":"x","client_id":"new"}`, Code: "invalid_name", Param: "client_id"},
		{Name: "id in capitals", Form: url.Values{"name": {"x"}, "client_id": {"GitHub"}}, Body: `{"name":"x","client_id":"GitHub"}`, Code: "invalid_name", Param: "client_id"},
		{Name: "invisible name", Form: url.Values{"name": {"a\u200bb"}}, Body: `{"name":"a\u200bb"}`, Code: "invalid_characters", Param: "name"},
		{Name: "long name", Form: url.Values{"name": {strings.Repeat("x", 256)}}, Body: `{"name":"` + strings.Repeat("x", 256) + `"}`, Code: "too_long", Param: "name"},
		{Name: "null tools", Form: nil, Body: `{"name":"x","tools":null}`, Code: "null_not_allowed", Param: "tools"},
		{Name: "tool of another type", Form: nil, Body: `{"name":"x","tools":[1]}`, Code: "wrong_type", Param: "tools[0]"},
		{Name: "tool with a space", Form: url.Values{"name": {"x"}, "tools": {"a\nb c"}}, Body: `{"name":"x","tools":["a","b c"]}`, Code: "invalid_tool_name", Param: "tools[1]"},
		{Name: "all tools", Form: url.Values{"name": {"x"}, "tools": {"*"}}, Body: `{"name":"x","tools":["*"]}`, Code: "invalid_tool_name", Param: "tools[0]"},
		{Name: "duplicate tool", Form: url.Values{"name": {"x"}, "tools": {"a\na"}}, Body: `{"name":"x","tools":["a","a"]}`, Code: "duplicate_tool", Param: "tools[1]"},
		{Name: "url of another type", Form: nil, Body: `{"name":"x","url":1}`, Code: "wrong_type", Param: "url"},
	}
	for _, address := range []string{
		"mcp.example.com", "ftp://example.com", "file:///etc/passwd", "javascript:alert(1)", "http://", "http://user:pw@example.com/", "http://a b/",
		"https://example.com/#x", "unix:///run/x.sock", "//example.com",
	} {
		cases = append(cases, webtest.BadRow{
			Name: "address " + address, Form: url.Values{"name": {"x"}, "url": {address}}, Body: fmt.Sprintf(`{"name":"x","url":%q}`, address), Code: "invalid_url", Param: "url",
		})
	}
	c.RefusesAll(t, cases, "/mcp/clients", "POST", "/api/mcp/clients")
	if n := c.Count("mcp_servers"); n != 0 {
		t.Errorf("%d servers were stored", n)
	}
	c.APIKey().API("POST", "/api/mcp/clients", `{"name":"x","command":"/bin/sh"}`).Refuses(400, "unknown_field", "command")
}

func TestUpdateMCPServer(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddServer("github", "a", "b")
	for _, door := range webtest.DoorsTo(c, "/mcp/clients/github", "PUT", "/api/mcp/clients/github") {
		got := door.Send(url.Values{"name": {door.Name}, "url": {"https://example.com/"}, "tools": {"b\nc"}},
			map[string]any{"name": door.Name, "url": "https://example.com/", "tools": []string{"b", "c"}, "client_id": "github"})
		if door.Name == "form" {
			got.Redirects("/mcp/clients/github")
		} else {
			got.Is(200)
		}
		server := c.Server("github")
		if server["name"] != door.Name || server["url"] != "https://example.com/" || !slices.Equal(webtest.List(server["tools"]), []string{"b", "c"}) {
			t.Errorf("got %v", server)
		}
		door.Send(url.Values{"url": {""}}, `{"url":null}`)
		if server := c.Server("github"); server["url"] != nil || server["name"] != door.Name {
			t.Errorf("%s: got %v", door.Name, server)
		}
		door.Send(url.Values{"name": {""}}, `{"name":""}`).Refuses(door.Refused, "required", "name")
		door.Send(url.Values{"client_id": {"x"}}, `{"client_id":"x"}`).Refuses(door.Refused, "read_only", "client_id")
		rows := c.Count("audit_logs")
		door.Send(url.Values{"tools": {"b\nc"}}, `{"tools":["b","c"]}`)
		if c.Count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.Name)
		}
	}
	c.APIKey().API("PUT", "/api/mcp/clients/nope", `{}`).Refuses(404, "not_found", "")
}

func TestMCPServerInUse(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddServer("github", "read", "write", "free")
	c.AddServer("jira", "x")
	c.ProfileNaming("Writers", `"mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"write","action":"include"}]`)
	c.ProfileNaming("Whole", `"mcp_servers":[{"mcp_server_id":"jira"}]`)
	c.AddGroup("Readers", `[{"mcp_client_id":"github","tool_names":["read"]},{"mcp_client_id":"jira","tool_names":["*"]}]`)
	for _, door := range webtest.DoorsTo(c, "/mcp/clients/github", "PUT", "/api/mcp/clients/github") {
		got := door.Send(url.Values{"tools": {"free\nadded"}}, `{"tools":["free","added"]}`).Refuses(409, "in_use", "tools")
		const want = "read, write cannot be removed while named by 1 profile (Writers) and 1 tool group (Readers)."
		if door.Name == "json" {
			if message := got.JSON()["error"].(map[string]any)["message"]; message != want {
				t.Errorf("got %q", message)
			}
			continue
		}
		if words := webtest.Text(got.One("div", "id", "problems")); !strings.Contains(words, want) {
			t.Errorf("got %q", words)
		}
		if area := got.One("textarea", "name", "tools"); area.FirstChild.Data != "free\nadded" {
			t.Errorf("typed %q", area.FirstChild.Data)
		}
	}
	// Tools that no profile names can be deleted, and a grant of the whole server names no tool.
	c.APIKey().API("PUT", "/api/mcp/clients/github", `{"tools":["write","read"]}`).Is(200)
	c.APIKey().API("PUT", "/api/mcp/clients/jira", `{"tools":[]}`).Is(200)
	for _, id := range []string{"github", "jira"} {
		for _, door := range webtest.DoorsTo(c, "/mcp/clients/"+id+"/delete", "DELETE", "/api/mcp/clients/"+id) {
			door.Send(url.Values{}, nil).Refuses(409, "in_use", "")
		}
		if page := c.Login(webtest.Admin).Get("/mcp/clients/" + id + "/delete").Is(200); len(page.All("button", "class", "button danger")) != 0 {
			t.Error("there is a button")
		}
	}
	c.AddServer("free")
	c.APIKey().API("DELETE", "/api/mcp/clients/free", nil).Is(200)
	c.AddServer("free")
	c.Login(webtest.Admin).Post("/mcp/clients/free/delete", nil).Redirects("/mcp/clients")
}

func TestListMCPServers(t *testing.T) {
	c := webtest.NewConsole(t)
	if got := string(c.APIKey().Get("/api/mcp/clients").Is(200).Body); !strings.Contains(got, `"mcp_clients":[]`) {
		t.Error(got)
	}
	c.AddServer("b", "findme")
	c.AddServer("a")
	page := c.APIKey().Get("/api/governance/mcp/clients?search=FINDME").Is(200).JSON()
	if rows := page["mcp_clients"].([]any); len(rows) != 1 || page["total_count"] != 1.0 || rows[0].(map[string]any)["client_id"] != "b" {
		t.Errorf("got %v", page)
	}
	rows := c.Login(webtest.Viewer).Get("/mcp/clients").Is(200).All("a", "class", "row-name")
	if len(rows) != 2 || webtest.Text(rows[0]) != "Server a" {
		t.Errorf("%d rows", len(rows))
	}
}

func TestRefreshMCPTools(t *testing.T) {
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
	key := c.APIKey()
	for _, door := range []string{"form", "json"} {
		c.AddServer(door, "old")
		key.API("PUT", "/api/mcp/clients/"+door, map[string]any{"url": webtest.RemoteMCP(t, "read", "write/"+door)}).Is(200)
	}
	got := key.API("POST", "/api/mcp/clients/json/refresh-tools", nil).Is(200).JSON()
	if got["skipped_tools"] != 0.0 || !slices.Equal(webtest.List(got["mcp_client"].(map[string]any)["tools"]), []string{"read", "write/json"}) {
		t.Errorf("got %v", got)
	}
	c.Login(webtest.Admin).Post("/mcp/clients/form/refresh-tools", nil).Redirects("/mcp/clients/form")
	server := c.Server("form")
	if at, _ := server["tools_refreshed_at"].(string); !strings.HasSuffix(at, "Z") || !slices.Equal(webtest.List(server["tools"]), []string{"read", "write/form"}) {
		t.Errorf("got %v", server)
	}
	key.API("POST", "/api/mcp/clients/json/refresh-tools", `{"url":"http://x"}`).Refuses(400, "unknown_field", "url")
	key.API("POST", "/api/mcp/clients/nope/refresh-tools", nil).Refuses(404, "not_found", "")
	c.APIKey("MCPServers:View").API("POST", "/api/mcp/clients/json/refresh-tools", nil).Is(403)
	c.Login(webtest.Viewer).Post("/mcp/clients/form/refresh-tools", nil).Is(403)
}

func TestRefreshMCPToolsRefused(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddServer("files", "old")
	doors := webtest.DoorsTo(c, "/mcp/clients/files/refresh-tools", "POST", "/api/mcp/clients/files/refresh-tools")
	for _, door := range doors {
		door.Send(nil, nil).Refuses(door.Refused, "no_url", "url")
	}
	// Private addresses are not allowed here.
	c.APIKey().API("PUT", "/api/mcp/clients/files", map[string]any{"url": webtest.RemoteMCP(t, "read")}).Is(200)
	for _, door := range doors {
		got := door.Send(nil, nil).Refuses(door.Refused, "address_not_allowed", "url")
		if door.Name == "form" && !strings.Contains(webtest.Text(got.One("p", "class", "flash flash-error")), "TOLLGATE_MCP_PRIVATE") {
			t.Errorf("got %s", got.Body)
		}
	}
	c.Login(webtest.Viewer).Get("/mcp/clients/files/refresh-tools").Redirects("/mcp/clients/files")
	if tools := webtest.List(c.Server("files")["tools"]); !slices.Equal(tools, []string{"old"}) {
		t.Errorf("tools became %v", tools)
	}
}

func TestToolIsDroppedWhileAProfileNamesIt(t *testing.T) {
	c := webtest.NewConsole(t)
	key := c.APIKey()
	for round := range 20 {
		id := fmt.Sprintf("s%d", round)
		c.AddServer(id, "tool")
		dropped, created := webtest.Race(
			func() webtest.Answer { return key.API("PUT", "/api/mcp/clients/"+id, `{"tools":[]}`) },
			func() webtest.Answer {
				return key.API("POST", "/api/access-profiles",
					fmt.Sprintf(`{"name":%q,"mcp_tool_overrides":[{"mcp_client_id":%q,"tool_name":"tool","action":"include"}]}`, id, id))
			},
		)
		switch [2]int{dropped.StatusCode, created.StatusCode} {
		case [2]int{200, 400}:
			created.Refuses(400, "unknown_tool", "mcp_tool_overrides[0].tool_name")
		case [2]int{409, 201}:
			dropped.Refuses(409, "in_use", "tools")
		default:
			t.Fatalf("dropped %d %s, created %d %s", dropped.StatusCode, dropped.Body, created.StatusCode, created.Body)
		}
	}
	dangling := `policy_tool_overrides o JOIN mcp_servers s ON s.client_id = o.mcp_client_id WHERE o.tool_name <> ALL (s.tools)`
	if n := c.Count(dangling); n != 0 {
		t.Errorf("%d dangle", n)
	}
}
