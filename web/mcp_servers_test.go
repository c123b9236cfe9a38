package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"tollgate/handlers"
)

func (c *console) addServer(id string, tools ...string) {
	c.t.Helper()
	body := map[string]any{"client_id": id, "name": "Server " + id, "tools": append([]string{}, tools...)}
	c.apiKey().api("POST", "/api/mcp/clients", body).is(http.StatusCreated)
}

func (c *console) server(id string) map[string]any {
	c.t.Helper()
	return c.apiKey().get("/api/mcp/clients/" + id).is(http.StatusOK).json()["mcp_client"].(map[string]any)
}

func TestCreateMCPServer(t *testing.T) {
	c := newConsole(t)
	for i, door := range doorsTo(c, "/mcp/clients", "POST", "/api/mcp/clients") {
		name, id := fmt.Sprintf("Jira Cloud %d", i), fmt.Sprintf("jira-cloud-%d", i)
		got := door.send(
			url.Values{"name": {name}, "client_id": {""}, "url": {" https://mcp.example.com/mcp "}, "tools": {"create_issue\n\nissue/read\n"}},
			map[string]any{"name": name, "url": "https://mcp.example.com/mcp", "tools": []string{"create_issue", "issue/read"}, "tools_refreshed_at": "never"},
		)
		if door.name == "form" {
			got.redirects("/mcp/clients/" + id)
		} else if got.is(http.StatusCreated); got.Header.Get("Location") != "/api/mcp/clients/"+id {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		server := c.server(id)
		if server["name"] != name || server["url"] != "https://mcp.example.com/mcp" || server["tools_refreshed_at"] != nil ||
			!slices.Equal(list(server["tools"]), []string{"create_issue", "issue/read"}) {
			t.Errorf("%s: got %v", door.name, server)
		}
	}
	key := c.apiKey()
	// A derived id gets a number when it is taken; an id that was sent does not.
	for name, id := range map[string]string{"Jira cloud (0)": "jira-cloud-0-2", "New": "new-2", "日本": "server"} {
		got := key.api("POST", "/api/mcp/clients", map[string]any{"name": name}).is(201)
		if server := got.json()["mcp_client"].(map[string]any); server["client_id"] != id || server["url"] != nil {
			t.Errorf("%s: got %v", name, server)
		}
	}
	for _, door := range doorsTo(c, "/mcp/clients", "POST", "/api/mcp/clients") {
		door.send(url.Values{"name": {"JIRA CLOUD 0"}}, `{"name":"JIRA CLOUD 0"}`).refuses(409, "name_taken", "name")
		door.send(url.Values{"name": {"Other"}, "client_id": {"server"}}, `{"name":"Other","client_id":"server"}`).refuses(409, "name_taken", "client_id")
	}
}

func TestMCPServerInputsRefused(t *testing.T) {
	c := newConsole(t)
	cases := []badRow{
		{"no name", url.Values{"client_id": {"x"}}, `{"client_id":"x"}`, "required", "name"},
		{"blank name", url.Values{"name": {" "}}, `{"name":" "}`, "required", "name"},
		{"null name", nil, `{"name":null}`, "null_not_allowed", "name"},
		{"null id", nil, `{"name":"x","client_id":null}`, "null_not_allowed", "client_id"},
		{"empty id", nil, `{"name":"x","client_id":""}`, "required", "client_id"},
		{"id new", url.Values{"name": {"x"}, "client_id": {"new"}}, `{"name":"x","client_id":"new"}`, "invalid_name", "client_id"},
		{"id in capitals", url.Values{"name": {"x"}, "client_id": {"GitHub"}}, `{"name":"x","client_id":"GitHub"}`, "invalid_name", "client_id"},
		{"invisible name", url.Values{"name": {"a\u200bb"}}, `{"name":"a\u200bb"}`, "invalid_characters", "name"},
		{"long name", url.Values{"name": {strings.Repeat("x", 256)}}, `{"name":"` + strings.Repeat("x", 256) + `"}`, "too_long", "name"},
		{"null tools", nil, `{"name":"x","tools":null}`, "null_not_allowed", "tools"},
		{"tool of another type", nil, `{"name":"x","tools":[1]}`, "wrong_type", "tools[0]"},
		{"tool with a space", url.Values{"name": {"x"}, "tools": {"a\nb c"}}, `{"name":"x","tools":["a","b c"]}`, "invalid_tool_name", "tools[1]"},
		{"all tools", url.Values{"name": {"x"}, "tools": {"*"}}, `{"name":"x","tools":["*"]}`, "invalid_tool_name", "tools[0]"},
		{"duplicate tool", url.Values{"name": {"x"}, "tools": {"a\na"}}, `{"name":"x","tools":["a","a"]}`, "duplicate_tool", "tools[1]"},
		{"url of another type", nil, `{"name":"x","url":1}`, "wrong_type", "url"},
	}
	for _, address := range []string{
		"mcp.example.com", "ftp://example.com", "file:///etc/passwd", "javascript:alert(1)", "http://", "http://user:pw@example.com/", "http://a b/",
		"https://example.com/#x", "unix:///run/x.sock", "//example.com",
	} {
		cases = append(cases, badRow{
			"address " + address, url.Values{"name": {"x"}, "url": {address}}, fmt.Sprintf(`{"name":"x","url":%q}`, address), "invalid_url", "url",
		})
	}
	c.refusesAll(t, cases, "/mcp/clients", "POST", "/api/mcp/clients")
	if n := c.count("mcp_servers"); n != 0 {
		t.Errorf("%d servers were stored", n)
	}
	c.apiKey().api("POST", "/api/mcp/clients", `{"name":"x","command":"/bin/sh"}`).refuses(400, "unknown_field", "command")
}

func TestUpdateMCPServer(t *testing.T) {
	c := newConsole(t)
	c.addServer("github", "a", "b")
	for _, door := range doorsTo(c, "/mcp/clients/github", "PUT", "/api/mcp/clients/github") {
		got := door.send(url.Values{"name": {door.name}, "url": {"https://example.com/"}, "tools": {"b\nc"}},
			map[string]any{"name": door.name, "url": "https://example.com/", "tools": []string{"b", "c"}, "client_id": "github"})
		if door.name == "form" {
			got.redirects("/mcp/clients/github")
		} else {
			got.is(200)
		}
		server := c.server("github")
		if server["name"] != door.name || server["url"] != "https://example.com/" || !slices.Equal(list(server["tools"]), []string{"b", "c"}) {
			t.Errorf("got %v", server)
		}
		door.send(url.Values{"url": {""}}, `{"url":null}`)
		if server := c.server("github"); server["url"] != nil || server["name"] != door.name {
			t.Errorf("%s: got %v", door.name, server)
		}
		door.send(url.Values{"name": {""}}, `{"name":""}`).refuses(door.refused, "required", "name")
		door.send(url.Values{"client_id": {"x"}}, `{"client_id":"x"}`).refuses(door.refused, "read_only", "client_id")
		rows := c.count("audit_logs")
		door.send(url.Values{"tools": {"b\nc"}}, `{"tools":["b","c"]}`)
		if c.count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.name)
		}
	}
	c.apiKey().api("PUT", "/api/mcp/clients/nope", `{}`).refuses(404, "not_found", "")
}

