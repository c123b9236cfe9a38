package web_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tollgate/web/webtest"
)

// lateForm is what two admins fill into the form of one row, and a word of what the first one saved.
type lateForm struct {
	theirs, mine url.Values
	said         string
}

func lateForms(s webtest.Stage) map[string]lateForm {
	role := fmt.Sprint(s.AddRole("Support", "Users:View", "Users:Delete"))
	viewer := fmt.Sprint(s.RoleID("Viewer"))
	made := s.Admin.API("POST", "/api/scim-connections", `{"name":"Okta","default_role_id":`+viewer+`}`).Is(201).
		JSON()["scim_connection"].(map[string]any)["id"]
	form := func(pairs ...string) url.Values {
		sent := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			sent.Add(pairs[i], pairs[i+1])
		}
		return sent
	}
	const ticked = "permission_ids"
	return map[string]lateForm{
		"/roles/" + role: {
			form("name", "Support", ticked, "", ticked, "Users:View"),
			form("name", "Support", "description", "mine", ticked, "", ticked, "Users:View", ticked, "Users:Delete"), "Users:Delete",
		},
		"/providers/openai":  {form("models", "theirs"), form("models", "mine"), "theirs"},
		"/mcp/clients/jira":  {form("name", "jira", "tools", "t\ntheirs"), form("name", "jira", "tools", "t\nmine"), "theirs"},
		"/mcp/tool-groups/1": {form("name", "Theirs"), form("name", "Mine"), "Theirs"},
		"/users/" + s.Ada:    {form("name", "Theirs", "email", webtest.Ada), form("name", "Mine", "email", webtest.Ada), "Theirs"},
		fmt.Sprintf("/settings/provisioning/%.0f", made): {
			form("name", "Okta", "default_role_id", viewer, "retention_days", "77"),
			form("name", "Mine", "default_role_id", viewer, "retention_days", "30"), "77",
		},
	}
}

// A form that was opened before another admin saved the same row overwrites nothing: it comes back with what was typed,
// says who saved what, and saves over it only when it is sent again.
func TestLateFormsAreRefused(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddUser("other@example.com", "Admin")
	other := s.Login("other@example.com")
	for page, form := range lateForms(s) {
		opened := s.Session.Get(page + "/edit").Is(200).KeptFields(page).Get("version")
		other.Save(page, form.theirs).Redirects(page)
		mine := maps.Clone(form.mine)
		mine.Set("version", opened)
		before := s.State()
		late := s.Session.Post(page, mine).Refuses(412, "version_mismatch", "")
		if s.State() != before {
			t.Errorf("%s: something was saved", page)
		}
		said := webtest.Text(late.One("section", "id", "conflict"))
		if !strings.HasPrefix(said, "other@example.com saved this on ") || !strings.Contains(said, form.said) {
			t.Errorf("%s says %q", page, said)
		}
		mine.Set("version", late.KeptFields(page).Get("version"))
		s.Session.Post(page, mine).Redirects(page)
		without := s.Session.Post(page, form.theirs).Refuses(400, "required", "version")
		if len(without.All("section", "id", "conflict")) > 0 {
			t.Errorf("%s: without a version somebody is said to have saved it", page)
		}
		kept := maps.Clone(form.theirs)
		kept.Set("version", without.KeptFields(page).Get("version"))
		s.Session.Post(page, kept).Redirects(page)
		mine.Set("version", "x")
		s.Session.Post(page, mine).Refuses(412, "version_mismatch", "")
	}
}

// The same for the form of an identity provider.
func TestLateFormOfAProviderIsRefused(t *testing.T) {
	c := webtest.NewCompany(t)
	admin := c.Login(webtest.Admin)
	page := strings.Replace(c.Path, "/api/identity-providers", "/settings/sign-in", 1)
	mine := admin.Get(page + "/edit").Is(200).Fields("provider-form")
	c.APIKey().API("PUT", c.Path, `{"groups_claim":"theirs"}`).Is(200)
	mine.Set("groups_claim", "mine")
	var late webtest.Answer
	c.Unchanged(func() { late = admin.Post(page, mine).Refuses(412, "version_mismatch", "") })
	if said := webtest.Text(late.One("section", "id", "conflict")); !strings.Contains(said, "theirs") {
		t.Errorf("it says %q", said)
	}
	again := late.Fields("provider-form")
	webtest.Same(t, "typed", again.Get("groups_claim"), "mine")
	admin.Post(page, again).Redirects(page)
	again.Del("version")
	without := admin.Post(page, again).Refuses(400, "required", "version")
	admin.Post(page, without.Fields("provider-form")).Redirects(page)
}

