package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/propagation"
	"tollgate/web/webtest"
)

func TestPropagateRefuses(t *testing.T) {
	c := webtest.NewCrowd(t, 1)
	unknown := "00000000-0000-4000-8000-000000000000"
	many := strings.TrimSuffix(strings.Repeat(`"x",`, 10_001), ",")
	before := c.Tables()
	for _, row := range []struct{ body, code, param string }{
		{`{}`, "required", "fields"},
		{`{"fields":[]}`, "required", "fields"},
		{`{"fields":null}`, "null_not_allowed", "fields"},
		{`{"fields":"budgets"}`, "wrong_type", "fields"},
		{`{"fields":[1]}`, "wrong_type", "fields[0]"},
		{`{"fields":[null]}`, "null_not_allowed", "fields[0]"},
		{`{"fields":["budgets","names"]}`, "invalid_field", "fields[1]"},
		{`{"fields":["calendar_aligned"]}`, "invalid_field", "fields[0]"},
		{`{"fields":["Budgets"]}`, "invalid_field", "fields[0]"},
		{`{"fields":["budgets","rate_limit","budgets"]}`, "duplicate_field", "fields[2]"},
		{`{"fields":["budgets"],"user_ids":[` + many + `]}`, "too_many_items", "user_ids"},
		{`{"fields":["budgets"],"user_ids":["` + c.Users[0] + `","` + unknown + `"]}`, "unknown_user", "user_ids[1]"},
		{`{"fields":["budgets"],"user_ids":["\u0000"]}`, "nul_character", "user_ids[0]"},
		{`{"fields":["budgets"],"user_ids":[7]}`, "wrong_type", "user_ids[0]"},
		{`{"fields":["budgets"],"group_ids":[99999]}`, "unknown_group", "group_ids[0]"},
		{`{"fields":["budgets"],"group_ids":[0]}`, "number_out_of_range", "group_ids[0]"},
		{`{"fields":["budgets"],"group_ids":["Admin"]}`, "wrong_type", "group_ids[0]"},
		{`{"fields":["budgets"],"dry_run":"true"}`, "wrong_type", "dry_run"},
		{`{"fields":["budgets"],"reset_usage":1}`, "wrong_type", "reset_usage"},
		{`{"fields":["budgets"],"emails":["person0@example.com"]}`, "unknown_field", "emails"},
		{`{"fields":["budgets"],"version":2}`, "unknown_field", "version"},
	} {
		for _, prefix := range []string{"/api", "/api/governance"} {
			bodies := []string{row.body}
			if row.body != "{}" && row.param != "dry_run" {
				bodies = append(bodies, strings.Replace(row.body, "{", `{"dry_run":true,`, 1))
			}
			for _, body := range bodies {
				a := c.Admin.API("POST", prefix+"/access-profiles/1/propagate", body)
				if code, param := a.Fault(); a.StatusCode != 400 || code != row.code || param != row.param {
					t.Errorf("%.80s: status %d, %q at %q, want %q at %q", body, a.StatusCode, code, param, row.code, row.param)
				}
			}
		}
	}
	fine := webtest.Object{"fields": webtest.AllGroups}
	for _, dry := range []bool{false, true} {
		fine["dry_run"] = dry
		stale := c.Admin.With("If-Match", `"2"`)
		stale.API("POST", "/api/access-profiles/1/propagate", fine).Refuses(412, "version_mismatch", "")
		c.Admin.With("If-Match", "3").API("POST", "/api/access-profiles/1/propagate", fine).Refuses(400, "invalid_if_match", "")
		c.Admin.API("POST", "/api/access-profiles/99/propagate", fine).Refuses(404, "not_found", "")
		stale.API("POST", "/api/access-profiles/1/propagate", `{"fields":[]}`).Refuses(412, "version_mismatch", "")
		c.Viewer.API("POST", "/api/access-profiles/1/propagate", fine).Refuses(403, "forbidden", "")
	}
	c.Admin.API("GET", "/api/access-profiles/1/propagate/1", nil).Refuses(404, "not_found", "")
	if after := c.Tables(); !maps.Equal(before, after) {
		t.Error("a refused propagation changed something")
	}
	c.Admin.API("DELETE", "/api/access-profiles/2", nil).Is(200)
	c.Admin.API("POST", "/api/access-profiles/2/propagate", fine).Refuses(404, "not_found", "")
	c.Admin.With("If-Match", `"3"`).API("POST", "/api/access-profiles/1/propagate", webtest.Object{"fields": webtest.AllGroups}).Counts(1, 0, 0, true, webtest.AllGroups...)
}

