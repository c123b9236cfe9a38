package web_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// sent is a call as a client sends it to a proxy.
type sent struct {
	method, uri, body string
	header            map[string]string
}

// traefik checks a call as Traefik does with forwardBody: by GET, with every header of the client and some of its own.
func (v client) traefik(address string, s sent) answer {
	v.t.Helper()
	v.header = http.Header{}
	for name, value := range s.header {
		v.header.Set(name, value)
	}
	for name, value := range map[string]string{
		"X-Forwarded-Method": s.method, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "llm.example.com", "X-Forwarded-Uri": s.uri,
		"X-Forwarded-For": "192.0.2.7", "Accept-Encoding": "gzip",
	} {
		v.header.Set(name, value)
	}
	return v.send("GET", address, "", strings.NewReader(s.body))
}

// envoy checks a call as Envoy's ext_authz does: it repeats the call below a prefix, with the headers that it may pass
// on.
func (v client) envoy(prefix string, s sent) answer {
	v.t.Helper()
	v.header = http.Header{"X-Envoy-Auth-Partial-Body": {"false"}, "X-Forwarded-For": {"192.0.2.7"}, "Host": {"llm.example.com"}}
	passed := []string{"authorization", "x-bf-vk", "x-api-key", "x-goog-api-key", "api-key", "content-type", "content-encoding", "upgrade"}
	for name, value := range s.header {
		if slices.Contains(passed, strings.ToLower(name)) {
			v.header.Set(name, value)
		}
	}
	return v.send(s.method, prefix+s.uri, "", strings.NewReader(s.body))
}

// Calls of official clients pass through the configurations that docs/gateways.md has for Traefik and Envoy; what
// hostile clients add changes nothing.
func TestTraefikAndEnvoy(t *testing.T) {
	g := newGateway(t)
	openAI := map[string]string{"Authorization": "Bearer " + g.key, "Content-Type": "application/json", "X-Stainless-Lang": "python"}
	anthropic := map[string]string{
		"X-Api-Key": g.key, "Authorization": "Bearer sk-ant-oat01-x", "Content-Type": "application/json", "Anthropic-Version": "2023-06-01",
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
		sent
		status int
	}{
		"a chat":                    {sent{"POST", "/v1/chat/completions", chat("gpt-4o"), openAI}, 200},
		"a chat with a provider":    {sent{"POST", "/v1/chat/completions", chat("openai/gpt-4o"), openAI}, 200},
		"another model":             {sent{"POST", "/v1/chat/completions", chat("gpt-3"), openAI}, 403},
		"a message":                 {sent{"POST", "/v1/messages?beta=true", chat("gpt-4o-mini"), anthropic}, 200},
		"another model's message":   {sent{"POST", "/v1/messages?beta=true", chat("claude"), anthropic}, 403},
		"a list":                    {sent{"GET", "/v1/models?limit=3", "", openAI}, 200},
		"a query with options":      {sent{"POST", "/v1/chat/completions?model=openai/gpt-4o&trust=headers", chat("gpt-3"), openAI}, 403},
		"no body":                   {sent{"POST", "/v1/chat/completions?model=openai/gpt-4o", "", openAI}, 403},
		"an upload":                 {sent{"POST", "/v1/audio/transcriptions", "--x", map[string]string{"X-Api-Key": g.key, "Content-Type": "multipart/form-data; boundary=x"}}, 403},
		"a batch that is deleted":   {sent{"DELETE", "/v1/files/1", "", openAI}, 403},
		"no key":                    {sent{"POST", "/v1/chat/completions", chat("gpt-4o"), map[string]string{"Content-Type": "application/json"}}, 401},
		"a body of the other media": {sent{"POST", "/v1/chat/completions", chat("gpt-4o"), map[string]string{"X-Api-Key": g.key, "Content-Type": "text/plain"}}, 403},
	} {
		for _, more := range []map[string]string{nil, hostile} {
			s := c.sent
			s.header = maps.Clone(s.header)
			maps.Copy(s.header, more)
			for door, a := range map[string]answer{
				"Traefik": g.anonymous().traefik("/authz/forward", s), "Traefik with options": g.anonymous().traefik("/authz/forward?provider=openai", s),
				"Envoy": g.anonymous().envoy("/authz/envoy", s), "Envoy with options": g.anonymous().envoy("/authz/envoy-with/provider=openai", s),
			} {
				if a.StatusCode != c.status || (a.json()["error"] == nil) != (c.status == 200) {
					t.Errorf("%s by %s: %d %s, want %d", name, door, a.StatusCode, a.body, c.status)
				}
			}
		}
	}
	mcp := sent{"POST", "/mcp", toolCall, map[string]string{"X-Bf-Vk": g.key, "Content-Type": "application/json"}}
	g.anonymous().traefik("/authz/forward?mcp_client_id=github", mcp).opened()
	g.anonymous().envoy("/authz/envoy-with/mcp_client_id=github", mcp).opened()
	g.anonymous().envoy("/authz/envoy-with/mcp_client_id=jira", mcp).closed("mcp_tool_blocked", 403)
}
