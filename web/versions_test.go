package web_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestVersionsAreListedComparedAndRestored(t *testing.T) {
	c := webtest.NewCast(t)
	c.Admin.API("POST", "/api/access-profiles", webtest.Nested).Is(http.StatusCreated)
	first := c.Admin.Profile(4)
	c.Admin.API("PUT", "/api/access-profiles/4", `{"name":"Renamed","budgets":[{"max_limit":9,"reset_duration":"1M"}],"mcp_servers":[]}`).Is(http.StatusOK)
	c.Admin.API("PUT", "/api/access-profiles/4/deactivate", nil).Is(http.StatusOK)

	listed := c.Admin.API("GET", "/api/governance/access-profiles/4/versions", nil).Is(http.StatusOK).JSON()["versions"].([]any)
	var numbers []float64
	for _, version := range listed {
		numbers = append(numbers, version.(map[string]any)["version"].(float64))
	}
	if !reflect.DeepEqual(numbers, []float64{3, 2, 1}) {
		t.Errorf("versions are %v", numbers)
	}
	one := c.Admin.API("GET", "/api/access-profiles/4/versions/1", nil).Is(http.StatusOK).JSON()["version"].(map[string]any)
	if one["name"] != "Research" || one["changed_by"] != "cli" || !strings.HasPrefix(one["snapshot"].(string), `{"id":4,"name":"Research"`) {
		t.Errorf("version 1 is %v", one)
	}
	c.Admin.API("GET", "/api/access-profiles/4/versions/9", nil).Refuses(http.StatusNotFound, "not_found", "")
	c.Admin.API("GET", "/api/access-profiles/99/versions", nil).Refuses(http.StatusNotFound, "not_found", "")

	compared := c.Session.Get("/access-profiles/4/versions/compare?from=1&to=2").Is(http.StatusOK)
	var fields []string
	for _, header := range compared.All("th", "scope", "row") {
		fields = append(fields, webtest.Text(header))
	}
	if want := []string{"Name", "Overall budgets", "MCP servers"}; !reflect.DeepEqual(fields, want) {
		t.Errorf("differs in %v, want %v", fields, want)
	}
	restore := c.Session.Get("/access-profiles/4/versions/1").Is(http.StatusOK)
	if len(restore.All("form", "action", "/access-profiles/4/versions/1/restore")) != 1 {
		t.Error("an older version cannot be restored from its page")
	}
	c.Session.Post("/access-profiles/4/versions/1/restore", url.Values{"version": {"2"}}).Refuses(http.StatusPreconditionFailed, "version_mismatch", "")
	c.Session.Post("/access-profiles/4/versions/1/restore", url.Values{"version": {"3"}}).Redirects("/access-profiles/4")
	again := c.Admin.Profile(4)
	want := webtest.Ignoring(first).(map[string]any)
	want["version"], want["is_active"] = 4.0, false
	if got := webtest.Ignoring(again); !reflect.DeepEqual(got, want) {
		t.Errorf("restored %v\nwant %v", got, want)
	}
	if line := func(p map[string]any) any { return p["budgets"].([]any)[0].(map[string]any)["id"] }; line(again) != line(first) {
		t.Error("a limit that matched lost its id")
	}
	c.Admin.API("POST", "/api/access-profiles/4/versions/4/restore", nil).Is(http.StatusOK)
	if v := c.Admin.Profile(4)["version"]; v != 4.0 {
		t.Errorf("restoring what stands made version %v", v)
	}
	// A version may name things that were deleted since.
	c.Admin.API("PUT", "/api/access-profiles/4", `{"provider_configs":[]}`).Is(http.StatusOK)
	c.Exec("DELETE FROM providers WHERE name = 'openai'")
	c.Admin.API("POST", "/api/access-profiles/4/versions/1/restore", nil).Refuses(http.StatusBadRequest, "unknown_provider", "provider_configs[0].provider_name")
}

