package web_test

import (
	"net/url"
	"testing"
	"time"

	"tollgate/models/window"
)

func TestProfileChangesTouchNoCopy(t *testing.T) {
	s := newStage(t)
	held, _ := s.assign(s.ada, research)
	budget := objects(held["budgets"])[0]
	s.spend(budget, 250_000_000)
	before := s.copies(s.ada)
	if used := objects(before[0]["budgets"])[0]["current_usage"]; used != 0.25 {
		t.Errorf("used %v", used)
	}
	var rows []string
	s.scan(&rows, "SELECT c::text || b::text FROM user_access_profiles AS c JOIN limit_lines AS b USING (policy_id)")
	for _, send := range []func() answer{
		func() answer {
			return s.admin.api("PUT", "/api/access-profiles/4", `{"budgets":[{"max_limit":7,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1h"}],
"calendar_aligned":false,"rate_limit":null,"provider_configs":[],"mcp_tool_groups":[],"mcp_servers":[],"mcp_tool_overrides":[]}`)
		},
		func() answer { return s.admin.api("PUT", "/api/access-profiles/4/deactivate", nil) },
		func() answer { return s.admin.api("PUT", "/api/access-profiles/4/activate", nil) },
		func() answer { return s.admin.api("POST", "/api/access-profiles/4/versions/1/restore", nil) },
		func() answer { return s.admin.api("POST", "/api/access-profiles/4/clone", `{"name":"Clone"}`) },
	} {
		if a := send(); a.StatusCode >= 300 {
			t.Fatalf("status %d: %s", a.StatusCode, a.body)
		}
		same(t, "copy", s.copies(s.ada), before)
	}
	var after []string
	s.scan(&after, "SELECT c::text || b::text FROM user_access_profiles AS c JOIN limit_lines AS b USING (policy_id)")
	same(t, "rows", after, rows)
	if used := objects(s.admin.profile(research)["budgets"])[0]["current_usage"]; used != 0.0 {
		t.Errorf("the profile has used %v", used)
	}
}

// spend counts an amount in the current window of a copy's budget.
func (s stage) spend(budget object, nanos int64) {
	s.t.Helper()
	start, err := time.Parse(time.RFC3339Nano, budget["last_reset"].(string))
	s.must(err)
	s.exec(`INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used) VALUES (?, 'spend', ?, ?, ?)
ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = excluded.used`, budget["id"], budget["reset_duration"], start, nanos)
}

func TestCopiesStartAtTheirWindow(t *testing.T) {
	s := newStage(t)
	rolling := s.profileNaming("Rolling", `"budgets":[{"max_limit":1,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1h"}]`)
	for profile, calendar := range map[int64]window.Calendar{research: {CalendarAligned: true}, rolling: {}} {
		held, _ := s.assign(s.ada, profile)
		assigned, err := time.Parse(time.RFC3339Nano, held["assigned_at"].(string))
		s.must(err)
		for _, budget := range objects(held["budgets"]) {
			want, _ := window.Window(budget["reset_duration"].(string), 1, calendar, assigned, assigned)
			if got := budget["last_reset"]; got != want.Format(time.RFC3339Nano) {
				t.Errorf("window from %v, want %v", got, want)
			}
		}
	}
}

// A copy can be paused, resumed, and given another expiry, independently of its profile.
func TestChangeCopy(t *testing.T) {
	s := newStage(t)
	held, key := s.assign(s.ada, research)
	page := copyPath(s.ada, held)
	active := func() any {
		return objects(s.bearer(key["value"]).get(quota).is(200).json()["access_profiles"])[0]["is_active"]
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
			var got object
			send := func() { got = s.admin.api("PUT", prefix+page, step.body).is(200).object("access_profile") }
			if prefix == "/api" {
				s.audits(send, step.action+" 4 "+s.ada+" cli")
			} else {
				s.unchanged(send) // sent again
			}
			same(t, step.body, []any{got["is_active"], got["expires_at"], active()}, []any{step.active, step.until, step.active})
			same(t, "read", s.copies(s.ada)[0], got)
		}
	}
	s.unchanged(func() {
		for body, want := range map[string][2]string{
			`{"is_active":null}`: {"null_not_allowed", "is_active"}, `{"is_active":"false"}`: {"wrong_type", "is_active"}, `{"is_active":0}`: {"wrong_type", "is_active"},
			`{"expires_at":"2020-01-01T00:00:00Z"}`: {"timestamp_in_past", "expires_at"}, `{"expires_at":""}`: {"invalid_timestamp", "expires_at"},
			`{"source":"role"}`: {"unknown_field", "source"}, `{"budgets":[]}`: {"unknown_field", "budgets"}, `[]`: {"expected_object", ""},
		} {
			s.admin.api("PUT", "/api"+page, body).refuses(400, want[0], want[1])
		}
		s.session.post(page, url.Values{"is_active": {"true"}, "expires_at": {"2020-01-01T00:00"}}).refuses(422, "timestamp_in_past", "expires_at")
		s.session.post(page, url.Values{"is_active": {"true"}, "source": {"role"}}).refuses(400, "unknown_field", "source")
	})
	s.audits(func() { s.session.post(page, url.Values{"expires_at": {""}}).redirects("/users/" + s.ada) }, "deactivate 4 "+s.ada+" "+admin)
	same(t, "active", active(), false)
	s.audits(func() {
		s.session.post(page, url.Values{"is_active": {"true"}, "expires_at": {"2099-01-01T00:00"}}).redirects("/users/" + s.ada)
	}, "activate 4 "+s.ada+" "+admin)
	same(t, "end", s.copies(s.ada)[0]["expires_at"], "2099-01-01T00:00:00Z")
}
