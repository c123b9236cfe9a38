package web_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestVersionsAreListedComparedAndRestored(t *testing.T) {
	c := newCast(t)
	c.admin.api("POST", "/api/access-profiles", nested).is(http.StatusCreated)
	first := c.admin.profile(4)
	c.admin.api("PUT", "/api/access-profiles/4", `{"name":"Renamed","budgets":[{"max_limit":9,"reset_duration":"1M"}],"mcp_servers":[]}`).is(http.StatusOK)
	c.admin.api("PUT", "/api/access-profiles/4/deactivate", nil).is(http.StatusOK)

	listed := c.admin.api("GET", "/api/governance/access-profiles/4/versions", nil).is(http.StatusOK).json()["versions"].([]any)
	var numbers []float64
	for _, version := range listed {
		numbers = append(numbers, version.(map[string]any)["version"].(float64))
	}
	if !reflect.DeepEqual(numbers, []float64{3, 2, 1}) {
		t.Errorf("versions are %v", numbers)
	}
	one := c.admin.api("GET", "/api/access-profiles/4/versions/1", nil).is(http.StatusOK).json()["version"].(map[string]any)
	if one["name"] != "Research" || one["changed_by"] != "cli" || !strings.HasPrefix(one["snapshot"].(string), `{"id":4,"name":"Research"`) {
		t.Errorf("version 1 is %v", one)
	}
	c.admin.api("GET", "/api/access-profiles/4/versions/9", nil).refuses(http.StatusNotFound, "not_found", "")
	c.admin.api("GET", "/api/access-profiles/99/versions", nil).refuses(http.StatusNotFound, "not_found", "")

	compared := c.session.get("/access-profiles/4/versions/compare?from=1&to=2").is(http.StatusOK)
	var fields []string
	for _, header := range compared.all("th", "scope", "row") {
		fields = append(fields, text(header))
	}
	if want := []string{"Name", "Global budgets", "MCP servers"}; !reflect.DeepEqual(fields, want) {
		t.Errorf("differs in %v, want %v", fields, want)
	}
	restore := c.session.get("/access-profiles/4/versions/1").is(http.StatusOK)
	if len(restore.all("form", "action", "/access-profiles/4/versions/1/restore")) != 1 {
		t.Error("an older version cannot be restored from its page")
	}
	c.session.post("/access-profiles/4/versions/1/restore", url.Values{"version": {"2"}}).refuses(http.StatusPreconditionFailed, "version_mismatch", "")
	c.session.post("/access-profiles/4/versions/1/restore", url.Values{"version": {"3"}}).redirects("/access-profiles/4")
	again := c.admin.profile(4)
	want := ignoring(first).(map[string]any)
	want["version"], want["is_active"] = 4.0, false
	if got := ignoring(again); !reflect.DeepEqual(got, want) {
		t.Errorf("restored %v\nwant %v", got, want)
	}
	if line := func(p map[string]any) any { return p["budgets"].([]any)[0].(map[string]any)["id"] }; line(again) != line(first) {
		t.Error("a limit that matched lost its id")
	}
	c.admin.api("POST", "/api/access-profiles/4/versions/4/restore", nil).is(http.StatusOK)
	if v := c.admin.profile(4)["version"]; v != 4.0 {
		t.Errorf("restoring what stands made version %v", v)
	}
	// A version may name things that were deleted since.
	c.admin.api("PUT", "/api/access-profiles/4", `{"provider_configs":[]}`).is(http.StatusOK)
	c.exec("DELETE FROM providers WHERE name = 'openai'")
	c.admin.api("POST", "/api/access-profiles/4/versions/1/restore", nil).refuses(http.StatusBadRequest, "unknown_provider", "provider_configs[0].provider_name")
}

