package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A save that comes too late names who saved before and when; an earlier save of one's own is overwritten by one button.
func TestStaleEditNamesWhoAndWhen(t *testing.T) {
	c := newCast(t)
	form := func(version, description string) url.Values {
		return url.Values{"version": {version}, "name": {"Engineering"}, "description": {description}}
	}
	c.session.post("/access-profiles/1", form("1", "first")).is(http.StatusSeeOther)
	page := c.session.post("/access-profiles/1", form("1", "second")).is(http.StatusPreconditionFailed)
	if said := text(page.one("section", "id", "conflict")); !strings.HasPrefix(said, "You saved version 2 yourself on ") {
		t.Errorf("of an own save it says %q", said)
	}
	mine := form("2", "second")
	mine.Set("op", attribute(page.one("button", "name", "op", "value", "save-mine"), "value"))
	mine.Set("choose.description", "saved")
	c.session.post("/access-profiles/1", mine).is(http.StatusSeeOther)
	same(t, "kept", c.admin.profile(1)["description"], any("second"))

	c.addUser("other@example.com", "Admin")
	c.login("other@example.com").post("/access-profiles/1", form("3", "theirs")).is(http.StatusSeeOther)
	page = c.session.post("/access-profiles/1", form("3", "mine")).is(http.StatusPreconditionFailed)
	if said := text(page.one("section", "id", "conflict")); !strings.HasPrefix(said, "other@example.com saved version 4 on ") {
		t.Errorf("of another's save it says %q", said)
	}
	same(t, "one button", len(page.all("button", "value", "save-mine")), 0)
}
