package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A save that comes too late names who saved before and when; an earlier save of one's own is overwritten by one button.
func TestStaleEditNamesWhoAndWhen(t *testing.T) {
	c := webtest.NewCast(t)
	form := func(version, description string) url.Values {
		return url.Values{"version": {version}, "name": {"Engineering"}, "description": {description}}
	}
	c.Session.Post("/access-profiles/1", form("1", "first")).Is(http.StatusSeeOther)
	page := c.Session.Post("/access-profiles/1", form("1", "second")).Is(http.StatusPreconditionFailed)
	if said := webtest.Text(page.One("section", "id", "conflict")); !strings.HasPrefix(said, "You saved version 2 yourself on ") {
		t.Errorf("of an own save it says %q", said)
	}
	mine := form("2", "second")
	mine.Set("op", webtest.Attribute(page.One("button", "name", "op", "value", "save-mine"), "value"))
	mine.Set("choose.description", "saved")
	c.Session.Post("/access-profiles/1", mine).Is(http.StatusSeeOther)
	webtest.Same(t, "kept", c.Admin.Profile(1)["description"], any("second"))

	c.AddUser("other@example.com", "Admin")
	c.Login("other@example.com").Post("/access-profiles/1", form("3", "theirs")).Is(http.StatusSeeOther)
	page = c.Session.Post("/access-profiles/1", form("3", "mine")).Is(http.StatusPreconditionFailed)
	if said := webtest.Text(page.One("section", "id", "conflict")); !strings.HasPrefix(said, "other@example.com saved version 4 on ") {
		t.Errorf("of another's save it says %q", said)
	}
	webtest.Same(t, "one button", len(page.All("button", "value", "save-mine")), 0)
}
