package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/propagation"
)

// crowd is a console where users of two roles have copies of profile 1, one version behind.
type crowd struct {
	cast
	users []string // their ids; the first two have role First, the others Second
	roles [2]int64
}

var allGroups = []string{"provider_configs", "budgets", "rate_limit", "mcp_tool_groups", "mcp_servers", "mcp_tool_overrides"}

func newCrowd(t *testing.T, users int) crowd {
	t.Helper()
	c := crowd{cast: newCast(t)}
	c.roles = [2]int64{c.addRole("First"), c.addRole("Second")}
	c.admin.api("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":10,"reset_duration":"1d"}],"rate_limit":{"request_max_limit":100,"request_reset_duration":"1d"}}`).is(200)
	for i := range users {
		email := fmt.Sprintf("person%d@example.com", i)
		c.exec("INSERT INTO users (id, name, email, email_key, role_id) VALUES (gen_random_uuid(), ?, ?, ?, ?)", email, email, email, c.roles[min(i/2, 1)])
		c.users = append(c.users, c.userID(email))
		c.admin.api("POST", "/api/users/"+c.users[i]+"/access-profiles", object{"access_profile_id": 1}).is(201)
	}
	c.admin.api("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":4.5,"reset_duration":"1d"}],"rate_limit":null,"mcp_servers":[{"mcp_server_id":"github"}]}`).is(200)
	return c
}

func (c crowd) held(user string) map[string]any {
	c.t.Helper()
	return c.admin.api("GET", "/api/users/"+user+"/access-profiles", nil).is(200).json()["access_profiles"].([]any)[0].(map[string]any)
}

func (c crowd) copyPath(user string) string {
	return fmt.Sprintf("/api/users/%s/access-profiles/%v", user, c.held(user)["id"])
}

func (c crowd) push(body any) answer {
	c.t.Helper()
	return c.admin.api("POST", "/api/access-profiles/1/propagate", body)
}

// tables are fingerprints of all that is stored, except what any request may change, and the tables named.
func (c crowd) tables(but ...string) map[string]string {
	c.t.Helper()
	owner, prints := c.owner(), map[string]string{}
	var names []string
	c.scan(&names, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
	for _, name := range names {
		if slices.Contains(append(but, "sessions", "api_keys", "login_throttles"), name) {
			continue
		}
		var fingerprint string
		c.must(owner.NewRaw("SELECT md5(coalesce(string_agg(x::text, '|' ORDER BY x::text), '')) FROM ? AS x", bun.Ident(name)).Scan(c.t.Context(), &fingerprint))
		prints[name] = fingerprint
	}
	return prints
}

// counts checks the counts of an answer against the users that it names.
func (a answer) counts(affected, failed, skipped int, applied bool, fields ...string) map[string]any {
	a.t.Helper()
	got := a.is(200).json()
	if got["affected_users"] != float64(affected) || got["failed_users"] != float64(failed) || got["skipped_users"] != float64(skipped) ||
		got["applied"] != applied || len(list(got["user_ids"])) != affected || !reflect.DeepEqual(list(got["fields"]), fields) ||
		!reflect.DeepEqual(got["vk_sync_errors"], []any{}) {
		a.t.Fatalf("%s\nwant %d affected, %d failed, %d skipped, applied %v, fields %v", a.body, affected, failed, skipped, applied, fields)
	}
	return got
}

// reasons are why users were skipped or failed, by their ids.
func reasons(list any) map[string]string {
	said := map[string]string{}
	for _, item := range list.([]any) {
		one := item.(map[string]any)
		said[one["user_id"].(string)], _ = one["reason"].(string)
	}
	return said
}

func TestPropagateRefuses(t *testing.T) {
	c := newCrowd(t, 1)
	unknown := "00000000-0000-4000-8000-000000000000"
	many := strings.TrimSuffix(strings.Repeat(`"x",`, 10_001), ",")
	before := c.tables()
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
		{`{"fields":["budgets"],"user_ids":["` + c.users[0] + `","` + unknown + `"]}`, "unknown_user", "user_ids[1]"},
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
				a := c.admin.api("POST", prefix+"/access-profiles/1/propagate", body)
				if code, param := a.fault(); a.StatusCode != 400 || code != row.code || param != row.param {
					t.Errorf("%.80s: status %d, %q at %q, want %q at %q", body, a.StatusCode, code, param, row.code, row.param)
				}
			}
		}
	}
	fine := object{"fields": allGroups}
	for _, dry := range []bool{false, true} {
		fine["dry_run"] = dry
		stale := c.admin.with("If-Match", `"2"`)
		stale.api("POST", "/api/access-profiles/1/propagate", fine).refuses(412, "version_mismatch", "")
		c.admin.with("If-Match", "3").api("POST", "/api/access-profiles/1/propagate", fine).refuses(400, "invalid_if_match", "")
		c.admin.api("POST", "/api/access-profiles/99/propagate", fine).refuses(404, "not_found", "")
		stale.api("POST", "/api/access-profiles/1/propagate", `{"fields":[]}`).refuses(412, "version_mismatch", "")
		c.viewer.api("POST", "/api/access-profiles/1/propagate", fine).refuses(403, "forbidden", "")
	}
	c.admin.api("GET", "/api/access-profiles/1/propagate/1", nil).refuses(404, "not_found", "")
	if after := c.tables(); !maps.Equal(before, after) {
		t.Error("a refused propagation changed something")
	}
	c.admin.api("DELETE", "/api/access-profiles/2", nil).is(200)
	c.admin.api("POST", "/api/access-profiles/2/propagate", fine).refuses(404, "not_found", "")
	c.admin.with("If-Match", `"3"`).api("POST", "/api/access-profiles/1/propagate", object{"fields": allGroups}).counts(1, 0, 0, true, allGroups...)
}