func TestPropagateRunsOneAtATime(t *testing.T) {
	c := webtest.NewCrowd(t, 1)
	in := propagation.Input{Row: input.Row{Kind: input.Object}}
	in.Fields = input.List[input.Value]{Kind: input.Array, Items: []input.Value{{Kind: input.String, Text: "budgets"}}}
	job, err := propagation.Start(t.Context(), c.DB, permission.CLI, 1, nil, in)
	c.Must(err)
	c.Exec("UPDATE propagation_jobs SET lease_until = now() + interval '1 hour'") // no worker takes it
	before := c.Tables()
	c.Push(webtest.Object{"fields": webtest.AllGroups}).Refuses(409, "propagation_running", "")
	if !maps.Equal(before, c.Tables()) {
		t.Error("a refused propagation changed something")
	}
	c.Push(webtest.Object{"fields": webtest.AllGroups, "dry_run": true}).Counts(1, 0, 0, false, webtest.AllGroups...)
	status := fmt.Sprintf("/access-profiles/1/propagate/%d", job.ID)
	for _, prefix := range []string{"/api", "/api/governance"} {
		running := c.Admin.API("GET", prefix+status, nil).Is(202)
		state, _ := running.JSON()["job"].(map[string]any)
		if state["state"] != "running" || state["waiting_users"] != 1.0 || running.Header.Get("Location") != "/api"+status {
			t.Errorf("%s leads to %q", running.Body, running.Header.Get("Location"))
		}
	}
	if progress := c.Session.Get(status).Is(200).One("div", "id", "propagation"); webtest.Attribute(progress, "hx-get") != status {
		t.Error("the page of a running propagation does not poll")
	}
	c.Must(c.H.Propagator.Work(t.Context(), job))
	c.Admin.API("GET", "/api"+status, nil).Counts(1, 0, 0, true, "budgets")
	if progress := c.Session.Get(status).Is(200).One("div", "id", "propagation"); webtest.Attribute(progress, "hx-get") != "" {
		t.Error("the page of a finished propagation polls again")
	}
	c.Push(webtest.Object{"fields": webtest.AllGroups}).Counts(1, 0, 0, true, webtest.AllGroups...)
	c.Admin.API("GET", fmt.Sprintf("/api/access-profiles/2/propagate/%d", job.ID), nil).Refuses(404, "not_found", "")
}

func TestDryRunReportsAndChangesNothing(t *testing.T) {
	c := webtest.NewCrowd(t, 4)
	before := c.Tables()
	// The same fields in another order are reported in the contract's order.
	report := c.Push(webtest.Object{"fields": []string{"mcp_servers", "budgets", "rate_limit"}, "dry_run": true}).Counts(4, 0, 0, false, "budgets", "rate_limit", "mcp_servers")
	changes := report["changes"].([]any)
	if len(changes) != 1 || len(webtest.List(webtest.Row(report, "changes", 0)["user_ids"])) != 4 {
		t.Fatalf("changes %v", changes)
	}
	got, want := map[string]any{}, map[string]any{}
	for _, field := range webtest.Row(report, "changes", 0)["fields"].([]any) {
		one := field.(map[string]any)
		got[one["field"].(string)] = []any{one["before"], one["after"]}
	}
	c.Must(json.Unmarshal([]byte(`{
		"budgets": [[{"max_limit":10,"reset_duration":"1d"}], [{"max_limit":4.5,"reset_duration":"1d"}]],
		"rate_limit": [{"request_max_limit":100,"request_reset_duration":"1d"}, null],
		"mcp_servers": [[], [{"mcp_server_id":"github"}]]}`), &want))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if !maps.Equal(before, c.Tables()) {
		t.Error("a dry run changed something")
	}
	c.Push(webtest.Object{"fields": []string{"budgets"}}).Counts(4, 0, 0, true, "budgets")
	if got := c.Push(webtest.Object{"fields": []string{"budgets"}, "dry_run": true}).JSON(); got["unchanged_users"] != 4.0 || len(got["changes"].([]any)) > 0 {
		t.Errorf("after it was applied: %v", got)
	}
}

