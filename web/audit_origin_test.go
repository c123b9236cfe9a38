package web_test

import (
	"encoding/csv"
	"net/url"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// origins are the origin, the name and the prefix of the API key of each row, newest first.
func origins(rows []webtest.Object) (all []string) {
	for _, row := range rows {
		words := []string{}
		for _, name := range []string{"door", "api_key_name", "api_key_prefix"} {
			word, _ := row[name].(string)
			words = append(words, word)
		}
		all = append(all, strings.Join(words, "|"))
	}
	return all
}

// Each row has its origin and the API key that was used, on the page, on the API and in the files.
func TestAuditNamesTheOrigin(t *testing.T) {
	s := webtest.NewStage(t)
	key := s.Admin.API("POST", "/api/api-keys", `{"name":"Deploys <b>","scopes":["AccessProfiles:View","AccessProfiles:Update"]}`).Is(201).JSON()
	prefix := key["api_key"].(webtest.Object)["key_prefix"].(string)
	program := s.Anonymous().With("Authorization", "Bearer "+key["key"].(string))
	session := s.Login(webtest.Admin)
	for i, change := range []func() webtest.Answer{
		func() webtest.Answer {
			return program.API("PUT", "/api/access-profiles/4", `{"description":"1"}`).Is(200)
		},
		func() webtest.Answer {
			return session.API("PUT", "/api/access-profiles/4", `{"description":"2"}`).Is(200)
		},
		func() webtest.Answer {
			return s.Anonymous().With("Authorization", webtest.Basic(webtest.Admin, webtest.Password)).API("PUT", "/api/access-profiles/4", `{"description":"3"}`).Is(200)
		},
		func() webtest.Answer {
			return session.Post("/access-profiles/4/deactivate", url.Values{"version": {"4"}})
		},
		func() webtest.Answer {
			return session.Post("/access-profiles/4/activate", url.Values{"version": {"5"}})
		},
	} {
		if got := change(); got.StatusCode >= 400 {
			t.Fatalf("change %d: status %d", i, got.StatusCode)
		}
	}
	// A propagation is run by a worker, on behalf of the key that requested it.
	s.Assign(s.Ada, webtest.Research)
	program.API("POST", "/api/access-profiles/4/propagate", `{"fields":["budgets"]}`).Refuses(403, "forbidden", "")
	s.Admin.API("PUT", "/api/access-profiles/4", `{"rate_limit":{"request_max_limit":7,"request_reset_duration":"1d"}}`).Is(200)
	pusher := s.Admin.API("POST", "/api/api-keys", webtest.Object{"name": "Pusher", "scopes": permission.AllPermissions()}).Is(201).JSON()
	s.Anonymous().With("Authorization", "Bearer "+pusher["key"].(string)).API("POST", "/api/access-profiles/4/propagate", `{"fields":["rate_limit"]}`).Is(200)

	whole := key["api_key"].(webtest.Object)["name"].(string) + "|" + prefix
	rows := webtest.Objects(s.Admin.Get("/api/access-profiles/audit-logs?limit=100").Is(200).JSON()["audit_logs"])
	byAction := map[string][]string{}
	for i, origin := range origins(rows) {
		if rows[i]["access_profile_id"] == 4.0 {
			action := rows[i]["action"].(string)
			byAction[action] = append(byAction[action], origin)
		}
	}
	pushed := "api|Pusher|" + pusher["api_key"].(webtest.Object)["key_prefix"].(string)
	if got := strings.Join(byAction["propagate"], " "); got != pushed {
		t.Errorf("the propagation came by %q, want %q", got, pushed)
	}
	if got := strings.Join(byAction["update"][1:], " "); got != "api|| api|| api|"+whole {
		t.Errorf("updates came by %q", got)
	}
	for _, action := range []string{"activate", "deactivate"} {
		if got := strings.Join(byAction[action], " "); got != "console||" {
			t.Errorf("%s came by %q", action, got)
		}
	}

	// On the page and in the files, names of keys are shown only to users who may see the whole log.
	page := webtest.Text(s.Session.Get("/audit?limit=100").Is(200).One("main"))
	for _, words := range []string{"by the API, key Deploys <b> (" + prefix + "…)", "by the console", "by the API"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	lines, err := csv.NewReader(strings.NewReader(string(s.Session.Get("/audit/export").Is(200).Body))).ReadAll()
	s.Must(err)
	if head := strings.Join(lines[0][9:], " "); head != "door api_key_name api_key_prefix" {
		t.Errorf("the file has %s", head)
	}
	found := false
	for _, line := range lines {
		found = found || strings.Join(line[9:], "|") == "api|"+whole
	}
	if !found {
		t.Error("the file does not name the key")
	}
	if file := string(s.Session.Get("/audit/export?format=jsonl").Is(200).Body); !strings.Contains(file, `"door":"api","api_key_name":"Deploys \u003cb\u003e","api_key_prefix":"`+prefix+`"`) {
		t.Error("the JSON lines do not name the key")
	}
	looker := s.Login(webtest.Viewer)
	for _, path := range []string{"/api/access-profiles/4/audit-logs", "/access-profiles/4/audit", "/access-profiles/4/audit/export", "/access-profiles/4/audit/export?format=jsonl"} {
		if got := string(looker.Get(path).Is(200).Body); strings.Contains(got, prefix) || strings.Contains(got, "Deploys") {
			t.Errorf("%s names the key", path)
		}
	}
	s.Fits(t, 10)
}
