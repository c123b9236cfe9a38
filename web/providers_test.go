package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// doors sends the same input as a form and as JSON, each to a console with its own kind of client.
type door struct {
	name string
	send func(form url.Values, body any) answer
	// refused is the status of a form with problems; the API answers with 400.
	refused int
}

// doorsTo are the two ways to change a row, or to add one to a list: by the console's path and by the API's.
func doorsTo(c *console, page, method, api string) []door {
	browser, program := c.login(admin), c.apiKey()
	return []door{
		{"form", func(form url.Values, _ any) answer { return browser.post(page, form) }, http.StatusUnprocessableEntity},
		{"json", func(_ url.Values, body any) answer { return program.api(method, api, body) }, http.StatusBadRequest},
	}
}

// badRow is an input that is refused as a form and as JSON.
type badRow struct {
	name        string
	form        url.Values
	body        string
	code, param string
}

func (c *console) refusesAll(t *testing.T, cases []badRow, page, method, api string) {
	t.Helper()
	for _, bad := range cases {
		for _, door := range doorsTo(c, page, method, api) {
			if door.name == "form" && bad.form == nil {
				continue
			}
			t.Run(bad.name+" as "+door.name, func(t *testing.T) {
				got := door.send(bad.form, bad.body)
				got.t = t
				got.refuses(door.refused, bad.code, bad.param)
			})
		}
	}
}

func (c *console) addProvider(name string, models ...string) {
	c.t.Helper()
	c.apiKey().api("POST", "/api/providers", map[string]any{"name": name, "models": append([]string{}, models...)}).is(http.StatusCreated)
}

// profileNaming adds a profile with this part of a policy.
func (c *console) profileNaming(name, policy string) int64 {
	c.t.Helper()
	got := c.apiKey().api("POST", "/api/access-profiles", fmt.Sprintf(`{"name":%q,%s}`, name, policy)).is(http.StatusCreated)
	return int64(got.json()["access_profile"].(map[string]any)["id"].(float64))
}

func (c *console) count(query string, args ...any) (n int) {
	c.t.Helper()
	c.scan(&n, "SELECT count(*) FROM "+query, args...)
	return n
}

func list(value any) []string {
	items := []string{}
	for _, item := range value.([]any) {
		items = append(items, item.(string))
	}
	return items
}

func TestCreateProvider(t *testing.T) {
	c := newConsole(t)
	for i, door := range doorsTo(c, "/providers", "POST", "/api/providers") {
		name := fmt.Sprintf("openai-%d", i)
		got := door.send(url.Values{"name": {name}, "models": {"gpt-5\r\n\r\n  gpt-4o  \n"}}, map[string]any{"name": name, "models": []string{"gpt-5", "gpt-4o"}})
		if door.name == "form" {
			got.redirects("/providers/" + name)
		} else if got.is(http.StatusCreated); got.Header.Get("Location") != "/api/providers/"+name {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		for _, prefix := range []string{"/api/providers/", "/api/governance/providers/"} {
			provider := c.apiKey().get(prefix + name).is(http.StatusOK).json()["provider"].(map[string]any)
			if provider["name"] != name || !slices.Equal(list(provider["models"]), []string{"gpt-5", "gpt-4o"}) {
				t.Errorf("%s: got %v", door.name, provider)
			}
			if at, _ := provider["created_at"].(string); !strings.HasSuffix(at, "Z") {
				t.Errorf("created at %q", at)
			}
		}
		if n := c.count("audit_logs WHERE action = 'create' AND metadata::json->>'resource' = 'provider' AND metadata::json->>'id' = ?", name); n != 1 {
			t.Errorf("%d audit rows", n)
		}
	}
}

func TestProviderInputsRefused(t *testing.T) {
	c := newConsole(t)
	form := func(pairs ...string) url.Values {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Add(pairs[i], pairs[i+1])
		}
		return values
	}
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf("m%d", i)
	}
	cases := []badRow{
		{"no name", form("models", "a"), `{"models":["a"]}`, "required", "name"},
		{"empty name", form("name", ""), `{"name":""}`, "required", "name"},
		{"null name", nil, `{"name":null}`, "null_not_allowed", "name"},
		{"name of another type", nil, `{"name":1}`, "wrong_type", "name"},
		{"null models", nil, `{"name":"x","models":null}`, "null_not_allowed", "models"},
		{"models of another type", nil, `{"name":"x","models":"gpt"}`, "wrong_type", "models"},
		{"null model", nil, `{"name":"x","models":[null]}`, "null_not_allowed", "models[0]"},
		{"number as model", nil, `{"name":"x","models":["a",1]}`, "wrong_type", "models[1]"},
		{"empty model", nil, `{"name":"x","models":[""]}`, "required", "models[0]"},
		{"model with a space", nil, `{"name":"x","models":[" a"]}`, "invalid_characters", "models[0]"},
		{"decomposed model", nil, `{"name":"x","models":["e\u0301"]}`, "invalid_characters", "models[0]"},
		{"duplicate model", form("name", "x", "models", "a\nb\na"), `{"name":"x","models":["a","b","a"]}`, "duplicate_model", "models[2]"},
		{"invisible model", form("name", "x", "models", "a\u200bb"), `{"name":"x","models":["a\u200bb"]}`, "invalid_characters", "models[0]"},
		{
			"long model", form("name", "x", "models", strings.Repeat("m", 256)), `{"name":"x","models":["` + strings.Repeat("m", 256) + `"]}`,
			"too_long", "models[0]",
		},
		{
			"too many models", form("name", "x", "models", strings.Join(many, "\n")), `{"name":"x","models":["` + strings.Join(many, `","`) + `"]}`,
			"too_many_items", "models",
		},
	}
	for _, name := range []string{"OpenAI", "openai ", " openai", "оpenai", ".openai", "-x", "_x", "a/b", "a b", "..", "new", strings.Repeat("a", 65), "a%2fb", "é"} {
		cases = append(cases, badRow{"name " + name, form("name", name), fmt.Sprintf(`{"name":%q}`, name), "invalid_name", "name"})
	}
	c.refusesAll(t, cases, "/providers", "POST", "/api/providers")
	if n := c.count("providers"); n != 0 {
		t.Errorf("%d providers were stored", n)
	}
	c.apiKey().api("POST", "/api/providers", `{"name":"x","api_base":"http://169.254.169.254"}`).refuses(400, "unknown_field", "api_base")
	c.login(admin).post("/providers", form("name", "x", "api_base", "y")).refuses(400, "unknown_field", "api_base")
}

