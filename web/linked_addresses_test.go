package web_test

import (
	"net/url"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// Where a provider links accounts by their address, another address lets others sign in as a user, which takes
// VirtualKeys:Create.
func TestAddressesThatProvidersLinkBy(t *testing.T) {
	c := webtest.NewCompany(t)
	may := []permission.Permission{permission.ViewUsers, permission.UpdateUsers}
	c.AddRole("Helper", may...)
	c.AddUser("helper@example.com", "Helper")
	user, own := c.Member("kim@example.com", "Member"), c.UserID("helper@example.com")
	helper, admin := c.Login("helper@example.com"), c.APIKey()
	renames := func(by webtest.Client, id, address string) webtest.Answer {
		return by.API("PUT", "/api/users/"+id, webtest.Object{"email": address})
	}
	refused := func() {
		t.Helper()
		program := c.APIKey(may...)
		c.Unchanged(func() {
			renames(helper, user, "x2@example.com").Refuses(403, "forbidden", "email")
			renames(program, user, "x2@example.com").Refuses(403, "forbidden", "email")
			helper.Save("/users/"+user, url.Values{"name": {"Kim"}, "email": {"x2@example.com"}}).Refuses(403, "forbidden", "email")
		})
	}
	provider := func(fields webtest.Object) {
		t.Helper()
		admin.API("PUT", c.Path, fields).Is(200)
	}
	renames(helper, user, "kim.1@example.com").Is(200)
	provider(webtest.Object{"link_by_email": true})
	refused()
	helper.API("PUT", "/api/users/"+user, `{"name":"Kim"}`).Is(200)
	renames(helper, own, "helper.1@example.com").Is(200)
	renames(c.APIKey(append(may, permission.CreateVirtualKeys)...), user, "kim.2@example.com").Is(200)
	// A provider that is disabled links none, and neither does one with a directory.
	provider(webtest.Object{"is_enabled": false})
	helper.Save("/users/"+user, url.Values{"name": {"Kim"}, "email": {"kim.3@example.com"}}).Redirects("/users/" + user)
	provider(webtest.Object{"is_enabled": true})
	refused()
	provider(webtest.Object{"connection_id": c.Directory("Okta", "Member").Connection})
	renames(helper, user, "kim.4@example.com").Is(200)
}