func TestMCPServerInUse(t *testing.T) {
	c := newConsole(t)
	c.addServer("github", "read", "write", "free")
	c.addServer("jira", "x")
	c.profileNaming("Writers", `"mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"write","action":"include"}]`)
	c.profileNaming("Whole", `"mcp_servers":[{"mcp_server_id":"jira"}]`)
	c.addGroup("Readers", `[{"mcp_client_id":"github","tool_names":["read"]},{"mcp_client_id":"jira","tool_names":["*"]}]`)
	for _, door := range doorsTo(c, "/mcp/clients/github", "PUT", "/api/mcp/clients/github") {
		got := door.send(url.Values{"tools": {"free\nadded"}}, `{"tools":["free","added"]}`).refuses(409, "in_use", "tools")
		const want = "read, write cannot be removed while named by 1 profile (Writers) and 1 tool group (Readers)."
		if door.name == "json" {
			if message := got.json()["error"].(map[string]any)["message"]; message != want {
				t.Errorf("got %q", message)
			}
			continue
		}
		if words := text(got.one("div", "id", "problems")); !strings.Contains(words, want) {
			t.Errorf("got %q", words)
		}
		if area := got.one("textarea", "name", "tools"); area.FirstChild.Data != "free\nadded" {
			t.Errorf("typed %q", area.FirstChild.Data)
		}
	}
	// Tools that no profile names can be deleted, and a grant of the whole server names no tool.
	c.apiKey().api("PUT", "/api/mcp/clients/github", `{"tools":["write","read"]}`).is(200)
	c.apiKey().api("PUT", "/api/mcp/clients/jira", `{"tools":[]}`).is(200)
	for _, id := range []string{"github", "jira"} {
		for _, door := range doorsTo(c, "/mcp/clients/"+id+"/delete", "DELETE", "/api/mcp/clients/"+id) {
			door.send(url.Values{}, nil).refuses(409, "in_use", "")
		}
		if page := c.login(admin).get("/mcp/clients/" + id + "/delete").is(200); len(page.all("button", "class", "button danger")) != 0 {
			t.Error("there is a button")
		}
	}
	c.addServer("free")
	c.apiKey().api("DELETE", "/api/mcp/clients/free", nil).is(200)
	c.addServer("free")
	c.login(admin).post("/mcp/clients/free/delete", nil).redirects("/mcp/clients")
}

