package webtest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tollgate/models/audit"
)

// Nested is a profile that uses every part of the schema, as JSON and as the form sends it.
const Nested = `{
  "name": " Research  ", "description": "Line one\nline two", "tags": ["emea", "R&D"],
  "provider_configs": [
    {"provider_name": "openai", "allowed_models": ["gpt-4o", "ft:custom"],
     "budgets": [{"max_limit": 20.5, "reset_duration": "1d"}, {"max_limit": 0, "reset_duration": "1Q", "reset_config": {"quarter_start_month": 2}}],
     "rate_limit": {"request_max_limit": 60, "request_reset_duration": "1h"}}],
  "budgets": [{"max_limit": 0.000000001, "reset_duration": "1M"}],
  "rate_limit": {"token_max_limit": 100000, "token_reset_duration": "1h"},
  "calendar_aligned": true,
  "mcp_tool_groups": [{"tool_group_id": 1}],
  "mcp_servers": [{"mcp_server_id": "github"}],
  "mcp_tool_overrides": [{"mcp_client_id": "jira", "tool_name": "t", "action": "include"}]
}`

// NestedForm is a form that fills every field of a profile.
func NestedForm() url.Values {
	return url.Values{
		"name": {" Research  "}, "description": {"Line one\r\nline two"}, "tags": {"emea, R&D"},
		"provider_configs[p7].provider_name":                                {"openai"},
		"provider_configs[p7].all_models_allowed":                           {"false"},
		"provider_configs[p7].allowed_models":                               {"gpt-4o", "ft:custom\r\n"},
		"provider_configs[p7].budgets[b1].max_limit":                        {"20.5"},
		"provider_configs[p7].budgets[b1].reset_duration":                   {"1d"},
		"provider_configs[p7].budgets[b1].reset_config.quarter_start_month": {""},
		"provider_configs[p7].budgets[b2].max_limit":                        {"0"},
		"provider_configs[p7].budgets[b2].reset_duration":                   {"1Q"},
		"provider_configs[p7].budgets[b2].reset_config.quarter_start_month": {"2"},
		"provider_configs[p7].rate_limit.request_max_limit":                 {"60"},
		"provider_configs[p7].rate_limit.request_reset_duration":            {"1h"},
		"provider_configs[p7].rate_limit.token_max_limit":                   {""},
		"provider_configs[p7].rate_limit.token_reset_duration":              {""},
		"budgets[b1].max_limit":                                             {"0.000000001"}, "budgets[b1].reset_duration": {"1M"},
		"rate_limit.token_max_limit": {"100000"}, "rate_limit.token_reset_duration": {"1h"},
		"calendar_aligned": {"true"}, "mcp_tool_groups": {"1"}, "mcp_servers": {"github"},
		"mcp_tool_overrides[o1].mcp_client_id": {"jira"}, "mcp_tool_overrides[o1].tool_name": {"t"}, "mcp_tool_overrides[o1].action": {"include"},
		"op": {"save"},
	}
}

// Ignoring removes what differs between two equal profiles: ids and times.
func Ignoring(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, inner := range v {
			if key != "id" && key != "last_reset" && key != "created_at" && key != "updated_at" {
				kept[key] = Ignoring(inner)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i, inner := range v {
			kept[i] = Ignoring(inner)
		}
		return kept
	}
	return value
}

// Profile is a profile as the API shows it.
func (v Client) Profile(id int64) map[string]any {
	v.T.Helper()
	return v.API("GET", "/api/access-profiles/"+strconv.FormatInt(id, 10), nil).Is(http.StatusOK).JSON()["access_profile"].(map[string]any)
}

// Fields are those that a browser would send of a form, without its buttons.
func (a Answer) Fields(id string) url.Values {
	a.T.Helper()
	return FieldsIn(a.One("form", "id", id))
}

// FieldsIn are those that a browser would send of a form, without its buttons.
func FieldsIn(form *html.Node) url.Values {
	sent := url.Values{}
	for node := range form.Descendants() {
		name := Attribute(node, "name")
		if name == "" {
			continue
		}
		switch node.Data {
		case "input":
			kind := Attribute(node, "type")
			if kind == "submit" || (kind == "checkbox" || kind == "radio") && !Present(node, "checked") {
				continue
			}
			sent.Add(name, Attribute(node, "value"))
		case "textarea":
			content := ""
			if node.FirstChild != nil {
				content = strings.TrimPrefix(node.FirstChild.Data, "\n")
			}
			sent.Add(name, content)
		case "select":
			sent.Add(name, ChosenOption(node))
		}
	}
	return sent
}

// Fits fails the test unless the chain verifies and has this many rows.
func (c *Console) Fits(t *testing.T, atLeast int64) {
	t.Helper()
	if rows, err := audit.Verify(t.Context(), c.DB, c.H.Keys.Audit); err != nil || rows < atLeast {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// Finds are the hits of a search by the API, each in a line: type, name, detail, state and path.
func (v Client) Finds(text string) string {
	v.T.Helper()
	var lines []string
	for _, hit := range Objects(v.Get("/api/find?" + url.Values{"q": {text}}.Encode()).Is(200).JSON()["results"]) {
		lines = append(lines, fmt.Sprintf("%s: %s (%s) [%s] %s", hit["type"], hit["name"], hit["detail"], hit["state"], hit["path"]))
	}
	return strings.Join(lines, "\n")
}

// Found fails the test unless the hits of a search contain the lines.
func (v Client) Found(search string, lines ...string) {
	v.T.Helper()
	got := v.Finds(search)
	for _, line := range lines {
		if !strings.Contains("\n"+got+"\n", "\n"+line+"\n") {
			v.T.Errorf("%q finds\n%s\nwithout\n%s", search, got, line)
		}
	}
	if len(lines) == 0 && got != "" {
		v.T.Errorf("%q finds\n%s", search, got)
	}
}
