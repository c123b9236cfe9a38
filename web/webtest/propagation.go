package webtest

import (
	"fmt"
	"net/url"
	"reflect"
	"testing"
)

// PropagatePage is where the first profile is propagated.
const PropagatePage = "/access-profiles/1/propagate"

// Hidden are the hidden fields of a form.
func (a Answer) Hidden(action string) url.Values {
	a.T.Helper()
	sent := url.Values{}
	for node := range a.One("form", "action", action).Descendants() {
		if node.Data == "input" && Attribute(node, "type") == "hidden" {
			sent.Add(Attribute(node, "name"), Attribute(node, "value"))
		}
	}
	return sent
}

// Facts are the terms and values of a page.
func (a Answer) Facts() map[string]string {
	a.T.Helper()
	terms, values, shown := a.All("dt"), a.All("dd"), map[string]string{}
	for i, term := range terms {
		shown[Text(term)] = Text(values[i])
	}
	return shown
}

// Shows fails the test unless the page shows at least these facts.
func (a Answer) Shows(want map[string]string) {
	a.T.Helper()
	got := a.Facts()
	for term, value := range want {
		if got[term] != value {
			a.T.Errorf("%s %s: %s is %q, want %q", a.Request.Method, a.Request.URL.Path, term, got[term], value)
		}
	}
}

// Use counts an amount at a limit of a copy, in the current window.
func (c Crowd) Use(user, kind string, used int64) {
	c.T.Helper()
	c.Exec(`INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used)
SELECT l.id, l.kind, '1d', window_start('1d', NULL, p.calendar, l.created_at, NULL, NULL, clock_timestamp()), ?
FROM user_access_profiles AS c JOIN policies AS p ON p.id = c.policy_id JOIN limit_lines AS l ON l.policy_id = p.id WHERE l.kind = ? AND c.user_id = ?
ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = limit_windows.used + excluded.used`, used, kind, user)
}

// Over are the limits that a dry run reports as used up.
func (c Crowd) Over(body Object) []any {
	c.T.Helper()
	body["dry_run"] = true
	return c.Push(body).Is(200).JSON()["over_limit"].([]any)
}

// Crowd is a console where users of two roles have copies of profile 1, one version behind.
type Crowd struct {
	Cast
	Users []string // their ids; the first two have role First, the others Second
	Roles [2]int64
}

// AllGroups are the field groups that can be propagated.
var AllGroups = []string{"provider_configs", "budgets", "rate_limit", "mcp_tool_groups", "mcp_servers", "mcp_tool_overrides"}

// NewCrowd starts a console with many users who hold one profile.
func NewCrowd(t *testing.T, users int) Crowd {
	t.Helper()
	c := Crowd{Cast: NewCast(t)}
	c.Roles = [2]int64{c.AddRole("First"), c.AddRole("Second")}
	c.Admin.API("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":10,"reset_duration":"1d"}],"rate_limit":{"request_max_limit":100,"request_reset_duration":"1d"}}`).Is(200)
	for i := range users {
		email := fmt.Sprintf("person%d@example.com", i)
		c.Exec("INSERT INTO users (id, name, email, email_key, role_id) VALUES (gen_random_uuid(), ?, ?, ?, ?)", email, email, email, c.Roles[min(i/2, 1)])
		c.Users = append(c.Users, c.UserID(email))
		c.Admin.API("POST", "/api/users/"+c.Users[i]+"/access-profiles", Object{"access_profile_id": 1}).Is(201)
	}
	c.Admin.API("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":4.5,"reset_duration":"1d"}],"rate_limit":null,"mcp_servers":[{"mcp_server_id":"github"}]}`).Is(200)
	return c
}

// Held is a user's copy as the API shows it.
func (c Crowd) Held(user string) map[string]any {
	c.T.Helper()
	return c.Admin.API("GET", "/api/users/"+user+"/access-profiles", nil).Is(200).JSON()["access_profiles"].([]any)[0].(map[string]any)
}

// CopyPath is the API path of a user's copy.
func (c Crowd) CopyPath(user string) string {
	return fmt.Sprintf("/api/users/%s/access-profiles/%v", user, c.Held(user)["id"])
}

// Push propagates the profile of the crowd.
func (c Crowd) Push(body any) Answer {
	c.T.Helper()
	return c.Admin.API("POST", "/api/access-profiles/1/propagate", body)
}

// Counts checks the counts of an answer against the users that it names.
func (a Answer) Counts(affected, failed, skipped int, applied bool, fields ...string) map[string]any {
	a.T.Helper()
	got := a.Is(200).JSON()
	if got["affected_users"] != float64(affected) || got["failed_users"] != float64(failed) || got["skipped_users"] != float64(skipped) ||
		got["applied"] != applied || len(List(got["user_ids"])) != affected || !reflect.DeepEqual(List(got["fields"]), fields) ||
		!reflect.DeepEqual(got["vk_sync_errors"], []any{}) {
		a.T.Fatalf("%s\nwant %d affected, %d failed, %d skipped, applied %v, fields %v", a.Body, affected, failed, skipped, applied, fields)
	}
	return got
}

// Reasons are why users were skipped or failed, by their ids.
func Reasons(list any) map[string]string {
	said := map[string]string{}
	for _, item := range list.([]any) {
		one := item.(map[string]any)
		said[one["user_id"].(string)], _ = one["reason"].(string)
	}
	return said
}
