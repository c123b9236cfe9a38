package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// setUp is a user who may change all settings and users, but not everything, and a role that permits less.
func setUp(c *webtest.Console) (less webtest.Client) {
	permissions := slices.DeleteFunc(permission.AllPermissions(), func(p permission.Permission) bool {
		return !strings.HasPrefix(string(p), "Settings:") && !strings.HasPrefix(string(p), "Users:") && p != permission.CreateVirtualKeys
	})
	c.AddRole("Set-up", permissions...)
	c.AddRole("Plain", permission.ViewUsers)
	c.AddUser("setup@example.com", "Set-up")
	return c.Login("setup@example.com")
}

// A token reaches what the default role, the rules and the users of its connection may do, so its maker has to be able
// to do all of that.
func TestSCIMTokensNeedWhatTheyReach(t *testing.T) {
	c := webtest.NewConsole(t)
	less, admin := setUp(c), c.Login(webtest.Admin)
	d := c.Directory("Okta", "Plain")
	path := fmt.Sprintf("/api/scim-connections/%d/tokens", d.Connection)
	may := func(by webtest.Client) {
		t.Helper()
		made := by.API("POST", path, webtest.Object{}).Is(201).Object("scim_token")
		by.API("DELETE", fmt.Sprint(path, "/", made["id"]), nil).Is(200)
	}
	mayNot := func(role string) {
		t.Helper()
		c.Unchanged(func() {
			refused := less.API("POST", path, webtest.Object{}).Refuses(403, "forbidden", "")
			if !strings.Contains(string(refused.Body), "the role "+role+" permits") {
				t.Errorf("%s", refused.Body)
			}
			less.API("POST", path, webtest.Object{"scopes": []string{"users:read"}}).Refuses(403, "forbidden", "")
			less.Post(fmt.Sprintf("/settings/provisioning/%d/tokens", d.Connection), url.Values{"scopes": {"users:read"}}).Is(403)
		})
		may(admin)
	}
	may(less)
	// By what it says of users, others can sign in as them.
	lacking := slices.DeleteFunc(permission.AllPermissions(), func(p permission.Permission) bool { return p == permission.CreateVirtualKeys })
	c.AddRole("Lacking", lacking...)
	c.AddUser("lacking@example.com", "Lacking")
	browser, program := c.Login("lacking@example.com"), c.APIKey(lacking...)
	c.Unchanged(func() {
		for _, by := range []webtest.Client{browser, program} {
			refused := by.API("POST", path, webtest.Object{"scopes": []string{"users:write"}}).Refuses(403, "forbidden", "")
			if !strings.Contains(string(refused.Body), "VirtualKeys:Create") {
				t.Errorf("%s", refused.Body)
			}
		}
		browser.Post(fmt.Sprintf("/settings/provisioning/%d/tokens", d.Connection), url.Values{"scopes": {"users:write"}}).Is(403)
	})
	user := d.Provision("kim@example.com")
	may(less)

	group := d.Group("Bosses")
	d.Rules(webtest.Object{"group_id": group, "role_id": c.RoleID("Admin"), "administrative": true}).Is(200)
	mayNot("Admin")
	d.Patch("/Groups/"+group, addMember(user)).Is(204)
	c.Exec("DELETE FROM scim_rules")
	mayNot("Admin")
	d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
	mayNot("Admin")
	c.Exec("UPDATE users SET role_id = ? WHERE id = ?", c.RoleID("Plain"), user)
	may(less)

	admin.API("PUT", fmt.Sprint("/api/scim-connections/", d.Connection), webtest.Object{"default_role_id": c.RoleID("Viewer")}).Is(200)
	mayNot("Viewer")
}

