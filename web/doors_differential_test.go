package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// readings are the models that JSON parsers find in a body: those that take the first of two members, those that take
// the last, and those that ignore the case of names.
func readings(t *testing.T, body string) [][]webtest.Object {
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
	var all [][]webtest.Object
	for _, read := range []map[string]any{first, last, folded} {
		all = append(all, named(read))
	}
	return all
}

// named are the models that a body leads to.
func named(read map[string]any) (all []webtest.Object) {
	one := func(value any) {
		switch value := value.(type) {
		case string:
			all = append(all, webtest.Object{"model": value})
		case map[string]any:
			all = append(all, webtest.Object{"model": value["model"], "provider": value["provider"]})
		default:
			all = append(all, webtest.Object{"model": "of no known form"})
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
	webtest.Client
	answers map[string]bool
}

func (o oracle) allows(key string, models []webtest.Object) bool {
	for _, m := range models {
		name := fmt.Sprint(key, m)
		allowed, asked := o.answers[name]
		if !asked {
			call := webtest.With(m, "virtual_key", key)
			if call["provider"] == nil {
				delete(call, "provider")
			}
			a := o.API("POST", "/api/decisions", call)
			allowed = a.StatusCode == 200 && a.JSON()["decision"] == true
			o.answers[name] = allowed
		}
		if !allowed {
			return false
		}
	}
	return len(models) > 0
}

// keyOf is the only virtual key of a call; "" for none or several.
func keyOf(v webtest.Client, keys []string) string {
	found := ""
	for _, values := range v.Header {
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

func newDifferential(t *testing.T) (webtest.Gateway, oracle, webtest.Chance) {
	t.Helper()
	g := webtest.NewGateway(t)
	g.Admin.API("POST", "/api/providers", webtest.Object{"name": "azure", "models": []string{"gpt-4o", "o5"}}).Is(201)
	_, both := g.Give(g.Bob, g.Work)
	g.Give(g.Bob, g.ProfileNaming("Azure", `"provider_configs":[{"provider_name":"azure","all_models_allowed":true}]`))
	return g, oracle{g.Admin, map[string]bool{}}, webtest.NewChance(t, g.Key, both, "sk-bf-unknown")
}

// The proxy checks agree with each other, and allow nothing that /api/decisions would deny to any parser of the body.
func TestProxyChecksAgreeWithDecisions(t *testing.T) {
	g, decisions, random := newDifferential(t)
	allowed := 0
	for range 700 {
		v, body := random.Hostile(g.Anonymous()), random.Body()
		opened := map[string]bool{}
		for _, door := range append(slices.Clone(webtest.Doors), "/authz/envoy-with//v1/x") {
			opened[door] = v.Body(door, body).StatusCode == 200
		}
		got := opened[webtest.Doors[0]]
		for door, open := range opened {
			if open != got {
				t.Fatalf("%s says %v, %s says %v, of %q with %v", webtest.Doors[0], got, door, open, body, v.Header)
			}
		}
		key, reads := keyOf(v, random.Keys), readings(t, body)
		every := len(reads) > 0
		for _, models := range reads {
			every = every && decisions.allows(key, models)
		}
		if got && !every {
			t.Fatalf("the doors allow %q with %v", body, v.Header)
		}
		if got {
			allowed++
		}
		// A body without a trap is allowed exactly when decisions allow it.
		if plain := plainly(body); every && plain && !got {
			t.Fatalf("the doors deny %q with %v", body, v.Header)
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
	p := webtest.NewProvider(t)
	bodies, _ := g.Nginx(t, "nginx", g.Console, p)
	paths := map[string]*webtest.Console{"caddy": g.Caddy(t, g.Console, p)}
	paths["nginx"], _ = g.Nginx(t, "nginx-auth-request", g.Console, p)
	arrived := map[string]int{}
	for range 250 {
		v, body := random.Hostile(g.Anonymous().At(bodies)), random.Body()
		before := p.Calls.Load()
		v.Body("/v1/chat/completions"+random.One("", "?model=openai/gpt-4o", "?trust=headers", "?provider=azure"), body)
		if p.Calls.Load() > before {
			got := p.Last.Load().Body
			webtest.Same(t, "body", got, body)
			for _, models := range readings(t, got) {
				if !decisions.allows(keyOf(v, random.Keys), models) {
					t.Fatalf("nginx lets %q pass with %v", body, v.Header)
				}
			}
			arrived["bodies"]++
		}
	}
	for name, proxy := range paths {
		for range 150 {
			v := random.Hostile(g.Anonymous().At(proxy))
			model := random.One("gpt-4o", "gpt-4o-mini", "gpt-3", "openai/gpt-4o", "azure/o5", "o5", "x")
			path := random.One("/v1beta/models/", "/v1//models/", "/x/../v1beta/models/", "/v1beta/%6dodels/") + url.PathEscape(model) +
				random.One(":generateContent", ":streamGenerateContent", "%3AgenerateContent", "") + random.One("", "?model=gpt-4o", "?path=gemini&trust=headers", "?method=GET", "/../gpt-3:generateContent")
			before := p.Calls.Load()
			v.Body(path, `{"contents":[]}`)
			if p.Calls.Load() == before {
				continue
			}
			arrived[name]++
			got, err := url.Parse(p.Last.Load().Path)
			g.Must(err)
			_, asked, _ := strings.Cut(got.Path, "/models/")
			asked, _, found := strings.Cut(asked, ":")
			if !found || strings.Contains(got.Path, "..") || !decisions.allows(keyOf(v, random.Keys), []webtest.Object{{"model": asked}}) {
				t.Fatalf("%s lets %s pass as %s with %v", name, path, got.Path, v.Header)
			}
		}
	}
	for _, name := range []string{"bodies", "caddy", "nginx"} {
		if arrived[name] < 5 {
			t.Errorf("only %d calls of %s arrived: too few to tell", arrived[name], name)
		}
	}
}
