package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestCreateProvider(t *testing.T) {
	c := webtest.NewConsole(t)
	for i, door := range webtest.DoorsTo(c, "/providers", "POST", "/api/providers") {
		name := fmt.Sprintf("openai-%d", i)
		got := door.Send(url.Values{"name": {name}, "models": {"gpt-5\r\n\r\n  gpt-4o  \n"}}, map[string]any{"name": name, "models": []string{"gpt-5", "gpt-4o"}})
		if door.Name == "form" {
			got.Redirects("/providers/" + name)
		} else if got.Is(http.StatusCreated); got.Header.Get("Location") != "/api/providers/"+name {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		for _, prefix := range []string{"/api/providers/", "/api/governance/providers/"} {
			provider := c.APIKey().Get(prefix + name).Is(http.StatusOK).JSON()["provider"].(map[string]any)
			if provider["name"] != name || !slices.Equal(webtest.List(provider["models"]), []string{"gpt-5", "gpt-4o"}) {
				t.Errorf("%s: got %v", door.Name, provider)
			}
			if at, _ := provider["created_at"].(string); !strings.HasSuffix(at, "Z") {
				t.Errorf("created at %q", at)
			}
		}
		if n := c.Count("audit_logs WHERE action = 'create' AND metadata::json->>'resource' = 'provider' AND metadata::json->>'id' = ?", name); n != 1 {
			t.Errorf("%d audit rows", n)
		}
	}
}

func TestProviderInputsRefused(t *testing.T) {
	c := webtest.NewConsole(t)
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
	cases := []webtest.BadRow{
		{Name: "no name", Form: form("models", "a"), Body: `{"models":["a"]}`, Code: "required", Param: "name"},
		{Name: "empty name", Form: form("name", ""), Body: `{"name":""}`, Code: "required", Param: "name"},
		{Name: "null name", Form: nil, Body: `{"name":null}`, Code: "null_not_allowed", Param: "name"},
		{Name: "name of another type", Form: nil, Body: `{"name":1}`, Code: "wrong_type", Param: "name"},
		{Name: "null models", Form: nil, Body: `{"name":"x","models":null}`, Code: "null_not_allowed", Param: "models"},
		{Name: "models of another type", Form: nil, Body: `{"name":"x","models":"gpt"}`, Code: "wrong_type", Param: "models"},
		{Name: "null model", Form: nil, Body: `{"name":"x","models":[null]}`, Code: "null_not_allowed", Param: "models[0]"},
		{Name: "number as model", Form: nil, Body: `{"name":"x","models":["a",1]}`, Code: "wrong_type", Param: "models[1]"},
		{Name: "empty model", Form: nil, Body: `{"name":"x","models":[""]}`, Code: "required", Param: "models[0]"},
		{Name: "model with a space", Form: nil, Body: `{"name":"x","models":[" a"]}`, Code: "invalid_characters", Param: "models[0]"},
		{Name: "decomposed model", Form: nil, Body: `{"name":"x","models":["e\u0301"]}`, Code: "invalid_characters", Param: "models[0]"},
		{Name: "duplicate model", Form: form("name", "x", "models", "a\nb\na"), Body: `{"name":"x","models":["a","b","a"]}`, Code: "duplicate_model", Param: "models[2]"},
		{Name: "invisible model", Form: form("name", "x", "models", "a\u200bb"), Body: `{"name":"x","models":["a\u200bb"]}`, Code: "invalid_characters", Param: "models[0]"},
		{
			Name: "long model", Form: form("name", "x", "models", strings.Repeat("m", 256)), Body: `{"name":"x","models":["` + strings.Repeat("m", 256) + `"]}`,
			Code: "too_long", Param: "models[0]",
		},
		{
			Name: "too many models", Form: form("name", "x", "models", strings.Join(many, "\n")), Body: `{"name":"x","models":["` + strings.Join(many, `","`) + `"]}`,
			Code: "too_many_items", Param: "models",
		},
	}
	for _, name := range []string{"OpenAI", "openai ", " openai", "оpenai", ".openai", "-x", "_x", "a/b", "a b", "..", "new", strings.Repeat("a", 65), "a%2fb", "é"} {
		cases = append(cases, webtest.BadRow{Name: "name " + name, Form: form("name", name), Body: fmt.Sprintf(`{"name":%q}`, name), Code: "invalid_name", Param: "name"})
	}
	c.RefusesAll(t, cases, "/providers", "POST", "/api/providers")
	if n := c.Count("providers"); n != 0 {
		t.Errorf("%d providers were stored", n)
	}
	c.APIKey().API("POST", "/api/providers", `{"name":"x","api_base":"http://169.254.169.254"}`).Refuses(400, "unknown_field", "api_base")
	c.APIKey().API("POST", "/api/providers", `{"name":"mcp"}`).Refuses(400, "invalid_name", "name")
	c.Login(webtest.Admin).Post("/providers", form("name", "x", "api_base", "y")).Refuses(400, "unknown_field", "api_base")
}

func TestProviderNameTaken(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddProvider("openai")
	for _, door := range webtest.DoorsTo(c, "/providers", "POST", "/api/providers") {
		door.Send(url.Values{"name": {"openai"}}, `{"name":"openai"}`).Refuses(http.StatusConflict, "name_taken", "name")
	}
}

func TestProviderFormKeepsWhatWasTyped(t *testing.T) {
	c := webtest.NewConsole(t)
	got := c.Login(webtest.Admin).Post("/providers", url.Values{"name": {"Open AI"}, "models": {"a\n<b>\na"}}).Is(http.StatusUnprocessableEntity)
	if value := webtest.Attribute(got.One("input", "name", "name"), "value"); value != "Open AI" {
		t.Errorf("name %q", value)
	}
	if area := got.One("textarea", "name", "models"); area.FirstChild.Data != "a\n<b>\na" {
		t.Errorf("models %q", area.FirstChild.Data)
	}
	if words := webtest.Text(got.One("div", "id", "problems")); !strings.Contains(words, "Line 3: List a once.") {
		t.Errorf("summary %q", words)
	}
	for _, id := range []string{"name", "models"} {
		got.One("a", "href", "#"+id)
	}
}

func TestUpdateProvider(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddProvider("openai", "a")
	for _, door := range webtest.DoorsTo(c, "/providers/openai", "PUT", "/api/providers/openai") {
		models := []string{"b", door.Name}
		got := door.Send(url.Values{"models": {strings.Join(models, "\n")}}, map[string]any{"models": models, "created_at": 1, "updated_at": nil, "name": "openai"})
		if door.Name == "form" {
			got.Redirects("/providers/openai")
		} else if got.Is(http.StatusOK); !slices.Equal(webtest.List(got.JSON()["provider"].(map[string]any)["models"]), models) {
			t.Errorf("got %s", got.Body)
		}
		rows := c.Count("audit_logs")
		got = door.Send(url.Values{"models": {strings.Join(models, "\n")}}, map[string]any{"models": models})
		if got.StatusCode >= 400 || c.Count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.Name)
		}
		door.Send(url.Values{"name": {"other"}}, `{"name":"other"}`).Refuses(door.Refused, "read_only", "name")
	}
	c.APIKey().API("PUT", "/api/providers/openai", `{"name":null}`).Refuses(400, "read_only", "name")
	c.APIKey().API("PUT", "/api/providers/nope", `{"models":[]}`).Refuses(404, "not_found", "")
	c.Login(webtest.Admin).Save("/providers/nope", url.Values{"models": {""}}).Refuses(404, "not_found", "")
	c.Login(webtest.Admin).Save("/providers/openai", url.Values{"models": {""}}).Redirects("/providers/openai")
	if got := c.APIKey().API("PUT", "/api/providers/openai", `{}`).Is(200); !slices.Equal(webtest.List(got.JSON()["provider"].(map[string]any)["models"]), nil) {
		t.Errorf("got %s", got.Body)
	}
}

