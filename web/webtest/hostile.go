package webtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// BadInput is one hostile request of testdata/bad_inputs.jsonl and how it must be answered.
type BadInput struct {
	ID          string
	Method      string
	Path        string
	ContentType string `json:"content_type"`
	Headers     []string
	Body        []byte `json:"body_b64"`
	Generate    string // how to make a body too long to keep
	Status      int
	Code        string
}

// Text is the body to send.
func (b BadInput) Text(t *testing.T) string {
	t.Helper()
	switch b.Generate {
	case "":
		return string(b.Body)
	case "10 MiB name":
		return `{"name":"` + strings.Repeat("x", 10<<20) + `"}`
	case "1 MiB of spaces + object":
		return strings.Repeat(" ", 1<<20) + `{"name":"x"}`
	case "60 000 nested objects":
		return `{"name":"x","a":` + strings.Repeat(`{"a":`, 60_000) + "1" + strings.Repeat("}", 60_001)
	case "500 000-digit number":
		return `{"name":"x","budgets":[{"reset_duration":"1d","max_limit":` + strings.Repeat("9", 500_000) + `}]}`
	case "10 001 pairs":
		return strings.Repeat("a=1&", 10_000) + "name=x"
	}
	t.Fatalf("no way to make %q", b.Generate)
	return ""
}

// Cast is the console of the catalogue: three profiles, an admin and a viewer with a key each, and the admin's session.
type Cast struct {
	*Console
	Admin, Viewer Client
	Session       Client
}

// Play sends the row as the catalogue describes it, with real credentials in place of its names.
func (c Cast) Play(t *testing.T, row BadInput, path string) Answer {
	t.Helper()
	v := c.Anonymous()
	v.Header = http.Header{}
	for _, header := range row.Headers {
		name, value, _ := strings.Cut(header, ": ")
		switch header {
		case "Authorization: Bearer admin":
			value = c.Admin.Header.Get("Authorization")
		case "Authorization: Bearer viewer":
			value = c.Viewer.Header.Get("Authorization")
		case "Cookie: __Host-session=admin":
			value = c.Session.Header.Get("Cookie")
		}
		v.Header.Add(name, value)
	}
	// The catalogue's form rows name a budget's row 0; the form's own names have a key.
	body := strings.NewReplacer("budgets.0.", "budgets%5Bb1%5D.").Replace(row.Text(t))
	if row.ContentType == "application/json" || row.Code == "unknown_field" {
		body = row.Text(t)
	}
	v.T = t
	return v.Send(row.Method, path, row.ContentType, strings.NewReader(body))
}

// Everything is a fingerprint of all that is stored, except what any request may change: sessions, last uses and
// throttles.
const Everything = `
SELECT md5(string_agg(part, '|' ORDER BY part)) FROM (
    SELECT 'p' || p::text AS part FROM access_profiles p UNION ALL SELECT 'v' || v::text FROM access_profile_versions v
    UNION ALL SELECT 'a' || a::text FROM audit_logs a UNION ALL SELECT 'y' || y::text FROM policies y
    UNION ALL SELECT 'c' || c::text FROM provider_configs c UNION ALL SELECT 'l' || l::text FROM limit_lines l
    UNION ALL SELECT 'g' || g::text FROM policy_tool_groups g
    UNION ALL SELECT 's' || s::text FROM policy_mcp_servers s UNION ALL SELECT 'o' || o::text FROM policy_tool_overrides o
    UNION ALL SELECT 'u' || u::text FROM users u UNION ALL SELECT 'pr' || pr::text FROM providers pr
    UNION ALL SELECT 'm' || m::text FROM mcp_servers m UNION ALL SELECT 't' || t::text FROM tool_groups t) parts`

// Instant is the form of a time in answers.
var Instant = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)

// Document is the profile in an answer, byte for byte.
func (a Answer) Document() string {
	a.T.Helper()
	var wrapped struct {
		AccessProfile json.RawMessage `json:"access_profile"`
	}
	if err := json.Unmarshal(a.Body, &wrapped); err != nil {
		a.T.Fatalf("%v\n%s", err, a.Body)
	}
	return string(wrapped.AccessProfile)
}

