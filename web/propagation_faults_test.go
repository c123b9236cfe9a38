package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// refuse makes the database refuse every change of the budgets of a user's copy; forgive ends that.
func (c crowd) refuse(user string) {
	c.t.Helper()
	var policy int64
	c.scan(&policy, "SELECT policy_id FROM user_access_profiles WHERE user_id = ?", user)
	for _, statement := range []string{
		"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'nothing of the inside'; END $$",
		fmt.Sprintf("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON limit_lines FOR EACH ROW WHEN (NEW.policy_id = %d) EXECUTE FUNCTION refuse()", policy),
	} {
		_, err := c.owner().Exec(statement)
		c.must(err)
	}
}

func (c crowd) forgive() {
	c.t.Helper()
	_, err := c.owner().Exec("DROP FUNCTION refuse CASCADE")
	c.must(err)
}

func TestPropagateReportsFailures(t *testing.T) {
	c := newCrowd(t, 3)
	c.refuse(c.users[1])
	got := c.push(object{"fields": allGroups}).counts(2, 1, 0, true, allGroups...)
	if said := reasons(got["failed"]); len(said) != 1 || said[c.users[1]] == "" || strings.Contains(said[c.users[1]], "inside") {
		t.Errorf("failed %v", got["failed"])
	}
	if slices.Contains(list(got["user_ids"]), c.users[1]) || c.held(c.users[1])["template_version"] != 2.0 {
		t.Errorf("a copy that failed is reported as done: %v", got["user_ids"])
	}
	page := fmt.Sprintf("%s/%v", propagatePage, got["job"].(map[string]any)["id"])
	c.session.get(page).is(200).shows(map[string]string{"Done": "2", "Failed": "1"})
	c.login(viewer).with("Sec-Fetch-Site", "same-origin").post(page+"/retry", nil).refuses(403, "forbidden", "")
	c.forgive()
	retry := attribute(c.session.get(page).one("form", "action", page+"/retry"), "action")
	again := c.session.post(retry, nil).is(http.StatusSeeOther).Header.Get("Location")
	if again == page {
		t.Fatal("trying again leads to the same propagation")
	}
	result := c.session.get(again).is(200)
	result.shows(map[string]string{"Done": "1", "Failed": "0", "Skipped": "0"})
	if len(result.all("form", "action", again+"/retry")) > 0 {
		t.Error("there is something to try again")
	}
	if held := c.held(c.users[1]); held["template_version"] != 3.0 || row(held, "budgets", 0)["max_limit"] != 4.5 {
		t.Errorf("after trying again the copy is %v", held)
	}
	c.session.post(again+"/retry", nil).refuses(422, "nothing_failed", "")
}

func TestPropagationIsNotRetriedWithAnotherVersion(t *testing.T) {
	c := newCrowd(t, 2)
	c.refuse(c.users[0])
	got := c.push(object{"fields": allGroups}).counts(1, 1, 0, true, allGroups...)
	c.forgive()
	c.admin.api("PUT", "/api/access-profiles/1", `{"budgets":[]}`).is(200)
	before := c.tables()
	c.session.post(fmt.Sprintf("%s/%v/retry", propagatePage, got["job"].(map[string]any)["id"]), nil).refuses(409, "template_changed", "")
	if !maps.Equal(before, c.tables()) {
		t.Error("a refused retry changed something")
	}
}

// More copies than one request or one batch handles are processed in the background, with the same answer.
func TestPropagateToMany(t *testing.T) {
	c := newCrowd(t, 1)
	c.exec(`INSERT INTO users (id, name, email, email_key, role_id)
SELECT gen_random_uuid(), n, n || '@example.org', n || '@example.org', ? FROM generate_series(1, 500) AS n`, c.roles[1])
	c.admin.api("POST", "/api/access-profiles/1/roles", object{"role_ids": []int64{c.roles[1]}, "apply_to_existing": true}).is(200)
	c.admin.api("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":7,"reset_duration":"1d"}],"calendar_aligned":true}`).is(200)
	got := c.push(object{"fields": []string{"budgets"}}).counts(501, 0, 0, true, "budgets")
	few := c.push(object{"fields": []string{"budgets"}, "user_ids": c.users}).counts(1, 0, 0, true, "budgets")
	if many, one := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(few)); !slices.Equal(many, one) {
		t.Errorf("for many the answer has %v, for one %v", many, one)
	}
	if state := got["job"].(map[string]any); state["state"] != "done" || state["waiting_users"] != 0.0 {
		t.Errorf("the job is %v", state)
	}
	if n := c.count(`limit_lines AS b JOIN user_access_profiles AS c USING (policy_id) JOIN policies AS p ON p.id = policy_id
WHERE b.max_limit = 7000000000 AND p.calendar_aligned`); n != 501 {
		t.Errorf("%d of 501 copies have the budget", n)
	}
	c.admin.api("PUT", "/api/access-profiles/1", `{"budgets":[{"max_limit":8,"reset_duration":"1d"}]}`).is(200)
	preview := c.session.get(propagatePage + "/preview?fields=budgets").is(200)
	result := c.session.post(propagatePage, preview.hidden(propagatePage)).is(http.StatusSeeOther).Header.Get("Location")
	progress := c.session.get(result).is(200)
	for len(progress.all("div", "id", "propagation", "hx-get", result)) > 0 && t.Context().Err() == nil {
		progress = c.session.with("HX-Request", "true").get(result).is(200)
	}
	progress.shows(map[string]string{"Done": "501", "Failed": "0", "Skipped": "0"})
}
