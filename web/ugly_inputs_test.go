package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tollgate/web/webtest"
)

// uglyForm is a form with a field that takes what users type.
type uglyForm struct {
	browser     webtest.Client
	path, field string
	rest        url.Values
}

// uglyForms are the forms of a user's own page, of requests, of a profile given to many, and of the settings.
func uglyForms(t *testing.T) []uglyForm {
	g, ada, budget := asking(t)
	admin := g.Login(webtest.Admin)
	open := requestOf(ada.API("POST", "/api/access-requests", webtest.Object{"budget_id": budget, "reason": "Release week"}))
	group := g.Admin.API("POST", "/api/mcp/tool-groups", `{"name":"Ugly"}`).Is(201).Object("tool_group")
	give := fmt.Sprint("/access-profiles/", webtest.Research, "/give/preview")
	decide := "/access-requests/" + open
	return []uglyForm{
		{ada, "/me/requests", "reason", url.Values{"model": {"anthropic/claude-opus-4-1"}}},
		{ada, "/me/requests", "model", url.Values{"reason": {"To compare."}}},
		{ada, "/me/requests", "amount", url.Values{"budget_id": {budget}, "reason": {"Release week"}}},
		{ada, "/me/keys", "name", nil},
		{ada, "/me/keys", "description", nil},
		{g.Anonymous(), "/sign-in-link", "code", nil},
		{admin, decide + "/decline", "note", nil},
		{admin, decide + "/grant", "amount", nil},
		{admin, decide + "/grant", "expires_at", url.Values{"amount": {"8"}}},
		{admin, give, "emails", nil},
		{admin, give, "expires_at", url.Values{"emails": {"new@example.com"}}},
		{admin, "/settings/gateway", "gateway_address", nil},
		{admin, fmt.Sprint("/mcp/tool-groups/", webtest.Int64ID(group)), "filter", url.Values{"name": {"Ugly"}, "op": {"filter"}}},
	}
}

var ugly = map[string]string{
	"emoji":         "🔑 👩‍👩‍👧 ☂️",
	"right to left": "مرحبا بالعالم \u202eevil",
	"no width":      "a\u200bb\u2060c",
	"HTML":          `"><script>alert(1)</script><img src=x onerror=alert(1)>`,
	"long":          strings.Repeat("x", 10_000),
	"long words":    strings.Repeat("ж ", 10_000),
	"spaces":        " \t\u00a0 x \u3000 ",
	"only spaces":   "   ",
	"control":       "a\x07b",
	"line breaks":   "a\r\nb\n\nc",
	"combining":     "Z" + strings.Repeat("\u0351", 300),
	"SQL":           `'); DROP TABLE users; --`,
}

// What is typed into the fields that came last is taken, or comes back as it was typed, with what is wrong beside its
// field; it is never markup of the page.
func TestUglyInputs(t *testing.T) {
	for _, form := range uglyForms(t) {
		for name, typed := range ugly {
			sent := url.Values{form.field: {typed}}
			for key, values := range form.rest {
				sent[key] = values
			}
			answer := form.browser.Post(form.path, sent)
			what := fmt.Sprintf("%s in %s of %s", name, form.field, form.path)
			switch answer.StatusCode {
			case http.StatusOK, http.StatusSeeOther, http.StatusConflict, http.StatusTooManyRequests:
			case http.StatusUnprocessableEntity:
				main := answer.One("main")
				if webtest.Attribute(main, "data-param") != form.field {
					t.Errorf("%s: it says what is wrong with %q: %s", what, webtest.Attribute(main, "data-param"), webtest.Attribute(main, "data-error-code"))
				}
				if back, shown := typedBack(answer, form.field); shown && back != strings.ReplaceAll(typed, "\r\n", "\n") {
					t.Errorf("%s: %.60q comes back as %.60q", what, typed, back)
				}
			default:
				t.Errorf("%s: status %d", what, answer.StatusCode)
			}
			if answer.StatusCode != http.StatusSeeOther && strings.Contains(string(answer.Body), "<script>alert") {
				t.Errorf("%s: it is markup of the page", what)
			}
		}
	}
}

