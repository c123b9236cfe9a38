package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tollgate/web/webtest"
)

// A refused form comes back with every problem and with everything as it was typed.
func TestNothingTypedIsLost(t *testing.T) {
	c := webtest.NewCast(t)
	typed := webtest.NestedForm()
	typed.Set("name", "")
	typed.Set("budgets[b1].max_limit", "1,5")
	typed.Set("provider_configs[p7].budgets[b1].max_limit", "abc")
	typed.Set("rate_limit.token_max_limit", "1.5")
	typed.Set("mcp_tool_overrides[o1].mcp_client_id", "github")
	typed.Set("mcp_tool_overrides[o1].tool_name", "delete_repo")
	typed.Set("mcp_tool_overrides[o1].action", "exclude")
	page := c.Session.Post("/access-profiles", typed).Refuses(http.StatusUnprocessableEntity, "required", "name")
	back := page.Fields("profile-form")
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
	for node := range page.One("div", "id", "problems").Descendants() {
		if node.Data == "a" {
			links = append(links, webtest.Attribute(node, "href"))
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
			for _, found := range page.All(tag, "id", strings.TrimPrefix(link, "#")) {
				field = found
			}
		}
		if field == nil || webtest.Attribute(field, "aria-invalid") != "true" || webtest.Attribute(field, "aria-describedby") == "" {
			t.Errorf("%s leads to no field that says what is wrong", link)
		}
	}
}

// Every button of the form works without a script: the page comes back with the row added or removed and nothing
// stored.
func TestRowsAreAddedAndRemovedByTheServer(t *testing.T) {
	c := webtest.NewCast(t)
	form := url.Values{"name": {"Half typed"}, "new_provider": {"openai"}}
	press := func(op string) {
		t.Helper()
		form.Set("op", op)
		form = c.Session.Post("/access-profiles", form).Is(http.StatusOK).Fields("profile-form")
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
	c.Session.Post("/access-profiles", form).Refuses(http.StatusBadRequest, "invalid_op", "op")
	if total := c.Admin.API("GET", "/api/access-profiles", nil).JSON()["total_count"]; total != 3.0 {
		t.Errorf("something was stored: %v profiles", total)
	}
}

// A contradiction between MCP rows is shown while the form is being filled in.
func TestMCPConflictIsShownBeforeSaving(t *testing.T) {
	c := webtest.NewCast(t)
	form := url.Values{
		"name": {"x"}, "mcp_servers": {"github"}, "mcp_tool_overrides[o1].mcp_client_id": {"github"},
		"mcp_tool_overrides[o1].tool_name": {"delete_repo"}, "mcp_tool_overrides[o1].action": {"exclude"}, "op": {"refresh"},
	}
	page := c.Session.Post("/access-profiles", form).Is(http.StatusOK)
	if webtest.Attribute(page.One("select", "id", "mcp_tool_overrides-o1-action"), "aria-invalid") != "true" {
		t.Error("the row that causes the conflict does not say so")
	}
	if len(page.All("input", "aria-invalid", "true")) != 0 {
		t.Error("unfinished fields are shown as wrong")
	}
}

// A save of an outdated version shows both sides, and the next one keeps what was chosen, field by field.
func TestConflictingSaveIsResolvedFieldByField(t *testing.T) {
	c := webtest.NewCast(t)
	c.Admin.API("POST", "/api/access-profiles", webtest.Nested).Is(http.StatusCreated)
	mine := c.Session.Get("/access-profiles/4/edit").Fields("profile-form")
	c.Admin.API("PUT", "/api/access-profiles/4", `{"name":"Theirs","tags":["theirs"],"budgets":[{"max_limit":9,"reset_duration":"1d"}]}`).Is(http.StatusOK)
	mine.Set("description", "mine")
	mine.Set("budgets[b1].max_limit", "4")
	mine.Set("op", "save")
	page := c.Session.Post("/access-profiles/4", mine).Refuses(http.StatusPreconditionFailed, "version_mismatch", "")
	again := page.Fields("profile-form")
	for field, side := range map[string]string{"name": "saved", "tags": "saved", "description": "yours", "budgets": "yours"} {
		if again.Get("choose."+field) != side {
			t.Errorf("%s is %q, want %q", field, again.Get("choose."+field), side)
		}
	}
	if again.Has("choose.rate_limit") {
		t.Error("a field that does not differ is asked for")
	}
	if stands := c.Admin.Profile(4); stands["name"] != "Theirs" || stands["version"] != 2.0 {
		t.Errorf("something was overwritten: %v", stands)
	}
	again.Set("op", "refresh")
	again = c.Session.Post("/access-profiles/4", again).Is(http.StatusOK).Fields("profile-form")
	again.Set("choose.tags", "yours")
	again.Set("op", "save")
	c.Session.Post("/access-profiles/4", again).Redirects("/access-profiles/4")
	after := c.Admin.Profile(4)
	budget := after["budgets"].([]any)[0].(map[string]any)
	if after["name"] != "Theirs" || after["description"] != "mine" || len(after["tags"].([]any)) != 2 || budget["max_limit"] != 4.0 || after["version"] != 3.0 {
		t.Errorf("is %v", after)
	}
	mine.Del("version")
	c.Session.Post("/access-profiles/4", mine).Refuses(http.StatusBadRequest, "required", "version")
}
