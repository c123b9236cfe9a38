package web_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"tollgate/web/webtest"
)

func TestDryRunReportsBlockedUsers(t *testing.T) {
	c := webtest.NewCrowd(t, 6) // the last has used nothing
	const dollar = 1_000_000_000
	c.Use(c.Users[0], "spend", 4_500_000_000) // exactly at what the limit will be
	c.Use(c.Users[1], "spend", 4_499_999_999) // just below
	c.Use(c.Users[2], "spend", 10*dollar)     // at the limit already
	c.Use(c.Users[3], "spend", 4_500_000_000) // raised
	c.Use(c.Users[4], "requests", 1_000_000)  // of a limit that is removed
	c.Exec(`INSERT INTO limit_windows SELECT line_id, kind, reset_duration, window_start - interval '1 day', 10 * used FROM limit_windows`)
	for _, raised := range c.Users[3:5] {
		budget := webtest.Row(c.Held(raised), "budgets", 0)["id"].(string)
		c.Admin.API("PUT", c.CopyPath(raised)+"/budgets/"+budget+"/override", `{"amount":0.5,"mode":"cycles","cycles":1}`).Is(200)
	}
	spend := func(user string, used float64, already bool) any {
		return map[string]any{"user_id": user, "scope": "total", "kind": "spend", "reset_duration": "1d", "used": used, "limit": 4.5, "already": already}
	}
	want := []any{spend(c.Users[0], 4.5, false), spend(c.Users[2], 10, true)}
	if got := c.Over(webtest.Object{"fields": webtest.AllGroups}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if got := c.Over(webtest.Object{"fields": []string{"mcp_servers"}}); len(got) > 0 {
		t.Errorf("limits that are not propagated: %v", got)
	}
	if got := c.Over(webtest.Object{"fields": webtest.AllGroups, "reset_usage": true}); len(got) > 0 {
		t.Errorf("with usage reset: %v", got)
	}
	if got := c.Over(webtest.Object{"fields": webtest.AllGroups, "user_ids": []string{c.Users[2]}}); len(got) != 1 {
		t.Errorf("of one user: %v", got)
	}
	c.Push(webtest.Object{"fields": webtest.AllGroups}).Is(200)
	want = []any{spend(c.Users[0], 4.5, true), spend(c.Users[2], 10, true)}
	if got := c.Over(webtest.Object{"fields": webtest.AllGroups}); !reflect.DeepEqual(got, want) {
		t.Errorf("after it was applied: %v\nwant %v", got, want)
	}
	// A limit with another window starts at zero, and a limit of 0 blocks at once.
	c.Admin.API("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":1,"reset_duration":"1w"}]}`).Is(200)
	if got := c.Over(webtest.Object{"fields": []string{"budgets"}}); len(got) > 0 {
		t.Errorf("a new limit: %v", got)
	}
	c.Admin.API("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":0,"reset_duration":"1w"}]}`).Is(200)
	if got := c.Over(webtest.Object{"fields": []string{"budgets"}}); len(got) != len(c.Users) {
		t.Errorf("a limit of 0: %v", got)
	}
	// An override prevents that, as long as its amount is not used.
	c.Admin.API("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":0,"reset_duration":"1d"}]}`).Is(200)
	if got := c.Over(webtest.Object{"fields": []string{"budgets"}}); len(got) != len(c.Users)-1 {
		t.Errorf("a limit of 0 that is raised for some: %v", got)
	}
}

// What was used of one kind says nothing about another: three requests are many, and three nano-dollars nothing.
func TestDryRunComparesEachKindWithItsOwnLimits(t *testing.T) {
	c := webtest.NewCrowd(t, 5)
	c.Admin.API("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":2,"reset_duration":"1d"}],
"rate_limit":{"token_max_limit":500,"token_reset_duration":"1d","request_max_limit":3,"request_reset_duration":"1d"}}`).Is(200)
	c.Push(webtest.Object{"fields": webtest.AllGroups}).Is(200)
	used := func(user int, kind string, amount int64) { c.Use(c.Users[user], kind, amount) }
	used(0, "spend", 2_000_000_000)
	used(1, "tokens", 500)
	used(2, "requests", 3)
	used(3, "spend", 1_999_999_999)
	used(3, "tokens", 499)
	used(4, "requests", 2)
	over := func(fields ...string) (kinds []string) {
		for _, one := range c.Over(webtest.Object{"fields": fields}) {
			of := one.(map[string]any)
			kinds = append(kinds, fmt.Sprintf("%d %s", slices.Index(c.Users, of["user_id"].(string)), of["kind"]))
		}
		return kinds
	}
	webtest.Same(t, "all that is propagated", over(webtest.AllGroups...), []string{"0 spend", "1 tokens", "2 requests"})
	webtest.Same(t, "budgets alone", over("budgets"), []string{"0 spend"})
	webtest.Same(t, "limits alone", over("rate_limit"), []string{"1 tokens", "2 requests"})
}

func TestResetUsageZeroesThePropagatedGroups(t *testing.T) {
	c := webtest.NewCrowd(t, 2)
	for _, user := range c.Users {
		c.Use(user, "spend", 3_000_000_000)
		c.Use(user, "requests", 7)
	}
	c.Admin.API("PUT", "/api/access-profiles/1", `{"rate_limit":{"request_max_limit":50,"request_reset_duration":"1d"}}`).Is(200)
	shown := func(user string) [2]any {
		held := c.Held(user)
		limit, _ := held["rate_limit"].(map[string]any)
		return [2]any{webtest.Row(held, "budgets", 0)["current_usage"], limit["request_current_usage"]}
	}
	c.Push(webtest.Object{"fields": []string{"budgets", "rate_limit"}}).Is(200)
	c.Push(webtest.Object{"fields": []string{"rate_limit"}, "reset_usage": false}).Is(200)
	if got := shown(c.Users[0]); got != [2]any{3.0, 7.0} {
		t.Errorf("without a reset %v is shown", got)
	}
	c.Push(webtest.Object{"fields": []string{"rate_limit"}, "reset_usage": true, "user_ids": []string{c.Users[0]}}).Counts(1, 0, 0, true, "rate_limit")
	if got := shown(c.Users[0]); got != [2]any{3.0, 0.0} {
		t.Errorf("after a reset of the rate limit %v is shown", got)
	}
	if got := shown(c.Users[1]); got != [2]any{3.0, 7.0} {
		t.Errorf("after a reset for another user %v is shown", got)
	}
	c.Use(c.Users[0], "requests", 2)
	c.Push(webtest.Object{"fields": []string{"budgets"}, "reset_usage": true}).Is(200)
	if got := shown(c.Users[0]); got != [2]any{0.0, 2.0} {
		t.Errorf("after a reset of the budgets %v is shown", got)
	}
	if kept := c.Count("limit_windows WHERE (kind, used) IN (('spend', 3000000000), ('requests', 9), ('requests', 7))"); kept != 4 {
		t.Errorf("%d of 4 counters stand as they were counted", kept)
	}
}
