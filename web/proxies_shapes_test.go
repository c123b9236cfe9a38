package web_test

import (
	"maps"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Calls of official clients pass through the configurations that docs/gateways.md has for Traefik and Envoy; what
// hostile clients add changes nothing.
func TestTraefikAndEnvoy(t *testing.T) {
	g := webtest.NewGateway(t)
	openAI := map[string]string{"Authorization": "Bearer " + g.Key, "Content-Type": "application/json", "X-Stainless-Lang": "python"}
	anthropic := map[string]string{
		"X-Api-Key": g.Key, "Authorization": "Bearer sk-ant-oat01-x", "Content-Type": "application/json", "Anthropic-Version": "2023-06-01",
	}
	hostile := map[string]string{
		"X-Model": "openai/gpt-4o", "X-Ai-Eg-Model": "openai/gpt-4o", "X-Provider": "openai", "X-Mcp-Client-Id": "github",
		"X-Tool-Name": "create_issue", "X-Original-Method": "GET", "X-Access-Status": "200",
	}
	schema := strings.Repeat(`{"type":"object","properties":{"a":`, 60) + `{"type":"string"}` + strings.Repeat(`}}`, 60)
	chat := func(model string) string {
		return `{"model":"` + model + `","messages":[{"role":"user","content":"hi\u0000"}],"tools":[{"function":{"parameters":` + schema + `}}]}`
	}
	for name, c := range map[string]struct {
		webtest.Sent
		status int
	}{
		"a chat":                    {webtest.Sent{Method: "POST", URI: "/v1/chat/completions", Body: chat("gpt-4o"), Header: openAI}, 200},
		"a chat with a provider":    {webtest.Sent{Method: "POST", URI: "/v1/chat/completions", Body: chat("openai/gpt-4o"), Header: openAI}, 200},
		"another model":             {webtest.Sent{Method: "POST", URI: "/v1/chat/completions", Body: chat("gpt-3"), Header: openAI}, 403},
		"a message":                 {webtest.Sent{Method: "POST", URI: "/v1/messages?beta=true", Body: chat("gpt-4o-mini"), Header: anthropic}, 200},
		"another model's message":   {webtest.Sent{Method: "POST", URI: "/v1/messages?beta=true", Body: chat("claude"), Header: anthropic}, 403},
		"a list":                    {webtest.Sent{Method: "GET", URI: "/v1/models?limit=3", Body: "", Header: openAI}, 200},
		"a query with options":      {webtest.Sent{Method: "POST", URI: "/v1/chat/completions?model=openai/gpt-4o&trust=headers", Body: chat("gpt-3"), Header: openAI}, 403},
		"no body":                   {webtest.Sent{Method: "POST", URI: "/v1/chat/completions?model=openai/gpt-4o", Body: "", Header: openAI}, 403},
		"an upload":                 {webtest.Sent{Method: "POST", URI: "/v1/audio/transcriptions", Body: "--x", Header: map[string]string{"X-Api-Key": g.Key, "Content-Type": "multipart/form-data; boundary=x"}}, 403},
		"a batch that is deleted":   {webtest.Sent{Method: "DELETE", URI: "/v1/files/1", Body: "", Header: openAI}, 403},
		"no key":                    {webtest.Sent{Method: "POST", URI: "/v1/chat/completions", Body: chat("gpt-4o"), Header: map[string]string{"Content-Type": "application/json"}}, 401},
		"a body of the other media": {webtest.Sent{Method: "POST", URI: "/v1/chat/completions", Body: chat("gpt-4o"), Header: map[string]string{"X-Api-Key": g.Key, "Content-Type": "text/plain"}}, 403},
	} {
		for _, more := range []map[string]string{nil, hostile} {
			s := c.Sent
			s.Header = maps.Clone(s.Header)
			maps.Copy(s.Header, more)
			for door, a := range map[string]webtest.Answer{
				"Traefik": g.Anonymous().Traefik("/authz/forward", s), "Traefik with options": g.Anonymous().Traefik("/authz/forward?provider=openai", s),
				"Envoy": g.Anonymous().Envoy("/authz/envoy", s), "Envoy with options": g.Anonymous().Envoy("/authz/envoy-with/provider=openai", s),
			} {
				if a.StatusCode != c.status || (a.JSON()["error"] == nil) != (c.status == 200) {
					t.Errorf("%s by %s: %d %s, want %d", name, door, a.StatusCode, a.Body, c.status)
				}
			}
		}
	}
	// A GET that opens a WebSocket or asks for another method does more than read.
	for _, header := range []string{
		"Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method",
	} {
		s := webtest.Sent{Method: "GET", URI: "/v1/images/generations", Header: map[string]string{"X-Api-Key": g.Key, header: "POST"}}
		g.Anonymous().Envoy("/authz/envoy", s).Closed("model_blocked", 403)
		if header != "Upgrade" { // Traefik removes it
			g.Anonymous().Traefik("/authz/forward", s).Closed("model_blocked", 403)
		}
	}
	mcp := webtest.Sent{Method: "POST", URI: "/mcp", Body: webtest.ToolCall, Header: map[string]string{"X-Bf-Vk": g.Key, "Content-Type": "application/json"}}
	g.Anonymous().Traefik("/authz/forward?mcp_client_id=github", mcp).Opened()
	g.Anonymous().Envoy("/authz/envoy-with/mcp_client_id=github", mcp).Opened()
	g.Anonymous().Envoy("/authz/envoy-with/mcp_client_id=jira", mcp).Closed("mcp_tool_blocked", 403)
}
