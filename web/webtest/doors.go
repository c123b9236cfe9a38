package webtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Doors are the paths that proxies send their checks to; each answers a copy of the request of their client.
var Doors = []string{"/authz/forward", "/authz/nginx", "/authz/envoy/v1/chat/completions"}

// Trusting are the same paths with an option to trust the headers of the proxy.
var Trusting = []string{
	"/authz/forward?trust=headers", "/authz/nginx?trust=headers", "/authz/envoy-with/trust=headers/v1/chat/completions",
}

// Asking are the same paths with options in their URL.
func Asking(options string) []string {
	return []string{"/authz/forward?" + options, "/authz/nginx?" + options, "/authz/envoy-with/" + options + "/v1/x"}
}

// Closed fails the test unless a check denies with this status, or with the one that nginx understands.
func (a Answer) Closed(kind string, status int) Answer {
	a.T.Helper()
	want := status
	if strings.HasPrefix(a.Request.URL.Path, "/authz/nginx") && status != 401 {
		want = 403 // nginx knows no other status
	}
	if a.StatusCode != want || a.Header.Get("X-Access-Reason") != kind || a.Header.Get("X-Access-Status") != strconv.Itoa(status) || a.JSON()["allowed"] != false {
		a.T.Errorf("%s %s: %d %s %s %s, want %d %s %d", a.Request.Method, a.Request.URL, a.StatusCode, a.Header.Get("X-Access-Reason"), a.Header.Get("X-Access-Status"), a.Body, want, kind, status)
	}
	return a
}

// Opened fails the test unless a door let the call through.
func (a Answer) Opened() Answer {
	a.T.Helper()
	if a.StatusCode != 200 || a.Header.Get("X-Access-Reason") != "allowed" || a.Header.Get("X-Access-Status") != "200" || a.JSON()["allowed"] != true {
		a.T.Errorf("%s %s: %d %v %s", a.Request.Method, a.Request.URL, a.StatusCode, a.Header, a.Body)
	}
	return a
}

// Body asks a door about a call with this JSON body.
func (v Client) Body(door, body string) Answer {
	v.T.Helper()
	return v.Send("POST", door, "application/json", strings.NewReader(body))
}

// ToolCall is the call of an MCP tool as a client sends it.
const ToolCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_issue","arguments":{"name":"x"}}}`

// Entity is an AuthZEN entity; properties are names and values in turn.
func Entity(kind, id string, properties ...any) Object {
	e := Object{"type": kind, "id": id}
	if len(properties) > 0 {
		e["properties"] = With(Object{}, properties...)
	}
	return e
}

// Call is the AuthZEN action of calling a model or tool.
var Call = Object{"name": "call"}

// Evaluation is an AuthZEN request of the gateway's own key.
func Evaluation(subject, resource Object) Object {
	return Object{"subject": subject, "action": Call, "resource": resource}
}

// Mine is the gateway's key as an AuthZEN subject.
func (g Gateway) Mine() Object { return Entity("virtual_key", g.Key) }

// Modelled is a model that the gateway's user may call, as an AuthZEN resource.
var Modelled = Entity("model", "openai/gpt-4o")

// Chance makes random calls. It logs its seed; TOLLGATE_SEED repeats a run.
type Chance struct {
	*rand.Rand
	Keys []string
}