func TestProviderNameTaken(t *testing.T) {
	c := newConsole(t)
	c.addProvider("openai")
	for _, door := range doorsTo(c, "/providers", "POST", "/api/providers") {
		door.send(url.Values{"name": {"openai"}}, `{"name":"openai"}`).refuses(http.StatusConflict, "name_taken", "name")
	}
}

func TestProviderFormKeepsWhatWasTyped(t *testing.T) {
	c := newConsole(t)
	got := c.login(admin).post("/providers", url.Values{"name": {"Open AI"}, "models": {"a\n<b>\na"}}).is(http.StatusUnprocessableEntity)
	if value := attribute(got.one("input", "name", "name"), "value"); value != "Open AI" {
		t.Errorf("name %q", value)
	}
	if area := got.one("textarea", "name", "models"); area.FirstChild.Data != "a\n<b>\na" {
		t.Errorf("models %q", area.FirstChild.Data)
	}
	if words := text(got.one("div", "id", "problems")); !strings.Contains(words, "Line 3: List a once.") {
		t.Errorf("summary %q", words)
	}
	for _, id := range []string{"name", "models"} {
		got.one("a", "href", "#"+id)
	}
}

func TestUpdateProvider(t *testing.T) {
	c := newConsole(t)
	c.addProvider("openai", "a")
	for _, door := range doorsTo(c, "/providers/openai", "PUT", "/api/providers/openai") {
		models := []string{"b", door.name}
		got := door.send(url.Values{"models": {strings.Join(models, "\n")}}, map[string]any{"models": models, "created_at": 1, "updated_at": nil, "name": "openai"})
		if door.name == "form" {
			got.redirects("/providers/openai")
		} else if got.is(http.StatusOK); !slices.Equal(list(got.json()["provider"].(map[string]any)["models"]), models) {
			t.Errorf("got %s", got.body)
		}
		rows := c.count("audit_logs")
		got = door.send(url.Values{"models": {strings.Join(models, "\n")}}, map[string]any{"models": models})
		if got.StatusCode >= 400 || c.count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.name)
		}
		door.send(url.Values{"name": {"other"}}, `{"name":"other"}`).refuses(door.refused, "read_only", "name")
	}
	c.apiKey().api("PUT", "/api/providers/openai", `{"name":null}`).refuses(400, "read_only", "name")
	c.apiKey().api("PUT", "/api/providers/nope", `{"models":[]}`).refuses(404, "not_found", "")
	c.login(admin).post("/providers/nope", url.Values{"models": {""}}).refuses(404, "not_found", "")
	c.login(admin).post("/providers/openai", url.Values{"models": {""}}).redirects("/providers/openai")
	if got := c.apiKey().api("PUT", "/api/providers/openai", `{}`).is(200); !slices.Equal(list(got.json()["provider"].(map[string]any)["models"]), nil) {
		t.Errorf("got %s", got.body)
	}
}

