package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestPropagateReportsFailures(t *testing.T) {
	c := webtest.NewCrowd(t, 3)
	c.Refuse(c.Users[1])
	got := c.Push(webtest.Object{"fields": webtest.AllGroups}).Counts(2, 1, 0, true, webtest.AllGroups...)
	if said := webtest.Reasons(got["failed"]); len(said) != 1 || said[c.Users[1]] == "" || strings.Contains(said[c.Users[1]], "inside") {
		t.Errorf("failed %v", got["failed"])
	}
	if slices.Contains(webtest.List(got["user_ids"]), c.Users[1]) || c.Held(c.Users[1])["template_version"] != 2.0 {
		t.Errorf("a copy that failed is reported as done: %v", got["user_ids"])
	}
	page := fmt.Sprintf("%s/%v", webtest.PropagatePage, got["job"].(map[string]any)["id"])
	c.Session.Get(page).Is(200).Shows(map[string]string{"Done": "2", "Failed": "1"})
	c.Login(webtest.Viewer).With("Sec-Fetch-Site", "same-origin").Post(page+"/retry", nil).Refuses(403, "forbidden", "")
	c.Forgive()
	retry := webtest.Attribute(c.Session.Get(page).One("form", "action", page+"/retry"), "action")
	again := c.Session.Post(retry, nil).Is(http.StatusSeeOther).Header.Get("Location")
	if again == page {
		t.Fatal("trying again leads to the same propagation")
	}
	result := c.Session.Get(again).Is(200)
	result.Shows(map[string]string{"Done": "1", "Failed": "0", "Skipped": "0"})
	if len(result.All("form", "action", again+"/retry")) > 0 {
		t.Error("there is something to try again")
	}
	if held := c.Held(c.Users[1]); held["template_version"] != 3.0 || webtest.Row(held, "budgets", 0)["max_limit"] != 4.5 {
		t.Errorf("after trying again the copy is %v", held)
	}
	c.Session.Post(again+"/retry", nil).Refuses(422, "nothing_failed", "")
}

// All copies that failed are tried again, also when they are more than a client can name.
func TestRetryOfMany(t *testing.T) {
	c := webtest.NewCrowd(t, 2)
	c.Refuse(c.Users[1])
	got := c.Push(webtest.Object{"fields": webtest.AllGroups}).Counts(1, 1, 0, true, webtest.AllGroups...)
	c.Forgive()
	job := got["job"].(map[string]any)["id"]
	c.Exec(`WITH many AS (INSERT INTO users (id, name, email, email_key, role_id)
    SELECT gen_random_uuid(), n, n || '@example.org', n || '@example.org', ? FROM generate_series(1, 10000) AS n RETURNING id)
INSERT INTO propagation_items (job_id, copy_id, user_id, state, reason) SELECT ?, -row_number() OVER (), id, 'failed', 'x' FROM many`, c.Roles[1], job)
	again := c.Session.Post(fmt.Sprintf("%s/%v/retry", webtest.PropagatePage, job), nil).Is(http.StatusSeeOther).Header.Get("Location")
	c.Session.Get(again).Is(200).Shows(map[string]string{"Done": "1", "Failed": "0", "Skipped": "10,000"})
}

func TestPropagationIsNotRetriedWithAnotherVersion(t *testing.T) {
	c := webtest.NewCrowd(t, 2)
	c.Refuse(c.Users[0])
	got := c.Push(webtest.Object{"fields": webtest.AllGroups}).Counts(1, 1, 0, true, webtest.AllGroups...)
	c.Forgive()
	c.Admin.API("PUT", "/api/access-profiles/1", `{"budgets":[]}`).Is(200)
	before := c.Tables()
	c.Session.Post(fmt.Sprintf("%s/%v/retry", webtest.PropagatePage, got["job"].(map[string]any)["id"]), nil).Refuses(409, "template_changed", "")
	if !maps.Equal(before, c.Tables()) {
		t.Error("a refused retry changed something")
	}
}

// More copies than one request or one batch handles are processed in the background, with the same answer.
func TestPropagateToMany(t *testing.T) {
	c := webtest.NewCrowd(t, 1)
	c.Exec(`INSERT INTO users (id, name, email, email_key, role_id)
SELECT gen_random_uuid(), n, n || '@example.org', n || '@example.org', ? FROM generate_series(1, 500) AS n`, c.Roles[1])
	c.Admin.API("POST", "/api/access-profiles/1/roles", webtest.Object{"role_ids": []int64{c.Roles[1]}, "apply_to_existing": true}).Is(200)
	c.Admin.API("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":7,"reset_duration":"1d"}],"calendar_aligned":true}`).Is(200)
	got := c.Push(webtest.Object{"fields": []string{"budgets"}}).Counts(501, 0, 0, true, "budgets")
	few := c.Push(webtest.Object{"fields": []string{"budgets"}, "user_ids": c.Users}).Counts(1, 0, 0, true, "budgets")
	if many, one := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(few)); !slices.Equal(many, one) {
		t.Errorf("for many the answer has %v, for one %v", many, one)
	}
	if state := got["job"].(map[string]any); state["state"] != "done" || state["waiting_users"] != 0.0 {
		t.Errorf("the job is %v", state)
	}
	if n := c.Count(`limit_lines AS b JOIN user_access_profiles AS c USING (policy_id) JOIN policies AS p ON p.id = policy_id
WHERE b.max_limit = 7000000000 AND p.calendar_aligned`); n != 501 {
		t.Errorf("%d of 501 copies have the budget", n)
	}
	c.Admin.API("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":8,"reset_duration":"1d"}]}`).Is(200)
	preview := c.Session.Get(webtest.PropagatePage + "/preview?fields=budgets").Is(200)
	result := c.Session.Post(webtest.PropagatePage, preview.Hidden(webtest.PropagatePage)).Is(http.StatusSeeOther).Header.Get("Location")
	progress := c.Session.Get(result).Is(200)
	for len(progress.All("div", "id", "propagation", "hx-get", result)) > 0 && t.Context().Err() == nil {
		progress = c.Session.With("HX-Request", "true").Get(result).Is(200)
	}
	progress.Shows(map[string]string{"Done": "501", "Failed": "0", "Skipped": "0"})
}
