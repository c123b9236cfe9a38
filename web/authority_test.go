package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tollgate/models/permission"
	"tollgate/web"
)

// target is a user with one of everything that a route can act on.
type target struct {
	user                          string
	role, apiKey, copyID, profile int64
	job                           int64 // a propagation that failed for this user
	budget, virtualKey            string
}

// addTarget adds a user of a role, who has a copy of the profile, which is attached to the role, and an API key.
func (s stage) addTarget(email, role string) target {
	s.t.Helper()
	t := target{user: s.member(email, role), role: s.roleID(role), profile: research}
	held, _ := s.assign(t.user, t.profile)
	t.copyID = int64(held["id"].(float64))
	s.scan(&t.virtualKey, "SELECT id FROM virtual_keys WHERE user_id = ?", t.user)
	s.scan(&t.budget, "SELECT b.id FROM limit_lines AS b JOIN user_access_profiles AS c USING (policy_id) WHERE c.id = ? LIMIT 1", t.copyID)
	s.exec("INSERT INTO api_keys (name, name_key, key_prefix, key_hash, scopes, created_by) VALUES (?0, ?0, 'tg_', ?1, '{Usage:View}', ?2)",
		uuid.NewString(), []byte(email), t.user)
	s.scan(&t.apiKey, "SELECT id FROM api_keys WHERE created_by = ?", t.user)
	s.exec("INSERT INTO role_access_profiles (access_profile_id, role_id, is_default, created_at) VALUES (?, ?, false, now())", t.profile, t.role)
	s.scan(&t.job, `INSERT INTO propagation_jobs (access_profile_id, to_version, fields, reset_usage, actor, state, lease_until, fence, created_at)
VALUES (?, 1, '{budgets}', false, 'x', 'done', now(), 1, now()) RETURNING id`, t.profile)
	s.exec("INSERT INTO propagation_items (job_id, copy_id, user_id, state, reason) VALUES (?, ?, ?, 'failed', 'x')", t.job, t.copyID, t.user)
	return t
}

// touching is a request to each unsafe route that acts on a user, a role or an API key; ok is false for the other
// routes.
func (t target) touching(route web.Route, otherRole int64) (path string, body any, ok bool) {
	short := withoutPrefix(route.Path)
	short, deletes := strings.CutSuffix(strings.Replace(short, "/settings/api-keys", "/api-keys", 1), "/delete")
	body, ok = map[string]any{
		"/users/:id":                          object{"name": "Another", "email": "another@example.com"},
		"/users/:id/role":                     object{"role_id": otherRole},
		"/users/:id/password":                 object{"password": "let me in, please"},
		"/users/:id/access-profiles":          object{"access_profile_id": 1},
		"/users/:id/access-profiles/:copy_id": object{"is_active": false},
		"/users/:id/access-profiles/:copy_id/budgets/:budget_id/override": object{"amount": 1, "mode": "forever"},
		"/users/:id/virtual-keys":                          object{},
		"/users/:id/access-profiles/:copy_id/virtual-keys": object{},
		"/users/:id/virtual-keys/:vk_id":                   object{},
		"/users/:id/virtual-keys/:vk_id/rotate":            object{},
		"/users/:id/access-profiles/virtual-keys/:vk_id":   object{},
		"/virtual-keys/:vk_id/rotate":                      object{},
		"/users/bulk":                                      object{"ids": []string{t.user}, "access_profile_id": 1},
		"/api-keys/:id":                                    object{"name": "Another"},
		"/roles/:id":                                       object{"name": "Another"},
		"/roles/:id/permissions":                           object{"permission_ids": []string{}},
		"/access-profiles/:id/users/bulk":                  object{"ids": []string{t.user}, "confirmed": true},
		"/access-profiles/:id/roles":                       object{"role_ids": []int64{t.role}, "is_default": true},
		"/access-profiles/:id/roles/:role_id":              object{},
		"/access-profiles/:id/propagate":                   object{"fields": []string{"budgets"}, "group_ids": []int64{t.role}},
		"/access-profiles/:id/propagate/:job/retry":        object{},
	}[short]
	if deletes || route.Method == "DELETE" {
		body = nil
	}
	id := map[string]string{"/users": t.user, "/role": fmt.Sprint(t.role), "/api-": fmt.Sprint(t.apiKey), "/acce": fmt.Sprint(t.profile)}[(short + "     ")[:5]]
	if strings.HasPrefix(short, "/users") {
		id = t.user
	}
	return strings.NewReplacer(":id", id, ":copy_id", fmt.Sprint(t.copyID), ":budget_id", t.budget, ":vk_id", t.virtualKey, ":role_id", fmt.Sprint(t.role), ":job", fmt.Sprint(t.job)).
		Replace(route.Path), body, ok
}