func TestListProviders(t *testing.T) {
	c := webtest.NewConsole(t)
	key, browser := c.APIKey(), c.Login(webtest.Admin)
	if got := string(key.Get("/api/providers").Is(200).Body); !strings.Contains(got, `"providers":[]`) {
		t.Error(got)
	}
	if ways := browser.Get("/providers").Is(200).All("a", "href", "/providers/new"); len(ways) != 2 {
		t.Errorf("%d ways to add the first", len(ways))
	}
	for i := range 5 {
		c.AddProvider(fmt.Sprintf("p%d", i), fmt.Sprintf("model_%d", i), "100%")
	}
	names := func(query string) (names []string) {
		for _, row := range key.Get("/api/providers" + query).Is(200).JSON()["providers"].([]any) {
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
	page := key.Get("/api/providers?limit=2&offset=1").JSON()
	if page["count"] != 2.0 || page["total_count"] != 5.0 || page["limit"] != 2.0 || page["offset"] != 1.0 {
		t.Errorf("got %v", page)
	}
	for query, code := range map[string]string{
		"?limit=0": "number_out_of_range", "?limit=101": "number_out_of_range", "?offset=-1": "number_out_of_range", "?sort=name": "unknown_parameter",
		"?search=a&search=b": "duplicate_parameter", "?search=" + strings.Repeat("x", 256): "too_long", "?search=%00": "nul_character",
	} {
		if got := key.Get("/api/providers" + query).Is(400).JSON()["error"].(map[string]any)["code"]; got != code {
			t.Errorf("%s: %v", query, got)
		}
	}
	shown := browser.Get("/providers?search=p3").Is(200)
	if rows := shown.All("a", "class", "row-name"); len(rows) != 1 || webtest.Text(rows[0]) != "p3" {
		t.Errorf("%d rows", len(rows))
	}
}

func TestDeleteProvider(t *testing.T) {
	c := webtest.NewConsole(t)
	for _, door := range webtest.DoorsTo(c, "/providers/openai/delete", "DELETE", "/api/providers/openai") {
		c.AddProvider("openai", "a")
		got := door.Send(url.Values{}, nil)
		if door.Name == "form" {
			got.Redirects("/providers")
		} else if got.Is(200); got.JSON()["message"] == "" {
			t.Error("no message")
		}
		c.APIKey().Get("/api/providers/openai").Refuses(404, "not_found", "")
		door.Send(url.Values{}, nil).Refuses(404, "not_found", "")
	}
}

func TestDeleteProviderInUse(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddProvider("openai")
	for i := range 12 {
		c.ProfileNaming(fmt.Sprintf("Profile %02d", i), `"provider_configs":[{"provider_name":"openai"}]`)
	}
	const who = "12 profiles (Profile 00, Profile 01, Profile 02, Profile 03, Profile 04, Profile 05, Profile 06, Profile 07, Profile 08, Profile 09 and 2 more)"
	const shown = "named by 12 profiles. Remove it there first. Profiles Profile 00 Profile 01 Profile 02 Profile 03 Profile 04 Profile 05 Profile 06 Profile 07 Profile 08 Profile 09 and 2 more"
	for _, door := range webtest.DoorsTo(c, "/providers/openai/delete", "DELETE", "/api/providers/openai") {
		got := door.Send(url.Values{}, nil).Refuses(http.StatusConflict, "in_use", "")
		if door.Name == "form" {
			if page := webtest.Text(got.One("main")); !strings.Contains(page, shown) {
				t.Errorf("got %q", page)
			}
		} else if message := got.JSON()["error"].(map[string]any)["message"].(string); !strings.Contains(message, who) {
			t.Errorf("got %q", message)
		}
	}
	// The confirmation page shows it beforehand.
	if page := c.Login(webtest.Admin).Get("/providers/openai/delete").Is(200); len(page.All("button", "class", "button danger")) != 0 {
		t.Error("there is a button")
	}
	if links := c.Login(webtest.Admin).Get("/providers/openai").Is(200); !strings.Contains(webtest.Text(links.One("section", "aria-labelledby", "used-by")), "Profile 09") {
		t.Error("the page does not say who uses it")
	}
}

func TestProviderPermissions(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddProvider("openai", "a")
	browser := c.Login(webtest.Viewer)
	for _, path := range []string{"/providers", "/providers/openai"} {
		page := browser.Get(path).Is(200)
		for _, href := range []string{"/providers/new", "/providers/openai/edit", "/providers/openai/delete"} {
			if len(page.All("a", "href", href)) != 0 {
				t.Errorf("%s links to %s", path, href)
			}
		}
	}
	for _, path := range []string{"/providers/new", "/providers/openai/edit", "/providers/openai/delete"} {
		browser.Get(path).Is(403)
	}
	browser.Post("/providers", url.Values{"name": {"x"}}).Is(403)
	browser.Post("/providers/openai/delete", nil).Is(403)
	key := c.APIKey("Providers:View")
	key.Get("/api/providers/openai").Is(200)
	key.API("POST", "/api/providers", `{`).Is(403)
	key.API("PUT", "/api/providers/openai", `{}`).Is(403)
	key.API("DELETE", "/api/providers/openai", nil).Is(403)
	c.Anonymous().Get("/api/providers").Is(401)
	c.Anonymous().Get("/providers").Redirects("/login?next=%2Fproviders")
}

// Names from the URL reach the database only if they are valid.
func TestProviderAddresses(t *testing.T) {
	c := webtest.NewConsole(t)
	for _, name := range []string{"%00", "%ff", "OPENAI", "a%20b", "new", "%27%3B--", strings.Repeat("a", 300)} {
		c.APIKey().Get("/api/providers/"+name).Refuses(404, "not_found", "")
		c.APIKey().API("PUT", "/api/providers/"+name, `{}`).Refuses(404, "not_found", "")
		c.APIKey().API("DELETE", "/api/providers/"+name, nil).Refuses(404, "not_found", "")
		c.APIKey().Get("/api/mcp/clients/"+name).Refuses(404, "not_found", "")
	}
}

// The first of the two wins: either the provider stays, or the profile is refused. No reference dangles and neither
// request fails.
func TestDeleteProviderWhileAProfileNamesIt(t *testing.T) {
	c := webtest.NewConsole(t)
	key := c.APIKey()
	for round := range 20 {
		name := fmt.Sprintf("p%d", round)
		c.AddProvider(name)
		body := fmt.Sprintf(`{"name":"profile %d","provider_configs":[{"provider_name":%q}]}`, round, name)
		deleted, created := webtest.Race(
			func() webtest.Answer { return key.API("DELETE", "/api/providers/"+name, nil) },
			func() webtest.Answer { return key.API("POST", "/api/access-profiles", body) },
		)
		switch [2]int{deleted.StatusCode, created.StatusCode} {
		case [2]int{200, 400}:
			created.Refuses(400, "unknown_provider", "provider_configs[0].provider_name")
		case [2]int{409, 201}:
			deleted.Refuses(409, "in_use", "")
		default:
			t.Fatalf("deleted %d %s, created %d %s", deleted.StatusCode, deleted.Body, created.StatusCode, created.Body)
		}
	}
	if n := c.Count("provider_configs WHERE provider_name NOT IN (SELECT name FROM providers)"); n != 0 {
		t.Errorf("%d dangle", n)
	}
}

func TestRenderHostileNames(t *testing.T) {
	c := webtest.NewConsole(t)
	const payload = `<img src=x onerror=alert(1)>"'`
	c.AddProvider("p", payload)
	c.ProfileNaming(payload, `"provider_configs":[{"provider_name":"p"}]`)
	for _, path := range []string{"/providers", "/providers/p", "/providers/p/edit", "/providers/p/delete"} {
		page := c.Login(webtest.Admin).Get(path).Is(200)
		if len(page.All("img")) != 0 || !strings.Contains(webtest.Text(page.One("body")), "onerror") {
			t.Errorf("%s is not as it should be", path)
		}
	}
}
