package web_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// The rows of a profile are visible to users who may see profiles, all other rows to users who may see the audit log,
// on every route to a row.
func TestAuditRowsByPermission(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	s.Admin.API("PUT", "/api/users/"+s.Bob, `{"email":"Secret@example.com"}`).Is(200)
	s.Admin.API("POST", "/api/roles", `{"name":"Secret role"}`).Is(201)
	s.Admin.API("POST", "/api/api-keys", `{"name":"Secret key","scopes":["Usage:View"]}`).Is(201)
	s.Admin.API("PUT", "/api/access-profiles/1", `{"description":"Secret profile"}`).Is(200)
	s.AddRole("Auditor", "AuditLogs:View")
	s.AddUser("auditor@example.com", "Auditor")
	profiles, auditor := s.APIKey("AccessProfiles:View"), s.APIKey("AuditLogs:View")
	all, own := s.Count("audit_logs"), s.Count("audit_logs WHERE access_profile_id = ?", webtest.Research)
	filters := []string{"", "?action=create", "?action=update", "?user_id=" + s.Bob, "?user_id=" + s.Ada}
	for _, prefix := range []string{"/api", "/api/governance"} {
		for _, filter := range filters {
			for _, v := range []webtest.Client{profiles, s.Login(webtest.Viewer), s.Viewer} {
				v.API("GET", prefix+"/access-profiles/audit-logs"+filter, nil).Refuses(403, "forbidden", "")
				got := v.API("GET", prefix+"/access-profiles/4/audit-logs"+filter, nil).Is(200)
				if strings.Contains(string(got.Body), "Secret") {
					t.Errorf("%s shows others: %s", filter, got.Body)
				}
			}
			auditor.API("GET", prefix+"/access-profiles/audit-logs"+filter, nil).Is(200)
			auditor.API("GET", prefix+"/access-profiles/4/audit-logs"+filter, nil).Refuses(403, "forbidden", "")
		}
		if n := profiles.Get(prefix + "/access-profiles/4/audit-logs?limit=1").JSON()["total_count"]; n != float64(own) {
			t.Errorf("%v rows of the profile, want %d", n, own)
		}
		if n := auditor.Get(prefix + "/access-profiles/audit-logs?limit=1").JSON()["total_count"]; n != float64(all) {
			t.Errorf("%v rows, want %d", n, all)
		}
	}
	looker, reader := s.Login(webtest.Viewer), s.Login("auditor@example.com")
	for _, filter := range append(filters, "?actor=cli", "?since=2020-01-01") {
		looker.Get("/audit"+filter).Refuses(403, "forbidden", "")
		looker.Get("/audit/export"+filter).Refuses(403, "forbidden", "")
		reader.Get("/audit" + filter).Is(200)
		reader.Get("/access-profiles/4/audit"+filter).Refuses(403, "forbidden", "")
		reader.Get("/access-profiles/4/audit/export"+filter).Refuses(403, "forbidden", "")
		for _, page := range []string{"/access-profiles/4/audit", "/access-profiles/4/audit/export"} {
			if got := looker.Get(page + filter).Is(200); strings.Contains(string(got.Body), "Secret") {
				t.Errorf("%s%s shows others", page, filter)
			}
		}
	}
	looker.Get("/access-profiles/4").Is(200).One("a", "href", "/access-profiles/4/audit")
	lines, err := csv.NewReader(strings.NewReader(string(looker.Get("/access-profiles/4/audit/export").Is(200).Body))).ReadAll()
	s.Must(err)
	if len(lines) != own+1 {
		t.Errorf("%d lines, want %d rows and a head", len(lines), own)
	}
	// Neither a filter nor a crafted path leads to another profile's rows or to another route.
	for _, path := range []string{"/api/access-profiles/4/audit-logs?access_profile_id=1", "/api/access-profiles/4/audit-logs?profile_id=1"} {
		profiles.Get(path).Is(400)
	}
	profiles.Get("/api/access-profiles/" + url.PathEscape("4/../1") + "/audit-logs").Is(404)
	if page := fmt.Sprint(webtest.Text(looker.Get("/access-profiles/4/audit").One("main"))); !strings.Contains(page, "Research") {
		t.Errorf("the page says %s", page)
	}
}
