package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/handlers"
	"tollgate/web/webtest"
)

// A tool that a profile or a group still names is kept and marked as gone while new ones are added; the answer names
// what was left out.
func TestRefreshKeepsWhatIsNamed(t *testing.T) {
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
	key, session := c.APIKey(), c.Login(webtest.Admin)
	address, tools := webtest.ChangingMCP(t)
	tool := func(name string) string { return `{"name":"` + name + `","inputSchema":{"type":"object"}}` }
	for _, door := range []string{"form", "json"} {
		c.AddServer(door, "read", "write", "old", "grouped")
		key.API("PUT", "/api/mcp/clients/"+door, webtest.Object{"url": address}).Is(200)
		key.API("POST", "/api/access-profiles", webtest.Object{"name": door, "mcp_tool_overrides": []webtest.Object{{"mcp_client_id": door, "tool_name": "write", "action": "include"}}}).Is(201)
		key.API("POST", "/api/mcp/tool-groups", webtest.Object{"name": door, "tools": []webtest.Object{{"mcp_client_id": door, "tool_names": []string{"grouped"}}}}).Is(201)
		tools.Store("[" + tool("read") + "," + tool("new") + `,7,` + tool("two words") + "]")
		refresh := func() string {
			t.Helper()
			if door == "json" {
				got := key.API("POST", "/api/mcp/clients/json/refresh-tools", nil).Is(200).JSON()
				return fmt.Sprint(got["skipped_tools"], " ", got["skipped"])
			}
			session.Post("/mcp/clients/form/refresh-tools", nil).Redirects("/mcp/clients/form")
			return ""
		}
		if door == "json" {
			webtest.Same(t, "skipped", refresh(), `2 [entry 3 of the answer "two words"]`)
		} else {
			a := session.Post("/mcp/clients/form/refresh-tools", nil).Redirects("/mcp/clients/form")
			flash, _ := a.Cookie("flash")
			if flash == nil {
				t.Fatal("no message")
			}
			page := session.With("Cookie", session.Header.Get("Cookie")+"; flash="+flash.Value).Get("/mcp/clients/form").Is(200)
			said := webtest.Text(page.One("main"))
			for _, part := range []string{"has 2 tools now. grouped, write are kept although gone", `Left out, since no profile can name them: entry 3 of the answer, "two words".`} {
				if !strings.Contains(string(page.Body), strings.ReplaceAll(part, `"`, "&#34;")) {
					t.Errorf("%q is not said: %s", part, said)
				}
			}
		}
		server := c.Server(door)
		webtest.Same(t, "tools", webtest.List(server["tools"]), []string{"read", "new", "grouped", "write"})
		webtest.Same(t, "gone", webtest.List(server["gone_tools"]), []string{"grouped", "write"})
		page := session.Get("/mcp/clients/" + door).Is(200)
		var gone []string
		for _, row := range page.All("tr") {
			if words := webtest.Text(row); strings.HasSuffix(words, " Gone") {
				gone = append(gone, words)
			}
		}
		webtest.Same(t, "marked", gone, []string{"grouped Gone", "write Gone"})
		// The body of an answer can be sent back, and a tool that comes back is no longer marked.
		key.API("PUT", "/api/mcp/clients/"+door, server).Is(200)
		webtest.Same(t, "gone", webtest.List(c.Server(door)["gone_tools"]), []string{"grouped", "write"})
		tools.Store("[" + tool("write") + "]")
		refresh()
		webtest.Same(t, "gone", webtest.List(c.Server(door)["gone_tools"]), []string{"grouped"})
		webtest.Same(t, "tools", webtest.List(c.Server(door)["tools"]), []string{"write", "grouped"})
	}
	if n := c.Count(`mcp_servers WHERE NOT gone_tools <@ tools`); n != 0 {
		t.Errorf("%d have gone tools that are none of theirs", n)
	}
	webtest.Same(t, "of a new server", len(webtest.List(key.API("POST", "/api/mcp/clients", webtest.Object{"name": "fresh"}).Is(201).Object("mcp_client")["gone_tools"])), 0)
}
