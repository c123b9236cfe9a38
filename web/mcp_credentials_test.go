package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"tollgate/handlers"
)

const (
	mcpToken      = "qT7vXw2LzR9bKd4Ns8Ye"
	mcpCredential = "Bearer " + mcpToken
)

// guardedMCP is a real MCP server that answers only requests with the credential, and repeats it where it can.
func guardedMCP(t *testing.T, header string) string {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	for name, description := range map[string]string{
		"read":   "Reads a file.\n\tLine  two\u202e.",
		"echo":   "Your credential is " + mcpCredential,
		mcpToken: "named after the credential",
	} {
		mcp.AddTool(server, &mcp.Tool{Name: name, Description: description},
			func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
				return &mcp.CallToolResult{}, nil, nil
			})
	}
	answer := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(header) != mcpCredential {
			http.Error(w, "no: "+r.Header.Get(header), http.StatusUnauthorized)
			return
		}
		answer.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	return listener.URL
}

func (c *console) refreshes(id string) map[string]any {
	c.t.Helper()
	got := c.apiKey().api("POST", "/api/mcp/clients/"+id+"/refresh-tools", nil).is(200).json()
	if tools := list(got["mcp_client"].(map[string]any)["tools"]); !slices.Equal(tools, []string{"echo", "read"}) || got["skipped_tools"] != 1.0 {
		c.t.Errorf("got %v", got)
	}
	return got["mcp_client"].(map[string]any)
}

func TestDiscoveryWithACredential(t *testing.T) {
	c := newConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
	address := guardedMCP(t, "X-Mcp-Key")
	for _, door := range doorsTo(c, "/mcp/clients", "POST", "/api/mcp/clients") {
		id := "by-" + door.name
		door.send(url.Values{"name": {id}, "url": {address}, "credential_header": {"X-Mcp-Key"}, "credential_value": {" " + mcpCredential + "\n"}},
			map[string]any{"name": id, "url": address, "credential_header": "X-Mcp-Key", "credential_value": mcpCredential})
	}
	for i, id := range []string{"by-form", "by-json"} {
		door := doorsTo(c, "/mcp/clients/"+id, "PUT", "/api/mcp/clients/"+id)[i]
		server := c.refreshes(id)
		same(t, "header", server["credential_header"], any("X-Mcp-Key"))
		same(t, "descriptions", fmt.Sprint(server["tool_descriptions"]), "map[read:Reads a file. Line two.]")
		if server["credential_set_at"] == nil {
			t.Error("no time of entry")
		}
		// What is left out or empty stays, and so does what a program sends back as it was answered.
		rows := c.count("audit_logs")
		door.send(url.Values{"name": {id}, "url": {address}, "credential_header": {"X-Mcp-Key"}, "credential_value": {""}, "tools": {"echo\nread"}}, server)
		same(t, "audit rows", c.count("audit_logs"), rows)
		c.refreshes(id)
		// Another address or header needs it again: it goes to no other place than the one it was entered for.
		door.send(url.Values{"url": {address + "/other"}}, map[string]any{"url": address + "/other"}).refuses(door.refused, "required", "credential_value")
		door.send(url.Values{"credential_header": {"Authorization"}}, `{"credential_header":"Authorization"}`).refuses(door.refused, "required", "credential_value")
		// A wrong one is refused by the server, and entered again.
		door.send(url.Values{"credential_value": {"wrong-value-of-it"}}, `{"credential_value":"wrong-value-of-it"}`)
		got := c.apiKey().api("POST", "/api/mcp/clients/"+id+"/refresh-tools", nil).refuses(400, "discovery_failed", "url")
		if message := fmt.Sprint(got.json()["error"]); !strings.Contains(message, "does not accept the credential in X-Mcp-Key") || strings.Contains(message, "wrong-value") {
			t.Error(message)
		}
		door.send(url.Values{"credential_value": {mcpCredential}}, map[string]any{"credential_value": mcpCredential})
		c.refreshes(id)
		door.send(url.Values{"remove_credential": {"true"}, "credential_header": {"X-Mcp-Key"}}, `{"credential_header":null}`)
		same(t, "header", c.server(id)["credential_header"], nil)
		got = c.apiKey().api("POST", "/api/mcp/clients/"+id+"/refresh-tools", nil).refuses(400, "discovery_failed", "url")
		if message := fmt.Sprint(got.json()["error"]); !strings.Contains(message, "asks for a credential") {
			t.Error(message)
		}
		door.send(url.Values{"credential_header": {"X-Mcp-Key"}, "credential_value": {mcpCredential}},
			map[string]any{"credential_header": "X-Mcp-Key", "credential_value": mcpCredential})
		door.send(url.Values{"url": {""}}, `{"url":null}`)
		same(t, "header without an address", c.server(id)["credential_header"], nil)
	}
}

