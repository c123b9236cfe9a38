package webtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web"

	"github.com/google/uuid"
)

// Target is a user with one of everything that a route can act on.
type Target struct {
	User                          string
	Role, APIKey, CopyID, Profile int64
	Job                           int64 // a propagation that failed for this user
	Connection                    int64
	Budget, VirtualKey            string
}

// AddTarget adds a user of a role, who has a copy of the profile, which is attached to the role, and an API key.
func (s Stage) AddTarget(email, role string) Target {
	s.T.Helper()
	t := Target{User: s.Member(email, role), Role: s.RoleID(role), Profile: Research}
	held, _ := s.Assign(t.User, t.Profile)
	t.CopyID = int64(held["id"].(float64))
	s.Scan(&t.VirtualKey, "SELECT id FROM virtual_keys WHERE user_id = ?", t.User)
	s.Scan(&t.Budget, "SELECT b.id FROM limit_lines AS b JOIN user_access_profiles AS c USING (policy_id) WHERE c.id = ? LIMIT 1", t.CopyID)
	s.Exec("INSERT INTO api_keys (name, name_key, key_prefix, key_hash, scopes, created_by) VALUES (?0, ?0, 'tg_', ?1, '{Usage:View}', ?2)",
		uuid.NewString(), []byte(email), t.User)
	s.Scan(&t.APIKey, "SELECT id FROM api_keys WHERE created_by = ?", t.User)
	s.Exec("INSERT INTO role_access_profiles (access_profile_id, role_id, is_default, created_at) VALUES (?, ?, false, now())", t.Profile, t.Role)
	s.Scan(&t.Job, `INSERT INTO propagation_jobs (access_profile_id, to_version, fields, reset_usage, actor, state, lease_until, fence, created_at)
VALUES (?, 1, '{budgets}', false, 'x', 'done', now(), 1, now()) RETURNING id`, t.Profile)
	s.Exec("INSERT INTO scim_connections (name, name_key, default_role_id) VALUES (?0, ?0, ?1)", email, s.RoleID("Member"))
	s.Scan(&t.Connection, "SELECT id FROM scim_connections WHERE name_key = ?", email)
	s.Exec("INSERT INTO propagation_items (job_id, copy_id, user_id, state, reason) VALUES (?, ?, ?, 'failed', 'x')", t.Job, t.CopyID, t.User)
	return t
}

// Touching is a request to each unsafe route that acts on a user, a role or an API key; ok is false for the other
// routes.
func (t Target) Touching(route web.Route, otherRole int64) (path string, body any, ok bool) {
	short := WithoutPrefix(route.Path)
	short, deletes := strings.CutSuffix(strings.Replace(short, "/settings/api-keys", "/api-keys", 1), "/delete")
	body, ok = map[string]any{
		"/users/:id":                          Object{"name": "Another", "email": "another@example.com"},
		"/users/:id/role":                     Object{"role_id": otherRole},
		"/users/:id/password":                 Object{"password": "let me in, please"},
		"/users/:id/access-profiles":          Object{"access_profile_id": 1},
		"/users/:id/access-profiles/:copy_id": Object{"is_active": false},
		"/users/:id/access-profiles/:copy_id/budgets/:budget_id/override": Object{"amount": 1, "mode": "forever"},
		"/users/:id/virtual-keys":                          Object{},
		"/users/:id/virtual-keys/adopt":                    Object{"value": "sk-bf-0Adopted1Adopted2Adopted3Adopted4"},
		"/users/:id/access-profiles/:copy_id/virtual-keys": Object{},
		"/users/:id/sign-in-link":                          Object{},
		"/users/:id/virtual-keys/:vk_id":                   Object{},
		"/users/:id/virtual-keys/:vk_id/rotate":            Object{},
		"/users/:id/access-profiles/virtual-keys/:vk_id":   Object{},
		"/virtual-keys/:vk_id/rotate":                      Object{},
		"/users/:id/identities":                            Object{},
		"/users/:id/activate":                              Object{},
		"/users/:id/deactivate":                            Object{},
		"/users/:id/hand-over":                             Object{"connection_id": t.Connection},
		"/users/:id/release":                               Object{},
		"/users/bulk/activate":                             Object{"ids": []string{t.User}},
		"/users/bulk/deactivate":                           Object{"ids": []string{t.User}, "confirmed": true},
		"/users/bulk":                                      Object{"ids": []string{t.User}, "access_profile_id": 1},
		"/api-keys/:id":                                    Object{"name": "Another"},
		"/roles/:id":                                       Object{"name": "Another"},
		"/roles/:id/permissions":                           Object{"permission_ids": []string{}},
		"/access-profiles/:id/users/bulk":                  Object{"ids": []string{t.User}, "confirmed": true},
		"/access-profiles/:id/roles":                       Object{"role_ids": []int64{t.Role}, "is_default": true},
		"/access-profiles/:id/roles/:role_id":              Object{},
		"/access-profiles/:id/propagate":                   Object{"fields": []string{"budgets"}, "group_ids": []int64{t.Role}},
		"/access-profiles/:id/propagate/:job/retry":        Object{},
	}[short]
	if deletes || route.Method == "DELETE" {
		body = nil
	}
	id := map[string]string{"/users": t.User, "/role": fmt.Sprint(t.Role), "/api-": fmt.Sprint(t.APIKey), "/acce": fmt.Sprint(t.Profile)}[(short + "     ")[:5]]
	if strings.HasPrefix(short, "/users") {
		id = t.User
	}
	return strings.NewReplacer(":id", id, ":copy_id", fmt.Sprint(t.CopyID), ":budget_id", t.Budget, ":vk_id", t.VirtualKey, ":role_id", fmt.Sprint(t.Role), ":job", fmt.Sprint(t.Job)).
		Replace(route.Path), body, ok
}

// WithoutPrefix is a route of the API under its shortest prefix.
func WithoutPrefix(path string) string {
	for _, prefix := range []string{"/api", "/governance", "/rbac"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return path
}

// Elsewhere are the unsafe routes that act on no existing user, role or API key.
var Elsewhere = []string{
	"/login", "/logout", "/first-run", "/settings/password", "/access/v1/", "/decisions", "/usage", "/me/", "/sign-in-link", "/access-requests", "/settings", "/reservations", "/providers", "/mcp/", "/find", "/session", "/identity-providers",
	"/config/", "/scim-connections", "/scim/v2/", "/v1/",
}

// Lesser is a user who has a permission for every route, but fewer permissions than an admin.
func (s Stage) Lesser() Client {
	permissions := slices.DeleteFunc(permission.AllPermissions(), func(p permission.Permission) bool { return p == "Settings:Delete" })
	s.AddRole("Lesser", permissions...)
	s.AddUser("lesser@example.com", "Lesser")
	return s.Login("lesser@example.com")
}

// IsElsewhere fails for an unsafe route that is listed nowhere.
func (s Stage) IsElsewhere(t *testing.T, path string) {
	short := WithoutPrefix(path)
	creates := slices.Contains([]string{"/users", "/roles", "/api-keys", "/settings/api-keys", "/access-profiles"}, short)
	profile := strings.HasPrefix(short, "/access-profiles/") && !strings.Contains(short, "/users") && !strings.Contains(short, "/roles")
	if !creates && !profile && !slices.ContainsFunc(Elsewhere, func(start string) bool { return strings.HasPrefix(short, start) }) {
		t.Errorf("%s: list here whether it acts on a user", path)
	}
}

// Developer is the id of the role Developer as text.
func (s Stage) Developer() string {
	s.AddUser("developer@example.com", "Developer")
	return "developer@example.com"
}
