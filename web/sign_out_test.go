package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// A user who signs out here is led to the provider to sign out there, and back; a session that a password began is not.
func TestSignOutThere(t *testing.T) {
	c := webtest.NewCompany(t)
	session := sessionOf(c, c.Returns(webtest.Person("s1", "ada@example.com")))
	token := strings.TrimPrefix(session.Header.Get("Cookie"), "session=")
	page := session.Post("/logout", nil).Is(200)
	refresh := webtest.Attribute(page.One("meta", "http-equiv", "refresh"), "content")
	there, err := url.Parse(strings.TrimPrefix(refresh, "0;url="))
	c.Must(err)
	q := there.Query()
	if !strings.HasPrefix(there.String(), c.OP.URL+"/end?") || q.Get("client_id") != "console" || q.Get("post_logout_redirect_uri") != c.Base+"/login" || strings.Count(q.Get("id_token_hint"), ".") != 2 {
		t.Errorf("it leads to %s", there)
	}
	webtest.Same(t, "link", webtest.Attribute(page.One("a", "class", "button primary"), "href"), there.String())
	session.Get("/me").Redirects("/login?next=%2Fme")
	if token == "" || strings.Contains(c.Dump()+c.Log.String(), q.Get("id_token_hint")) {
		t.Error("the ID token is in the clear")
	}
	c.Login(webtest.Admin).Post("/logout", nil).Redirects("/login")
	c.APIKey().API("PUT", c.Path, `{"sign_out_there":false}`).Is(200)
	sessionOf(c, c.Returns(webtest.Person("s1", "ada@example.com"))).Post("/logout", nil).Redirects("/login")
	// A provider's sessions end with it, and after the hours that it allows.
	c.APIKey().API("PUT", c.Path, `{"max_session":1}`).Is(200)
	short := sessionOf(c, c.Returns(webtest.Person("s1", "ada@example.com")))
	short.Get("/me").Is(200)
	c.Exec("UPDATE sessions SET ends_at = ends_at - interval '1 hour' WHERE provider_id IS NOT NULL")
	short.Get("/me").Redirects("/login?next=%2Fme")
	last := sessionOf(c, c.Returns(webtest.Person("s1", "ada@example.com")))
	c.APIKey().API("PUT", c.Path, `{"is_enabled":false}`).Is(200)
	last.Get("/me").Redirects("/login?next=%2Fme")
}

