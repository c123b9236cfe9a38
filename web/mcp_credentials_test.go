package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"tollgate/handlers"
	"tollgate/web/webtest"
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

func TestDiscoveryWithACredential(t *testing.T) {
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
	address := guardedMCP(t, "X-Mcp-Key")
	for _, door := range webtest.DoorsTo(c, "/mcp/clients", "POST", "/api/mcp/clients") {
		id := "by-" + door.Name
		door.Send(url.Values{"name": {id}, "url": {address}, "credential_header": {"X-Mcp-Key"}, "credential_value": {" " + mcpCredential + "\n"}},
			map[string]any{"name": id, "url": address, "credential_header": "X-Mcp-Key", "credential_value": mcpCredential})
	}
	for i, id := range []string{"by-form", "by-json"} {
		door := webtest.DoorsTo(c, "/mcp/clients/"+id, "PUT", "/api/mcp/clients/"+id)[i]
		server := c.Refreshes(id)
		webtest.Same(t, "header", server["credential_header"], any("X-Mcp-Key"))
		webtest.Same(t, "descriptions", fmt.Sprint(server["tool_descriptions"]), "map[read:Reads a file. Line two.]")
		if server["credential_set_at"] == nil {
			t.Error("no time of entry")
		}
		// What is left out or empty stays, and so does what a program sends back as it was answered.
		rows := c.Count("audit_logs")
		door.Send(url.Values{"name": {id}, "url": {address}, "credential_header": {"X-Mcp-Key"}, "credential_value": {""}, "tools": {"echo\nread"}}, server)
		webtest.Same(t, "audit rows", c.Count("audit_logs"), rows)
		c.Refreshes(id)
		// Another address or header needs it again: it goes to no other place than the one it was entered for.
		door.Send(url.Values{"url": {address + "/other"}}, map[string]any{"url": address + "/other"}).Refuses(door.Refused, "required", "credential_value")
		door.Send(url.Values{"credential_header": {"Authorization"}}, `{"credential_header":"Authorization"}`).Refuses(door.Refused, "required", "credential_value")
		// A wrong one is refused by the server, and entered again.
		door.Send(url.Values{"credential_value": {"wrong-value-of-it"}}, `{"credential_value":"wrong-value-of-it"}`)
		got := c.APIKey().API("POST", "/api/mcp/clients/"+id+"/refresh-tools", nil).Refuses(400, "discovery_failed", "url")
		if message := fmt.Sprint(got.JSON()["error"]); !strings.Contains(message, "does not accept the credential in X-Mcp-Key") || strings.Contains(message, "wrong-value") {
			t.Error(message)
		}
		door.Send(url.Values{"credential_value": {mcpCredential}}, map[string]any{"credential_value": mcpCredential})
		c.Refreshes(id)
		door.Send(url.Values{"remove_credential": {"true"}, "credential_header": {"X-Mcp-Key"}}, `{"credential_header":null}`)
		webtest.Same(t, "header", c.Server(id)["credential_header"], nil)
		got = c.APIKey().API("POST", "/api/mcp/clients/"+id+"/refresh-tools", nil).Refuses(400, "discovery_failed", "url")
		if message := fmt.Sprint(got.JSON()["error"]); !strings.Contains(message, "asks for a credential") {
			t.Error(message)
		}
		door.Send(url.Values{"credential_header": {"X-Mcp-Key"}, "credential_value": {mcpCredential}},
			map[string]any{"credential_header": "X-Mcp-Key", "credential_value": mcpCredential})
		door.Send(url.Values{"url": {""}}, `{"url":null}`)
		webtest.Same(t, "header without an address", c.Server(id)["credential_header"], nil)
	}
}