// No change of a directory takes a role from users, or gives them one, that permits more than the actor may do.
func TestSCIMRolesBeyondTheActorStay(t *testing.T) {
	c := webtest.NewConsole(t)
	less, admin := setUp(c), c.Login(webtest.Admin)
	c.AddRole("Other")
	d, taking := c.Directory("Okta", "Plain"), c.Directory("Entra", "Viewer")
	boss, kim := d.Provision("boss@example.com"), d.Provision("kim@example.com")
	c.AddUser("local@local.example", "Plain")
	bosses, others := d.Group("Bosses", boss), d.Group("Others", boss)
	plain := webtest.Object{"group_id": others, "role_id": c.RoleID("Other")}
	top := webtest.Object{"group_id": bosses, "role_id": c.RoleID("Admin"), "administrative": true}
	rules := func(list ...webtest.Object) webtest.Object {
		return webtest.Object{"rules": append([]webtest.Object{}, list...)}
	}
	path := fmt.Sprint("/api/scim-connections/", d.Connection)
	local := c.UserID("local@local.example")
	refused := func(method, path string, body any) {
		t.Helper()
		c.Unchanged(func() { less.API(method, path, body).Refuses(403, "forbidden", "") })
	}

	d.Rules(plain, top).Is(200)
	refused("PUT", path+"/rules", rules(top, plain))
	refused("POST", path+"/rules/preview", rules(top, plain))
	d.Rules(top, plain).Is(200)
	webtest.Same(t, "the boss", c.Account(boss)["role"], any("Admin"))
	refused("PUT", path+"/rules", rules(plain))
	refused("PUT", path+"/rules", rules())
	refused("POST", path+"/rules/preview", rules())
	refused("DELETE", path, nil)

	admin.API("PUT", "/api/users/"+kim+"/deactivate", nil).Is(200)
	d.Patch("/Groups/"+bosses, addMember(kim)).Is(204)
	refused("PUT", "/api/users/"+kim+"/activate", nil)
	admin.API("PUT", "/api/users/"+kim+"/activate", nil).Is(200)
	webtest.Same(t, "kim, who is back", c.Account(kim)["role"], any("Admin"))
	d.Patch("/Groups/"+bosses, removeMember(kim), removeMember(boss)).Is(204)
	less.API("PUT", path+"/rules", rules(plain)).Is(200)

	refused("PUT", "/api/users/"+local+"/hand-over", webtest.Object{"connection_id": taking.Connection})
	domain := webtest.Object{"email_domain": "local.example"}
	refused("POST", fmt.Sprintf("/api/scim-connections/%d/hand-over", taking.Connection), domain)
	domain["dry_run"] = true
	refused("POST", fmt.Sprintf("/api/scim-connections/%d/hand-over", taking.Connection), domain)
	less.API("PUT", "/api/users/"+local+"/hand-over", webtest.Object{"connection_id": d.Connection}).Is(200)

	taking.Provision("looks@example.com")
	refused("PUT", fmt.Sprint("/api/scim-connections/", taking.Connection), webtest.Object{"default_role_id": c.RoleID("Plain")})
	less.API("PUT", path, webtest.Object{"default_role_id": c.RoleID("Other")}).Is(200)
	less.API("DELETE", path, nil).Is(200)
}

// A shorter retention deletes users whom the directory deleted before, so it takes all that those users may do.
func TestSCIMRetentionBeyondTheActorStays(t *testing.T) {
	c := webtest.NewConsole(t)
	less := setUp(c)
	d := c.Directory("Okta", "Plain")
	page, path := fmt.Sprint("/settings/provisioning/", d.Connection), fmt.Sprint("/api/scim-connections/", d.Connection)
	form := func(days string) url.Values {
		return url.Values{"name": {"Okta"}, "default_role_id": {fmt.Sprint(c.RoleID("Plain"))}, "retention_days": {days}, "is_enabled": {"true"}}
	}
	document := webtest.Object{"kind": "scim_connection", "name": "Okta", "default_role": "Plain", "retention_days": 1}
	apply := func() webtest.Answer {
		return less.API("POST", "/api/config/apply", webtest.Object{"set": "directories", "documents": []any{document}})
	}
	left := d.Provision("boss@example.com")
	less.API("PUT", path, `{"retention_days":29}`).Is(200)
	c.Exec("UPDATE users SET role_id = ? WHERE id = ?", c.RoleID("Viewer"), left)
	d.SCIM("DELETE", "/Users/"+left, nil).Is(204)
	c.Unchanged(func() {
		said := less.API("PUT", path, `{"retention_days":28}`).Refuses(403, "forbidden", "retention_days").Object("error")["message"]
		if !strings.Contains(fmt.Sprint(said), "the role Viewer permits") {
			t.Errorf("refused with %q", said)
		}
		less.Save(page, form("1")).Refuses(403, "forbidden", "retention_days")
		apply().Refuses(403, "forbidden", "documents[0].retention_days")
	})
	less.API("PUT", path, `{"retention_days":60,"name":"Okta"}`).Is(200)
	less.Save(page, form("90")).Redirects(page)
	c.APIKey().API("PUT", path, `{"retention_days":30}`).Is(200)
	c.Exec("UPDATE users SET role_id = ? WHERE id = ?", c.RoleID("Plain"), left)
	apply().Is(200)
}