func TestListMCPServers(t *testing.T) {
	c := newConsole(t)
	if got := string(c.apiKey().get("/api/mcp/clients").is(200).body); !strings.Contains(got, `"mcp_clients":[]`) {
		t.Error(got)
	}
	c.addServer("b", "findme")
	c.addServer("a")
	page := c.apiKey().get("/api/governance/mcp/clients?search=FINDME").is(200).json()
	if rows := page["mcp_clients"].([]any); len(rows) != 1 || page["total_count"] != 1.0 || rows[0].(map[string]any)["client_id"] != "b" {
		t.Errorf("got %v", page)
	}
	rows := c.login(viewer).get("/mcp/clients").is(200).all("a", "class", "row-name")
	if len(rows) != 2 || text(rows[0]) != "Server a" {
		t.Errorf("%d rows", len(rows))
	}
}

// remoteMCP is a real MCP server with these tools.
func remoteMCP(t *testing.T, names ...string) string {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	for _, name := range names {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{}, nil, nil
		})
	}
	listener := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil))
	t.Cleanup(listener.Close)
	return listener.URL
}

func TestRefreshMCPTools(t *testing.T) {
	c := newConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
	key := c.apiKey()
	for _, door := range []string{"form", "json"} {
		c.addServer(door, "old")
		key.api("PUT", "/api/mcp/clients/"+door, map[string]any{"url": remoteMCP(t, "read", "write/"+door)}).is(200)
	}
	got := key.api("POST", "/api/mcp/clients/json/refresh-tools", nil).is(200).json()
	if got["skipped_tools"] != 0.0 || !slices.Equal(list(got["mcp_client"].(map[string]any)["tools"]), []string{"read", "write/json"}) {
		t.Errorf("got %v", got)
	}
	c.login(admin).post("/mcp/clients/form/refresh-tools", nil).redirects("/mcp/clients/form")
	server := c.server("form")
	if at, _ := server["tools_refreshed_at"].(string); !strings.HasSuffix(at, "Z") || !slices.Equal(list(server["tools"]), []string{"read", "write/form"}) {
		t.Errorf("got %v", server)
	}
	key.api("POST", "/api/mcp/clients/json/refresh-tools", `{"url":"http://x"}`).refuses(400, "unknown_field", "url")
	key.api("POST", "/api/mcp/clients/nope/refresh-tools", nil).refuses(404, "not_found", "")
	c.apiKey("MCPServers:View").api("POST", "/api/mcp/clients/json/refresh-tools", nil).is(403)
	c.login(viewer).post("/mcp/clients/form/refresh-tools", nil).is(403)
}

func TestRefreshMCPToolsRefused(t *testing.T) {
	c := newConsole(t)
	c.addServer("files", "old")
	doors := doorsTo(c, "/mcp/clients/files/refresh-tools", "POST", "/api/mcp/clients/files/refresh-tools")
	for _, door := range doors {
		door.send(nil, nil).refuses(door.refused, "no_url", "url")
	}
	// Private addresses are not allowed here.
	c.apiKey().api("PUT", "/api/mcp/clients/files", map[string]any{"url": remoteMCP(t, "read")}).is(200)
	for _, door := range doors {
		got := door.send(nil, nil).refuses(door.refused, "address_not_allowed", "url")
		if door.name == "form" && !strings.Contains(text(got.one("p", "class", "flash flash-error")), "TOLLGATE_MCP_PRIVATE") {
			t.Errorf("got %s", got.body)
		}
	}
	c.login(viewer).get("/mcp/clients/files/refresh-tools").redirects("/mcp/clients/files")
	if tools := list(c.server("files")["tools"]); !slices.Equal(tools, []string{"old"}) {
		t.Errorf("tools became %v", tools)
	}
}

func TestToolIsDroppedWhileAProfileNamesIt(t *testing.T) {
	c := newConsole(t)
	key := c.apiKey()
	for round := range 20 {
		id := fmt.Sprintf("s%d", round)
		c.addServer(id, "tool")
		dropped, created := race(
			func() answer { return key.api("PUT", "/api/mcp/clients/"+id, `{"tools":[]}`) },
			func() answer {
				return key.api("POST", "/api/access-profiles",
					fmt.Sprintf(`{"name":%q,"mcp_tool_overrides":[{"mcp_client_id":%q,"tool_name":"tool","action":"include"}]}`, id, id))
			},
		)
		switch [2]int{dropped.StatusCode, created.StatusCode} {
		case [2]int{200, 400}:
			created.refuses(400, "unknown_tool", "mcp_tool_overrides[0].tool_name")
		case [2]int{409, 201}:
			dropped.refuses(409, "in_use", "tools")
		default:
			t.Fatalf("dropped %d %s, created %d %s", dropped.StatusCode, dropped.body, created.StatusCode, created.body)
		}
	}
	dangling := `policy_tool_overrides o JOIN mcp_servers s ON s.client_id = o.mcp_client_id WHERE o.tool_name <> ALL (s.tools)`
	if n := c.count(dangling); n != 0 {
		t.Errorf("%d dangle", n)
	}
}