// H-15: a logout token ends the sessions that it names, once; nothing else ends any.
func TestBackchannelLogout(t *testing.T) {
	c := webtest.NewCompany(t)
	in := func(subject, sid string) webtest.Client {
		return sessionOf(c, c.Returns(webtest.With(webtest.Person(subject, subject+"@example.com"), "sid", sid)))
	}
	now := time.Now().Unix()
	events := webtest.Object{"http://schemas.openid.net/event/backchannel-logout": webtest.Object{}}
	claims := func(more ...any) webtest.Object {
		return webtest.With(webtest.Object{"iss": c.OP.URL, "aud": "console", "iat": now, "exp": now + 120, "jti": uuid.NewString(), "events": events, "sid": "1"}, more...)
	}
	token := func(claims webtest.Object) string {
		text, err := json.Marshal(claims)
		c.Must(err)
		return c.OP.Sign(string(text))
	}
	send := func(token string) webtest.Answer {
		return c.Anonymous().Post("/login/company/backchannel", url.Values{"logout_token": {token}})
	}
	first, second, same, bob := in("ada", "1"), in("ada", "1"), in("ada", "2"), in("bob", "3")
	idToken := webtest.With(webtest.Person("ada", "ada@example.com"), "iss", c.OP.URL, "aud", "console", "iat", now, "exp", now+300, "nonce", "n", "sid", "1")
	stranger := webtest.NewOP(t)
	for name, raw := range map[string]string{
		"an ID token": token(idToken), "with a nonce": token(claims("nonce", "n")), "without events": token(claims("events", nil)),
		"events of something else": token(claims("events", webtest.Object{"http://schemas.openid.net/event/other": 1})),
		"without jti":              token(claims("jti", nil)), "without an end": token(claims("exp", nil)), "without a time": token(claims("iat", nil)), "11 min old": token(claims("iat", now-660)),
		"over": token(claims("exp", now-120)), "of another client": token(claims("aud", "other")), "of another issuer": token(claims("iss", stranger.URL)),
		"without sub and sid": token(claims("sid", nil)), "by another key": webtest.SignedBy(jose.ES256, stranger.EC, `{}`), "nothing": "", "no token": "x.y.z",
		"events in another case": c.OP.Sign(strings.Replace(fmt.Sprintf(`{"iss":%q,"aud":"console","iat":%d,"exp":%d,"jti":"x","sid":"1","Events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`, c.OP.URL, now, now+60), "", "", 1)),
	} {
		a := send(raw)
		if a.StatusCode != 400 || !strings.Contains(string(a.Body), `{"error":"invalid_request"}`) || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Body)
		}
	}
	c.Anonymous().Post("/login/nowhere/backchannel", url.Values{"logout_token": {token(claims())}}).Is(400)
	webtest.Same(t, "sessions", c.Count("sessions WHERE provider_id IS NOT NULL"), 4)
	send(token(claims("sid", "1", "sub", "bob"))).Is(200) // the session is not bob's
	webtest.Same(t, "sessions", c.Count("sessions WHERE provider_id IS NOT NULL"), 4)
	once := token(claims())
	if a := send(once).Is(200); len(a.Body) != 0 {
		t.Errorf("body %q", a.Body)
	}
	for _, gone := range []webtest.Client{first, second} {
		gone.Get("/me").Redirects("/login?next=%2Fme")
	}
	for _, stays := range []webtest.Client{same, bob} {
		stays.Get("/me").Is(200)
	}
	again := in("ada", "1")
	send(once).Is(400)
	again.Get("/me").Is(200)
	send(token(claims("sid", nil, "sub", "ada"))).Is(200)
	for _, gone := range []webtest.Client{again, same} {
		gone.Get("/me").Redirects("/login?next=%2Fme")
	}
	bob.Get("/me").Is(200)
}

// A logout token is used up only with the sessions that it ends: the provider sends it again after a failure.
func TestBackchannelLogoutAfterAFailure(t *testing.T) {
	g := webtest.NewGateway(t)
	c := companyAt(g)
	c.Identified(c.Path, "ada", g.Ada)
	ada := sessionOf(c, c.Returns(webtest.With(webtest.Person("ada", "ada@example.com"), "sid", "1")))
	now := time.Now().Unix()
	text, err := json.Marshal(webtest.Object{
		"iss": c.OP.URL, "aud": "console", "iat": now, "exp": now + 120, "jti": uuid.NewString(), "sid": "1",
		"events": webtest.Object{"http://schemas.openid.net/event/backchannel-logout": webtest.Object{}},
	})
	c.Must(err)
	token := c.OP.Sign(string(text))
	send := func() webtest.Answer {
		return c.Anonymous().Post("/login/company/backchannel", url.Values{"logout_token": {token}})
	}
	g.ExecAsOwner("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '53100'; END $$",
		"CREATE TRIGGER refuse BEFORE DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()")
	send().Is(503)
	ada.Get("/me").Is(200)
	g.ExecAsOwner(noMoreRefusing)
	send().Is(200)
	ada.Get("/me").Redirects("/login?next=%2Fme")
	send().Is(400)
}

