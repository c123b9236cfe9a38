package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// tickedIn are the rows of a list that are ticked.
func tickedIn(page webtest.Answer) (ids []string) {
	for _, box := range page.All("input", "type", "checkbox", "name", "ids") {
		if webtest.Present(box, "checked") {
			ids = append(ids, webtest.Attribute(box, "value"))
		}
	}
	slices.Sort(ids)
	return ids
}

// acts are the addresses to which the bar below a list sends the ticked rows.
func acts(page webtest.Answer) (addresses []string) {
	form := page.One("form", "id", "bulk")
	addresses = append(addresses, webtest.Attribute(form, "action"))
	for node := range form.Descendants() {
		if to := webtest.Attribute(node, "formaction"); to != "" {
			addresses = append(addresses, to)
		}
	}
	return addresses
}

// Enter in the field of the tag adds the tag: it presses the first button of the form.
func TestEnterAddsTheTag(t *testing.T) {
	s := webtest.NewStage(t)
	for node := range s.Session.Get("/access-profiles").Is(200).One("form", "id", "bulk").Descendants() {
		if node.Data == "button" {
			webtest.Same(t, "first button", webtest.Attribute(node, "value"), "tag")
			return
		}
	}
	t.Error("the bar has no button")
}

// What is wrong with an act on ticked profiles comes back in the list as it was narrowed, with the ticks and the tag
// that was typed; so does what was done.
func TestTickedProfilesStay(t *testing.T) {
	s := webtest.NewStage(t)
	const list = "/access-profiles?limit=10&search=e&sort=-name"
	to := acts(s.Session.Get(list).Is(200))
	webtest.Same(t, "acts", to, []string{"/access-profiles/bulk?limit=10&search=e&sort=-name"})
	long := strings.Repeat("x", 65)
	gone := s.Session.Post(to[0], url.Values{"ids": {"4", "99999"}, "op": {"tag"}, "tag": {long}}).Refuses(422, "too_long", "tag")
	if said := webtest.Text(gone.One("span", "class", "count")); said != "1 selected" {
		t.Errorf("with one of two rows listed the bar says %q", said)
	}
	for name, wrong := range map[string]struct {
		form        url.Values
		code, param string
	}{
		"no tag":     {url.Values{"ids": {"4"}, "op": {"tag"}, "tag": {""}}, "required", "tag"},
		"a long tag": {url.Values{"ids": {"4"}, "op": {"tag"}, "tag": {long}}, "too_long", "tag"},
		"no rows":    {url.Values{"op": {"tag"}, "tag": {"kept"}}, "required", "ids"},
		"no file":    {url.Values{"op": {"export"}, "tag": {""}}, "required", "ids"},
		"no act":     {url.Values{"ids": {"4"}, "op": {"x"}, "tag": {"kept"}}, "invalid_op", "op"},
	} {
		s.Unchanged(func() {
			page := s.Session.Post(to[0], wrong.form).Refuses(422, wrong.code, wrong.param)
			webtest.Same(t, name+": ticks", tickedIn(page), []string(wrong.form["ids"]))
			tag := page.One("input", "name", "tag")
			webtest.Same(t, name+": tag", webtest.Attribute(tag, "value"), wrong.form.Get("tag"))
			webtest.Same(t, name+": marked", webtest.Attribute(tag, "aria-invalid") == "true", wrong.param == "tag")
			webtest.Same(t, name+": acts", acts(page), to)
			webtest.Same(t, name+": search", webtest.Attribute(page.One("input", "name", "search"), "value"), "e")
			for _, link := range page.All("a") {
				if href := webtest.Attribute(link, "href"); strings.HasPrefix(href, "?") {
					t.Errorf("%s: %s leads to the address of the act", name, href)
				}
			}
		})
	}
	s.Session.Post(to[0], url.Values{"ids": {"4"}, "op": {"tag"}, "tag": {"new"}}).Redirects(list)
	s.Session.Post("/access-profiles/bulk", url.Values{"ids": {"4"}, "op": {"deactivate"}, "tag": {""}}).Redirects("/access-profiles")
	s.Session.Post(to[0], url.Values{"ids": {"4", "999"}, "op": {"activate"}, "tag": {""}}).Refuses(404, "not_found", "")
}

