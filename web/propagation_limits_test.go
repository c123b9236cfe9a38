package web_test

import (
	"reflect"
	"testing"
)

// use counts an amount at a limit of a copy, in the current window.
func (c crowd) use(user, kind string, used int64) {
	c.t.Helper()
	c.exec(`INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used)
SELECT l.id, l.kind, '1d', window_start('1d', NULL, p.calendar, l.created_at, NULL, NULL, clock_timestamp()), ?
FROM user_access_profiles AS c JOIN policies AS p ON p.id = c.policy_id JOIN limit_lines AS l ON l.policy_id = p.id WHERE l.kind = ? AND c.user_id = ?
ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = limit_windows.used + excluded.used`, used, kind, user)
}

// over are the limits that a dry run reports as used up.
func (c crowd) over(body object) []any {
	c.t.Helper()
	body["dry_run"] = true
	return c.push(body).is(200).json()["over_limit"].([]any)
}

func TestDryRunReportsBlockedUsers(t *testing.T) {
	c := newCrowd(t, 6) // the last has used nothing
	const dollar = 1_000_000_000
	c.use(c.users[0], "spend", 4_500_000_000) // exactly at what the limit will be
	c.use(c.users[1], "spend", 4_499_999_999) // just below
	c.use(c.users[2], "spend", 10*dollar)     // at the limit already
	c.use(c.users[3], "spend", 4_500_000_000) // raised
	c.use(c.users[4], "requests", 1_000_000)  // of a limit that is removed
	c.exec(`INSERT INTO limit_windows SELECT line_id, kind, reset_duration, window_start - interval '1 day', 10 * used FROM limit_windows`)
	for _, raised := range c.users[3:5] {
		budget := row(c.held(raised), "budgets", 0)["id"].(string)
		c.admin.api("PUT", c.copyPath(raised)+"/budgets/"+budget+"/override", `{"amount":0.5,"mode":"cycles","cycles":1}`).is(200)
	}
	spend := func(user string, used float64, already bool) any {
		return map[string]any{"user_id": user, "scope": "total", "kind": "spend", "reset_duration": "1d", "used": used, "limit": 4.5, "already": already}
	}
	want := []any{spend(c.users[0], 4.5, false), spend(c.users[2], 10, true)}
	if got := c.over(object{"fields": allGroups}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if got := c.over(object{"fields": []string{"mcp_servers"}}); len(got) > 0 {
		t.Errorf("limits that are not propagated: %v", got)
	}
	if got := c.over(object{"fields": allGroups, "reset_usage": true}); len(got) > 0 {
		t.Errorf("with usage reset: %v", got)
	}
	if got := c.over(object{"fields": allGroups, "user_ids": []string{c.users[2]}}); len(got) != 1 {
		t.Errorf("of one user: %v", got)
	}
	c.push(object{"fields": allGroups}).is(200)
	want = []any{spend(c.users[0], 4.5, true), spend(c.users[2], 10, true)}
	if got := c.over(object{"fields": allGroups}); !reflect.DeepEqual(got, want) {
		t.Errorf("after it was applied: %v\nwant %v", got, want)
	}
	// A limit with another window starts at zero, and a limit of 0 blocks at once.
	c.admin.api("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":1,"reset_duration":"1w"}]}`).is(200)
	if got := c.over(object{"fields": []string{"budgets"}}); len(got) > 0 {
		t.Errorf("a new limit: %v", got)
	}
	c.admin.api("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":0,"reset_duration":"1w"}]}`).is(200)
	if got := c.over(object{"fields": []string{"budgets"}}); len(got) != len(c.users) {
		t.Errorf("a limit of 0: %v", got)
	}
	// An override prevents that, as long as its amount is not used.
	c.admin.api("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":0,"reset_duration":"1d"}]}`).is(200)
	if got := c.over(object{"fields": []string{"budgets"}}); len(got) != len(c.users)-1 {
		t.Errorf("a limit of 0 that is raised for some: %v", got)
	}
}

func TestResetUsageZeroesThePropagatedGroups(t *testing.T) {
	c := newCrowd(t, 2)
	for _, user := range c.users {
		c.use(user, "spend", 3_000_000_000)
		c.use(user, "requests", 7)
	}
	c.admin.api("PUT", "/api/access-profiles/1", `{"rate_limit":{"request_max_limit":50,"request_reset_duration":"1d"}}`).is(200)
	shown := func(user string) [2]any {
		held := c.held(user)
		limit, _ := held["rate_limit"].(map[string]any)
		return [2]any{row(held, "budgets", 0)["current_usage"], limit["request_current_usage"]}
	}
	c.push(object{"fields": []string{"budgets", "rate_limit"}}).is(200)
	c.push(object{"fields": []string{"rate_limit"}, "reset_usage": false}).is(200)
	if got := shown(c.users[0]); got != [2]any{3.0, 7.0} {
		t.Errorf("without a reset %v is shown", got)
	}
	c.push(object{"fields": []string{"rate_limit"}, "reset_usage": true, "user_ids": []string{c.users[0]}}).counts(1, 0, 0, true, "rate_limit")
	if got := shown(c.users[0]); got != [2]any{3.0, 0.0} {
		t.Errorf("after a reset of the rate limit %v is shown", got)
	}
	if got := shown(c.users[1]); got != [2]any{3.0, 7.0} {
		t.Errorf("after a reset for another user %v is shown", got)
	}
	c.use(c.users[0], "requests", 2)
	c.push(object{"fields": []string{"budgets"}, "reset_usage": true}).is(200)
	if got := shown(c.users[0]); got != [2]any{0.0, 2.0} {
		t.Errorf("after a reset of the budgets %v is shown", got)
	}
	if kept := c.count("limit_windows WHERE (kind, used) IN (('spend', 3000000000), ('requests', 9), ('requests', 7))"); kept != 4 {
		t.Errorf("%d of 4 counters stand as they were counted", kept)
	}
}
