package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web"
	"tollgate/web/webtest"
)

// strictStage has one of everything that an unsafe route can act on, and paths with their ids.
type strictStage struct {
	webtest.Stage
	ids *strings.Replacer
}

func newStrictStage(t *testing.T) strictStage {
	t.Helper()
	s := strictStage{Stage: webtest.NewStage(t)}
	s.AddRole("Plain", "Providers:View")
	target := s.AddTarget("target@example.com", "Plain")
	s.Admin.API("POST", "/api/providers", `{"name":"spare"}`).Is(201)
	s.Admin.API("POST", "/api/mcp/clients", `{"name":"spare"}`).Is(201)
	s.ids = strings.NewReplacer(
		"/users/:id", "/users/"+target.User, "/roles/:id", fmt.Sprint("/roles/", target.Role),
		"/api-keys/:id", fmt.Sprint("/api-keys/", target.APIKey),
		"/access-profiles/:id", fmt.Sprint("/access-profiles/", target.Profile),
		"/scim-connections/:id", fmt.Sprint("/scim-connections/", target.Connection),
		"/provisioning/:id", fmt.Sprint("/provisioning/", target.Connection),
		":copy_id", fmt.Sprint(target.CopyID), ":budget_id", target.Budget, ":vk_id", target.VirtualKey,
		":role_id", fmt.Sprint(target.Role), ":job", fmt.Sprint(target.Job), ":client_id", "spare", ":name", "spare",
		":version", "1", ":token_id", "1", ":id", "1", "*id", "x",
	)
	return s
}

// unsafe are the routes that change something, but for those that a filter leaves out.
func (s strictStage) unsafe(taken func(web.Route) bool) []web.Route {
	return slices.DeleteFunc(web.Routes(s.H), func(r web.Route) bool { return r.Method == "GET" || !taken(r) })
}

// as is who may use a route of the API.
func (s strictStage) as(r web.Route) webtest.Client {
	if r.Permission == "a user, for their own" {
		return s.Session
	}
	return s.Admin
}

func ofAPI(r web.Route) bool { return strings.HasPrefix(r.Path, "/api/") }

// Every DELETE of the API takes no field, and reads a body that comes nevertheless: a word such as "force" that has no
// effect is refused instead of passed over, and so is what cannot be read.
func TestDeletionsTakeNoFields(t *testing.T) {
	s := newStrictStage(t)
	before, walked := s.State(), 0
	for _, r := range s.unsafe(func(r web.Route) bool { return ofAPI(r) && r.Method == "DELETE" }) {
		walked++
		path := s.ids.Replace(r.Path)
		s.as(r).API("DELETE", path, `{"force":true}`).Refuses(400, "unknown_field", "force")
		s.as(r).API("DELETE", path, `{"x":`).Refuses(400, "invalid_json", "")
	}
	forms := s.unsafe(func(r web.Route) bool {
		return !ofAPI(r) && (strings.HasSuffix(r.Path, "/delete") || strings.HasSuffix(r.Path, "/retry"))
	})
	for _, r := range forms {
		s.Session.Post(s.ids.Replace(r.Path), url.Values{"force": {"true"}}).Refuses(400, "unknown_field", "force")
	}
	if s.State() != before {
		t.Error("something was changed")
	}
	if walked < 30 || len(forms) < 12 {
		t.Errorf("%d routes and %d forms walked", walked, len(forms))
	}
}

// Every other route of the API that changes something refuses a field that it does not know, also those that need none.
func TestUnsafeRoutesRefuseUnknownFields(t *testing.T) {
	s := newStrictStage(t)
	before := s.State()
	routes := s.unsafe(func(r web.Route) bool {
		return ofAPI(r) && r.Method != "DELETE" && !strings.HasSuffix(r.Path, "/usage/litellm") // which others format
	})
	for _, r := range routes {
		path := s.ids.Replace(r.Path)
		s.as(r).API(r.Method, path, `{"nonsense":true}`).Refuses(400, "unknown_field", "nonsense")
		s.as(r).API(r.Method, path, `{"x":`).Refuses(400, "invalid_json", "")
	}
	if s.State() != before {
		t.Error("something was changed")
	}
	if len(routes) < 100 {
		t.Errorf("only %d routes walked", len(routes))
	}
}

// A parameter that a route of the API does not read is refused before anything is done: ?dry_run=true has to be in the
// body. The doors of gateways pass over what their clients append to addresses.
func TestUnsafeRoutesRefuseUnknownParameters(t *testing.T) {
	s := newStrictStage(t)
	before := s.State()
	ofGateways := []permission.Permission{"Usage:Create", "Usage:View or Usage:Create"}
	routes := s.unsafe(func(r web.Route) bool { return ofAPI(r) && !slices.Contains(ofGateways, r.Permission) })
	for _, r := range routes {
		s.as(r).API(r.Method, s.ids.Replace(r.Path)+"?nonsense=1", nil).Refuses(400, "unknown_parameter", "nonsense")
	}
	profile := fmt.Sprint("/api/access-profiles/", webtest.Research)
	for call, body := range map[string]string{
		"POST " + profile + "/propagate?dry_run=true": `{"fields":["budgets"]}`,
		"POST " + profile + "/give?dry_run=true":      `{"emails":"` + webtest.Bob + `"}`,
		"PUT " + profile + "?version=3":               `{"description":"changed"}`,
		"DELETE " + profile + "?force=1":              ``,
	} {
		method, path, _ := strings.Cut(call, " ")
		name, _, _ := strings.Cut(path[strings.Index(path, "?")+1:], "=")
		s.Admin.API(method, path, body).Refuses(400, "unknown_parameter", name)
	}
	if s.State() != before {
		t.Error("something was changed")
	}
	if len(routes) < 120 {
		t.Errorf("only %d routes walked", len(routes))
	}
	asked := s.Admin.API("POST", "/api/decisions?nonsense=1", webtest.Model("sk-bf-x")).JSON()
	webtest.Same(t, "a gateway is answered", asked["type"], any("access_not_found"))
}