// withoutPrefix is a route of the API under its shortest prefix.
func withoutPrefix(path string) string {
	for _, prefix := range []string{"/api", "/governance", "/rbac"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return path
}

// formOf writes a JSON body as a form would send it.
func formOf(s stage, body any) url.Values {
	encoded, err := json.Marshal(body)
	s.must(err)
	var members map[string]any
	s.must(json.Unmarshal(encoded, &members))
	form := url.Values{}
	if _, pushes := members["fields"]; pushes {
		form.Set("version", "1")
	}
	for name, value := range members {
		if list, ok := value.([]any); ok {
			for _, one := range list {
				form.Add(name, fmt.Sprint(one))
			}
			continue
		}
		form.Set(name, fmt.Sprint(value))
	}
	return form
}

// elsewhere are the unsafe routes that act on no existing user, role or API key.
var elsewhere = []string{
	"/login", "/logout", "/first-run", "/settings/password", "/access/v1/", "/decisions", "/usage", "/quota", "/reservations", "/providers", "/mcp/", "/find", "/session",
}

// lesser is a user who has a permission for every route, but fewer permissions than an admin.
func (s stage) lesser() client {
	permissions := slices.DeleteFunc(permission.AllPermissions(), func(p permission.Permission) bool { return p == "Settings:Delete" })
	s.addRole("Lesser", permissions...)
	s.addUser("lesser@example.com", "Lesser")
	return s.login("lesser@example.com")
}

// Every unsafe route refuses to act on a user, a role or a key with more permissions than the actor, and accepts one
// without.
func TestActingOnAUserWhoMayDoMoreIsRefused(t *testing.T) {
	s := newStage(t)
	lesser := s.lesser()
	plain := s.addRole("Plain", "Providers:View")
	s.addRole("Strong", "Settings:Delete")
	strong, weak := s.addTarget("strong@example.com", "Strong"), s.addTarget("weak@example.com", "Plain")
	before := s.dump()
	walked := 0
	for _, who := range []target{strong, weak} {
		for _, route := range web.Routes(s.h) {
			path, body, acts := who.touching(route, plain)
			if route.Method == "GET" {
				continue
			}
			if !acts {
				s.isElsewhere(t, route.Path)
				continue
			}
			walked++
			var got answer
			if strings.HasPrefix(path, "/api/") {
				got = lesser.api(route.Method, path, body)
			} else {
				got = lesser.post(path, formOf(s, body))
			}
			if refused := got.StatusCode == 403; refused != (who == strong) {
				t.Errorf("%s %s: status %d", route.Method, path, got.StatusCode)
			} else if refused {
				got.refuses(403, "forbidden", "")
			}
		}
		if who == strong && s.dump() != before {
			t.Error("something was changed")
		}
	}
	if walked < 70 {
		t.Errorf("%d routes walked", walked)
	}
}

// isElsewhere fails for an unsafe route that is listed nowhere.
func (s stage) isElsewhere(t *testing.T, path string) {
	short := withoutPrefix(path)
	creates := slices.Contains([]string{"/users", "/roles", "/api-keys", "/settings/api-keys", "/access-profiles"}, short)
	profile := strings.HasPrefix(short, "/access-profiles/") && !strings.Contains(short, "/users") && !strings.Contains(short, "/roles")
	if !creates && !profile && !slices.ContainsFunc(elsewhere, func(start string) bool { return strings.HasPrefix(short, start) }) {
		t.Errorf("%s: list here whether it acts on a user", path)
	}
}

// The same applies to bulk requests, to propagations to all holders, to keys with few scopes, and to the keys of the
// command line.
func TestIndirectWaysToAUserWhoMayDoMoreAreRefused(t *testing.T) {
	s := newStage(t)
	lesser := s.lesser()
	s.addRole("Strong", "Settings:Delete")
	strong := s.addTarget("strong@example.com", "Strong")
	s.assign(s.ada, research)
	s.apiKey()
	var cli int64
	s.scan(&cli, "SELECT max(id) FROM api_keys WHERE created_by IS NULL")
	developers := s.login(s.developer())
	scoped := s.apiKey("Users:View", "Users:Update", "Users:Delete", "AccessProfiles:Create", "VirtualKeys:Create")
	scoped.get("/api/users").is(200) // records the use of the key
	before := s.dump()
	for name, got := range map[string]answer{
		"bulk with one of them":            lesser.post("/users/bulk", url.Values{"ids": {s.bob, strong.user}, "access_profile_id": {"1"}}),
		"bulk detachment":                  lesser.post(fmt.Sprintf("/access-profiles/%d/users/bulk", research), url.Values{"ids": {s.ada, strong.user}, "confirmed": {"true"}}),
		"propagate to their group":         lesser.api("POST", fmt.Sprintf("/api/access-profiles/%d/propagate", research), object{"fields": []string{"budgets"}, "group_ids": []int64{strong.role}}),
		"propagate to all":                 lesser.api("POST", fmt.Sprintf("/api/access-profiles/%d/propagate", research), object{"fields": []string{"budgets"}}),
		"apply to existing":                lesser.api("POST", "/api/access-profiles/1/roles", object{"role_ids": []int64{strong.role, s.roleID("Viewer")}, "apply_to_existing": true}),
		"remove from users":                lesser.api("DELETE", fmt.Sprintf("/api/access-profiles/%d/roles/%d?remove_from_users=true", research, strong.role), nil),
		"key of the command line, deleted": lesser.api("DELETE", fmt.Sprintf("/api/api-keys/%d", cli), nil),
		"key of the command line, changed": lesser.api("PUT", fmt.Sprintf("/api/api-keys/%d", cli), `{"name":"mine"}`),
		"a developer, an admin's copy":     developers.api("POST", "/api/users/"+s.userID(admin)+"/access-profiles", `{"access_profile_id":1}`),
		"few scopes, deletion":             scoped.api("DELETE", "/api/users/"+s.ada, nil),
		"few scopes, name":                 scoped.api("PUT", "/api/users/"+s.ada, `{"name":"x"}`),
		"few scopes, a copy":               scoped.api("POST", "/api/users/"+s.bob+"/access-profiles", `{"access_profile_id":1}`),
		"few scopes, a key":                scoped.api("POST", "/api/users/"+s.ada+"/virtual-keys", `{}`),
		// The permission is checked before the body is validated.
		"short password": lesser.api("PUT", "/api/users/"+strong.user, `{"password":"x"}`),
		"no role":        lesser.api("PUT", "/api/users/"+strong.user+"/role", `{}`),
	} {
		if got.t = t; got.StatusCode != 403 {
			t.Errorf("%s: status %d: %s", name, got.StatusCode, got.body)
		}
	}
	if s.dump() != before {
		t.Error("something was changed")
	}
	// The page of such a user offers no action that would be refused.
	page := lesser.get("/users/" + strong.user).is(200)
	for _, form := range page.all("form") {
		if action := attribute(form, "action"); strings.HasPrefix(action, "/users/") {
			t.Errorf("a form leads to %s", action)
		}
	}
	for _, link := range page.all("a") {
		if href := attribute(link, "href"); strings.HasPrefix(href, "/users/"+strong.user+"/") && !strings.HasSuffix(href, "/try") {
			t.Errorf("a link leads to %s", href)
		}
	}
	// Everything else is allowed.
	lesser.api("POST", fmt.Sprintf("/api/access-profiles/%d/propagate", research), object{"fields": []string{"budgets"}, "user_ids": []string{s.ada}}).is(200)
	developers.api("POST", "/api/users/"+s.bob+"/access-profiles", `{"access_profile_id":1}`).is(201)
}

func (s stage) developer() string {
	s.addUser("developer@example.com", "Developer")
	return "developer@example.com"
}
