package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// sentences are what a page of the audit log says, newest first, without the door.
func sentences(page webtest.Answer) (all []string) {
	for _, p := range page.All("p", "class", "sentence") {
		text := webtest.Text(p)
		for _, door := range []string{" by the console", " by the API", " by the command line"} {
			text, _, _ = strings.Cut(text, door)
		}
		all = append(all, strings.NewReplacer(" 's", "'s", " :", ":", " ,", ",").Replace(text))
	}
	return all
}

// Each change is told in a sentence: who did what to what and whom.
func TestAuditSpeaksInSentences(t *testing.T) {
	s := webtest.NewStage(t)
	acts := []struct {
		method, path string
		body         any
		want         string
	}{
		{"PUT", "/api/access-profiles/4", webtest.Object{"description": "Shorter"}, "changed the description of Research"},
		{"POST", "/api/access-profiles/4/clone", webtest.Object{"name": "Research too"}, "created the profile Research too as a copy of another"},
		{"POST", "/api/users/" + s.Ada + "/access-profiles", webtest.Object{"access_profile_id": 4}, "gave Research to Viewer"},
		{"POST", "/api/access-profiles/4/roles", webtest.Object{"role_ids": []int64{s.RoleID("Viewer")}, "is_default": true}, "attached Research to the role Viewer by default"},
		{"DELETE", fmt.Sprintf("/api/access-profiles/4/roles/%d", s.RoleID("Viewer")), nil, "detached Research from the role Viewer"},
		{"POST", "/api/providers", webtest.Object{"name": "mistral", "models": []string{"small"}}, "created the provider mistral"},
		{"PUT", "/api/providers/mistral", webtest.Object{"models": []string{"small", "large"}}, "changed the models of the provider mistral"},
		{"DELETE", "/api/providers/mistral", nil, "deleted the provider mistral"},
	}
	var wanted []string
	for _, act := range acts {
		wanted = append(wanted, act.want)
		if got := s.Admin.API(act.method, act.path, act.body); got.StatusCode >= 400 {
			t.Errorf("%s %s: %s", act.method, act.path, got.Body)
		}
	}
	s.Session.Post("/access-profiles/4/deactivate", nil)
	s.Session.Post("/access-profiles/4/activate", nil)
	said := sentences(s.Session.Get("/audit").Is(200))
	for _, want := range append(wanted, "archived Research", "unarchived Research") {
		if !slices.ContainsFunc(said, func(one string) bool { return strings.HasSuffix(one, " "+want) }) {
			t.Errorf("nothing says %q", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(said, "\n"))
	}
}

// The audit log is filtered by the kind of thing that was changed, and by what it is called.
func TestAuditIsFilteredByTargetAndText(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	s.Admin.API("POST", "/api/roles", `{"name":"100% Café"}`).Is(201)
	for filter, want := range map[string]int{
		"resource=role&search=café": 1, "resource=provider&search=café": 0, "search=100%25": 1, "search=nowhere": 0,
		"resource=user&search=ADA@example": 0, "resource=access_profile&search=RESEARCH&action=assign": 1,
	} {
		rows := s.Admin.Get("/api/access-profiles/audit-logs?" + filter).Is(200).JSON()
		if rows["total_count"] != float64(want) {
			t.Errorf("%s: %v rows, want %d: %v", filter, rows["total_count"], want, rows["audit_logs"])
		}
		if shown := sentences(s.Session.Get("/audit?" + filter).Is(200)); len(shown) != want {
			t.Errorf("%s: the page shows %q", filter, shown)
		}
	}
	s.Admin.Get("/api/access-profiles/audit-logs?resource=nothing").Refuses(400, "invalid_resource", "resource")
	s.Session.Get("/audit?resource=nothing").Is(400)
	if file := s.Session.Get("/audit/export?format=jsonl&resource=role&search=caf").Is(200); strings.Count(string(file.Body), "\n") != 1 {
		t.Errorf("the file holds %s", file.Body)
	}
}