// The same for users, of which an act may be refused after it was asked about.
func TestTickedUsersStay(t *testing.T) {
	s := webtest.NewStage(t)
	list := fmt.Sprintf("/users?limit=10&role_id=%d&search=a", s.RoleID("Viewer"))
	query := strings.TrimPrefix(list, "/users")
	page := s.Session.Get(list).Is(200)
	to := acts(page)
	webtest.Same(t, "acts", to, []string{"/users/bulk" + query, "/users/bulk/deactivate" + query})
	page = s.Session.Post(to[0], url.Values{"ids": {s.Ada}, "access_profile_id": {""}}).Refuses(422, "required", "access_profile_id")
	webtest.Same(t, "ticks", tickedIn(page), []string{s.Ada})
	webtest.Same(t, "acts", acts(page), to)
	page = s.Session.Post(to[0], url.Values{"access_profile_id": {"4"}}).Refuses(422, "required", "ids")
	webtest.Same(t, "profile", webtest.ChosenOption(page.One("select", "id", "assign")), "4")
	s.Session.Post(to[0], url.Values{"ids": {s.Ada}, "access_profile_id": {"4"}}).Redirects(list)
	s.Session.Post(to[1], url.Values{"access_profile_id": {""}}).Refuses(422, "required", "ids")

	asked := s.Session.Post(to[1], url.Values{"ids": {s.Ada}, "access_profile_id": {""}}).Is(200)
	if len(asked.All("a", "class", "button", "href", list)) != 1 {
		t.Error("Cancel does not lead back to the list")
	}
	s.Session.Post(to[1], asked.Hidden(to[1])).Redirects(list)
	s.Session.Post("/users/bulk/activate?deactivated=true", url.Values{"ids": {s.Ada}, "access_profile_id": {""}}).
		Redirects("/users?deactivated=true")
	s.Session.Post("/users/bulk/activate?deactivated=true", nil).Refuses(422, "required", "ids")
	admin := s.UserID(webtest.Admin)
	s.Unchanged(func() {
		page = s.Session.Post("/users/bulk/deactivate", url.Values{"ids": {admin, s.Bob}, "confirmed": {"true"}}).
			Refuses(409, "own_account", "")
	})
	want := []string{admin, s.Bob}
	slices.Sort(want)
	webtest.Same(t, "ticks", tickedIn(page), want)
}

// The same for the holders of a profile. An actor who may not see a list does not get it back.
func TestTickedHoldersStay(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	s.Assign(s.Bob, webtest.Research)
	const list = "/access-profiles/4/users?limit=10&search=example"
	to := acts(s.Session.Get(list).Is(200))
	webtest.Same(t, "acts", to, []string{"/access-profiles/4/users/bulk?limit=10&search=example"})
	page := s.Session.Post(to[0], nil).Refuses(422, "required", "ids")
	webtest.Same(t, "acts", acts(page), to)
	many := make([]string, 101)
	for i := range many {
		many[i] = s.Ada
	}
	page = s.Session.Post(to[0], url.Values{"ids": many}).Refuses(422, "too_many_items", "ids")
	webtest.Same(t, "ticks", tickedIn(page), []string{s.Ada})
	asked := s.Session.Post(to[0], url.Values{"ids": {s.Ada}}).Is(200)
	s.Session.Post(to[0], asked.Hidden(to[0])).Redirects(list)

	s.AddRole("Blind", "AccessProfiles:Create", "AccessProfiles:Update", "AccessProfiles:Delete", "Users:Update")
	s.AddUser("blind@example.com", "Blind")
	blind := s.Login("blind@example.com")
	for _, act := range []string{"/access-profiles/bulk", "/access-profiles/4/users/bulk", "/users/bulk", "/users/bulk/activate"} {
		if body := string(blind.Post(act, nil).Refuses(422, "required", "ids").Body); strings.Contains(body, webtest.Bob) || strings.Contains(body, "Research") {
			t.Errorf("%s shows a list to a user who may not see it", act)
		}
	}
}