// Users connect a provider to their account after they gave their password, and disconnect it while another way stays.
func TestSignInMethods(t *testing.T) {
	c := webtest.NewCompany(t, "create_users", false)
	c.AddUser("ada@example.com", "Member")
	ada := c.Login("ada@example.com")
	c.Returns(webtest.Person("s1", "ada@example.com")).Refuses(403, "link_first", "")
	connect := func(v webtest.Client, password string) webtest.Answer {
		c.Exec("DELETE FROM login_throttles")
		return v.Post("/settings/methods/company/connect", url.Values{"current_password": {password}})
	}
	ada.Get("/settings/methods").Is(200)
	ada.Get("/settings/methods/company").Is(200)
	connect(ada, "").Refuses(422, "required", "current_password")
	connect(ada, "not the password").Refuses(422, "wrong_password", "current_password")
	finish := func(v webtest.Client, subject string) webtest.Answer {
		page := connect(v, webtest.Password).Is(200)
		location := strings.TrimPrefix(webtest.Attribute(page.One("meta", "http-equiv", "refresh"), "content"), "0;url=")
		for _, cookie := range page.Cookies() {
			v = v.With("Cookie", v.Header.Get("Cookie")+"; "+cookie.Name+"="+cookie.Value)
		}
		return v.Get(c.OP.Agrees(t, location, webtest.Person(subject, "elsewhere@example.org")))
	}
	finish(ada, "s1").Redirects("/settings/methods")
	c.Returns(webtest.Person("s1", "elsewhere@example.org")).Redirects("/me")
	webtest.Same(t, "address", c.Count("users WHERE email = 'ada@example.com'"), 1)
	finish(c.Login(webtest.Viewer), "s1").Refuses(409, "already_connected", "")
	there := webtest.Objects(c.APIKey().Get("/api/users/" + c.UserID("ada@example.com") + "/identities").Is(200).JSON()["identities"])
	webtest.Same(t, "subject", there[0]["subject"], any("s1"))
	disconnect := func(v webtest.Client) webtest.Answer {
		c.Exec("DELETE FROM login_throttles")
		return v.Post("/settings/methods/company/disconnect", url.Values{"current_password": {webtest.Password}})
	}
	session := sessionOf(c, c.Returns(webtest.Person("s1", "elsewhere@example.org")))
	c.Exec("UPDATE users SET password_hash = NULL WHERE email = 'ada@example.com'")
	disconnect(ada).Refuses(409, "last_method", "")
	c.Exec("UPDATE users SET password_hash = ? WHERE email = 'ada@example.com'", webtest.FixtureHash())
	disconnect(ada).Redirects("/settings/methods")
	session.Get("/me").Redirects("/login?next=%2Fme")
	disconnect(ada).Refuses(404, "not_found", "")
	c.Returns(webtest.Person("s1", "elsewhere@example.org")).Refuses(403, "no_account", "")
	finish(ada, "s1").Redirects("/settings/methods")
	// An admin sees them on the user's page, and disconnects them there.
	home, admin := "/users/"+c.UserID("ada@example.com"), c.Login(webtest.Admin)
	if section := webtest.Text(admin.Get(home).Is(200).One("section", "aria-labelledby", "identities")); !strings.Contains(section, "s1") {
		t.Errorf("the page shows %q", section)
	}
	if strings.Contains(string(c.Login(webtest.Viewer).Get(home).Is(200).Body), "/identities/delete") {
		t.Error("a viewer is offered to disconnect it")
	}
	c.Login(webtest.Viewer).Post(home+"/identities/delete", nil).Refuses(403, "forbidden", "")
	c.Audits(func() { admin.Post(home+"/identities/delete", nil).Redirects(home) },
		"unlink - "+c.UserID("ada@example.com")+" "+webtest.Admin)
	if page := string(admin.Get("/audit").Is(200).Body); !strings.Contains(page, " from Company") {
		t.Error("the audit log does not say from what")
	}
	webtest.Same(t, "left", len(webtest.Objects(c.APIKey().Get("/api" + home + "/identities").Is(200).JSON()["identities"])), 0)
	c.APIKey().Get("/settings/methods").Is(303)
}