func TestPropagateRunsOneAtATime(t *testing.T) {
	c := newCrowd(t, 1)
	in := propagation.Input{Row: input.Row{Kind: input.Object}}
	in.Fields = input.List[input.Value]{Kind: input.Array, Items: []input.Value{{Kind: input.String, Text: "budgets"}}}
	job, err := propagation.Start(t.Context(), c.db, permission.CLI, 1, nil, in)
	c.must(err)
	before := c.tables()
	c.push(object{"fields": allGroups}).refuses(409, "propagation_running", "")
	if !maps.Equal(before, c.tables()) {
		t.Error("a refused propagation changed something")
	}
	c.push(object{"fields": allGroups, "dry_run": true}).counts(1, 0, 0, false, allGroups...)
	status := fmt.Sprintf("/access-profiles/1/propagate/%d", job.ID)
	for _, prefix := range []string{"/api", "/api/governance"} {
		running := c.admin.api("GET", prefix+status, nil).is(202)
		state, _ := running.json()["job"].(map[string]any)
		if state["state"] != "running" || state["waiting_users"] != 1.0 || running.Header.Get("Location") != "/api"+status {
			t.Errorf("%s leads to %q", running.body, running.Header.Get("Location"))
		}
	}
	if progress := c.session.get(status).is(200).one("div", "id", "propagation"); attribute(progress, "hx-get") != status {
		t.Error("the page of a running propagation does not poll")
	}
	c.must(c.h.Propagator.Work(t.Context(), job))
	c.admin.api("GET", "/api"+status, nil).counts(1, 0, 0, true, "budgets")
	if progress := c.session.get(status).is(200).one("div", "id", "propagation"); attribute(progress, "hx-get") != "" {
		t.Error("the page of a finished propagation polls again")
	}
	c.push(object{"fields": allGroups}).counts(1, 0, 0, true, allGroups...)
	c.admin.api("GET", fmt.Sprintf("/api/access-profiles/2/propagate/%d", job.ID), nil).refuses(404, "not_found", "")
}

func TestDryRunReportsAndChangesNothing(t *testing.T) {
	c := newCrowd(t, 4)
	before := c.tables()
	// The same fields in another order are reported in the contract's order.
	report := c.push(object{"fields": []string{"mcp_servers", "budgets", "rate_limit"}, "dry_run": true}).counts(4, 0, 0, false, "budgets", "rate_limit", "mcp_servers")
	changes := report["changes"].([]any)
	if len(changes) != 1 || len(list(row(report, "changes", 0)["user_ids"])) != 4 {
		t.Fatalf("changes %v", changes)
	}
	got, want := map[string]any{}, map[string]any{}
	for _, field := range row(report, "changes", 0)["fields"].([]any) {
		one := field.(map[string]any)
		got[one["field"].(string)] = []any{one["before"], one["after"]}
	}
	c.must(json.Unmarshal([]byte(`{
		"budgets": [[{"max_limit":10,"reset_duration":"1d"}], [{"max_limit":4.5,"reset_duration":"1d"}]],
		"rate_limit": [{"request_max_limit":100,"request_reset_duration":"1d"}, null],
		"mcp_servers": [[], [{"mcp_server_id":"github"}]]}`), &want))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if !maps.Equal(before, c.tables()) {
		t.Error("a dry run changed something")
	}
	c.push(object{"fields": []string{"budgets"}}).counts(4, 0, 0, true, "budgets")
	if got := c.push(object{"fields": []string{"budgets"}, "dry_run": true}).json(); got["unchanged_users"] != 4.0 || len(got["changes"].([]any)) > 0 {
		t.Errorf("after it was applied: %v", got)
	}
}

