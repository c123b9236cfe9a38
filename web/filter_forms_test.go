package web_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A form that narrows a page keeps what its links keep: it sends every parameter of the address, but for those that say
// which part of the list is shown.
func TestFiltersKeepTheAddress(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Exec("INSERT INTO providers (name, models) VALUES ('groq', '{m}')")
	directory := g.Directory("Company", "Viewer").Connection
	role := g.RoleID("Viewer")
	for _, address := range []string{
		"/access-profiles?search=o&tags=x,y&is_active=true&sort=-name&limit=10&offset=0",
		fmt.Sprint("/access-profiles/", g.Work, "/users?search=a&behind=false&limit=10&offset=0"),
		fmt.Sprint("/users?search=a&role_id=", role, "&access_profile_id=", g.Work, "&blocked=true&sort=-spend&limit=10&offset=0"),
		"/users?search=a&deactivated=false&limit=10",
		"/virtual-keys?search=a&unused=true&sort=-last_used&limit=10&offset=0",
		"/settings/api-keys?search=a&limit=10&offset=0",
		"/settings/sign-in?search=a&limit=10&offset=0",
		"/settings/provisioning?search=a&limit=10&offset=0",
		fmt.Sprint("/settings/provisioning/", directory, "/groups?search=a&limit=10"),
		"/roles?search=a&limit=10", "/providers?search=a&limit=10", "/mcp/clients?search=a&limit=10", "/mcp/tool-groups?search=a&limit=10",
		"/providers/openai?search=a&price=none",
		fmt.Sprint("/refusals?model=gpt&reason=model_blocked&days=31&user_id=", g.Ada, "&access_profile_id=", g.Work, "&limit=10&offset=0"),
		fmt.Sprint("/usage?since=2026-01-02&until=2026-02-03&time_zone=Europe/Berlin&group_by=model&then=user&sort=-tokens&provider=openai&model=gpt&user_id=",
			g.Ada, "&access_profile_id=", g.Work, "&offset=0"),
		"/usage?since=2026-02-03&until=2026-01-02&then=user&sort=-tokens",
		fmt.Sprint("/audit?search=a&actor=b&resource=user&action=create&since=2026-01-02&until=2026-02-03&user_id=", g.Ada, "&id=1&limit=10&offset=0"),
		fmt.Sprint("/access-profiles/", g.Work, "/audit?search=a&actor=b&limit=10"),
	} {
		path, query, _ := strings.Cut(address, "?")
		want, err := url.ParseQuery(query)
		g.Must(err)
		want.Del("offset")
		forms := 0
		page := g.Session.Get(address)
		for _, form := range page.All("form", "method", "get") {
			if webtest.Attribute(form, "action") == path {
				forms++
				sent := webtest.FieldsIn(form)
				maps.DeleteFunc(sent, func(_ string, values []string) bool { return values[0] == "" })
				webtest.Same(t, address, sent, want)
			}
		}
		webtest.Same(t, address+": forms", forms, 1)
	}
	// What was refused is not sent again.
	page := g.Session.Get("/usage?group_by=week&then=user").Refuses(400, "invalid_group_by", "group_by")
	if sent := webtest.FieldsIn(page.One("form", "method", "get")); sent.Has("group_by") || sent.Get("then") != "user" {
		t.Errorf("the form sends %v", sent)
	}
}