func TestPropagateReachesTheChosenUsers(t *testing.T) {
	c := webtest.NewCrowd(t, 5)
	limit := func(user string) any { return webtest.Row(c.Held(user), "budgets", 0)["max_limit"] }
	for _, step := range []struct {
		body    webtest.Object
		reached []int
	}{
		{webtest.Object{"fields": []string{"budgets"}, "user_ids": []string{c.Users[4]}}, []int{4}},
		{webtest.Object{"fields": []string{"budgets"}, "group_ids": []int64{c.Roles[0]}}, []int{0, 1}},
		{webtest.Object{"fields": []string{"budgets"}, "group_ids": []int64{c.Roles[0]}, "user_ids": []string{c.Users[2], c.Users[1]}}, []int{0, 1, 2}},
		{webtest.Object{"fields": []string{"budgets"}, "user_ids": []string{}, "group_ids": nil}, nil},
		{webtest.Object{"fields": []string{"budgets"}, "user_ids": []string{}}, []int{0, 1, 2, 3, 4}},
	} {
		if step.reached == nil {
			c.Push(step.body).Refuses(400, "null_not_allowed", "group_ids")
			continue
		}
		want := []string{}
		for _, i := range step.reached {
			want = append(want, c.Users[i])
		}
		slices.Sort(want)
		for _, dry := range []bool{true, false} {
			step.body["dry_run"] = dry
			got := webtest.List(c.Push(step.body).Counts(len(want), 0, 0, !dry, "budgets")["user_ids"])
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%v reached %v, want %v", step.body, got, want)
			}
		}
		for i, user := range c.Users {
			if reached := slices.Contains(step.reached, i); reached != (limit(user) == 4.5) && i != 4 {
				t.Errorf("%v: the limit of user %d is %v", step.body, i, limit(user))
			}
		}
		if _, leftOut := c.Held(c.Users[0])["rate_limit"].(map[string]any); !leftOut {
			t.Error("a group that was not propagated changed")
		}
	}
}

// With the largest number of users that may be named, all are processed.
func TestPropagateReachesTheLastUserNamed(t *testing.T) {
	c := webtest.NewCrowd(t, 1)
	c.Exec(`INSERT INTO users (id, name, email, email_key, role_id)
SELECT gen_random_uuid(), n, n || '@example.org', n || '@example.org', ? FROM generate_series(1, 9999) AS n`, c.Roles[1])
	var named []string
	c.Scan(&named, "SELECT id FROM users WHERE email LIKE '%@example.org'")
	named = append(named, c.Users[0])
	c.Push(webtest.Object{"fields": webtest.AllGroups, "user_ids": named, "dry_run": true}).Counts(1, 0, 9999, false, webtest.AllGroups...)
	got := c.Push(webtest.Object{"fields": webtest.AllGroups, "user_ids": named}).Counts(1, 0, 9999, true, webtest.AllGroups...)
	if !slices.Equal(webtest.List(got["user_ids"]), c.Users) {
		t.Errorf("reached %v", got["user_ids"])
	}
}

func TestPropagateSkipsPausedAndExpiredCopies(t *testing.T) {
	c := webtest.NewCrowd(t, 4)
	c.Admin.API("PUT", c.CopyPath(c.Users[0]), `{"is_active":false}`).Is(200)
	c.Exec("UPDATE user_access_profiles SET expires_at = clock_timestamp() - interval '1 second' WHERE user_id = ?", c.Users[1])
	before := []any{c.Held(c.Users[0]), c.Held(c.Users[1])}
	unassigned := c.UserID(webtest.Viewer)
	want := map[string]string{c.Users[0]: "inactive", c.Users[1]: "expired", unassigned: "no_copy"}
	all := append(slices.Clone(c.Users), unassigned)
	for _, dry := range []bool{true, false} {
		got := c.Push(webtest.Object{"fields": webtest.AllGroups, "user_ids": all, "dry_run": dry}).Counts(2, 0, 3, !dry, webtest.AllGroups...)
		if said := webtest.Reasons(got["skipped"]); !maps.Equal(said, want) {
			t.Errorf("skipped %v, want %v", said, want)
		}
	}
	if after := []any{c.Held(c.Users[0]), c.Held(c.Users[1])}; !reflect.DeepEqual(before, after) {
		t.Errorf("copies that were skipped are %v, were %v", after, before)
	}
	c.Admin.API("PUT", c.CopyPath(c.Users[0]), `{"is_active":true}`).Is(200)
	c.Push(webtest.Object{"fields": webtest.AllGroups}).Counts(3, 0, 1, true, webtest.AllGroups...)
	if held := c.Held(c.Users[0]); held["template_version"] != 3.0 {
		t.Errorf("a copy that goes on is %v", held)
	}
}
