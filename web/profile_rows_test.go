package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// The list of profiles prints most rows as it printed them last. What a row shows besides its profile may change at any
// time, also on another console, and with the user who looks: each list shows what is true now.
func TestRowsOfProfilesAreCurrent(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	path := fmt.Sprint("/api/access-profiles/", g.Work)
	admin, viewer := g.Login(webtest.Admin), g.Login(webtest.Viewer)
	row := func(v webtest.Client) string {
		for _, tr := range v.Get("/access-profiles").Is(200).All("tr") {
			if text := webtest.Text(tr); strings.Contains(text, "Work") {
				return text
			}
		}
		t.Fatal("the profile is not listed")
		return ""
	}
	for _, change := range []struct {
		name    string
		do      func()
		present string
		absent  string
	}{
		{"as it is", func() {}, "1 user", "Archived"},
		{"the catalogue", func() {
			g.Admin.API("PUT", "/api/providers/openai", `{"models":["gpt-4o","gpt-4o-mini","c","d","e","f","g"]}`).Is(200)
		}, "openai 2 of 7", "Archived"},
		{"the holders", func() {
			g.Admin.API("DELETE", fmt.Sprint("/api/users/", g.Ada, "/access-profiles/", g.Held["id"]), nil).Is(200)
		}, "no user", "1 user"},
		{"the state", func() { g.Admin.API("PUT", path+"/deactivate", nil).Is(200) }, "Unarchive", "Archive Duplicate"},
	} {
		change.do()
		for _, c := range []*webtest.Console{g.Console, other} {
			text := row(admin.At(c))
			if !strings.Contains(text, change.present) || strings.Contains(text, change.absent) {
				t.Errorf("%s: the row is %q", change.name, text)
			}
			if text := row(viewer.At(c)); strings.Contains(text, "Delete…") || strings.Contains(text, "Edit") {
				t.Errorf("%s: a viewer is offered %q", change.name, text)
			}
			if text := row(admin.At(c)); !strings.Contains(text, "Delete…") {
				t.Errorf("%s: an admin is offered %q", change.name, text)
			}
		}
	}
}
