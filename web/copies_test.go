package web_test

import (
	"net/url"
	"testing"
	"time"

	"tollgate/models/window"
	"tollgate/web/webtest"
)

func TestProfileChangesTouchNoCopy(t *testing.T) {
	s := webtest.NewStage(t)
	held, _ := s.Assign(s.Ada, webtest.Research)
	budget := webtest.Objects(held["budgets"])[0]
	s.Spend(budget, 250_000_000)
	before := s.Copies(s.Ada)
	if used := webtest.Objects(before[0]["budgets"])[0]["current_usage"]; used != 0.25 {
		t.Errorf("used %v", used)
	}
	var rows []string
	s.Scan(&rows, "SELECT c::text || b::text FROM user_access_profiles AS c JOIN limit_lines AS b USING (policy_id)")
	for _, send := range []func() webtest.Answer{
		func() webtest.Answer {
			return s.Admin.API("PUT", "/api/access-profiles/4", `{"budgets":[{"max_limit":7,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1h"}],
"calendar_aligned":false,"rate_limit":null,"provider_configs":[],"mcp_tool_groups":[],"mcp_servers":[],"mcp_tool_overrides":[]}`)
		},
		func() webtest.Answer { return s.Admin.API("PUT", "/api/access-profiles/4/deactivate", nil) },
		func() webtest.Answer { return s.Admin.API("PUT", "/api/access-profiles/4/activate", nil) },
		func() webtest.Answer { return s.Admin.API("POST", "/api/access-profiles/4/versions/1/restore", nil) },
		func() webtest.Answer { return s.Admin.API("POST", "/api/access-profiles/4/clone", `{"name":"Clone"}`) },
	} {
		if a := send(); a.StatusCode >= 300 {
			t.Fatalf("status %d: %s", a.StatusCode, a.Body)
		}
		webtest.Same(t, "copy", s.Copies(s.Ada), before)
	}
	var after []string
	s.Scan(&after, "SELECT c::text || b::text FROM user_access_profiles AS c JOIN limit_lines AS b USING (policy_id)")
	webtest.Same(t, "rows", after, rows)
	if used := webtest.Objects(s.Admin.Profile(webtest.Research)["budgets"])[0]["current_usage"]; used != 0.0 {
		t.Errorf("the profile has used %v", used)
	}
}

func TestCopiesStartAtTheirWindow(t *testing.T) {
	s := webtest.NewStage(t)
	rolling := s.ProfileNaming("Rolling", `"budgets":[{"max_limit":1,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1h"}]`)
	for profile, calendar := range map[int64]window.Calendar{webtest.Research: {CalendarAligned: true}, rolling: {}} {
		held, _ := s.Assign(s.Ada, profile)
		assigned, err := time.Parse(time.RFC3339Nano, held["assigned_at"].(string))
		s.Must(err)
		for _, budget := range webtest.Objects(held["budgets"]) {
			want, _ := window.Window(budget["reset_duration"].(string), 1, calendar, assigned, assigned)
			if got := budget["last_reset"]; got != want.Format(time.RFC3339Nano) {
				t.Errorf("window from %v, want %v", got, want)
			}
		}
	}
}

// A copy can be paused, resumed, and given another expiry, independently of its profile.
func TestChangeCopy(t *testing.T) {
	s := webtest.NewStage(t)
	held, key := s.Assign(s.Ada, webtest.Research)
	page := webtest.CopyPath(s.Ada, held)
	active := func() any {
		return webtest.Objects(s.Bearer(key["value"]).Get(webtest.Quota).Is(200).JSON()["access_profiles"])[0]["is_active"]
	}
	for _, step := range []struct {
		body, action  string
		active, until any
	}{
		{`{"is_active":false}`, "deactivate", false, nil},
		{`{"expires_at":"2099-01-01T00:00:00Z"}`, "update", false, "2099-01-01T00:00:00Z"},
		{`{"is_active":true}`, "activate", true, "2099-01-01T00:00:00Z"},
		{`{"expires_at":null}`, "update", true, nil},
	} {
		for _, prefix := range []string{"/api", "/api/governance"} {
			var got webtest.Object
			send := func() { got = s.Admin.API("PUT", prefix+page, step.body).Is(200).Object("access_profile") }
			if prefix == "/api" {
				s.Audits(send, step.action+" 4 "+s.Ada+" cli")
			} else {
				s.Unchanged(send) // sent again
			}
			webtest.Same(t, step.body, []any{got["is_active"], got["expires_at"], active()}, []any{step.active, step.until, step.active})
			webtest.Same(t, "read", s.Copies(s.Ada)[0], got)
		}
	}
	s.Unchanged(func() {
		for body, want := range map[string][2]string{
			`{"is_active":null}`: {"null_not_allowed", "is_active"}, `{"is_active":"false"}`: {"wrong_type", "is_active"}, `{"is_active":0}`: {"wrong_type", "is_active"},
			`{"expires_at":"2020-01-01T00:00:00Z"}`: {"timestamp_in_past", "expires_at"}, `{"expires_at":""}`: {"invalid_timestamp", "expires_at"},
			`{"source":"role"}`: {"unknown_field", "source"}, `{"budgets":[]}`: {"unknown_field", "budgets"}, `[]`: {"expected_object", ""},
		} {
			s.Admin.API("PUT", "/api"+page, body).Refuses(400, want[0], want[1])
		}
		s.Session.Save(page, url.Values{"is_active": {"true"}, "expires_at": {"2020-01-01T00:00"}}).Refuses(422, "timestamp_in_past", "expires_at")
		s.Session.Save(page, url.Values{"is_active": {"true"}, "source": {"role"}}).Refuses(400, "unknown_field", "source")
	})
	s.Audits(func() { s.Session.Save(page, url.Values{"expires_at": {""}}).Redirects("/users/" + s.Ada) }, "deactivate 4 "+s.Ada+" "+webtest.Admin)
	webtest.Same(t, "active", active(), false)
	s.Audits(func() {
		s.Session.Save(page, url.Values{"is_active": {"true"}, "expires_at": {"2099-01-01T00:00"}}).Redirects("/users/" + s.Ada)
	}, "activate 4 "+s.Ada+" "+webtest.Admin)
	webtest.Same(t, "end", s.Copies(s.Ada)[0]["expires_at"], "2099-01-01T00:00:00Z")
}
