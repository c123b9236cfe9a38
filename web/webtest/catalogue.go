package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Refreshes asks an MCP server for its tools and is what the API answers.
func (c *Console) Refreshes(id string) map[string]any {
	c.T.Helper()
	got := c.APIKey().API("POST", "/api/mcp/clients/"+id+"/refresh-tools", nil).Is(200).JSON()
	if tools := List(got["mcp_client"].(map[string]any)["tools"]); !slices.Equal(tools, []string{"echo", "read"}) || got["skipped_tools"] != 1.0 {
		c.T.Errorf("got %v", got)
	}
	return got["mcp_client"].(map[string]any)
}

// ToolsAtEveryDoor fails the test unless the tools of slack, a server that a copy of the user names whole, are granted
// or not, on each route and on each page that shows them.
func (g Gateway) ToolsAtEveryDoor(c *Console, user, key string, want map[string]bool) {
	g.T.Helper()
	admin, found, shown := g.Admin.At(c), []string{}, "slack: every tool, including future tools"
	for name, granted := range want {
		kind, status := "mcp_tool_blocked", 403
		if granted {
			kind, status = "allowed", 200
			found = append(found, "slack/"+name)
		} else {
			shown += ", without " + name
		}
		admin.Decides(Tool(key, "slack", name), kind, status)
		admin.Decides(With(Tool(nil, "slack", name), "virtual_key", nil, "user_id", user), kind, status)
		a := admin.API("POST", "/access/v1/evaluation", Evaluation(Entity("virtual_key", key), Entity("tool", "slack/"+name))).Is(200)
		Same(g.T, "AuthZEN about "+name, a.JSON()["decision"], granted)
		address := "?mcp_client_id=slack&tool_name=" + name
		for _, door := range []string{"/authz/forward", "/authz/nginx"} {
			Same(g.T, door+address, g.Bearer(key).At(c).Get(door+address).StatusCode, status)
		}
		tried := g.Session.At(c).Get("/users/" + user + "/try" + address).Is(200)
		Same(g.T, "the page that tries "+name, strings.Contains(Text(tried.One("main")), "Allowed by"), granted)
	}
	slices.Sort(found)
	results := admin.API("POST", "/access/v1/search/resource", Evaluation(Entity("virtual_key", key), Object{"type": "tool"})).Is(200).JSON()["results"]
	searched := []string{}
	for _, one := range Objects(results) {
		searched = append(searched, one["id"].(string))
	}
	slices.Sort(searched)
	Same(g.T, "AuthZEN search", searched, found)
	Same(g.T, "the page of the user", g.Session.At(c).Get("/users/" + user).Is(200).Facts()["Tools"], shown)
}

// Says fails the test unless a page, or the section that a heading names, contains the words.
func Says(a Answer, section, words string) {
	a.T.Helper()
	node := a.One("main")
	if section != "" {
		node = a.One("section", "aria-labelledby", section)
	}
	if said := Text(node); !strings.Contains(said, words) {
		a.T.Errorf("%s: no %q in %q", a.Request.URL.Path, words, said)
	}
}

// ChangingMCP is a server whose list of tools is the value, as JSON.
func ChangingMCP(t testing.TB) (address string, tools *atomic.Value) {
	tools = &atomic.Value{}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil || call.ID == nil {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		switch call.Method {
		case "initialize":
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}}`, call.ID)
		case "tools/list":
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"tools":%s}}`, call.ID, tools.Load())
		default:
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}`, call.ID)
		}
	}))
	t.Cleanup(listener.Close)
	return listener.URL, tools
}

// AddServer adds an MCP server with these tools.
func (c *Console) AddServer(id string, tools ...string) {
	c.T.Helper()
	body := map[string]any{"client_id": id, "name": "Server " + id, "tools": append([]string{}, tools...)}
	c.APIKey().API("POST", "/api/mcp/clients", body).Is(http.StatusCreated)
}

// Server is an MCP server as the API shows it.
func (c *Console) Server(id string) map[string]any {
	c.T.Helper()
	return c.APIKey().Get("/api/mcp/clients/" + id).Is(http.StatusOK).JSON()["mcp_client"].(map[string]any)
}

// RemoteMCP is a real MCP server with these tools.
func RemoteMCP(t *testing.T, names ...string) string {
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

// Door sends the same input as a form and as JSON, each to a console with its own kind of client.
type Door struct {
	Name string
	Send func(form url.Values, body any) Answer
	// refused is the status of a form with problems; the API answers with 400.
	Refused int
}

// DoorsTo are the two ways to change a row, or to add one to a list: by the console's path and by the API's.
func DoorsTo(c *Console, page, method, api string) []Door {
	browser, program := c.Login(Admin), c.APIKey()
	return []Door{
		{"form", func(form url.Values, _ any) Answer { return browser.Save(page, form) }, http.StatusUnprocessableEntity},
		{"json", func(_ url.Values, body any) Answer { return program.API(method, api, body) }, http.StatusBadRequest},
	}
}

// BadRow is an input that is refused as a form and as JSON.
type BadRow struct {
	Name        string
	Form        url.Values
	Body        string
	Code, Param string
}

// RefusesAll sends each bad row by form and by JSON, and expects the same problem of both.
func (c *Console) RefusesAll(t *testing.T, cases []BadRow, page, method, api string) {
	t.Helper()
	for _, bad := range cases {
		for _, door := range DoorsTo(c, page, method, api) {
			if door.Name == "form" && bad.Form == nil {
				continue
			}
			t.Run(bad.Name+" as "+door.Name, func(t *testing.T) {
				got := door.Send(bad.Form, bad.Body)
				got.T = t
				got.Refuses(door.Refused, bad.Code, bad.Param)
			})
		}
	}
}

// AddProvider adds a provider with these models.
func (c *Console) AddProvider(name string, models ...string) {
	c.T.Helper()
	c.APIKey().API("POST", "/api/providers", map[string]any{"name": name, "models": append([]string{}, models...)}).Is(http.StatusCreated)
}

// ProfileNaming adds a profile with this part of a policy.
func (c *Console) ProfileNaming(name, policy string) int64 {
	c.T.Helper()
	got := c.APIKey().API("POST", "/api/access-profiles", fmt.Sprintf(`{"name":%q,%s}`, name, policy)).Is(http.StatusCreated)
	return int64(got.JSON()["access_profile"].(map[string]any)["id"].(float64))
}

// Count is the number of rows of a table, or of what a query selects.
func (c *Console) Count(query string, args ...any) (n int) {
	c.T.Helper()
	c.Scan(&n, "SELECT count(*) FROM "+query, args...)
	return n
}

// List are the elements of a JSON list of texts.
func List(value any) []string {
	items := []string{}
	for _, item := range value.([]any) {
		items = append(items, item.(string))
	}
	return items
}

// Race runs both at once.
func Race(one, other func() Answer) (first, second Answer) {
	start := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { <-start; first = one() })
	both.Go(func() { <-start; second = other() })
	close(start)
	both.Wait()
	return first, second
}

// AddGroup adds a tool group and is its id.
func (c *Console) AddGroup(name, tools string) int64 {
	c.T.Helper()
	got := c.APIKey().API("POST", "/api/mcp/tool-groups", fmt.Sprintf(`{"name":%q,"tools":%s}`, name, tools)).Is(http.StatusCreated)
	return int64(got.JSON()["tool_group"].(map[string]any)["id"].(float64))
}

// Group is a tool group as the API shows it.
func (c *Console) Group(path string) map[string]any {
	c.T.Helper()
	return c.APIKey().Get(path).Is(http.StatusOK).JSON()["tool_group"].(map[string]any)
}