func TestPropagateReachesTheChosenUsers(t *testing.T) {
	c := newCrowd(t, 5)
	limit := func(user string) any { return row(c.held(user), "budgets", 0)["max_limit"] }
	for _, step := range []struct {
		body    object
		reached []int
	}{
		{object{"fields": []string{"budgets"}, "user_ids": []string{c.users[4]}}, []int{4}},
		{object{"fields": []string{"budgets"}, "group_ids": []int64{c.roles[0]}}, []int{0, 1}},
		{object{"fields": []string{"budgets"}, "group_ids": []int64{c.roles[0]}, "user_ids": []string{c.users[2], c.users[1]}}, []int{0, 1, 2}},
		{object{"fields": []string{"budgets"}, "user_ids": []string{}, "group_ids": nil}, nil},
		{object{"fields": []string{"budgets"}, "user_ids": []string{}}, []int{0, 1, 2, 3, 4}},
	} {
		if step.reached == nil {
			c.push(step.body).refuses(400, "null_not_allowed", "group_ids")
			continue
		}
		want := []string{}
		for _, i := range step.reached {
			want = append(want, c.users[i])
		}
		slices.Sort(want)
		for _, dry := range []bool{true, false} {
			step.body["dry_run"] = dry
			got := list(c.push(step.body).counts(len(want), 0, 0, !dry, "budgets")["user_ids"])
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%v reached %v, want %v", step.body, got, want)
			}
		}
		for i, user := range c.users {
			if reached := slices.Contains(step.reached, i); reached != (limit(user) == 4.5) && i != 4 {
				t.Errorf("%v: the limit of user %d is %v", step.body, i, limit(user))
			}
		}
		if _, leftOut := c.held(c.users[0])["rate_limit"].(map[string]any); !leftOut {
			t.Error("a group that was not propagated changed")
		}
	}
}

// With the largest number of users that may be named, all are processed.
func TestPropagateReachesTheLastUserNamed(t *testing.T) {
	c := newCrowd(t, 1)
	c.exec(`INSERT INTO users (id, name, email, email_key, role_id)
SELECT gen_random_uuid(), n, n || '@example.org', n || '@example.org', ? FROM generate_series(1, 9999) AS n`, c.roles[1])
	var named []string
	c.scan(&named, "SELECT id FROM users WHERE email LIKE '%@example.org'")
	named = append(named, c.users[0])
	c.push(object{"fields": allGroups, "user_ids": named, "dry_run": true}).counts(1, 0, 9999, false, allGroups...)
	got := c.push(object{"fields": allGroups, "user_ids": named}).counts(1, 0, 9999, true, allGroups...)
	if !slices.Equal(list(got["user_ids"]), c.users) {
		t.Errorf("reached %v", got["user_ids"])
	}
}

func TestPropagateSkipsPausedAndExpiredCopies(t *testing.T) {
	c := newCrowd(t, 4)
	c.admin.api("PUT", c.copyPath(c.users[0]), `{"is_active":false}`).is(200)
	c.exec("UPDATE user_access_profiles SET expires_at = clock_timestamp() - interval '1 second' WHERE user_id = ?", c.users[1])
	before := []any{c.held(c.users[0]), c.held(c.users[1])}
	unassigned := c.userID(viewer)
	want := map[string]string{c.users[0]: "inactive", c.users[1]: "expired", unassigned: "no_copy"}
	all := append(slices.Clone(c.users), unassigned)
	for _, dry := range []bool{true, false} {
		got := c.push(object{"fields": allGroups, "user_ids": all, "dry_run": dry}).counts(2, 0, 3, !dry, allGroups...)
		if said := reasons(got["skipped"]); !maps.Equal(said, want) {
			t.Errorf("skipped %v, want %v", said, want)
		}
	}
	if after := []any{c.held(c.users[0]), c.held(c.users[1])}; !reflect.DeepEqual(before, after) {
		t.Errorf("copies that were skipped are %v, were %v", after, before)
	}
	c.admin.api("PUT", c.copyPath(c.users[0]), `{"is_active":true}`).is(200)
	c.push(object{"fields": allGroups}).counts(3, 0, 1, true, allGroups...)
	if held := c.held(c.users[0]); held["template_version"] != 3.0 {
		t.Errorf("a copy that goes on is %v", held)
	}
}
