package web_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// chance makes random calls. It logs its seed; TOLLGATE_SEED repeats a run.
type chance struct {
	*rand.Rand
	keys []string
}

func newChance(t *testing.T, keys ...string) chance {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("TOLLGATE_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("TOLLGATE_SEED=%d", seed)
	return chance{rand.New(rand.NewPCG(seed, 3)), keys}
}

func (r chance) one(of ...string) string { return of[r.IntN(len(of))] }

func (r chance) model() string {
	return r.one("gpt-4o", "gpt-4o-mini", "gpt-3", "openai/gpt-4o", "openai/gpt-4o-mini", "openai/gpt-3", "azure/gpt-4o", "azure/o5", "o5",
		"openai/openai/gpt-4o", "OpenAI/gpt-4o", "gpt-4o ", "", "/", "*", "openai/*", "models/gpt-4o", "GPT-4O", "gpt-4o/../gpt-3")
}

// quoted is text as JSON, sometimes with escapes.
func (r chance) quoted(text string) string {
	encoded, _ := json.Marshal(text)
	if r.IntN(4) > 0 || text == "" || strings.ContainsFunc(text, func(c rune) bool { return c > '~' }) {
		return string(encoded)
	}
	at := r.IntN(len(text))
	return fmt.Sprintf(`"%s\u%04x%s"`, text[:at], text[at], text[at+1:])
}

// body is one that a client may send: usually valid, often with something that parsers read differently.
func (r chance) body() string {
	var members []string
	add := func(name, value string) { members = append(members, r.quoted(name)+r.one(":", " : ", ":\n")+value) }
	for range r.IntN(3) {
		add(r.one("messages", "user", "stream", "tools", "n"), r.one(`[{"model":"openai/gpt-4o"}]`, `"x"`, `true`, `{"a":[1,{"model":"x"}]}`, `1e3`))
	}
	if r.IntN(8) > 0 {
		add("model", r.quoted(r.model()))
	}
	switch r.IntN(8) {
	case 0:
		add("fallbacks", `[`+r.quoted(r.model())+`,{"provider":`+r.quoted(r.one("openai", "azure"))+`,"model":`+r.quoted(r.model())+`}]`)
	case 1:
		add("models", `[`+r.quoted(r.model())+`]`)
	case 2:
		add(r.one("model", "Model", "MODEL", "modeﬂ", "fallbacks", "FallBacks", "models"), r.one(`null`, `7`, `[]`, `{}`, r.quoted(r.model()), `["gpt-3"]`))
	case 3:
		add("params", `{"name":"create_issue"}`)
	}
	r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	body := "{" + strings.Join(members, r.one(",", ", ", ",\n")) + "}"
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

// hostile adds headers that a client may send.
func (r chance) hostile(v client) client {
	for range r.IntN(3) {
		v = v.with(r.one("X-Model", "X-Ai-Eg-Model"), r.model()).with("X-Provider", r.one("openai", "azure")).
			with(r.one("X-Mcp-Client-Id", "X-Original-Method", "X-Access-Status"), r.one("github", "GET", "200"))
	}
	v = v.with(r.one("Authorization", "X-Bf-Vk", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"), "Bearer "+r.keys[r.IntN(len(r.keys))])
	if r.IntN(10) == 0 {
		v = v.with(r.one("X-Api-Key", "X-Bf-Vk"), r.keys[r.IntN(len(r.keys))])
	}
	return v
}

// readings are the models that JSON parsers find in a body: those that take the first of two members, those that take
// the last, and those that ignore the case of names.
func readings(t *testing.T, body string) [][]object {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(body))
	first, last, folded := map[string]any{}, map[string]any{}, map[string]any{}
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil
		}
		var value any
		if decoder.Decode(&value) != nil {
			return nil
		}
		text := name.(string)
		if _, had := first[text]; !had {
			first[text] = value
		}
		last[text], folded[strings.ToLower(text)] = value, value
	}
	var all [][]object
	for _, read := range []map[string]any{first, last, folded} {
		all = append(all, named(read))
	}
	return all
}

// named are the models that a body leads to.
func named(read map[string]any) (all []object) {
	one := func(value any) {
		switch value := value.(type) {
		case string:
			all = append(all, object{"model": value})
		case map[string]any:
			all = append(all, object{"model": value["model"], "provider": value["provider"]})
		default:
			all = append(all, object{"model": "of no known form"})
		}
	}
	if model, ok := read["model"]; ok {
		one(model)
	}
	for _, list := range []string{"fallbacks", "models"} {
		entries, _ := read[list].([]any)
		for _, entry := range entries {
			one(entry)
		}
	}
	return all
}

// oracle asks /api/decisions, once for each call.
type oracle struct {
	client
	answers map[string]bool
}

func (o oracle) allows(key string, models []object) bool {
	for _, m := range models {
		name := fmt.Sprint(key, m)
		allowed, asked := o.answers[name]
		if !asked {
			call := with(m, "virtual_key", key)
			if call["provider"] == nil {
				delete(call, "provider")
			}
			a := o.api("POST", "/api/decisions", call)
			allowed = a.StatusCode == 200 && a.json()["decision"] == true
			o.answers[name] = allowed
		}
		if !allowed {
			return false
		}
	}
	return len(models) > 0
}

// keyOf is the only virtual key of a call; "" for none or several.
func keyOf(v client, keys []string) string {
	found := ""
	for _, values := range v.header {
		for _, value := range values {
			value = strings.TrimPrefix(value, "Bearer ")
			switch {
			case !slices.Contains(keys, value) || value == found:
			case found != "":
				return ""
			default:
				found = value
			}
		}
	}
	return found
}

func newDifferential(t *testing.T) (gateway, oracle, chance) {
	t.Helper()
	g := newGateway(t)
	g.admin.api("POST", "/api/providers", object{"name": "azure", "models": []string{"gpt-4o", "o5"}}).is(201)
	_, both := g.give(g.bob, g.work)
	g.give(g.bob, g.profileNaming("Azure", `"provider_configs":[{"provider_name":"azure","all_models_allowed":true}]`))
	return g, oracle{g.admin, map[string]bool{}}, newChance(t, g.key, both, "sk-bf-unknown")
}

// The proxy checks agree with each other, and allow nothing that /api/decisions would deny to any parser of the body.
func TestProxyChecksAgreeWithDecisions(t *testing.T) {
	g, decisions, random := newDifferential(t)
	allowed := 0
	for range 700 {
		v, body := random.hostile(g.anonymous()), random.body()
		opened := map[string]bool{}
		for _, door := range append(slices.Clone(doors), "/authz/envoy-with//v1/x") {
			opened[door] = v.body(door, body).StatusCode == 200
		}
		got := opened[doors[0]]
		for door, open := range opened {
			if open != got {
				t.Fatalf("%s says %v, %s says %v, of %q with %v", doors[0], got, door, open, body, v.header)
			}
		}
		key, reads := keyOf(v, random.keys), readings(t, body)
		every := len(reads) > 0
		for _, models := range reads {
			every = every && decisions.allows(key, models)
		}
		if got && !every {
			t.Fatalf("the doors allow %q with %v", body, v.header)
		}
		if got {
			allowed++
		}
		// A body without a trap is allowed exactly when decisions allow it.
		if plain := plainly(body); every && plain && !got {
			t.Fatalf("the doors deny %q with %v", body, v.header)
		}
	}
	if allowed < 20 {
		t.Errorf("only %d calls were allowed: too few to tell", allowed)
	}
}

// plainly reports whether a body is one object with a model as text and no member that parsers could read in two ways.
func plainly(body string) bool {
	var whole map[string]any
	if json.Unmarshal([]byte(body), &whole) != nil || len(whole) != countMembers(body) {
		return false
	}
	for name := range whole {
		if name != strings.ToLower(name) {
			return false
		}
	}
	for _, list := range []string{"fallbacks", "models"} {
		if _, listed := whole[list].([]any); whole[list] != nil && !listed {
			return false
		}
	}
	_, model := whole["model"].(string)
	return model
}

// countMembers is how many members the object has, including duplicates.
func countMembers(body string) (n int) {
	decoder := json.NewDecoder(strings.NewReader(body))
	_, _ = decoder.Token()
	for decoder.More() {
		var value any
		if _, err := decoder.Token(); err != nil || decoder.Decode(&value) != nil {
			return -1
		}
		n++
	}
	return n
}

// Through a real proxy, the model that the provider receives is always one that is allowed.
func TestTheModelThatArrivesWasDecided(t *testing.T) {
	g, decisions, random := newDifferential(t)
	p := newProvider(t)
	bodies, _ := g.nginx(t, "nginx", g.console, p)
	paths := map[string]*console{"caddy": g.caddy(t, g.console, p)}
	paths["nginx"], _ = g.nginx(t, "nginx-auth-request", g.console, p)
	arrived := map[string]int{}
	for range 250 {
		v, body := random.hostile(g.anonymous().at(bodies)), random.body()
		before := p.calls.Load()
		v.body("/v1/chat/completions"+random.one("", "?model=openai/gpt-4o", "?trust=headers", "?provider=azure"), body)
		if p.calls.Load() > before {
			got := p.last.Load().body
			same(t, "body", got, body)
			for _, models := range readings(t, got) {
				if !decisions.allows(keyOf(v, random.keys), models) {
					t.Fatalf("nginx lets %q pass with %v", body, v.header)
				}
			}
			arrived["bodies"]++
		}
	}
	for name, proxy := range paths {
		for range 150 {
			v := random.hostile(g.anonymous().at(proxy))
			model := random.one("gpt-4o", "gpt-4o-mini", "gpt-3", "openai/gpt-4o", "azure/o5", "o5", "x")
			path := random.one("/v1beta/models/", "/v1//models/", "/x/../v1beta/models/", "/v1beta/%6dodels/") + url.PathEscape(model) +
				random.one(":generateContent", ":streamGenerateContent", "%3AgenerateContent", "") + random.one("", "?model=gpt-4o", "?path=gemini&trust=headers", "?method=GET", "/../gpt-3:generateContent")
			before := p.calls.Load()
			v.body(path, `{"contents":[]}`)
			if p.calls.Load() == before {
				continue
			}
			arrived[name]++
			got, err := url.Parse(p.last.Load().path)
			g.must(err)
			_, asked, _ := strings.Cut(got.Path, "/models/")
			asked, _, found := strings.Cut(asked, ":")
			if !found || strings.Contains(got.Path, "..") || !decisions.allows(keyOf(v, random.keys), []object{{"model": asked}}) {
				t.Fatalf("%s lets %s pass as %s with %v", name, path, got.Path, v.header)
			}
		}
	}
	for _, name := range []string{"bodies", "caddy", "nginx"} {
		if arrived[name] < 5 {
			t.Errorf("only %d calls of %s arrived: too few to tell", arrived[name], name)
		}
	}
}