// The form of a copy that was opened before the copy was paused does not resume it.
func TestLateFormOfACopyIsRefused(t *testing.T) {
	s := webtest.NewStage(t)
	held, _ := s.Assign(s.Ada, webtest.Research)
	page := webtest.CopyPath(s.Ada, held)
	form := url.Values{"is_active": {"true"}, "expires_at": {"2099-01-01T00:00"}}
	form.Set("version", s.Session.Get(page+"/edit").Is(200).KeptFields(page).Get("version"))
	s.Admin.API("PUT", "/api"+page, `{"is_active":false}`).Is(200)
	var late webtest.Answer
	s.Audits(func() { late = s.Session.Post(page, form).Refuses(412, "version_mismatch", "") })
	if said := webtest.Text(late.One("section", "id", "conflict")); !strings.Contains(said, "The copy is paused now, and has no end.") {
		t.Errorf("it says %q", said)
	}
	form.Set("version", late.KeptFields(page).Get("version"))
	s.Session.Post(page, form).Redirects("/users/" + s.Ada)
	webtest.Same(t, "active", s.Copies(s.Ada)[0]["is_active"], any(true))
	s.Session.Post(page, url.Values{"is_active": {"true"}}).Refuses(400, "required", "version")
}

// The change that made the state of an open form is not told as one that came later, and an own one is called so.
func TestLateFormsTellOnlyWhatCameLater(t *testing.T) {
	s := webtest.NewStage(t)
	page := fmt.Sprint("/roles/", s.AddRole("Support", "Users:View"))
	save := func(description string) url.Values {
		return url.Values{"name": {"Support"}, "description": {description}, "permission_ids": {"", "Users:View"}}
	}
	s.Session.Save(page, save("first")).Redirects(page)
	late := save("third")
	late.Set("version", s.Session.Get(page+"/edit").Is(200).KeptFields(page).Get("version"))
	s.Session.Save(page, save("second")).Redirects(page)
	answer := s.Session.Post(page, late).Refuses(412, "version_mismatch", "")
	conflict := answer.One("section", "id", "conflict")
	if said := webtest.Text(conflict); !strings.HasPrefix(said, "You saved this yourself on ") {
		t.Errorf("it says %q", said)
	}
	webtest.Same(t, "changes told", len(answer.All("table", "class", "diff")), 1)
	webtest.Same(t, "typed", webtest.Text(answer.One("textarea", "name", "description")), "third")
}

// Of forms that were opened together and are sent at once, one is saved.
func TestLateFormsAtOnce(t *testing.T) {
	s := webtest.NewStage(t)
	page := fmt.Sprint("/roles/", s.AddRole("Support", "Users:View"))
	opened := s.Session.Get(page + "/edit").Is(200).KeptFields(page).Get("version")
	const forms = 6
	statuses := make(chan int, forms)
	var sent sync.WaitGroup
	for i := range forms {
		sent.Go(func() {
			form := url.Values{"name": {fmt.Sprint("Support ", i)}, "permission_ids": {""}, "version": {opened}}
			statuses <- s.Session.Post(page, form).StatusCode
		})
	}
	sent.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	webtest.Same(t, "statuses", count, map[int]int{303: 1, 412: forms - 1})
}

// The form of a role says beside its button how many users a save hits.
func TestRoleFormSaysWhomItHits(t *testing.T) {
	s := webtest.NewStage(t)
	page := fmt.Sprint("/roles/", s.AddRole("Support", "Users:View"))
	for i, want := range []string{"No user has this role now.", "Applies at once to 1 member.", "Applies at once to 2 members."} {
		if i > 0 {
			s.AddUser(fmt.Sprintf("member%d@example.com", i), "Support")
		}
		form := s.Session.Get(page+"/edit").Is(200).One("form", "action", page)
		if !strings.Contains(webtest.Text(form), want) {
			t.Errorf("%d members: the form does not say %q", i, want)
		}
	}
}
