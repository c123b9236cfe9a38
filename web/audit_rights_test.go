package web_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// The rows of a profile are visible to users who may see profiles, all other rows to users who may see the audit log,
// on every route to a row.
func TestAuditRowsByPermission(t *testing.T) {
	s := newStage(t)
	s.assign(s.ada, research)
	s.admin.api("PUT", "/api/users/"+s.bob, `{"email":"Secret@example.com"}`).is(200)
	s.admin.api("POST", "/api/roles", `{"name":"Secret role"}`).is(201)
	s.admin.api("POST", "/api/api-keys", `{"name":"Secret key","scopes":["Usage:View"]}`).is(201)
	s.admin.api("PUT", "/api/access-profiles/1", `{"description":"Secret profile"}`).is(200)
	s.addRole("Auditor", "AuditLogs:View")
	s.addUser("auditor@example.com", "Auditor")
	profiles, auditor := s.apiKey("AccessProfiles:View"), s.apiKey("AuditLogs:View")
	all, own := s.count("audit_logs"), s.count("audit_logs WHERE access_profile_id = ?", research)
	filters := []string{"", "?action=create", "?action=update", "?user_id=" + s.bob, "?user_id=" + s.ada}
	for _, prefix := range []string{"/api", "/api/governance"} {
		for _, filter := range filters {
			for _, v := range []client{profiles, s.login(viewer), s.viewer} {
				v.api("GET", prefix+"/access-profiles/audit-logs"+filter, nil).refuses(403, "forbidden", "")
				got := v.api("GET", prefix+"/access-profiles/4/audit-logs"+filter, nil).is(200)
				if strings.Contains(string(got.body), "Secret") {
					t.Errorf("%s shows others: %s", filter, got.body)
				}
			}
			auditor.api("GET", prefix+"/access-profiles/audit-logs"+filter, nil).is(200)
			auditor.api("GET", prefix+"/access-profiles/4/audit-logs"+filter, nil).refuses(403, "forbidden", "")
		}
		if n := profiles.get(prefix + "/access-profiles/4/audit-logs?limit=1").json()["total_count"]; n != float64(own) {
			t.Errorf("%v rows of the profile, want %d", n, own)
		}
		if n := auditor.get(prefix + "/access-profiles/audit-logs?limit=1").json()["total_count"]; n != float64(all) {
			t.Errorf("%v rows, want %d", n, all)
		}
	}
	looker, reader := s.login(viewer), s.login("auditor@example.com")
	for _, filter := range append(filters, "?actor=cli", "?since=2020-01-01") {
		looker.get("/audit"+filter).refuses(403, "forbidden", "")
		looker.get("/audit/export"+filter).refuses(403, "forbidden", "")
		reader.get("/audit" + filter).is(200)
		reader.get("/access-profiles/4/audit"+filter).refuses(403, "forbidden", "")
		reader.get("/access-profiles/4/audit/export"+filter).refuses(403, "forbidden", "")
		for _, page := range []string{"/access-profiles/4/audit", "/access-profiles/4/audit/export"} {
			if got := looker.get(page + filter).is(200); strings.Contains(string(got.body), "Secret") {
				t.Errorf("%s%s shows others", page, filter)
			}
		}
	}
	looker.get("/access-profiles/4").is(200).one("a", "href", "/access-profiles/4/audit")
	lines, err := csv.NewReader(strings.NewReader(string(looker.get("/access-profiles/4/audit/export").is(200).body))).ReadAll()
	s.must(err)
	if len(lines) != own+1 {
		t.Errorf("%d lines, want %d rows and a head", len(lines), own)
	}
	// Neither a filter nor a crafted path leads to another profile's rows or to another route.
	for _, path := range []string{"/api/access-profiles/4/audit-logs?access_profile_id=1", "/api/access-profiles/4/audit-logs?profile_id=1"} {
		profiles.get(path).is(400)
	}
	profiles.get("/api/access-profiles/" + url.PathEscape("4/../1") + "/audit-logs").is(404)
	if page := fmt.Sprint(text(looker.get("/access-profiles/4/audit").one("main"))); !strings.Contains(page, "Research") {
		t.Errorf("the page says %s", page)
	}
}
