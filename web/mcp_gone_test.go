package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"tollgate/handlers"
)

// changingMCP is a server whose list of tools is the value, as JSON.
func changingMCP(t testing.TB) (address string, tools *atomic.Value) {
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

// A tool that a profile or a group still names is kept and marked as gone while new ones are added; the answer names
// what was left out.
func TestRefreshKeepsWhatIsNamed(t *testing.T) {
	c := newConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
	key, session := c.apiKey(), c.login(admin)
	address, tools := changingMCP(t)
	tool := func(name string) string { return `{"name":"` + name + `","inputSchema":{"type":"object"}}` }
	for _, door := range []string{"form", "json"} {
		c.addServer(door, "read", "write", "old", "grouped")
		key.api("PUT", "/api/mcp/clients/"+door, object{"url": address}).is(200)
		key.api("POST", "/api/access-profiles", object{"name": door, "mcp_tool_overrides": []object{{"mcp_client_id": door, "tool_name": "write", "action": "include"}}}).is(201)
		key.api("POST", "/api/mcp/tool-groups", object{"name": door, "tools": []object{{"mcp_client_id": door, "tool_names": []string{"grouped"}}}}).is(201)
		tools.Store("[" + tool("read") + "," + tool("new") + `,7,` + tool("two words") + "]")
		refresh := func() string {
			t.Helper()
			if door == "json" {
				got := key.api("POST", "/api/mcp/clients/json/refresh-tools", nil).is(200).json()
				return fmt.Sprint(got["skipped_tools"], " ", got["skipped"])
			}
			session.post("/mcp/clients/form/refresh-tools", nil).redirects("/mcp/clients/form")
			return ""
		}
		if door == "json" {
			same(t, "skipped", refresh(), `2 [entry 3 of the answer "two words"]`)
		} else {
			a := session.post("/mcp/clients/form/refresh-tools", nil).redirects("/mcp/clients/form")
			flash, _ := a.cookie("flash")
			if flash == nil {
				t.Fatal("no message")
			}
			page := session.with("Cookie", session.header.Get("Cookie")+"; flash="+flash.Value).get("/mcp/clients/form").is(200)
			said := text(page.one("main"))
			for _, part := range []string{"has 2 tools now. grouped, write are kept although gone", `Left out, since no profile can name them: entry 3 of the answer, "two words".`} {
				if !strings.Contains(string(page.body), strings.ReplaceAll(part, `"`, "&#34;")) {
					t.Errorf("%q is not said: %s", part, said)
				}
			}
		}
		server := c.server(door)
		same(t, "tools", list(server["tools"]), []string{"read", "new", "grouped", "write"})
		same(t, "gone", list(server["gone_tools"]), []string{"grouped", "write"})
		page := session.get("/mcp/clients/" + door).is(200)
		var gone []string
		for _, row := range page.all("tr") {
			if words := text(row); strings.HasSuffix(words, " Gone") {
				gone = append(gone, words)
			}
		}
		same(t, "marked", gone, []string{"grouped Gone", "write Gone"})
		// The body of an answer can be sent back, and a tool that comes back is no longer marked.
		key.api("PUT", "/api/mcp/clients/"+door, server).is(200)
		same(t, "gone", list(c.server(door)["gone_tools"]), []string{"grouped", "write"})
		tools.Store("[" + tool("write") + "]")
		refresh()
		same(t, "gone", list(c.server(door)["gone_tools"]), []string{"grouped"})
		same(t, "tools", list(c.server(door)["tools"]), []string{"write", "grouped"})
	}
	if n := c.count(`mcp_servers WHERE NOT gone_tools <@ tools`); n != 0 {
		t.Errorf("%d have gone tools that are none of theirs", n)
	}
	same(t, "of a new server", len(list(key.api("POST", "/api/mcp/clients", object{"name": "fresh"}).is(201).object("mcp_client")["gone_tools"])), 0)
}