// NewChance makes random calls; the seed is logged, and TOLLGATE_SEED repeats it.
func NewChance(t *testing.T, keys ...string) Chance {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("TOLLGATE_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("TOLLGATE_SEED=%d", seed)
	return Chance{rand.New(rand.NewPCG(seed, 3)), keys}
}

// One is one of these.
func (r Chance) One(of ...string) string { return of[r.IntN(len(of))] }

// Model is the name of a model, spelled in one of many ways.
func (r Chance) Model() string {
	return r.One("gpt-4o", "gpt-4o-mini", "gpt-3", "openai/gpt-4o", "openai/gpt-4o-mini", "openai/gpt-3", "azure/gpt-4o", "azure/o5", "o5",
		"openai/openai/gpt-4o", "OpenAI/gpt-4o", "gpt-4o ", "", "/", "*", "openai/*", "models/gpt-4o", "GPT-4O", "gpt-4o/../gpt-3")
}

// Quoted is text as JSON, sometimes with escapes.
func (r Chance) Quoted(text string) string {
	encoded, _ := json.Marshal(text)
	if r.IntN(4) > 0 || text == "" || strings.ContainsFunc(text, func(c rune) bool { return c > '~' }) {
		return string(encoded)
	}
	at := r.IntN(len(text))
	return fmt.Sprintf(`"%s\u%04x%s"`, text[:at], text[at], text[at+1:])
}

// Body is one that a client may send: usually valid, often with something that parsers read differently.
func (r Chance) Body() string {
	var members []string
	add := func(name, value string) { members = append(members, r.Quoted(name)+r.One(":", " : ", ":\n")+value) }
	for range r.IntN(3) {
		add(r.One("messages", "user", "stream", "tools", "n"), r.One(`[{"model":"openai/gpt-4o"}]`, `"x"`, `true`, `{"a":[1,{"model":"x"}]}`, `1e3`))
	}
	if r.IntN(8) > 0 {
		add("model", r.Quoted(r.Model()))
	}
	switch r.IntN(8) {
	case 0:
		add("fallbacks", `[`+r.Quoted(r.Model())+`,{"provider":`+r.Quoted(r.One("openai", "azure"))+`,"model":`+r.Quoted(r.Model())+`}]`)
	case 1:
		add("models", `[`+r.Quoted(r.Model())+`]`)
	case 2:
		add(r.One("model", "Model", "MODEL", "modeﬂ", "fallbacks", "FallBacks", "models"), r.One(`null`, `7`, `[]`, `{}`, r.Quoted(r.Model()), `["gpt-3"]`))
	case 3:
		add("params", `{"name":"create_issue"}`)
	}
	r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	body := "{" + strings.Join(members, r.One(",", ", ", ",\n")) + "}"
	switch r.IntN(30) {
	case 0:
		return body[:r.IntN(len(body))]
	case 1:
		return "[" + body + "]"
	case 2:
		return body + body
	}
	return body
}

// Hostile adds headers that a client may send.
func (r Chance) Hostile(v Client) Client {
	for range r.IntN(3) {
		v = v.With(r.One("X-Model", "X-Ai-Eg-Model"), r.Model()).With("X-Provider", r.One("openai", "azure")).
			With(r.One("X-Mcp-Client-Id", "X-Original-Method", "X-Access-Status"), r.One("github", "GET", "200"))
	}
	v = v.With(r.One("Authorization", "X-Bf-Vk", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"), "Bearer "+r.Keys[r.IntN(len(r.Keys))])
	if r.IntN(10) == 0 {
		v = v.With(r.One("X-Api-Key", "X-Bf-Vk"), r.Keys[r.IntN(len(r.Keys))])
	}
	return v
}

// Sent is a call as a client sends it to a proxy.
type Sent struct {
	Method, URI, Body string
	Header            map[string]string
}

// Traefik checks a call as Traefik does with forwardBody: by GET, with every header of the client and some of its own.
func (v Client) Traefik(address string, s Sent) Answer {
	v.T.Helper()
	v.Header = http.Header{}
	for name, value := range s.Header {
		v.Header.Set(name, value)
	}
	for name, value := range map[string]string{
		"X-Forwarded-Method": s.Method, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "llm.example.com", "X-Forwarded-URI": s.URI,
		"X-Forwarded-For": "192.0.2.7", "Accept-Encoding": "gzip",
	} {
		v.Header.Set(name, value)
	}
	return v.Send("GET", address, "", strings.NewReader(s.Body))
}

// Envoy checks a call as Envoy's ext_authz does: it repeats the call below a prefix, with the headers that the document
// lets it pass on.
func (v Client) Envoy(prefix string, s Sent) Answer {
	v.T.Helper()
	v.Header = http.Header{"X-Envoy-Auth-Partial-Body": {"false"}, "X-Forwarded-For": {"192.0.2.7"}, "Host": {"llm.example.com"}}
	passes := passedByEnvoy(v.T)
	for name, value := range s.Header {
		if passes(strings.ToLower(name)) {
			v.Header.Set(name, value)
		}
	}
	return v.Send(s.Method, prefix+s.URI, "", strings.NewReader(s.Body))
}

var headerPattern = regexp.MustCompile(`- \{ (exact|prefix): (\S+) \}`)

// passedByEnvoy reads from docs/gateways.md which headers its configuration of Envoy passes on to the check. Envoy adds
// Authorization to them.
func passedByEnvoy(t testing.TB) func(name string) bool {
	t.Helper()
	text, err := os.ReadFile("../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "allowed_headers:\n")
	list, _, _ = strings.Cut(list, "authorization_response:\n")
	patterns := headerPattern.FindAllStringSubmatch(list, -1)
	if len(patterns) == 0 {
		t.Fatal("docs/gateways.md lists no headers for Envoy")
	}
	return func(name string) bool {
		return name == "authorization" || slices.ContainsFunc(patterns, func(pattern []string) bool {
			return name == pattern[2] || pattern[1] == "prefix" && strings.HasPrefix(name, pattern[2])
		})
	}
}
