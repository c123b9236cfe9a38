package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// groupsOf are the groups of a user that an admin sees.
func groupsOf(c webtest.Company, email string) any {
	c.T.Helper()
	identities := webtest.Objects(c.APIKey().Get("/api/users/" + c.UserID(email) + "/identities").Is(200).JSON()["identities"])
	if groups := identities[0]["groups"]; groups == nil || identities[0]["groups_at"] == nil {
		webtest.Same(c.T, "groups without a time", groups == nil && identities[0]["groups_at"] == nil, true)
		return nil
	} else {
		return fmt.Sprint(groups)
	}
}

// The groups of the last sign-in are kept with the identity, as far as a rule can name them, and are unknown once the
// provider leaves them out or another claim has them.
func TestGroupsOfTheLastSignIn(t *testing.T) {
	c := webtest.NewCompany(t)
	const ada = "ada@example.com"
	c.Returns(webtest.Person("s1", ada, "all", "with \x00", strings.Repeat("é", 255), strings.Repeat("é", 256))).Is(303)
	webtest.Same(t, "groups", groupsOf(c, ada), any("[all "+strings.Repeat("é", 255)+"]"))
	c.Returns(webtest.Person("s1", ada)).Is(303)
	webtest.Same(t, "none", groupsOf(c, ada), any("[]"))
	c.Returns(webtest.Person("s1", ada, "all", "staff")).Is(303)
	webtest.Same(t, "groups", groupsOf(c, ada), any("[all staff]"))
	page := c.Login(webtest.Admin).Get("/users/" + c.UserID(ada)).Is(200)
	if !strings.Contains(string(page.Body), "all, staff") {
		t.Error("the page of the user does not name the groups")
	}
	c.Returns(webtest.With(webtest.Person("s1", ada), "groups", nil, "hasgroups", true)).Is(303)
	webtest.Same(t, "left out", groupsOf(c, ada), nil)
	c.Returns(webtest.Person("s1", ada, "all")).Is(303)
	c.APIKey().API("PUT", c.Path, `{"groups_claim":"roles"}`).Is(200)
	webtest.Same(t, "of another claim", groupsOf(c, ada), nil)
	c.APIKey().API("PUT", c.Path, `{"groups_claim":"groups"}`).Is(200)
	c.Returns(webtest.Person("s1", ada, "secret-project")).Is(303)
	c.APIKey().API("DELETE", "/api/users/"+c.UserID(ada)+"/identities", nil).Is(200)
	webtest.Same(t, "kept after the identity", strings.Contains(c.Dump(), "secret-project"), false)
}

// What rules would do is said before they are stored, by the groups of the last sign-ins, and a sign-in then does it.
func TestPreviewOfProviderRules(t *testing.T) {
	c := webtest.NewCompany(t)
	signsIn := func(name string, groups ...string) {
		c.Returns(webtest.Person(name, name+"@example.com", groups...)).Is(303)
	}
	signsIn("ada", "all", "engineering")
	signsIn("bob", "all")
	signsIn("cleo")
	signsIn("gone", "all")
	c.APIKey().API("PUT", "/api/users/"+c.UserID("gone@example.com")+"/deactivate", nil).Is(200)
	c.Exec("UPDATE user_identities SET groups = NULL, groups_at = NULL FROM users AS u WHERE u.id = user_id AND u.email = 'cleo@example.com'")
	signsIn("dan", "all")
	directory := c.Directory("Okta", "Viewer")
	c.APIKey().API("PUT", "/api/users/"+c.UserID("dan@example.com")+"/hand-over", webtest.Object{"connection_id": directory.Connection}).Is(200)
	signsIn("eve", "others")
	c.Exec("INSERT INTO user_identities (provider_id, subject, user_id, groups) SELECT id, 'glass', ?, '{all}' FROM identity_providers", c.UserID(webtest.Admin))
	c.Exec("UPDATE users SET break_glass = true WHERE email = ?", webtest.Admin)

	rules := []webtest.Object{
		{"value": "engineering", "role_id": c.RoleID("Admin"), "administrative": true}, {"value": "all", "role_id": c.RoleID("Developer")},
	}
	form := url.Values{
		"rules[r1].value": {"engineering"}, "rules[r1].role_id": {fmt.Sprint(c.RoleID("Admin"))}, "rules[r1].administrative": {"true"},
		"rules[r2].value": {"all"}, "rules[r2].role_id": {fmt.Sprint(c.RoleID("Developer"))}, "op": {"preview"},
	}
	program, admin, page := c.APIKey(), c.Login(webtest.Admin), strings.Replace(c.Path, "/api/identity-providers", "/settings/sign-in", 1)+"/rules"
	preview := func() webtest.Object {
		var moves webtest.Object
		c.Unchanged(func() {
			moves = program.API("POST", c.Path+"/rules/preview", webtest.Object{"rules": rules}).Is(200).JSON()
		})
		return moves
	}
	moves := preview()
	for field, want := range map[string]any{
		"users": 2.0, "roles": map[string]any{"Admin": 1.0, "Developer": 1.0}, "administrative_roles": []any{"Admin"}, "refused": 0.0,
		"unknown": 1.0, "provisioned": 1.0,
	} {
		webtest.Same(t, field, fmt.Sprint(moves[field]), fmt.Sprint(want))
	}
	first := webtest.Objects(moves["first_users"])
	webtest.Same(t, "first", fmt.Sprint(first[0]["email"], first[0]["from"], first[0]["to"], first[1]["email"]), "ada@example.comViewerAdminbob@example.com")
	program.API("PUT", c.Path, `{"default_role_id":null}`).Is(200)
	moves = preview()
	webtest.Same(t, "refused", fmt.Sprint(moves["refused"], webtest.Objects(moves["first_refused"])[0]["email"]), "1eve@example.com")

	var asked webtest.Answer
	form.Set("version", admin.Get(page).Is(200).Fields("rules-form").Get("version"))
	c.Unchanged(func() { asked = admin.Post(page, form).Is(200) })
	said := strings.Join(strings.Fields(webtest.Text(asked.One("main"))), " ")
	for _, want := range []string{
		"By the groups at their last sign-in, 2 users get another role at the next one:",
		"1 to Admin, which may change users, roles, API keys or settings", "1 to Developer", "1 user finds no role",
		"The groups of 1 user are not known", "1 user keeps the role that the directory gives", "ada@example.com", "eve@example.com",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q: %s", want, said)
		}
	}
	admin.Post(page, asked.KeptFields(page)).Redirects(strings.TrimSuffix(page, "/rules"))
	signsIn("ada", "all", "engineering")
	webtest.Same(t, "role", c.RoleOf("ada@example.com"), "Admin")
	webtest.Same(t, "no rules", fmt.Sprint(program.API("POST", c.Path+"/rules/preview", `{"rules":[]}`).Is(200).JSON()["users"]), "0")
	program.API("POST", c.Path+"/rules/preview", `{"rules":[],"version":1}`).Refuses(412, "version_mismatch", "version")
	program.API("POST", "/api/identity-providers/999/rules/preview", `{"rules":[]}`).Refuses(404, "not_found", "")
}