func TestCredentialsRefused(t *testing.T) {
	c := newConsole(t)
	with := func(name, header, value, code, param string) badRow {
		body, _ := json.Marshal(map[string]string{"name": "x", "url": "https://example.com/", "credential_header": header, "credential_value": value})
		return badRow{name, url.Values{"name": {"x"}, "url": {"https://example.com/"}, "credential_header": {header}, "credential_value": {value}}, string(body), code, param}
	}
	c.refusesAll(t, []badRow{
		with("two headers", "A\r\nB", mcpCredential, "invalid_characters", "credential_header"),
		with("a space", "X Key", mcpCredential, "invalid_header", "credential_header"),
		with("host", "HOST", mcpCredential, "invalid_header", "credential_header"),
		with("session of the protocol", "Mcp-Session-Id", mcpCredential, "invalid_header", "credential_header"),
		with("for a proxy", "Proxy-Authorization", mcpCredential, "invalid_header", "credential_header"),
		with("two lines", "Authorization", "a\nHost: b", "invalid_characters", "credential_value"),
		with("not ASCII", "Authorization", "schlüssel", "invalid_characters", "credential_value"),
		with("long", "Authorization", strings.Repeat("x", 4097), "too_long", "credential_value"),
		{"no value", url.Values{"name": {"x"}, "url": {"https://example.com/"}, "credential_header": {"Authorization"}},
			`{"name":"x","url":"https://example.com/","credential_header":"Authorization"}`, "required", "credential_value"},
		{"no header", url.Values{"name": {"x"}, "url": {"https://example.com/"}, "credential_value": {mcpCredential}},
			`{"name":"x","url":"https://example.com/","credential_value":"` + mcpCredential + `"}`, "required", "credential_header"},
		{"no address", url.Values{"name": {"x"}, "credential_header": {"A"}, "credential_value": {mcpCredential}},
			`{"name":"x","credential_header":"A","credential_value":"` + mcpCredential + `"}`, "required", "url"},
		{"null value", nil, `{"name":"x","url":"https://example.com/","credential_header":"A","credential_value":null}`, "null_not_allowed", "credential_value"},
		{"number", nil, `{"name":"x","url":"https://example.com/","credential_header":"A","credential_value":1}`, "wrong_type", "credential_value"},
		{"removed and given", url.Values{"name": {"x"}, "url": {"https://example.com/"}, "remove_credential": {"true"}, "credential_value": {mcpCredential}},
			`{"name":"x","url":"https://example.com/","credential_header":null,"credential_value":"x"}`, "credential_removed", "credential_value"},
	}, "/mcp/clients", "POST", "/api/mcp/clients")
	same(t, "servers", c.count("mcp_servers"), 0)
	if strings.Contains(c.log.String(), mcpToken) {
		t.Error("the log has the credential")
	}
}

// The credential goes to one address: not where that redirects, and not to another path of the same host.
func TestCredentialIsSentToItsAddressAlone(t *testing.T) {
	c := newConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
	var elsewhere atomic.Int64
	catcher := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
	}))
	t.Cleanup(catcher.Close)
	sent := atomic.Int64{}
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/mcp" && r.Header.Get("Authorization") == mcpCredential {
			sent.Add(1)
		}
		http.Redirect(w, r, catcher.URL, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(redirecting.Close)
	c.apiKey().api("POST", "/api/mcp/clients", map[string]any{
		"client_id": "files", "name": "Files", "url": redirecting.URL + "/mcp", "credential_header": "authorization", "credential_value": mcpCredential,
	}).is(201)
	c.apiKey().api("POST", "/api/mcp/clients/files/refresh-tools", nil).refuses(400, "discovery_failed", "url")
	if sent.Load() == 0 || elsewhere.Load() != 0 {
		t.Errorf("sent %d times, followed %d times", sent.Load(), elsewhere.Load())
	}
}

func TestCredentialsAreKeptNowhere(t *testing.T) {
	c := newConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
	address := guardedMCP(t, "Authorization")
	browser, program := c.login(admin), c.apiKey()
	places := map[string]string{}
	visit := func(a answer) {
		places[fmt.Sprint(len(places), " ", a.Request.Method, " ", a.Request.URL)] = string(a.body) + fmt.Sprint(a.Header)
	}
	given := url.Values{"name": {"Files"}, "url": {address}, "credential_header": {"Authorization"}, "credential_value": {mcpCredential}}
	visit(browser.post("/mcp/clients", given).is(303))
	wrong := url.Values{"name": {""}, "url": {address}, "credential_header": {"Authorization"}, "credential_value": {mcpCredential}}
	visit(browser.post("/mcp/clients/files", wrong).is(422))
	visit(program.api("PUT", "/api/mcp/clients/files", map[string]any{"credential_value": mcpCredential, "name": ""}).is(400))
	visit(program.api("PUT", "/api/mcp/clients/files", map[string]any{"credential_value": mcpCredential}).is(200))
	visit(program.api("POST", "/api/mcp/clients/files/refresh-tools", nil).is(200))
	visit(browser.post("/mcp/clients/files/refresh-tools", nil).is(303))
	for _, path := range []string{
		"/mcp/clients", "/mcp/clients/files", "/mcp/clients/files/edit", "/mcp/clients/files/delete", "/audit", "/audit/export?format=csv", "/audit/export?format=jsonl",
		"/settings", "/mcp/tool-groups/new", "/access-profiles/new",
	} {
		visit(browser.get(path).is(200))
	}
	for _, path := range []string{"/api/mcp/clients", "/api/mcp/clients/files", "/api/access-profiles/audit-logs"} {
		visit(program.get(path).is(200))
	}
	for table, rows := range c.everyTable(c.owner()) {
		places["table "+table] = rows
	}
	places["the log"] = c.log.String()
	for _, form := range []string{mcpCredential, base64.StdEncoding.EncodeToString([]byte(mcpCredential))} {
		if leak := leaks(places, form); leak != "" {
			t.Error(leak)
		}
	}
	// Another secret of the console cannot read it, and says so.
	c.exec("UPDATE mcp_servers SET url = ?", address+"/")
	program.api("POST", "/api/mcp/clients/files/refresh-tools", nil).refuses(400, "credential_unreadable", "credential_value")
}