func TestAuditLogShowsActorAndChange(t *testing.T) {
	c := newCast(t)
	c.session.post("/access-profiles", url.Values{"name": {`=HYPERLINK("http://evil")`}}).redirects("/access-profiles/4")
	c.admin.api("PUT", "/api/access-profiles/4", `{"description":"told"}`).is(http.StatusOK)
	c.admin.api("DELETE", "/api/access-profiles/4", nil).is(http.StatusOK)
	answer := c.admin.api("GET", "/api/access-profiles/4/audit-logs?limit=2", nil).is(http.StatusOK).json()
	rows := answer["audit_logs"].([]any)
	row := func(i int) map[string]any { return rows[i].(map[string]any) }
	if answer["total_count"] != 3.0 || len(rows) != 2 || row(0)["action"] != "delete" || row(1)["action"] != "update" || row(0)["new_values"] != nil ||
		row(0)["actor"] != "cli" || !strings.Contains(row(1)["new_values"].(string), `"description":"told"`) {
		t.Errorf("the audit log says %v", answer)
	}
	all := c.admin.api("GET", "/api/governance/access-profiles/audit-logs?action=create", nil).is(http.StatusOK).json()
	if all["total_count"].(float64) < 4 {
		t.Errorf("%v creates", all["total_count"])
	}
	c.admin.api("GET", "/api/access-profiles/audit-logs?action=explode", nil).refuses(http.StatusBadRequest, "invalid_action", "action")
	c.admin.api("GET", "/api/access-profiles/99/audit-logs", nil).refuses(http.StatusNotFound, "not_found", "")
	if page := c.session.get("/audit?actor=ADMIN&action=create").is(http.StatusOK); len(page.all("time")) != 1 {
		t.Errorf("%d rows of one change by the admin", len(page.all("time")))
	}
	c.login(viewer).get("/audit").refuses(http.StatusForbidden, "forbidden", "")

	exported, err := csv.NewReader(strings.NewReader(string(c.session.get("/audit/export?format=csv").is(http.StatusOK).body))).ReadAll()
	c.must(err)
	for _, line := range exported[1:] {
		for _, cell := range line {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("a spreadsheet would run %q", cell)
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(string(c.session.get("/audit/export?format=jsonl").is(http.StatusOK).body)), "\n")
	if len(lines) != len(exported)-1 {
		t.Errorf("%d lines of JSON and %d of CSV", len(lines), len(exported)-1)
	}
}

// An end before its start is not a filter; the form keeps what was typed.
func TestAuditRefusesAStartAfterItsEnd(t *testing.T) {
	c := newCast(t)
	page := c.session.get("/audit?since=2026-02-04&until=2026-02-03&actor=ada").refuses(http.StatusBadRequest, "invalid_range", "since")
	for name, want := range map[string]string{"since": "2026-02-04", "until": "2026-02-03", "actor": "ada"} {
		if got := attribute(page.one("input", "name", name), "value"); got != want {
			t.Errorf("%s came back as %q", name, got)
		}
	}
	c.session.get("/audit?since=2026-02-04&until=2026-02-04").is(http.StatusOK)
}

// A bulk change is found in the log of each of its users, and says how many there were.
func TestAuditOfOneUserIncludesBulkChanges(t *testing.T) {
	s := newStage(t)
	s.addRole("Crew")
	s.setRole(s.ada, "Crew")
	s.setRole(s.bob, "Crew")
	s.attach(research, object{"role_ids": []int64{s.roleID("Crew")}, "apply_to_existing": true})
	s.admin.api("PUT", "/api/access-profiles/4", `{"budgets":[{"max_limit":9,"reset_duration":"1M"}]}`).is(http.StatusOK)
	s.admin.api("POST", "/api/access-profiles/4/propagate", object{"fields": []string{"budgets"}, "user_ids": []string{s.bob}}).is(http.StatusOK)
	said := func(user string) (actions []string) {
		for _, row := range objects(s.admin.get("/api/access-profiles/audit-logs?user_id=" + user).is(http.StatusOK).json()["audit_logs"]) {
			actions = append(actions, row["action"].(string))
		}
		return actions
	}
	same(t, "about ada", said(s.ada), []string{"attach_role", "update"})
	same(t, "about bob", said(s.bob), []string{"propagate", "attach_role", "update"})
	page := s.session.get("/audit?action=attach_role&user_id=" + s.ada).is(http.StatusOK)
	same(t, "whom", text(page.one("td", "data-label", "Whom")), "2 users")
	same(t, "of whom it is", text(page.one("a", "class", "chip")), "Whom: Viewer")
	csv := string(s.session.get("/audit/export?format=csv&user_id=" + s.ada).is(http.StatusOK).body)
	same(t, "exported", strings.Count(csv, "attach_role"), 1)
}