func TestAuditLogShowsActorAndChange(t *testing.T) {
	c := webtest.NewCast(t)
	c.Session.Post("/access-profiles", url.Values{"name": {`=HYPERLINK("http://evil")`}}).Redirects("/access-profiles/4")
	c.Admin.API("PUT", "/api/access-profiles/4", `{"description":"told"}`).Is(http.StatusOK)
	c.Admin.API("DELETE", "/api/access-profiles/4", nil).Is(http.StatusOK)
	answer := c.Admin.API("GET", "/api/access-profiles/4/audit-logs?limit=2", nil).Is(http.StatusOK).JSON()
	rows := answer["audit_logs"].([]any)
	row := func(i int) map[string]any { return rows[i].(map[string]any) }
	if answer["total_count"] != 3.0 || len(rows) != 2 || row(0)["action"] != "delete" || row(1)["action"] != "update" || row(0)["new_values"] != nil ||
		row(0)["actor"] != "cli" || !strings.Contains(row(1)["new_values"].(string), `"description":"told"`) {
		t.Errorf("the audit log says %v", answer)
	}
	all := c.Admin.API("GET", "/api/governance/access-profiles/audit-logs?action=create", nil).Is(http.StatusOK).JSON()
	if all["total_count"].(float64) < 4 {
		t.Errorf("%v creates", all["total_count"])
	}
	c.Admin.API("GET", "/api/access-profiles/audit-logs?action=explode", nil).Refuses(http.StatusBadRequest, "invalid_action", "action")
	c.Admin.API("GET", "/api/access-profiles/99/audit-logs", nil).Refuses(http.StatusNotFound, "not_found", "")
	if page := c.Session.Get("/audit?actor=ADMIN&action=create").Is(http.StatusOK); len(page.All("time")) != 1 {
		t.Errorf("%d rows of one change by the admin", len(page.All("time")))
	}
	c.Login(webtest.Viewer).Get("/audit").Refuses(http.StatusForbidden, "forbidden", "")

	exported, err := csv.NewReader(strings.NewReader(string(c.Session.Get("/audit/export?format=csv").Is(http.StatusOK).Body))).ReadAll()
	c.Must(err)
	for _, line := range exported[1:] {
		for _, cell := range line {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("a spreadsheet would run %q", cell)
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(string(c.Session.Get("/audit/export?format=jsonl").Is(http.StatusOK).Body)), "\n")
	if len(lines) != len(exported)-1 {
		t.Errorf("%d lines of JSON and %d of CSV", len(lines), len(exported)-1)
	}
}

// An end before its start is not a filter; the form keeps what was typed.
func TestAuditRefusesAStartAfterItsEnd(t *testing.T) {
	c := webtest.NewCast(t)
	page := c.Session.Get("/audit?since=2026-02-04&until=2026-02-03&actor=ada").Refuses(http.StatusBadRequest, "invalid_range", "since")
	for name, want := range map[string]string{"since": "2026-02-04", "until": "2026-02-03", "actor": "ada"} {
		if got := webtest.Attribute(page.One("input", "name", name), "value"); got != want {
			t.Errorf("%s came back as %q", name, got)
		}
	}
	c.Session.Get("/audit?since=2026-02-04&until=2026-02-04").Is(http.StatusOK)
}

// A bulk change is found in the log of each of its users, and says how many there were.
func TestAuditOfOneUserIncludesBulkChanges(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddRole("Crew")
	s.SetRole(s.Ada, "Crew")
	s.SetRole(s.Bob, "Crew")
	s.Attach(webtest.Research, webtest.Object{"role_ids": []int64{s.RoleID("Crew")}, "apply_to_existing": true})
	s.Admin.API("PUT", "/api/access-profiles/4", `{"budgets":[{"max_limit":9,"reset_duration":"1M"}]}`).Is(http.StatusOK)
	s.Admin.API("POST", "/api/access-profiles/4/propagate", webtest.Object{"fields": []string{"budgets"}, "user_ids": []string{s.Bob}}).Is(http.StatusOK)
	said := func(user string) (actions []string) {
		for _, row := range webtest.Objects(s.Admin.Get("/api/access-profiles/audit-logs?user_id=" + user).Is(http.StatusOK).JSON()["audit_logs"]) {
			actions = append(actions, row["action"].(string))
		}
		return actions
	}
	webtest.Same(t, "about ada", said(s.Ada), []string{"attach_role", "update"})
	webtest.Same(t, "about bob", said(s.Bob), []string{"propagate", "attach_role", "update"})
	page := s.Session.Get("/audit?action=attach_role&user_id=" + s.Ada).Is(http.StatusOK)
	webtest.Same(t, "whom", sentences(page), []string{"cli attached Research to the role Crew, and gave it to 2 users"})
	webtest.Same(t, "of whom it is", webtest.Text(page.One("a", "class", "chip")), "Whom: Viewer")
	csv := string(s.Session.Get("/audit/export?format=csv&user_id=" + s.Ada).Is(http.StatusOK).Body)
	webtest.Same(t, "exported", strings.Count(csv, "attach_role"), 1)
}
