package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// The pages that delete and deactivate a user say why that is refused, before an attempt and after it, and have no
// button for it.
func TestWhyUsersCannotGo(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddUser("glass@example.com", "Admin")
	c.Exec("UPDATE users SET break_glass = true WHERE email = 'glass@example.com'")
	managed := c.Directory("Company", "Viewer").Provision("managed@example.com")
	c.AddRole("Helpers", "Users:View", "Users:Update", "Users:Delete")
	c.AddUser("helper@example.com", "Helpers")
	admin, glass := c.UserID(webtest.Admin), c.UserID("glass@example.com")
	says := func(v webtest.Client, page string, asked, refused int, code, want string) {
		t.Helper()
		before := v.Get(page).Is(asked)
		answers := []webtest.Answer{before}
		if refused == 409 {
			answers = append(answers, v.Post(page, nil).Refuses(refused, code, ""))
		} else {
			v.Post(page, nil).Refuses(refused, code, "")
		}
		for _, answer := range answers {
			if words := webtest.Text(answer.One("p", "class", "flash flash-error")); !strings.Contains(words, want) {
				t.Errorf("%s says %q, want %q", page, words, want)
			}
			if len(answer.All("button", "class", "button danger")) != 0 {
				t.Errorf("%s offers what is refused", page)
			}
		}
	}
	browser, less := c.Login(webtest.Admin), c.Login("helper@example.com")
	c.Unchanged(func() {
		says(browser, "/users/"+managed+"/delete", 200, 409, "managed", "in the directory, or release them")
		for _, act := range []string{"/delete", "/deactivate"} {
			says(browser, "/users/"+glass+act, 200, 409, "break_glass", "This is a break-glass admin.")
			says(less, "/users/"+glass+act, 200, 403, "forbidden", "may do more than you")
		}
		says(browser, "/users/"+admin+"/deactivate", 200, 409, "own_account", "you cannot deactivate your own account")
	})
	c.Exec("UPDATE users SET password_hash = NULL, break_glass = false WHERE email = 'glass@example.com'")
	c.Unchanged(func() {
		says(browser, "/users/"+admin+"/delete", 200, 409, "last_admin", "Make another user an admin first")
	})
	if len(browser.Get("/users/"+managed+"/deactivate").Is(200).All("button", "class", "button danger")) != 1 {
		t.Error("the page does not deactivate a user of a directory")
	}
}

// A role that no user has may be named elsewhere: its page says where, after an attempt to delete it.
func TestWhyRolesCannotGo(t *testing.T) {
	c := webtest.NewConsole(t)
	role := c.AddRole("Newcomers")
	c.Directory("Company", "Newcomers")
	page := c.Login(webtest.Admin).Post(fmt.Sprint("/roles/", role, "/delete"), nil).Refuses(409, "in_use", "")
	webtest.Same(t, "reason", webtest.Text(page.One("p", "class", "flash flash-error")),
		"Newcomers cannot be removed while a SCIM connection hands it out.")
}
