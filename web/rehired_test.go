package web_test

import (
	"log/slog"
	"testing"

	"tollgate/models/purge"
	"tollgate/web/webtest"
)

// companyAt adds the identity provider of a company to a gateway.
func companyAt(g webtest.Gateway, more ...any) webtest.Company {
	op := webtest.NewOP(g.T)
	client := append([]any{"client_id", "console", "client_secret", "a client secret"}, more...)
	return webtest.Company{Console: g.Console, OP: op, Path: g.Vouches(op, "company", client...)}
}

// A user whom the directory deleted, and who was purged, comes back with the subject of before once the directory sends
// them anew, and not by signing in before that.
func TestRehiredUsersSignIn(t *testing.T) {
	g := webtest.NewGateway(t)
	d := g.Directory("Entra", "Viewer")
	c := companyAt(g, "connection_id", d.Connection, "match_claim", "oid")
	kim := webtest.With(webtest.Person("s1", "kim@example.com"), "oid", "o1")
	hired := func() string { return d.Provision("kim@example.com", webtest.Object{"externalId": "o1"}) }
	purged := func(user string) {
		t.Helper()
		d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
		g.Exec("UPDATE users SET left_at = now() - interval '31 days' WHERE id = ?", user)
		g.Exec("UPDATE scim_purging SET purged_at = NULL, lease_until = to_timestamp(0)")
		g.Must(purge.NewWorker(g.DB, slog.New(slog.DiscardHandler)).Purge(t.Context()))
		g.Admin.Get("/api/users/" + user).Is(404)
	}
	first := hired()
	c.Returns(kim).Is(303)
	purged(first)
	c.Returns(kim).Refuses(403, "removed", "")
	second := hired()
	c.Returns(kim).Is(303)
	webtest.Same(t, "linked", c.Count("user_identities WHERE subject = 's1' AND user_id = ?", second), 1)

	purged(second)
	c.Returns(kim).Refuses(403, "removed", "")
	third := hired()
	g.Give(third, g.Work)
	call := webtest.Tokened(c.OP.AccessToken("s1", "oid", "o1"))
	webtest.Same(t, "the caller", g.Admin.Decides(call, "allowed", 200)["user_id"], any(third))
	c.Returns(kim).Is(303)

	// A user whom the directory sent in their place counts also when it did so before the purge.
	other := d.Provision("kim.2@example.com", webtest.Object{"externalId": "o2"})
	purged(third)
	c.Returns(kim).Refuses(403, "removed", "")
	c.Returns(webtest.With(kim, "oid", "o2")).Is(303)
	webtest.Same(t, "linked", c.Count("user_identities WHERE subject = 's1' AND user_id = ?", other), 1)

	// A provider without a directory knows them by their address, where it may link by it.
	g.Admin.API("PUT", c.Path, webtest.Object{
		"connection_id": nil, "link_by_email": true, "email_domains": []string{"example.com"},
		"create_users": true, "default_role_id": g.RoleID("Viewer"),
	}).Is(200)
	purged(other)
	c.Returns(kim).Refuses(403, "removed", "")
	fourth := hired()
	c.Returns(kim).Is(303)
	webtest.Same(t, "linked", c.Count("user_identities WHERE subject = 's1' AND user_id = ?", fourth), 1)

	// Who is deleted here after the directory sent them stays away.
	g.Admin.API("PUT", "/api/users/"+fourth+"/release", nil).Is(200)
	g.Admin.API("DELETE", "/api/users/"+fourth, nil).Is(200)
	c.Returns(kim).Refuses(403, "removed", "")
}
