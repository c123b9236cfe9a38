package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// keeperOf are a user and a program who may change settings and make virtual keys, and little else.
func keeperOf(c webtest.Company) (browser, program webtest.Client) {
	c.T.Helper()
	may := []permission.Permission{permission.ViewSettings, permission.UpdateSettings, permission.CreateVirtualKeys}
	c.AddRole("Keeper", may...)
	c.AddUser("keeper@example.com", "Keeper")
	return c.Login("keeper@example.com"), c.APIKey(may...)
}

// lacksKeys fails the test unless a program that may do all but make virtual keys is refused for that.
func lacksKeys(c webtest.Company, change webtest.Object, field string) {
	c.T.Helper()
	may := slices.DeleteFunc(permission.AllPermissions(), func(p permission.Permission) bool { return p == permission.CreateVirtualKeys })
	said := c.APIKey(may...).API("PUT", c.Path, change).Refuses(403, "forbidden", field).Object("error")["message"]
	if !strings.Contains(fmt.Sprint(said), "VirtualKeys:Create") {
		c.T.Errorf("refused with %q", said)
	}
}

// applies sends a provider as a document.
func applies(v webtest.Client, more ...any) webtest.Answer {
	provider := webtest.Object{"kind": "identity_provider", "slug": "own", "name": "Own", "issuer": "https://own.example", "client_id": "x"}
	return v.API("POST", "/api/config/apply", webtest.Object{"set": "own", "documents": []any{webtest.With(provider, more...)}})
}

// Who controls a provider signs in as the users of its directory, so that only who may do as much as they, and may make
// keys of theirs, changes which users these are, and by what they are known.
func TestProvidersOfDirectories(t *testing.T) {
	c := webtest.NewCompany(t, "default_role_id", nil, "create_users", false)
	d := c.Directory("Okta", "Member")
	keeper, program := keeperOf(c)
	other := webtest.NewOP(t)
	tie := webtest.Object{"connection_id": d.Connection}
	page := strings.Replace(c.Path, "/api/identity-providers", "/settings/sign-in", 1)
	refused := func(field string, value any) {
		t.Helper()
		c.Unchanged(func() { program.API("PUT", c.Path, webtest.Object{field: value}).Refuses(403, "forbidden", field) })
	}
	guarded := func() {
		t.Helper()
		c.Unchanged(func() {
			program.API("POST", "/api/identity-providers", webtest.With(tie, "slug", "own", "name", "Own", "issuer", other.URL, "client_id", "x")).
				Refuses(403, "forbidden", "connection_id")
			form := keeper.Get(page + "/edit").Is(200).Fields("provider-form")
			form.Set("connection_id", fmt.Sprint(d.Connection))
			keeper.Post(page, form).Refuses(403, "forbidden", "connection_id")
			applies(program, "connection", "Okta").Refuses(403, "forbidden", "documents[0].connection")
		})
		refused("connection_id", d.Connection)
		c.APIKey().API("PUT", c.Path, tie).Is(200)
		refused("match_claim", "email")
		refused("issuer", other.URL)
		refused("client_id", "other")
		refused("token_audience", webtest.LLM)
		program.API("PUT", c.Path, webtest.With(tie, "name", "Company")).Is(200) // nothing differs
		c.APIKey().API("PUT", c.Path, webtest.Object{"token_audience": webtest.LLM}).Is(200)
		refused("token_scope", "llm.call")
		refused("token_clients", []string{"chat"})
		c.APIKey().API("PUT", c.Path, `{"is_enabled":false}`).Is(200)
		refused("is_enabled", true)
		// What lets fewer in is open to all who may change settings.
		program.API("PUT", c.Path, `{"token_audience":"","name":"Firm"}`).Is(200)
		program.API("PUT", c.Path, `{"connection_id":null,"is_enabled":true,"name":"Company"}`).Is(200)
	}
	user := d.Provision("ada@example.com")
	c.Exec("UPDATE users SET role_id = ? WHERE id = ?", c.RoleID("Developer"), user)
	guarded()
	c.Exec("UPDATE users SET role_id = ? WHERE id = ?", c.RoleID("Member"), user)
	d.Rules(webtest.Object{"group_id": d.Group("Bosses"), "role_id": c.RoleID("Admin"), "administrative": true}).Is(200)
	guarded()
	d.Rules().Is(200)
	lacksKeys(c, tie, "connection_id")
	program.API("PUT", c.Path, tie).Is(200) // members may do nothing here
}