func TestListProviders(t *testing.T) {
	c := newConsole(t)
	key, browser := c.apiKey(), c.login(admin)
	if got := string(key.get("/api/providers").is(200).body); !strings.Contains(got, `"providers":[]`) {
		t.Error(got)
	}
	if ways := browser.get("/providers").is(200).all("a", "href", "/providers/new"); len(ways) != 2 {
		t.Errorf("%d ways to add the first", len(ways))
	}
	for i := range 5 {
		c.addProvider(fmt.Sprintf("p%d", i), fmt.Sprintf("model_%d", i), "100%")
	}
	names := func(query string) (names []string) {
		for _, row := range key.get("/api/providers" + query).is(200).json()["providers"].([]any) {
			names = append(names, row.(map[string]any)["name"].(string))
		}
		return names
	}
	for query, want := range map[string][]string{
		"?limit=2": {"p0", "p1"}, "?limit=2&offset=4": {"p4"}, "?offset=9": nil, "?search=P3": {"p3"}, "?search=MODEL_2": {"p2"}, "?search=model%25": nil,
		"?search=mode_": nil, "?search=0%25": {"p0", "p1", "p2", "p3", "p4"}, "?search=%5C": nil, "?search=": {"p0", "p1", "p2", "p3", "p4"},
	} {
		if got := names(query); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	page := key.get("/api/providers?limit=2&offset=1").json()
	if page["count"] != 2.0 || page["total_count"] != 5.0 || page["limit"] != 2.0 || page["offset"] != 1.0 {
		t.Errorf("got %v", page)
	}
	for query, code := range map[string]string{
		"?limit=0": "number_out_of_range", "?limit=101": "number_out_of_range", "?offset=-1": "number_out_of_range", "?sort=name": "unknown_parameter",
		"?search=a&search=b": "duplicate_parameter", "?search=" + strings.Repeat("x", 256): "too_long", "?search=%00": "nul_character",
	} {
		if got := key.get("/api/providers" + query).is(400).json()["error"].(map[string]any)["code"]; got != code {
			t.Errorf("%s: %v", query, got)
		}
	}
	shown := browser.get("/providers?search=p3").is(200)
	if rows := shown.all("a", "class", "row-name"); len(rows) != 1 || text(rows[0]) != "p3" {
		t.Errorf("%d rows", len(rows))
	}
}

func TestDeleteProvider(t *testing.T) {
	c := newConsole(t)
	for _, door := range doorsTo(c, "/providers/openai/delete", "DELETE", "/api/providers/openai") {
		c.addProvider("openai", "a")
		got := door.send(url.Values{}, nil)
		if door.name == "form" {
			got.redirects("/providers")
		} else if got.is(200); got.json()["message"] == "" {
			t.Error("no message")
		}
		c.apiKey().get("/api/providers/openai").refuses(404, "not_found", "")
		door.send(url.Values{}, nil).refuses(404, "not_found", "")
	}
}

func TestDeleteProviderInUse(t *testing.T) {
	c := newConsole(t)
	c.addProvider("openai")
	for i := range 12 {
		c.profileNaming(fmt.Sprintf("Profile %02d", i), `"provider_configs":[{"provider_name":"openai"}]`)
	}
	const who = "12 profiles (Profile 00, Profile 01, Profile 02, Profile 03, Profile 04, Profile 05, Profile 06, Profile 07, Profile 08, Profile 09 and 2 more)"
	const shown = "named by 12 profiles. Take it out there first. Profiles Profile 00 Profile 01 Profile 02 Profile 03 Profile 04 Profile 05 Profile 06 Profile 07 Profile 08 Profile 09 and 2 more"
	for _, door := range doorsTo(c, "/providers/openai/delete", "DELETE", "/api/providers/openai") {
		got := door.send(url.Values{}, nil).refuses(http.StatusConflict, "in_use", "")
		if door.name == "form" {
			if page := text(got.one("main")); !strings.Contains(page, shown) {
				t.Errorf("got %q", page)
			}
		} else if message := got.json()["error"].(map[string]any)["message"].(string); !strings.Contains(message, who) {
			t.Errorf("got %q", message)
		}
	}
	// The confirmation page shows it beforehand.
	if page := c.login(admin).get("/providers/openai/delete").is(200); len(page.all("button", "class", "button danger")) != 0 {
		t.Error("there is a button")
	}
	if links := c.login(admin).get("/providers/openai").is(200); !strings.Contains(text(links.one("section", "aria-labelledby", "used-by")), "Profile 09") {
		t.Error("the page does not say who uses it")
	}
}

func TestProviderPermissions(t *testing.T) {
	c := newConsole(t)
	c.addProvider("openai", "a")
	browser := c.login(viewer)
	for _, path := range []string{"/providers", "/providers/openai"} {
		page := browser.get(path).is(200)
		for _, href := range []string{"/providers/new", "/providers/openai/edit", "/providers/openai/delete"} {
			if len(page.all("a", "href", href)) != 0 {
				t.Errorf("%s links to %s", path, href)
			}
		}
	}
	for _, path := range []string{"/providers/new", "/providers/openai/edit", "/providers/openai/delete"} {
		browser.get(path).is(403)
	}
	browser.post("/providers", url.Values{"name": {"x"}}).is(403)
	browser.post("/providers/openai/delete", nil).is(403)
	key := c.apiKey("Providers:View")
	key.get("/api/providers/openai").is(200)
	key.api("POST", "/api/providers", `{`).is(403)
	key.api("PUT", "/api/providers/openai", `{}`).is(403)
	key.api("DELETE", "/api/providers/openai", nil).is(403)
	c.anonymous().get("/api/providers").is(401)
	c.anonymous().get("/providers").redirects("/login?next=%2Fproviders")
}

// Names from the URL reach the database only if they are valid.
func TestProviderAddresses(t *testing.T) {
	c := newConsole(t)
	for _, name := range []string{"%00", "%ff", "OPENAI", "a%20b", "new", "%27%3B--", strings.Repeat("a", 300)} {
		c.apiKey().get("/api/providers/"+name).refuses(404, "not_found", "")
		c.apiKey().api("PUT", "/api/providers/"+name, `{}`).refuses(404, "not_found", "")
		c.apiKey().api("DELETE", "/api/providers/"+name, nil).refuses(404, "not_found", "")
		c.apiKey().get("/api/mcp/clients/"+name).refuses(404, "not_found", "")
	}
}

// The first of the two wins: either the provider stays, or the profile is refused. No reference dangles and neither
// request fails.
func TestDeleteProviderWhileAProfileNamesIt(t *testing.T) {
	c := newConsole(t)
	key := c.apiKey()
	for round := range 20 {
		name := fmt.Sprintf("p%d", round)
		c.addProvider(name)
		body := fmt.Sprintf(`{"name":"profile %d","provider_configs":[{"provider_name":%q}]}`, round, name)
		deleted, created := race(
			func() answer { return key.api("DELETE", "/api/providers/"+name, nil) },
			func() answer { return key.api("POST", "/api/access-profiles", body) },
		)
		switch [2]int{deleted.StatusCode, created.StatusCode} {
		case [2]int{200, 400}:
			created.refuses(400, "unknown_provider", "provider_configs[0].provider_name")
		case [2]int{409, 201}:
			deleted.refuses(409, "in_use", "")
		default:
			t.Fatalf("deleted %d %s, created %d %s", deleted.StatusCode, deleted.body, created.StatusCode, created.body)
		}
	}
	if n := c.count("provider_configs WHERE provider_name NOT IN (SELECT name FROM providers)"); n != 0 {
		t.Errorf("%d dangle", n)
	}
}

// race runs both at once.
func race(one, other func() answer) (first, second answer) {
	start := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { <-start; first = one() })
	both.Go(func() { <-start; second = other() })
	close(start)
	both.Wait()
	return first, second
}

func TestRenderHostileNames(t *testing.T) {
	c := newConsole(t)
	const payload = `<img src=x onerror=alert(1)>"'`
	c.addProvider("p", payload)
	c.profileNaming(payload, `"provider_configs":[{"provider_name":"p"}]`)
	for _, path := range []string{"/providers", "/providers/p", "/providers/p/edit", "/providers/p/delete"} {
		page := c.login(admin).get(path).is(200)
		if len(page.all("img")) != 0 || !strings.Contains(text(page.one("body")), "onerror") {
			t.Errorf("%s is not as it should be", path)
		}
	}
}
