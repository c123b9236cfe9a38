package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Handing over the users of a domain is shown first, with names, counts, roles and profiles; the button does what was
// shown or shows it again. Without it nothing changes.
func TestHandOverOfDomainIsPreviewed(t *testing.T) {
	s := staffed(t)
	s.Admin.API("POST", "/api/config/apply", object{"set": "people", "documents": []any{
		object{"kind": "user", "email": "own@example.com", "name": "Own", "role": "Developer", "access_profiles": []string{"Research"}},
	}}).Is(200)
	s.AddUser("other@example.com", "Admin")
	s.Admin.API("POST", "/api/users/"+s.UserID("by.role@example.com")+"/virtual-keys", object{}).Is(200)
	var connection int64
	s.Scan(&connection, "SELECT id FROM scim_connections")
	home := fmt.Sprint("/settings/provisioning/", connection)
	api := fmt.Sprintf("/api/scim-connections/%d/hand-over", connection)

	page := s.Session.Get(home).Is(200)
	if form := page.One("form", "action", home+"/hand-over"); webtest.Attribute(form, "method") != "get" {
		t.Error("the connection's page hands users over at once")
	}
	if text := webtest.Text(page.One("main")); !strings.Contains(text, "To undo it, release each on the user's page") {
		t.Errorf("the connection's page does not say how it is undone: %s", text)
	}
	s.Session.Get(home + "/hand-over").Is(422)
	s.Session.Get(home + "/hand-over?email_domain=exa+mple").Is(422)

	var shown webtest.Answer
	s.Unchanged(func() {
		shown = s.Session.Get(home + "/hand-over?email_domain=EXAMPLE.com").Is(200)
		s.Session.Post(home+"/hand-over", url.Values{"email_domain": {"example.com"}}).Is(200)
		plan := s.Admin.API("POST", api, object{"email_domain": "example.com", "dry_run": true}).Is(200).JSON()
		if plan["role"] != "Member" || len(plan["user_ids"].([]any)) == 0 || compact(t, plan["loses"]) != `{"Research":1}` {
			t.Errorf("dry run: %v", plan)
		}
	})
	text := webtest.Text(shown.One("main"))
	for _, words := range []string{
		"Own", "passwords are removed", "signed out", "from the role Developer to Member", "from the role Engineer to Member",
		"1 user loses Research", "1 virtual key is deleted with the last profile",
		"1 user is deactivated: the role changes to Member when they are back",
		"Left out: 1 user, who may change users", "1 user is described in files of the set people", "To undo it",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("no %q in %s", words, text)
		}
	}
	form := func(a webtest.Answer) url.Values {
		values := url.Values{}
		for _, field := range a.All("input", "type", "hidden") {
			values.Set(webtest.Attribute(field, "name"), webtest.Attribute(field, "value"))
		}
		return values
	}
	s.AddUser("late@example.com", "Viewer")
	var again webtest.Answer
	s.Unchanged(func() { again = s.Session.Post(home+"/hand-over", form(shown)).Is(409) })
	if text := webtest.Text(again.One("main")); !strings.Contains(text, "Hand over 8 users") {
		t.Errorf("the button does not name the count: %s", text)
	}
	said := s.Session.Follow(s.Session.Post(home+"/hand-over", form(again)).Is(303))
	if !strings.Contains(string(said.Body), "8 users handed over. Left out: 2") {
		t.Errorf("after it: %s", webtest.Text(said.One("main")))
	}
}

// A user of files who was handed over is not deleted: the page, the API and a plan say that the directory has them. An
// apply with the document is refused, one without it leaves them alone.
func TestConfigOfUserHandedOver(t *testing.T) {
	s := staffed(t)
	documents := []any{
		object{"kind": "user", "email": "own@example.com", "name": "Own", "role": "Developer"},
		object{"kind": "user", "email": "late@example.com", "name": "Late", "role": "Viewer"},
	}
	people := object{"set": "people", "documents": documents}
	s.Admin.API("POST", "/api/config/apply", with(people, "on_drift", "revert")).Is(200)
	var connection int64
	s.Scan(&connection, "SELECT id FROM scim_connections")
	own := s.UserID("own@example.com")
	s.Admin.API("PUT", "/api/users/"+own+"/hand-over", object{"connection_id": connection}).Is(200)

	drift := s.Admin.Get("/api/config/drift").Is(200).JSON()["drift"].([]any)
	if len(drift) != 1 || drift[0].(object)["drift"] != "handed_over" {
		t.Errorf("drift: %v", drift)
	}
	row := webtest.Text(s.Session.Get("/settings/configuration").Is(200).One("tbody", "id", "rows"))
	if !strings.Contains(row, "Handed over to a directory") || strings.Contains(row, "Deleted") {
		t.Errorf("the page says %s", row)
	}
	planned := s.Admin.API("POST", "/api/config/plan", people).Is(200).JSON()
	errors := planned["errors"].([]any)
	if len(planned["conflicts"].([]any))+len(planned["changes"].([]any)) > 0 || len(errors) != 1 ||
		errors[0].(object)["code"] != "managed" {
		t.Errorf("planned: %v", planned)
	}
	s.Admin.API("POST", "/api/config/apply", with(people, "on_drift", "revert")).Refuses(400, "managed", "documents[0].email")
	people["documents"] = documents[1:]
	s.Admin.API("POST", "/api/config/apply", with(people, "prune", true)).Is(200)
	webtest.Same(t, "connection", s.Account(own)["connection_id"], any(float64(connection)))
	if left := s.Admin.Get("/api/config/drift").Is(200).JSON()["drift"].([]any); len(left) > 0 {
		t.Errorf("drift after the document was removed: %v", left)
	}
}
