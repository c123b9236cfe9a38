package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// untouched sends calls that would take power from a user of a directory, and fails unless each is refused and kept.
func untouched(t *testing.T, c *webtest.Console, d webtest.Directory, user, group, said string) {
	t.Helper()
	reader, name := c.APIKey(), c.Account(user)["email"]
	before := c.ProvisionedState()
	for i, send := range []func() webtest.Answer{
		func() webtest.Answer {
			return d.Patch("/Users/"+user, `{"op":"Replace","path":"active","value":"False"}`)
		},
		func() webtest.Answer {
			return d.Patch("/Users/"+user, `{"op":"replace","path":"userName","value":"x@example.com"}`)
		},
		func() webtest.Answer {
			return d.Patch("/Users/"+user, `{"op":"replace","path":"displayName","value":"Another"}`)
		},
		func() webtest.Answer {
			return d.SCIM("PUT", "/Users/"+user, webtest.Object{"userName": name, "active": false})
		},
		func() webtest.Answer { return d.SCIM("DELETE", "/Users/"+user, nil) },
		func() webtest.Answer { return d.Patch("/Groups/"+group, removeMember(user)) },
		func() webtest.Answer {
			return d.Patch("/Groups/"+group, `{"op":"replace","path":"members","value":[]}`)
		},
		func() webtest.Answer {
			return d.SCIM("PUT", "/Groups/"+group, webtest.Object{"displayName": "Bosses", "members": []string{}})
		},
		func() webtest.Answer { return d.SCIM("DELETE", "/Groups/"+group, nil) },
	} {
		detail := send().RefusesSCIM(409, "mutability").JSON()["detail"].(string)
		calls := reader.Get(fmt.Sprintf("/api/scim-connections/%d/requests", d.Connection)).Is(200).JSON()["scim_requests"]
		last := calls.([]any)[0].(map[string]any)
		if !strings.Contains(detail, said) || last["detail"] != detail || last["status"] != 409.0 {
			t.Errorf("call %d: %q; the log has %v", i, detail, last)
		}
	}
	if c.ProvisionedState() != before {
		t.Error("something was changed")
	}
}

// bosses are a directory with a group whose members are admins, and one user in it.
func bosses(c *webtest.Console) (d webtest.Directory, user, group string) {
	d = c.Directory("Okta", "Viewer")
	user = d.Provision("boss@example.com")
	group = d.Group("Bosses", user)
	d.Rules(webtest.Object{"group_id": group, "role_id": c.RoleID("Admin"), "administrative": true}).Is(200)
	return d, user, group
}

// A break-glass admin is out of a directory's reach, and cannot be given to one.
func TestSCIMKeepsBreakGlassAdmins(t *testing.T) {
	c := webtest.NewConsole(t)
	d, user, group := bosses(c)
	c.AddUser("glass@example.com", "Admin")
	_, err := identity.SetBreakGlass(t.Context(), c.DB, permission.CLI, "glass@example.com", true)
	c.Must(err)
	admin, glass := c.Login(webtest.Admin), c.UserID("glass@example.com")
	admin.API("PUT", "/api/users/"+glass+"/hand-over", webtest.Object{"connection_id": d.Connection}).Refuses(409, "break_glass", "")
	if page := admin.Get("/users/" + glass).Is(200); strings.Contains(string(page.Body), "/hand-over") {
		t.Error("the page offers to hand a break-glass admin over")
	}
	done := admin.API("POST", fmt.Sprintf("/api/scim-connections/%d/hand-over", d.Connection), webtest.Object{"email_domain": "example.com"}).Is(200).JSON()
	if slices.Contains(done["user_ids"].([]any), any(glass)) || done["skipped_users"] != 2.0 {
		t.Errorf("handed over by domain: %v", done)
	}
	// One whom an earlier release has handed over.
	c.Exec("UPDATE users SET break_glass = true WHERE id = ?", user)
	untouched(t, c, d, user, group, "break-glass")
	rules := fmt.Sprintf("/api/scim-connections/%d/rules", d.Connection)
	c.APIKey().API("PUT", rules, webtest.Object{"rules": []webtest.Object{}}).Refuses(409, "break_glass", "")
	c.Exec("UPDATE users SET break_glass = false WHERE id = ?", user)
	d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
}

// The last admin who can sign in stays, however many admins there are who cannot.
func TestSCIMKeepsAnAdminWhoCanSignIn(t *testing.T) {
	c := webtest.NewConsole(t)
	d, user, group := bosses(c)
	c.Exec("UPDATE users SET password_hash = NULL WHERE email = ?", webtest.Admin)
	untouched(t, c, d, user, group, "the last one who can sign in")
	c.Exec(`
WITH made AS (INSERT INTO identity_providers (slug, name, name_key, issuer, client_id, is_enabled)
    VALUES ('x', 'X', 'x', 'https://x.example', 'x', false) RETURNING id)
INSERT INTO user_identities (provider_id, subject, user_id) SELECT id, 'one', ? FROM made`, c.UserID(webtest.Admin))
	d.SCIM("DELETE", "/Users/"+user, nil).RefusesSCIM(409, "mutability")
	c.Exec("UPDATE identity_providers SET is_enabled = true")
	d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
}

// Calls of directories are counted by connection and class of status, also those whose token is refused.
func TestSCIMCallsAreCounted(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	scraper := c.APIKey("Usage:View")
	before := scraper.Metrics()
	d.Provision("ada@example.com")
	d.SCIM("GET", "/Users", nil).Is(200)
	d.SCIM("POST", "/Users", webtest.Object{"userName": "ada@example.com"}).RefusesSCIM(409, "uniqueness")
	d.With("Authorization", "Bearer tgs_none").Get("/scim/v2/Users").Is(401)
	after := scraper.Metrics()
	for name, want := range map[string]float64{
		`{connection="Okta",status="2xx"}`: 2, `{connection="Okta",status="4xx"}`: 1, `{connection="",status="4xx"}`: 1,
	} {
		name = "tollgate_scim_requests_total" + name
		webtest.Same(t, name, after[name]-before[name], want)
	}
}
