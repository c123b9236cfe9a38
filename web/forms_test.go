package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func present(node *html.Node, name string) bool {
	for _, a := range node.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// chosenOption is the value that a browser would send for a select.
func chosenOption(node *html.Node) string {
	first, found := "", false
	for option := range node.Descendants() {
		if option.Data != "option" {
			continue
		}
		if present(option, "selected") {
			return attribute(option, "value")
		}
		if !found {
			first, found = attribute(option, "value"), true
		}
	}
	return first
}

// A refused form comes back with every problem and with everything as it was typed.
func TestNothingTypedIsLost(t *testing.T) {
	c := newCast(t)
	typed := nestedForm()
	typed.Set("name", "")
	typed.Set("budgets[b1].max_limit", "1,5")
	typed.Set("provider_configs[p7].budgets[b1].max_limit", "abc")
	typed.Set("rate_limit.token_max_limit", "1.5")
	typed.Set("mcp_tool_overrides[o1].mcp_client_id", "github")
	typed.Set("mcp_tool_overrides[o1].tool_name", "delete_repo")
	typed.Set("mcp_tool_overrides[o1].action", "exclude")
	page := c.session.post("/access-profiles", typed).refuses(http.StatusUnprocessableEntity, "required", "name")
	back := page.fields("profile-form")
	back.Set("op", "save")
	for name, values := range typed {
		want := strings.Join(values, "\n")
		if name == "provider_configs[p7].allowed_models" || name == "description" {
			want = strings.ReplaceAll(strings.TrimSpace(want), "\r\n", "\n")
		}
		if name != "provider_configs[p7].budgets[b1].reset_config.quarter_start_month" && strings.Join(back[name], "\n") != want {
			t.Errorf("%s came back as %q, typed %q", name, back[name], values)
		}
	}
	var links []string
	for node := range page.one("div", "id", "problems").Descendants() {
		if node.Data == "a" {
			links = append(links, attribute(node, "href"))
		}
	}
	want := []string{
		"#name", "#provider_configs-p7-budgets-b1-max_limit", "#budgets-b1-max_limit", "#rate_limit-token_max_limit", "#mcp_tool_overrides-o1-action",
	}
	if strings.Join(links, " ") != strings.Join(want, " ") {
		t.Errorf("the summary links to %v, want %v", links, want)
	}
	for _, link := range links {
		var field *html.Node
		for _, tag := range []string{"input", "select", "textarea"} {
			for _, found := range page.all(tag, "id", strings.TrimPrefix(link, "#")) {
				field = found
			}
		}
		if field == nil || attribute(field, "aria-invalid") != "true" || attribute(field, "aria-describedby") == "" {
			t.Errorf("%s leads to no field that says what is wrong", link)
		}
	}
}

// Every button of the form works without a script: the page comes back with the row added or removed and nothing
// stored.
func TestRowsAreAddedAndRemovedByTheServer(t *testing.T) {
	c := newCast(t)
	form := url.Values{"name": {"Half typed"}, "new_provider": {"openai"}}
	press := func(op string) {
		t.Helper()
		form.Set("op", op)
		form = c.session.post("/access-profiles", form).is(http.StatusOK).fields("profile-form")
	}
	has := func(name string, want bool) {
		t.Helper()
		if form.Has(name) != want {
			t.Errorf("%s is there: %v", name, !want)
		}
	}
	press("add-provider")
	has("provider_configs[p1].provider_name", true)
	press("add-budget p1")
	press("add-budget p1")
	form.Set("provider_configs[p1].budgets[b2].max_limit", "not a number")
	press("remove-budget p1 b1")
	has("provider_configs[p1].budgets[b1].max_limit", false)
	press("add-budget p1")
	has("provider_configs[p1].budgets[b3].max_limit", true)
	if form.Get("provider_configs[p1].budgets[b2].max_limit") != "not a number" || form.Get("provider_configs[p1].provider_name") != "openai" {
		t.Errorf("typed text moved: %v", form)
	}
	press("add-budget")
	press("add-override")
	has("budgets[b1].max_limit", true)
	has("mcp_tool_overrides[o1].tool_name", true)
	press("remove-budget b1")
	press("remove-override o1")
	press("remove-provider p1")
	has("budgets[b1].max_limit", false)
	has("mcp_tool_overrides[o1].tool_name", false)
	has("provider_configs[p1].provider_name", false)
	if form.Get("name") != "Half typed" {
		t.Error("the name is lost")
	}
	form.Set("op", "explode")
	c.session.post("/access-profiles", form).refuses(http.StatusBadRequest, "invalid_op", "op")
	if total := c.admin.api("GET", "/api/access-profiles", nil).json()["total_count"]; total != 3.0 {
		t.Errorf("something was stored: %v profiles", total)
	}
}

// A contradiction between MCP rows is shown while the form is being filled in.
func TestMCPConflictIsShownBeforeSaving(t *testing.T) {
	c := newCast(t)
	form := url.Values{
		"name": {"x"}, "mcp_servers": {"github"}, "mcp_tool_overrides[o1].mcp_client_id": {"github"},
		"mcp_tool_overrides[o1].tool_name": {"delete_repo"}, "mcp_tool_overrides[o1].action": {"exclude"}, "op": {"refresh"},
	}
	page := c.session.post("/access-profiles", form).is(http.StatusOK)
	if attribute(page.one("select", "id", "mcp_tool_overrides-o1-action"), "aria-invalid") != "true" {
		t.Error("the row that causes the conflict does not say so")
	}
	if len(page.all("input", "aria-invalid", "true")) != 0 {
		t.Error("unfinished fields are shown as wrong")
	}
}

// A save of an outdated version shows both sides, and the next one keeps what was chosen, field by field.
func TestConflictingSaveIsResolvedFieldByField(t *testing.T) {
	c := newCast(t)
	c.admin.api("POST", "/api/access-profiles", nested).is(http.StatusCreated)
	mine := c.session.get("/access-profiles/4/edit").fields("profile-form")
	c.admin.api("PUT", "/api/access-profiles/4", `{"name":"Theirs","tags":["theirs"],"budgets":[{"max_limit":9,"reset_duration":"1d"}]}`).is(http.StatusOK)
	mine.Set("description", "mine")
	mine.Set("budgets[b1].max_limit", "4")
	mine.Set("op", "save")
	page := c.session.post("/access-profiles/4", mine).refuses(http.StatusPreconditionFailed, "version_mismatch", "")
	again := page.fields("profile-form")
	for field, side := range map[string]string{"name": "saved", "tags": "saved", "description": "yours", "budgets": "yours"} {
		if again.Get("choose."+field) != side {
			t.Errorf("%s is %q, want %q", field, again.Get("choose."+field), side)
		}
	}
	if again.Has("choose.rate_limit") {
		t.Error("a field that does not differ is asked for")
	}
	if stands := c.admin.profile(4); stands["name"] != "Theirs" || stands["version"] != 2.0 {
		t.Errorf("something was overwritten: %v", stands)
	}
	again.Set("op", "refresh")
	again = c.session.post("/access-profiles/4", again).is(http.StatusOK).fields("profile-form")
	again.Set("choose.tags", "yours")
	again.Set("op", "save")
	c.session.post("/access-profiles/4", again).redirects("/access-profiles/4")
	after := c.admin.profile(4)
	budget := after["budgets"].([]any)[0].(map[string]any)
	if after["name"] != "Theirs" || after["description"] != "mine" || len(after["tags"].([]any)) != 2 || budget["max_limit"] != 4.0 || after["version"] != 3.0 {
		t.Errorf("is %v", after)
	}
	mine.Del("version")
	c.session.post("/access-profiles/4", mine).refuses(http.StatusBadRequest, "required", "version")
}
