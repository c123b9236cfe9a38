package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web"
	"tollgate/web/webtest"
)

// formOf writes a JSON body as a form would send it.
func formOf(s webtest.Stage, body any) url.Values {
	encoded, err := json.Marshal(body)
	s.Must(err)
	var members map[string]any
	s.Must(json.Unmarshal(encoded, &members))
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

// Every unsafe route refuses to act on a user, a role or a key with more permissions than the actor, and accepts one
// without.
func TestActingOnAUserWhoMayDoMoreIsRefused(t *testing.T) {
	s := webtest.NewStage(t)
	lesser := s.Lesser()
	plain := s.AddRole("Plain", "Providers:View")
	s.AddRole("Strong", "Settings:Delete")
	strong, weak := s.AddTarget("strong@example.com", "Strong"), s.AddTarget("weak@example.com", "Plain")
	before := s.State()
	walked := 0
	for _, who := range []webtest.Target{strong, weak} {
		for _, route := range web.Routes(s.H) {
			path, body, acts := who.Touching(route, plain)
			if route.Method == "GET" {
				continue
			}
			if !acts {
				s.IsElsewhere(t, route.Path)
				continue
			}
			walked++
			var got webtest.Answer
			if strings.HasPrefix(path, "/api/") {
				got = lesser.API(route.Method, path, body)
			} else {
				got = lesser.Save(path, formOf(s, body))
			}
			if refused := got.StatusCode == 403; refused != (who == strong) {
				t.Errorf("%s %s: status %d", route.Method, path, got.StatusCode)
			} else if refused {
				got.Refuses(403, "forbidden", "")
			}
		}
		if who == strong && s.State() != before {
			t.Error("something was changed")
		}
	}
	if walked < 70 {
		t.Errorf("%d routes walked", walked)
	}
}

// The same applies to bulk requests, to propagations to all holders, to keys with few scopes, and to the keys of the
// command line.
func TestIndirectWaysToAUserWhoMayDoMoreAreRefused(t *testing.T) {
	s := webtest.NewStage(t)
	lesser := s.Lesser()
	s.AddRole("Strong", "Settings:Delete")
	strong := s.AddTarget("strong@example.com", "Strong")
	s.Assign(s.Ada, webtest.Research)
	s.APIKey()
	var cli int64
	s.Scan(&cli, "SELECT max(id) FROM api_keys WHERE created_by IS NULL")
	developers := s.Login(s.Developer())
	scoped := s.APIKey("Users:View", "Users:Update", "Users:Delete", "AccessProfiles:Create", "VirtualKeys:Create")
	scoped.Get("/api/users").Is(200)
	before := s.State()
	for name, got := range map[string]webtest.Answer{
		"bulk with one of them":            lesser.Post("/users/bulk", url.Values{"ids": {s.Bob, strong.User}, "access_profile_id": {"1"}}),
		"bulk detachment":                  lesser.Post(fmt.Sprintf("/access-profiles/%d/users/bulk", webtest.Research), url.Values{"ids": {s.Ada, strong.User}, "confirmed": {"true"}}),
		"propagate to their group":         lesser.API("POST", fmt.Sprintf("/api/access-profiles/%d/propagate", webtest.Research), webtest.Object{"fields": []string{"budgets"}, "group_ids": []int64{strong.Role}}),
		"propagate to all":                 lesser.API("POST", fmt.Sprintf("/api/access-profiles/%d/propagate", webtest.Research), webtest.Object{"fields": []string{"budgets"}}),
		"apply to existing":                lesser.API("POST", "/api/access-profiles/1/roles", webtest.Object{"role_ids": []int64{strong.Role, s.RoleID("Viewer")}, "apply_to_existing": true}),
		"remove from users":                lesser.API("DELETE", fmt.Sprintf("/api/access-profiles/%d/roles/%d?remove_from_users=true", webtest.Research, strong.Role), nil),
		"key of the command line, deleted": lesser.API("DELETE", fmt.Sprintf("/api/api-keys/%d", cli), nil),
		"key of the command line, changed": lesser.API("PUT", fmt.Sprintf("/api/api-keys/%d", cli), `{"name":"mine"}`),
		"a developer, an admin's copy":     developers.API("POST", "/api/users/"+s.UserID(webtest.Admin)+"/access-profiles", `{"access_profile_id":1}`),
		"few scopes, deletion":             scoped.API("DELETE", "/api/users/"+s.Ada, nil),
		"few scopes, name":                 scoped.API("PUT", "/api/users/"+s.Ada, `{"name":"x"}`),
		"few scopes, a copy":               scoped.API("POST", "/api/users/"+s.Bob+"/access-profiles", `{"access_profile_id":1}`),
		"few scopes, a key":                scoped.API("POST", "/api/users/"+s.Ada+"/virtual-keys", `{}`),
		// The permission is checked before the body is validated.
		"short password": lesser.API("PUT", "/api/users/"+strong.User, `{"password":"x"}`),
		"no role":        lesser.API("PUT", "/api/users/"+strong.User+"/role", `{}`),
	} {
		if got.T = t; got.StatusCode != 403 {
			t.Errorf("%s: status %d: %s", name, got.StatusCode, got.Body)
		}
	}
	if s.State() != before {
		t.Error("something was changed")
	}
	// The page of such a user offers no action that would be refused.
	page := lesser.Get("/users/" + strong.User).Is(200)
	for _, form := range page.All("form") {
		if action := webtest.Attribute(form, "action"); strings.HasPrefix(action, "/users/") {
			t.Errorf("a form leads to %s", action)
		}
	}
	for _, link := range page.All("a") {
		if href := webtest.Attribute(link, "href"); strings.HasPrefix(href, "/users/"+strong.User+"/") && !strings.HasSuffix(href, "/try") {
			t.Errorf("a link leads to %s", href)
		}
	}
	// Everything else is allowed.
	lesser.API("POST", fmt.Sprintf("/api/access-profiles/%d/propagate", webtest.Research), webtest.Object{"fields": []string{"budgets"}, "user_ids": []string{s.Ada}}).Is(200)
	developers.API("POST", "/api/users/"+s.Bob+"/access-profiles", `{"access_profile_id":1}`).Is(201)
}

// A refusal names a user only to callers who may see users.
func TestRefusalsNameNoUsers(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec("UPDATE users SET name = 'Ada Lovelace' WHERE id = ?", s.UserID(webtest.Admin))
	path := "/api/users/" + s.UserID(webtest.Admin)
	for _, scopes := range [][]permission.Permission{{"Users:Update"}, {"Users:Update", "Users:View"}} {
		v := s.APIKey(scopes...)
		for _, a := range []webtest.Answer{
			v.API("PUT", path, `{"name":"x"}`), v.API("PUT", path+"/role", `{"role_id":3}`), v.API("PUT", path+"/deactivate", nil), v.API("POST", path+"/sign-in-link", nil),
		} {
			a.Refuses(403, "forbidden", "")
			webtest.Same(t, "names the user", strings.Contains(string(a.Body), "Ada Lovelace"), len(scopes) == 2)
		}
	}
}
