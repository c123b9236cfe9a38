package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// What was typed and cannot be read is marked before the form is saved, and the review names it instead of saying that
// nothing is limited.
func TestUnreadableLinesAreMarkedAtOnce(t *testing.T) {
	c := webtest.NewCast(t)
	for typed, wrong := range map[string]string{
		"1 234,56": "Write the amount with commas between thousands", "€50": "Enter an amount in dollars, such as 50, 0.25 or 1,234.56.",
		"-5": "Enter an amount of 0 or more", "abc": "Enter an amount in dollars", "1.0000000001": "at most 9 decimals", "9999999999": "between 0 and 1000000000",
	} {
		page := c.Session.Post("/access-profiles", url.Values{
			"op": {"refresh"}, "name": {"X"}, "budgets[b1].max_limit": {typed}, "budgets[b1].reset_duration": {"1M"},
			"provider_configs[p1].provider_name": {"openai"}, "provider_configs[p1].all_models_allowed": {"true"},
			"provider_configs[p1].rate_limit.request_max_limit": {"many"}, "provider_configs[p1].rate_limit.request_reset_duration": {"1h"},
		}).Is(http.StatusOK)
		field := page.One("input", "name", "budgets[b1].max_limit")
		webtest.Same(t, typed+" typed", webtest.Attribute(field, "value"), typed)
		webtest.Same(t, typed+" marked", webtest.Attribute(field, "aria-invalid"), "true")
		if said := webtest.Text(page.One("p", "id", "budgets-b1-max_limit-error")); !strings.Contains(said, wrong) {
			t.Errorf("%s: %q at the field", typed, said)
		}
		review := webtest.Text(page.One("section", "id", "review"))
		for _, words := range []string{
			"Overall budget 1, “" + typed + "” per month, cannot be saved as it is", "Request limit for openai, “many” per hour, cannot be saved",
		} {
			if !strings.Contains(review, words) {
				t.Errorf("%s: %q is not in the review %q", typed, words, review)
			}
		}
		if strings.Contains(review, "Nothing limits") {
			t.Errorf("%s: the review says that nothing is limited", typed)
		}
	}
	// As the console prints it, an amount is read, reviewed and saved; the JSON shown has a number.
	form := url.Values{"op": {"refresh"}, "name": {"Printed"}, "budgets[b1].max_limit": {"$1,234.56"}, "budgets[b1].reset_duration": {"1M"}}
	page := c.Session.Post("/access-profiles", form).Is(http.StatusOK)
	if review := webtest.Text(page.One("section", "id", "review")); !strings.Contains(review, "at most $1,234.56 a month") || !strings.Contains(review, `"max_limit": 1234.56`) {
		t.Errorf("the review says %q", review)
	}
	form.Set("op", "save")
	c.Session.Post("/access-profiles", form).Is(http.StatusSeeOther)
	stored := webtest.Objects(c.Admin.Get("/api/access-profiles?search=Printed").JSON()["access_profiles"])[0]
	webtest.Same(t, "stored", webtest.Objects(stored["budgets"])[0]["max_limit"], any(1234.56))
}

// New lines are not wrong before they are filled in: they start with a month, and an empty one is no second budget.
func TestNewBudgetLinesStartWithAMonth(t *testing.T) {
	c := webtest.NewCast(t)
	form := url.Values{"op": {"add-budget"}, "name": {"X"}, "budgets[b1].max_limit": {"5"}, "budgets[b1].reset_duration": {"1M"}}
	page := c.Session.Post("/access-profiles", form).Is(http.StatusOK)
	var chosen []string
	for _, option := range page.All("option", "value", "1M") {
		if _, selected := webtest.AttributeOf(option, "selected"); selected {
			chosen = append(chosen, webtest.Attribute(option.Parent, "name"))
		}
	}
	webtest.Same(t, "per month", strings.Join(chosen, " "), "budgets[b1].reset_duration budgets[b2].reset_duration")
	webtest.Same(t, "problems", len(page.All("div", "id", "problems")), 0)
	if review := webtest.Text(page.One("section", "id", "review")); !strings.Contains(review, "Overall budget 2 has no amount yet") {
		t.Errorf("the review says %q", review)
	}
	form.Set("op", "refresh")
	form["budgets[b2].max_limit"], form["budgets[b2].reset_duration"] = []string{"9"}, []string{"1M"}
	page = c.Session.Post("/access-profiles", form).Is(http.StatusOK)
	if said := webtest.Text(page.One("div", "id", "problems")); !strings.Contains(said, "There is already a budget with the same window") {
		t.Errorf("the problems are %q", said)
	}
}

func TestToolIncludedAndExcludedIsMarkedAtOnce(t *testing.T) {
	c := webtest.NewCast(t)
	form := url.Values{"op": {"refresh"}, "name": {"X"}}
	for key, action := range map[string]string{"o1": "include", "o2": "exclude"} {
		row := "mcp_tool_overrides[" + key + "]."
		form[row+"mcp_client_id"], form[row+"tool_name"], form[row+"action"] = []string{"github"}, []string{"create_issue"}, []string{action}
	}
	page := c.Session.Post("/access-profiles", form).Is(http.StatusOK)
	if said := webtest.Text(page.One("div", "id", "problems")); !strings.Contains(said, "create_issue of github is both included and excluded. Keep one of the rows.") {
		t.Errorf("the problems are %q", said)
	}
	webtest.Same(t, "marked", webtest.Attribute(page.One("input", "name", "mcp_tool_overrides[o2].tool_name"), "aria-invalid"), "true")
}
