package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// editing is the editor's form of a profile.
func editing(g webtest.Gateway, profile int64) (page string, form url.Values) {
	g.T.Helper()
	page = fmt.Sprint("/access-profiles/", profile)
	return page, g.Session.Get(page + "/edit").Is(200).Fields("profile-form")
}

// The editor says what an edit changes, who used what it removes, and who would be over at once; a save alone changes
// nothing for holders, and every tab says so until the push.
func TestBlastRadius(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Give(g.Bob, g.Work)
	for _, cost := range []int{2, 1} {
		g.Admin.Counted(webtest.Event(g.Key, "cost", cost))
	}
	page, form := editing(g, g.Work)
	radius := func(a webtest.Answer) string { return webtest.Text(a.One("aside", "id", "blast")) }
	fresh := radius(g.Session.Get(page + "/edit").Is(200))
	if !strings.Contains(fresh, "Since version 1 Nothing yet.") || !strings.Contains(fresh, "2 holders. Nothing changes for them until you push.") {
		t.Errorf("before an edit: %s", fresh)
	}
	for name, values := range form {
		switch {
		case strings.HasSuffix(name, ".allowed_models"):
			form[name] = []string{"gpt-4o-mini"}
		case strings.HasPrefix(name, "budgets[") && strings.HasSuffix(name, ".max_limit"):
			form[name] = []string{"2.5"}
		default:
			_ = values
		}
	}
	form.Set("op", "refresh")
	said := radius(g.Session.Post(page, form))
	for _, words := range []string{
		"gpt-4o", "2 calls · $3.00 in the last 30 days, by 1 user: Viewer", "openai/gpt-4o 2 calls · $3.00",
		"1 holder has used up a new limit already.", "Viewer $3.00 of $2.50 / month",
	} {
		if !strings.Contains(said, words) {
			t.Errorf("the column lacks %q: %s", words, said)
		}
	}
	form.Set("op", "save")
	g.Session.Post(page, form).Redirects(page)
	for _, tab := range []string{"", "/users", "/roles", "/versions", "/audit"} {
		shown := g.Session.Get(page + tab).Is(200)
		if text := webtest.Text(shown.One("main")); !strings.Contains(text, "2 holders still have version 1 See what would change Push…") {
			t.Errorf("%s: %s", tab, text)
		}
	}
	for _, a := range g.Session.Get(page).Is(200).All("a") {
		if href := webtest.Attribute(a, "href"); strings.Contains(href, "/preview?") {
			g.Session.Get(href).Is(200)
		}
	}
	g.Admin.API("POST", "/api"+page+"/propagate", `{"fields":["provider_configs","budgets"]}`).Is(200)
	if text := webtest.Text(g.Session.Get(page).Is(200).One("main")); strings.Contains(text, "still have") {
		t.Errorf("after the push: %s", text)
	}
}

// Tools count as models do, a limit of 0 blocks everyone, and names are for those who may see users.
func TestBlastRadiusOfToolsAndNothing(t *testing.T) {
	g := webtest.NewGateway(t)
	event := webtest.Event(g.Key, "mcp_client_id", "github", "tool_name", "create_issue", "cost", 0)
	delete(event, "provider")
	delete(event, "model")
	g.Admin.Counted(event)
	page, form := editing(g, g.Work)
	delete(form, "mcp_servers")
	delete(form, "mcp_tool_groups")
	for name := range form {
		if strings.HasPrefix(name, "budgets[") && strings.HasSuffix(name, ".max_limit") {
			form[name] = []string{"0"}
		}
	}
	form.Set("op", "refresh")
	said := webtest.Text(g.Session.Post(page, form).One("aside", "id", "blast"))
	for _, words := range []string{"github/create_issue 1 call · $0.00", "A limit of 0 blocks every call of 1 holder."} {
		if !strings.Contains(said, words) {
			t.Errorf("the column lacks %q: %s", words, said)
		}
	}
	if len(g.Session.Get("/access-profiles/new").Is(200).All("aside", "id", "blast")) > 0 {
		t.Error("a new profile has holders")
	}
}

// Models without a price that an edit begins to refuse are in use and removed; those with a price stay.
func TestBlastRadiusOfRefusingUnpriced(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, model := range []string{"gpt-4o", "gpt-4o-mini"} {
		g.Admin.Counted(webtest.Event(g.Key, "model", model, "cost", 1))
	}
	g.Admin.API("PUT", "/api/providers/openai",
		`{"prices":[{"model":"gpt-4o","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":2}]}`).Is(200)
	page, form := editing(g, g.Work)
	for name := range form {
		if strings.HasSuffix(name, ".allowed_models") {
			form.Set(strings.TrimSuffix(name, "allowed_models")+"refuse_unpriced", "true")
		}
	}
	form.Set("op", "refresh")
	said := webtest.Text(g.Session.Post(page, form).Is(200).One("aside", "id", "blast"))
	if !strings.Contains(said, "1 call · $1.00 in the last 30 days") || !strings.Contains(said, "openai/gpt-4o-mini 1 call") {
		t.Errorf("the column says: %s", said)
	}
}

// Where it takes too long to say whom an edit hits, the editor says so and works on.
func TestBlastRadiusTakesTooLong(t *testing.T) {
	g := webtest.NewGateway(t)
	page, form := editing(g, g.Work)
	for name := range form {
		if strings.HasSuffix(name, ".allowed_models") {
			form[name] = []string{"gpt-4o-mini"}
		}
	}
	form.Set("op", "refresh")
	tx, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), "LOCK TABLE usage_days, limit_windows")
	g.Must(err)
	said := webtest.Text(g.Session.Post(page, form).Is(200).One("aside", "id", "blast"))
	for _, words := range []string{"There is too much usage to look through while you edit.", "There are too many holders to look through while you edit."} {
		if !strings.Contains(said, words) {
			t.Errorf("the column lacks %q: %s", words, said)
		}
	}
}
