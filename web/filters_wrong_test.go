package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A wrong time keeps the form of the call to be tried, for an admin and for the user, and stands beside the field of the
// form that was sent.
func TestTryKeepsItsForm(t *testing.T) {
	g := webtest.NewGateway(t)
	for path, v := range map[string]webtest.Client{"/users/" + g.Ada + "/try": g.Session, "/me/try": g.Login(webtest.Ada)} {
		for _, wrong := range []struct{ query, code, marked, plain, field, value string }{
			{"model=openai/gpt-4o&at=2999-01-01T00:00", "in_the_future", "at-model", "at-tool", "model", "openai/gpt-4o"},
			{"tool=github/create_issue&at=2999-01-01T00:00", "in_the_future", "at-tool", "at-model", "tool", "github/create_issue"},
			{"model=openai/gpt-4o&at=soon", "invalid_timestamp", "at-model", "at-tool", "model", "openai/gpt-4o"},
		} {
			page := v.Get(path+"?"+wrong.query).Refuses(400, wrong.code, "at")
			webtest.Same(t, wrong.query, webtest.Attribute(page.One("input", "id", wrong.field), "value"), wrong.value)
			at := page.One("input", "id", wrong.marked)
			webtest.Same(t, "typed", webtest.Attribute(at, "value"), wrong.query[strings.Index(wrong.query, "at=")+3:])
			webtest.Same(t, "marked", webtest.Attribute(at, "aria-invalid"), "true")
			webtest.Same(t, "unmarked", webtest.Attribute(page.One("input", "id", wrong.plain), "aria-invalid"), "")
			webtest.Same(t, "link", webtest.Attribute(page.One("div", "id", "problems").LastChild.FirstChild.FirstChild, "href"), "#"+wrong.marked)
			webtest.Same(t, "decisions", len(page.All("section", "aria-labelledby", "tried")), 0)
		}
	}
}

// The other pages that are narrowed keep their forms too.
func TestWrongFiltersKeepTheForm(t *testing.T) {
	g := webtest.NewGateway(t)
	long := strings.Repeat("a", 256)
	for _, wrong := range []struct{ address, code, param, tag, name, value string }{
		{"/audit?action=dance&search=kept", "invalid_action", "action", "input", "search", "kept"},
		{"/audit?resource=x&search=kept", "invalid_resource", "resource", "input", "search", "kept"},
		{"/audit?limit=0&search=kept", "number_out_of_range", "limit", "input", "search", "kept"},
		{"/access-profiles/5/audit?action=dance&search=kept", "invalid_action", "action", "input", "search", "kept"},
		{"/refusals?reason=x&model=kept", "invalid_reason", "reason", "input", "model", "kept"},
		{"/refusals?days=0&model=kept", "number_out_of_range", "days", "input", "model", "kept"},
		{"/find?q=" + long, "too_long", "q", "input", "q", long},
		{"/usage?since=2026-02-03&until=2026-01-02", "invalid_range", "since", "input", "until", "2026-01-02"},
	} {
		page := g.Session.Get(wrong.address).Refuses(400, wrong.code, wrong.param)
		var values []string
		for _, field := range page.All(wrong.tag, "name", wrong.name) {
			values = append(values, webtest.Attribute(field, "value"))
		}
		if len(values) == 0 || strings.ReplaceAll(strings.Join(values, ""), wrong.value, "") != "" {
			t.Errorf("%s keeps %q", wrong.address, values)
		}
		if len(page.All("div", "id", "problems")) != 1 {
			t.Errorf("%s has no summary", wrong.address)
		}
	}
	g.AddRole("Auditor", "AuditLogs:View")
	g.AddUser("auditor@example.com", "Auditor")
	for whom, v := range map[string]webtest.Client{"a user": g.Login("auditor@example.com"), fmt.Sprint(g.Account(g.Bob)["name"]): g.Session} {
		chips := v.Get("/audit?user_id="+g.Bob+"&since=2026-02-03&until=2026-01-02").Is(400).One("form", "role", "search")
		if said := webtest.Text(chips); !strings.Contains(said, "Whom: "+whom+" ") {
			t.Errorf("the filter for Bob says %q", said)
		}
	}
	g.Session.Get("/access-profiles/x/audit").Refuses(400, "invalid_id", "")
	secret := g.APIKey().Header.Get("Authorization")[len("Bearer "):]
	if page := g.Session.Get("/find?q="+secret).Refuses(400, "secret_in_address", "q"); strings.Contains(string(page.Body), secret) {
		t.Error("the page repeats a key")
	}
}