// CheckShape checks a profile against the contract: its members and their types.
func (c Cast) CheckShape(profile map[string]any) {
	c.T.Helper()
	c.Set(profile, "rate_limit")
	c.Members("profile", profile, "id", 0.0, "name", "", "description", nil, "is_active", true, "version", 0.0, "tags", []any{}, "provider_configs", []any{},
		"budgets", []any{}, "calendar_aligned", true, "mcp_tool_groups", []any{}, "mcp_servers", []any{}, "mcp_tool_overrides", []any{},
		"created_at", "", "updated_at", "")
	budgets, _ := profile["budgets"].([]any)
	limits := []any{profile["rate_limit"]}
	for _, one := range profile["provider_configs"].([]any) {
		config := one.(map[string]any)
		c.Set(config, "rate_limit")
		c.Members("provider", config, "id", 0.0, "provider_name", "", "all_models_allowed", true, "allowed_models", []any{}, "budgets", []any{})
		budgets, limits = append(budgets, config["budgets"].([]any)...), append(limits, config["rate_limit"])
	}
	for _, one := range budgets {
		line := one.(map[string]any)
		expected := []any{"id", "", "max_limit", 0.0, "reset_duration", "", "scope", "", "current_usage", 0.0, "last_reset", ""}
		if line["reset_duration"] == "1Q" {
			expected = append(expected, "reset_config", map[string]any{})
		}
		c.Members("budget", line, expected...)
		if line["last_reset"] != profile["created_at"] || line["current_usage"] != 0.0 {
			c.T.Errorf("a budget is %v, the profile was made at %v", line, profile["created_at"])
		}
	}
	for _, limit := range limits {
		if limit != nil {
			c.Set(limit.(map[string]any), "token_max_limit", "token_reset_duration", "request_max_limit", "request_reset_duration")
			c.Members("rate limit", limit.(map[string]any), "id", "", "token_current_usage", 0.0, "request_current_usage", 0.0)
		}
	}
	for _, field := range []string{"created_at", "updated_at"} {
		text := profile[field].(string)
		if _, err := time.Parse(time.RFC3339, text); err != nil || !Instant.MatchString(text) {
			c.T.Errorf("%s is %s", field, text)
		}
	}
}

// LeftOut are the members that answers leave out when they are not set.
var LeftOut = []string{"rate_limit", "token_max_limit", "token_reset_duration", "request_max_limit", "request_reset_duration"}

// Set fails the test when one of these members is present without being set.
func (c Cast) Set(object map[string]any, names ...string) {
	c.T.Helper()
	for _, name := range names {
		if value, there := object[name]; there && value == nil {
			c.T.Errorf("%s is null instead of left out", name)
		}
	}
}

// Members fails the test unless object has exactly these members, each of the type of the value behind its name; nil
// stands for any. Optional members are checked by set.
func (c Cast) Members(what string, object map[string]any, expected ...any) {
	c.T.Helper()
	for name := range object {
		if !slices.Contains(expected, any(name)) && !slices.Contains(LeftOut, name) {
			c.T.Errorf("a %s has the member %s", what, name)
		}
	}
	for i := 0; i < len(expected); i += 2 {
		got, there := object[expected[i].(string)]
		if !there || expected[i+1] != nil && reflect.TypeOf(got) != reflect.TypeOf(expected[i+1]) {
			c.T.Errorf("%s of a %s is %v", expected[i], what, got)
		}
	}
}

// Repeated is a JSON list of n items, each made by a format that gets its number.
func Repeated(n int, format string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(format, i)
	}
	return "[" + strings.Join(items, ",") + "]"
}

// Typed is the value of a field in the answer.
func (a Answer) Typed(field string) string { return a.Fields("profile-form").Get(field) }

// RefusedBody is a body that must be refused as a whole, with every problem in the order of the schema: code, space,
// field.
type RefusedBody struct {
	Body string
	Want string // problems, separated by semicolons
}

// Problems are those that an error of the API lists; the first must also be the error itself.
func (a Answer) Problems() string {
	a.T.Helper()
	object := a.JSON()
	first, _ := object["error"].(map[string]any)
	listed, _ := object["errors"].([]any)
	var all []string
	for i, one := range listed {
		problem := one.(map[string]any)
		if i == 0 && (problem["code"] != first["code"] || problem["param"] != first["param"]) {
			a.T.Errorf("the error is %v, the first listed %v", first, problem)
		}
		if problem["message"] == "" {
			a.T.Errorf("no message with %v", problem)
		}
		all = append(all, strings.TrimSpace(problem["code"].(string)+" "+problem["param"].(string)))
	}
	if object["status_code"] != float64(a.StatusCode) || object["is_bifrost_error"] != true || object["event_id"] != a.Header.Get("X-Request-ID") {
		a.T.Errorf("the error is not of the one shape: %s", a.Body)
	}
	return strings.Join(all, "; ")
}

// Fingerprint is a checksum of all that is stored.
func (c Cast) Fingerprint() (now string) {
	c.Scan(&now, Everything)
	return now
}