func TestCredentialsRefused(t *testing.T) {
	c := webtest.NewConsole(t)
	with := func(name, header, value, code, param string) webtest.BadRow {
		body, _ := json.Marshal(map[string]string{"name": "x", "url": "https://example.com/", "credential_header": header, "credential_value": value})
		return webtest.BadRow{Name: name, Form: url.Values{"name": {"x"}, "url": {"https://example.com/"}, "credential_header": {header}, "credential_value": {value}}, Body: string(body), Code: code, Param: param}
	}
	c.RefusesAll(t, []webtest.BadRow{
		with("two headers", "A\r\nB", mcpCredential, "invalid_characters", "credential_header"),
		with("a space", "X Key", mcpCredential, "invalid_header", "credential_header"),
		with("host", "HOST", mcpCredential, "invalid_header", "credential_header"),
		with("session of the protocol", "Mcp-Session-Id", mcpCredential, "invalid_header", "credential_header"),
		with("for a proxy", "Proxy-Authorization", mcpCredential, "invalid_header", "credential_header"),
		with("two lines", "Authorization", "a\nHost: b", "invalid_characters", "credential_value"),
		with("not ASCII", "Authorization", "schlüssel", "invalid_characters", "credential_value"),
		with("long", "Authorization", strings.Repeat("x", 4097), "too_long", "credential_value"),
		{
			Name: "no value", Form: url.Values{"name": {"x"}, "url": {"https://example.com/"}, "credential_header": {"Authorization"}},
			Body: `{"name":"x","url":"https://example.com/","credential_header":"Authorization"}`, Code: "required", Param: "credential_value",
		},
		{
			Name: "no header", Form: url.Values{"name": {"x"}, "url": {"https://example.com/"}, "credential_value": {mcpCredential}},
			Body: `{"name":"x","url":"https://example.com/","credential_value":"` + mcpCredential + `"}`, Code: "required", Param: "credential_header",
		},
		{
			Name: "no address", Form: url.Values{"name": {"x"}, "credential_header": {"A"}, "credential_value": {mcpCredential}},
			Body: `{"name":"x","credential_header":"A","credential_value":"` + mcpCredential + `"}`, Code: "required", Param: "url",
		},
		{Name: "null value", Form: nil, Body: `{"name":"x","url":"https://example.com/","credential_header":"A","credential_value":null}`, Code: "null_not_allowed", Param: "credential_value"},
		{Name: "number", Form: nil, Body: `{"name":"x","url":"https://example.com/","credential_header":"A","credential_value":1}`, Code: "wrong_type", Param: "credential_value"},
		{
			Name: "removed and given", Form: url.Values{"name": {"x"}, "url": {"https://example.com/"}, "remove_credential": {"true"}, "credential_value": {mcpCredential}},
			Body: `{"name":"x","url":"https://example.com/","credential_header":null,"credential_value":"x"}`, Code: "credential_removed", Param: "credential_value",
		},
	}, "/mcp/clients", "POST", "/api/mcp/clients")
	webtest.Same(t, "servers", c.Count("mcp_servers"), 0)
	if strings.Contains(c.Log.String(), mcpToken) {
		t.Error("the log has the credential")
	}
}

// The credential goes to one address: not where that redirects, and not to another path of the same host.
func TestCredentialIsSentToItsAddressAlone(t *testing.T) {
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
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
	c.APIKey().API("POST", "/api/mcp/clients", map[string]any{
		"client_id": "files", "name": "Files", "url": redirecting.URL + "/mcp", "credential_header": "authorization", "credential_value": mcpCredential,
	}).Is(201)
	c.APIKey().API("POST", "/api/mcp/clients/files/refresh-tools", nil).Refuses(400, "discovery_failed", "url")
	if sent.Load() == 0 || elsewhere.Load() != 0 {
		t.Errorf("sent %d times, followed %d times", sent.Load(), elsewhere.Load())
	}
}

func TestCredentialsAreKeptNowhere(t *testing.T) {
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.MCPPrivate = true })
	address := guardedMCP(t, "Authorization")
	browser, program := c.Login(webtest.Admin), c.APIKey()
	places := map[string]string{}
	visit := func(a webtest.Answer) {
		places[fmt.Sprint(len(places), " ", a.Request.Method, " ", a.Request.URL)] = string(a.Body) + fmt.Sprint(a.Header)
	}
	given := url.Values{"name": {"Files"}, "url": {address}, "credential_header": {"Authorization"}, "credential_value": {mcpCredential}}
	visit(browser.Post("/mcp/clients", given).Is(303))
	wrong := url.Values{"name": {""}, "url": {address}, "credential_header": {"Authorization"}, "credential_value": {mcpCredential}}
	visit(browser.Save("/mcp/clients/files", wrong).Is(422))
	visit(program.API("PUT", "/api/mcp/clients/files", map[string]any{"credential_value": mcpCredential, "name": ""}).Is(400))
	visit(program.API("PUT", "/api/mcp/clients/files", map[string]any{"credential_value": mcpCredential}).Is(200))
	visit(program.API("POST", "/api/mcp/clients/files/refresh-tools", nil).Is(200))
	visit(browser.Post("/mcp/clients/files/refresh-tools", nil).Is(303))
	for _, path := range []string{
		"/mcp/clients", "/mcp/clients/files", "/mcp/clients/files/edit", "/mcp/clients/files/delete", "/audit", "/audit/export?format=csv", "/audit/export?format=jsonl",
		"/settings", "/mcp/tool-groups/new", "/access-profiles/new",
	} {
		visit(browser.Get(path).Is(200))
	}
	for _, path := range []string{"/api/mcp/clients", "/api/mcp/clients/files", "/api/access-profiles/audit-logs"} {
		visit(program.Get(path).Is(200))
	}
	for table, rows := range c.EveryTable(c.Owner()) {
		places["table "+table] = rows
	}
	places["the log"] = c.Log.String()
	for _, form := range []string{mcpCredential, base64.StdEncoding.EncodeToString([]byte(mcpCredential))} {
		if leak := webtest.Leaks(places, form); leak != "" {
			t.Error(leak)
		}
	}
	// Another secret of the console cannot read it, and says so.
	c.Exec("UPDATE mcp_servers SET url = ?", address+"/")
	program.API("POST", "/api/mcp/clients/files/refresh-tools", nil).Refuses(400, "credential_unreadable", "credential_value")
}
