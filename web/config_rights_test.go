package web_test

import (
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// viewsPolicy are the permissions to view all that platform describes.
var viewsPolicy = []permission.Permission{
	permission.ViewAccessProfiles, permission.ViewRoles, permission.ViewProviders, permission.ViewMCPServers, permission.ViewToolGroups,
}

// Which set a resource belongs to and what was applied of it last are changed only by those who may change the resource,
// also where the documents say just what the console has.
func TestConfigViewersOwnNothing(t *testing.T) {
	c, admin := configured(t)
	looks := c.APIKey(viewsPolicy...)
	refused := func(what, needed string, body object) {
		t.Helper()
		looks.API("POST", "/api/config/plan", body).Is(200)
		c.Unchanged(func() {
			answer := looks.API("POST", "/api/config/apply", body).Refuses(403, "forbidden", "")
			if !strings.Contains(string(answer.Body), needed) {
				t.Errorf("%s: it does not say that %s is needed: %s", what, needed, answer.Body)
			}
		})
	}
	exported := func(set, query string) object {
		return object{"set": set, "documents": documentsOf(t, admin, query)}
	}
	same := exported("platform", "?set=platform")
	if n := looks.API("POST", "/api/config/apply", same).Is(200).JSON()["unchanged"]; n != 5.0 {
		t.Errorf("an apply that changes nothing leaves %v unchanged", n)
	}

	admin.API("POST", "/api/access-profiles", object{"name": "By hand"}).Is(201)
	refused("what belonged to no set", "AccessProfiles:Update", exported("other", "?unowned=true"))

	admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{"edited"}}).Is(200)
	refused("what was edited in the console", "AccessProfiles:Update", exported("platform", "?set=platform"))
	if drifts := admin.Get("/api/config/drift").Is(200).JSON()["drift"].([]any); len(drifts) != 1 {
		t.Errorf("drift: %v", drifts)
	}

	admin.API("DELETE", "/api/access-profiles/1", nil).Is(200)
	gone := exported("platform", "?set=platform")
	refused("what was deleted in the console", "AccessProfiles:Update", gone)
	admin.API("POST", "/api/config/apply", gone).Is(200)
	looks.API("POST", "/api/config/apply", gone).Is(200)
}

// Conflicts name what the console has, so they are told only to those who may change it.
func TestConfigConflictsNeedPermission(t *testing.T) {
	c, admin := configured(t)
	admin.API("POST", "/api/access-profiles", object{"name": "By hand", "tags": []string{"secret"}}).Is(201)
	admin.API("PUT", "/api/access-profiles/1", object{"tags": []string{"edited"}}).Is(200)
	other := c.APIKey(permission.ViewUsage)
	for what, body := range map[string]object{
		"of another set": {"set": "other", "documents": []any{object{"kind": "provider", "name": "openai"}}},
		"of no set":      {"set": "other", "documents": []any{object{"kind": "access_profile", "name": "By hand"}}},
		"drift":          platform(t),
	} {
		admin.API("POST", "/api/config/apply", body).Is(409)
		c.Unchanged(func() {
			if answer := other.API("POST", "/api/config/apply", body).Refuses(403, "forbidden", ""); strings.Contains(string(answer.Body), "tags") {
				t.Errorf("%s: %s", what, answer.Body)
			}
		})
	}
}

// Tests tell what a profile, a role or a user may call, so they need the permissions to view it, at each door.
func TestConfigTestsNeedView(t *testing.T) {
	c, admin := configured(t)
	tests := func(subject string) []object {
		return []object{{"cases": []object{{"as": subject, "deny": []string{"openai/gpt-4o"}}}}}
	}
	groq := object{"set": "other", "documents": []any{object{"kind": "provider", "name": "groq"}}}
	only := []permission.Permission{permission.ViewProviders, permission.CreateProviders}
	for _, test := range []struct {
		subject       string
		needs, enough []permission.Permission
	}{
		{"profile:Engineering", []permission.Permission{permission.ViewRoles, permission.ViewUsers}, []permission.Permission{permission.ViewAccessProfiles}},
		{"profile:Nobody's", nil, nil},
		{"role:Engineer", []permission.Permission{permission.ViewAccessProfiles}, []permission.Permission{permission.ViewAccessProfiles, permission.ViewRoles}},
		{"role:Engineer", []permission.Permission{permission.ViewRoles}, nil},
		{"user:viewer@example.com", []permission.Permission{permission.ViewAccessProfiles}, []permission.Permission{permission.ViewAccessProfiles, permission.ViewUsers}},
		{"user:viewer@example.com", []permission.Permission{permission.ViewUsers}, nil},
	} {
		body := with(groq, "tests", tests(test.subject))
		short := c.APIKey(append(test.needs, only...)...)
		c.Unchanged(func() {
			short.API("POST", "/api/config/plan", body).Refuses(403, "forbidden", "tests[0].cases[0].as")
			short.API("POST", "/api/config/apply", body).Refuses(403, "forbidden", "tests[0].cases[0].as")
			if asked := short.API("POST", "/api/config/test", object{"tests": tests(test.subject)}); asked.StatusCode != 403 {
				t.Errorf("%s: the test answers %d: %s", test.subject, asked.StatusCode, asked.Body)
			}
		})
		if test.enough != nil {
			enough := c.APIKey(append(test.enough, permission.ViewProviders)...)
			planned := enough.API("POST", "/api/config/plan", body).Is(200).JSON()
			webtest.Same(t, test.subject, planned["errors"], []any{})
			enough.API("POST", "/api/config/test", object{"tests": tests(test.subject)}).Is(200)
		}
	}
	admin.API("POST", "/api/config/apply", with(groq, "tests", tests("role:Engineer"))).Is(200)
}
