package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A note says why a version was saved: it is kept with the version and in the audit log, by either door, and is no part
// of the profile.
func TestNotes(t *testing.T) {
	g := webtest.NewGateway(t)
	created := g.Admin.API("POST", "/api/access-profiles", `{"name":"Noted","note":"  For the pilot  "}`).Is(201).Object("access_profile")
	if _, there := created["note"]; there {
		t.Error("the note is in the profile")
	}
	id := webtest.Int64ID(created)
	api, page := fmt.Sprint("/api/access-profiles/", id), fmt.Sprint("/access-profiles/", id)
	notes := func() (all []any) {
		for _, v := range webtest.Objects(g.Admin.API("GET", api+"/versions", nil).Is(200).JSON()["versions"]) {
			all = append(all, v["note"])
		}
		return all
	}
	g.Admin.API("PUT", api, `{"description":"A","note":"Asked for by Ada"}`).Is(200)
	g.Admin.API("PUT", api, `{"description":"B"}`).Is(200)
	for _, same := range []string{`{"note":"Nothing else"}`, `{"description":"B","note":null}`, `{"note":" "}`} {
		g.Unchanged(func() { g.Admin.API("PUT", api, same).Is(200) })
	}
	_, form := editing(g, id)
	form.Set("description", "C")
	form.Set("note", "Budget talk of <b>Monday</b>")
	g.Session.Post(page, form).Redirects(page)
	webtest.Same(t, "notes", notes(), []any{"Budget talk of <b>Monday</b>", nil, "Asked for by Ada", "For the pilot"})
	webtest.Same(t, "one version", g.Admin.API("GET", api+"/versions/2", nil).Is(200).Object("version")["note"], "Asked for by Ada")
	for _, shown := range []string{page + "/versions", page + "/audit"} {
		text := webtest.Text(g.Session.Get(shown).Is(200).One("main"))
		for _, note := range []string{"For the pilot", "Asked for by Ada", "Budget talk of <b>Monday</b>"} {
			if !strings.Contains(text, note) {
				t.Errorf("%s lacks %q: %s", shown, note, text)
			}
		}
	}
	if _, fresh := editing(g, id); fresh.Get("note") != "" {
		t.Error("the note of one version is offered for the next")
	}
	long := strings.Repeat("é", 501)
	g.Unchanged(func() {
		g.Admin.API("PUT", api, `{"description":"D","note":"`+long+`"}`).Refuses(400, "too_long", "note")
		g.Admin.API("PUT", api, `{"description":"D","note":7}`).Refuses(400, "wrong_type", "note")
		g.Admin.API("PUT", api, `{"description":"D","note":"\u0007"}`).Refuses(400, "invalid_characters", "note")
		_, form := editing(g, id)
		form.Set("description", "D")
		form.Set("note", long)
		refused := g.Session.Post(page, form).Refuses(422, "too_long", "note")
		if refused.Fields("profile-form").Get("note") != long {
			t.Error("the form has not kept the note")
		}
	})
	g.Admin.API("PUT", api, `{"description":"E","note":"`+long[:1000]+`"}`).Is(200)
}