// Who controls a provider that links accounts by their address signs in as any user whose role is not administrative.
func TestProvidersThatLinkByAddress(t *testing.T) {
	c := webtest.NewCompany(t, "default_role_id", nil, "create_users", false)
	keeper, program := keeperOf(c)
	page := strings.Replace(c.Path, "/api/identity-providers", "/settings/sign-in", 1)
	link, domains := webtest.Object{"link_by_email": true}, []string{"example.com", "example.org"}
	refused := func(field string, value any) {
		t.Helper()
		c.Unchanged(func() { program.API("PUT", c.Path, webtest.Object{field: value}).Refuses(403, "forbidden", field) })
	}
	refused("link_by_email", true)
	c.Unchanged(func() {
		form := keeper.Get(page + "/edit").Is(200).Fields("provider-form")
		form.Set("link_by_email", "true")
		keeper.Post(page, form).Refuses(403, "forbidden", "link_by_email")
		applies(program, "link_by_email", true, "email_domains", domains).Refuses(403, "forbidden", "documents[0].link_by_email")
	})
	lacksKeys(c, link, "link_by_email")
	program.API("PUT", c.Path, webtest.Object{"email_domains": domains, "trust_email": "all"}).Is(200) // it links none
	c.APIKey().API("PUT", c.Path, webtest.With(link, "trust_email", "verified", "email_domains", domains[:1])).Is(200)
	refused("email_domains", domains)
	refused("trust_email", "all")
	refused("issuer", webtest.NewOP(t).URL)
	program.API("PUT", c.Path, `{"name":"Firm","max_session":1}`).Is(200)
	program.API("PUT", c.Path, `{"link_by_email":false}`).Is(200)

	// An actor who may do as much as all who can be linked turns it on, also without the rights of admins.
	may := []permission.Permission{permission.UpdateSettings}
	for _, p := range permission.AllPermissions() {
		if webtest.Permitted("Developer", p) {
			may = append(may, p)
		}
	}
	c.APIKey(may...).API("PUT", c.Path, link).Is(200)
	// A directory takes the place of addresses; without it they count again.
	d := c.Directory("Okta", "Member")
	program.API("PUT", c.Path, webtest.Object{"connection_id": d.Connection}).Is(200)
	refused("connection_id", nil)
}

// Access tokens of another application are calls of the users who are connected.
func TestProvidersWhoseTokensAreCalls(t *testing.T) {
	c := webtest.NewCompany(t, "default_role_id", nil, "create_users", false)
	_, program := keeperOf(c)
	audience := webtest.Object{"token_audience": webtest.LLM}
	c.Identified(c.Path, "ada", c.UserID(webtest.Viewer))
	c.Unchanged(func() { program.API("PUT", c.Path, audience).Refuses(403, "forbidden", "token_audience") })
	lacksKeys(c, audience, "token_audience")
	c.APIKey().API("PUT", c.Path, webtest.With(audience, "token_clients", []string{"chat"})).Is(200)
	c.Unchanged(func() {
		program.API("PUT", c.Path, `{"token_clients":[]}`).Refuses(403, "forbidden", "token_clients")
	})
	program.API("PUT", c.Path, `{"token_audience":"","token_clients":[]}`).Is(200)
	c.Exec("DELETE FROM user_identities")
	program.API("PUT", c.Path, audience).Is(200)
}