// A first password is as ugly as a user likes, and a short one is told so.
func TestUglyFirstPasswords(t *testing.T) {
	s := webtest.NewStage(t)
	n := 0
	for name, typed := range ugly {
		n++
		user := fmt.Sprint("ugly", n)
		_, browser := newcomer(s, user, "Member")
		set := browser.Post("/me/password", url.Values{"new_password": {typed}})
		if set.StatusCode == http.StatusUnprocessableEntity {
			webtest.Same(t, name, webtest.Attribute(set.One("main"), "data-param"), "new_password")
			continue
		}
		set.Redirects("/me")
		s.Anonymous().Post("/login", webtest.Credentials(user+"@example.com", typed)).Is(http.StatusSeeOther)
	}
}

// typedBack is what the field of a page holds. Passwords, and links that sign in, do not come back.
func typedBack(page webtest.Answer, field string) (string, bool) {
	for _, tag := range []string{"input", "textarea"} {
		for _, node := range page.All(tag, "name", field) {
			kind := webtest.Attribute(node, "type")
			switch {
			case kind == "password" || kind == "hidden" || field == "code":
			case node.Data == "input":
				return webtest.Attribute(node, "value"), true
			default:
				return content(node), true
			}
		}
	}
	return "", false
}

func content(area *html.Node) string {
	if area.FirstChild == nil {
		return ""
	}
	return strings.TrimPrefix(area.FirstChild.Data, "\n")
}

// Of 50 pasted addresses every broken line is told, in its words, and the others are given; nothing of it is lost on the
// way back to the form.
func TestPastedAddresses(t *testing.T) {
	s := webtest.NewStage(t)
	broken := []string{
		"no address", "a@", "@example.com", "a b@example.com", "<script>alert(1)</script>", "x@exa mple.com",
		strings.Repeat("x", 300) + "@example.com", "Ada <ada@example.com", "a@b@c", "\"quoted\" <>", "ﬁne@example.com",
	}
	var pasted []string
	for i := range 50 - len(broken) {
		line := "  Fine %d <fine%d@example.com>\t" // a tab separates the cells of a table
		if i%2 == 0 {
			line = "Fine %d\tfine%d@example.com"
		}
		pasted = append(pasted, fmt.Sprintf(line, i, i))
	}
	pasted = append(pasted, broken...)
	path := fmt.Sprint("/access-profiles/", webtest.Research, "/give")
	form := url.Values{"emails": {strings.Join(pasted, "\r\n")}, "expires_at": {""}}
	preview := s.Session.Post(path+"/preview", form).Is(200)
	rows := preview.All("tr")[1:]
	webtest.Same(t, "lines", len(rows), 50)
	refused := 0
	for i, row := range rows {
		if words := webtest.Text(row); strings.Contains(words, "No address") {
			refused++
			if i < 50-len(broken) {
				t.Errorf("refused: %s", words)
			}
		} else if i >= 50-len(broken) {
			t.Errorf("taken: %s", words)
		}
	}
	webtest.Same(t, "broken", refused, len(broken))
	if strings.Contains(string(preview.Body), "<script>alert") {
		t.Error("an address is markup of the page")
	}
	form.Set("edit", "true")
	back := s.Session.Post(path+"/preview", form).Is(200)
	webtest.Same(t, "typed", content(back.One("textarea", "name", "emails")), strings.Join(pasted, "\n"))
	form.Del("edit")
	form.Set("token", webtest.Attribute(preview.One("input", "name", "token"), "value"))
	s.Session.Post(path, form).Is(303)
	webtest.Same(t, "given", s.Count("users WHERE email LIKE 'fine%' AND name LIKE 'Fine %'"), 50-len(broken))
}
