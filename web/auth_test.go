package web_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"tollgate/handlers"
	"tollgate/models/permission"
	"tollgate/web"
	"tollgate/web/webtest"
)

// open are the routes that need no credential. Every other route must require one.
var open = []string{
	"GET /healthz", "GET /readyz", "GET /", "GET /login", "GET /login/:slug", "GET /login/:slug/callback", "POST /login/:slug/backchannel", "POST /login", "POST /logout", "GET /first-run", "POST /first-run",
	"GET /quota", "GET /sign-in-link", "POST /sign-in-link", "GET /.well-known/authzen-configuration", "GET /openapi.json", "GET /schema/config-v1.json",
}

func TestRoutesWithoutCredential(t *testing.T) {
	c := webtest.NewConsole(t)
	webtest.EachRoute(t, c, func(t *testing.T, r web.Route, path string) {
		c.T = t
		if slices.Contains(open, r.Method+" "+r.Path) {
			return
		}
		a := c.Anonymous().Send(r.Method, path, "", nil)
		switch {
		case strings.HasPrefix(path, "/scim/v2/"):
			a.RefusesSCIM(401, "")
		case strings.HasPrefix(path, "/api/"), strings.HasPrefix(path, "/access/v1/"), strings.HasPrefix(path, "/v1/"), path == "/metrics":
			a.Refuses(401, "unauthenticated", "")
			if got := a.Header.Values("WWW-Authenticate"); len(got) != 2 {
				t.Errorf("WWW-Authenticate: %q", got)
			}
		case r.Method == "GET":
			if a.Is(http.StatusSeeOther); !strings.HasPrefix(a.Header.Get("Location"), "/login?next=%2F") {
				t.Errorf("leads to %q", a.Header.Get("Location"))
			}
			c.Anonymous().With("HX-Request", "true").Send(r.Method, path, "", nil).Refuses(401, "unauthenticated", "")
		default:
			a.Refuses(401, "unauthenticated", "")
			if to := c.Anonymous().With("HX-Request", "true").Send(r.Method, path, "", nil).Header.Get("HX-Redirect"); to != "/login" {
				t.Errorf("HX-Redirect: %q", to)
			}
		}
	})
}

// Each role requests every route. A request that the contract does not allow is refused, and so is a route that it does
// not list.
func TestRoutesByRole(t *testing.T) {
	c := webtest.NewConsole(t)
	const developer, idle, member = "developer@example.com", "idle@example.com", "member@example.com"
	c.AddUser(developer, "Developer")
	c.AddUser(member, "Member")
	c.AddRole("Idle")
	c.AddUser(idle, "Idle")
	needed := webtest.Contract(t)
	for role, email := range map[string]string{"Admin": webtest.Admin, "Developer": developer, "Viewer": webtest.Viewer, "Idle": idle, "Member": member} {
		t.Run(role, func(t *testing.T) {
			c.T = t
			browser := c.Login(email)
			webtest.EachRoute(t, c, func(t *testing.T, r web.Route, path string) {
				c.T = t
				permission, listed := needed[r.Method+" "+webtest.ShortPath.Replace(r.Path)]
				if permission == "anyone" || r.Method == "POST" && strings.HasSuffix(path, "refresh-tools") && webtest.Permitted(role, permission) {
					return
				}
				a := browser.Send(r.Method, path, "", nil)
				switch {
				case permission == "a virtual key":
					a.Refuses(401, "unauthenticated", "")
				case permission == "a SCIM token":
					a.RefusesSCIM(401, "")
				case !listed || permission != "signed in" && permission != "a user, for their own" && !webtest.Permitted(role, permission):
					a.Refuses(403, "forbidden", "")
				case a.StatusCode == 401, a.StatusCode == 403, a.StatusCode >= 500, a.Header.Get("Location") != "" && a.Request.Method == "GET" && path != "/":
					t.Errorf("status %d, leads to %q", a.StatusCode, a.Header.Get("Location"))
				}
			})
		})
	}
}

func TestEveryRouteIsListed(t *testing.T) {
	c := webtest.NewConsole(t)
	known := permission.AllPermissions()
	special := []permission.Permission{"signed in", "any permission", "a user, for their own", "a virtual key", "a SCIM token"}
	for _, r := range web.Routes(c.H) {
		noRole := r.Permission == "anyone" && slices.Contains(open, r.Method+" "+r.Path) || slices.Contains(special, r.Permission)
		for one := range strings.SplitSeq(string(r.Permission), " or ") {
			if !noRole && !slices.Contains(known, permission.Permission(one)) {
				t.Errorf("%s %s needs %q", r.Method, r.Path, r.Permission)
			}
		}
	}
	// A route that was added without a permission is refused to every user.
	engine := gin.New()
	engine.GET("/forgotten", web.Begin, web.Authenticate(c.H)(""), func(c *gin.Context) { c.String(200, "reached") })
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest("GET", "/forgotten", nil)
	request.Header = c.Login(webtest.Admin).Header
	if engine.ServeHTTP(recorder, request); recorder.Code != http.StatusForbidden {
		t.Errorf("status %d", recorder.Code)
	}
}

func TestReadingChangesNothing(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	before := c.State()
	for range 2 {
		webtest.EachRoute(t, c, func(t *testing.T, r web.Route, path string) {
			c.T = t
			if r.Method == "GET" {
				browser.Get(path)
				browser.Send("HEAD", path, "", nil)
			}
		})
	}
	if c.T = t; c.State() != before {
		t.Error("reading has changed the database")
	}
}

func TestCredentialsOfTheAPI(t *testing.T) {
	c := webtest.NewConsole(t)
	session, key := c.Login(webtest.Admin), c.APIKey("APIKeys:View")
	good := key.Header.Get("Authorization")
	for _, test := range []struct {
		name, header string
		status       int
		code         string
	}{
		{"key", good, 200, ""},
		{"scheme in other case", strings.Replace(good, "Bearer", "bEARER", 1), 200, ""},
		{"basic", webtest.Basic(webtest.Admin, webtest.Password), 200, ""},
		{"basic, email in other case", webtest.Basic("ADMIN@example.com", webtest.Password), 200, ""},
		{"basic, wrong password", webtest.Basic(webtest.Admin, "wrong"), 401, "invalid_credentials"},
		{"basic, unknown user", webtest.Basic("nobody@example.com", "wrong"), 401, "invalid_credentials"},
		{"basic, NUL in email", webtest.Basic("a\x00b", "wrong"), 401, "invalid_credentials"},
		{"basic, no text", webtest.Basic("\xff", "\xff"), 401, "invalid_credentials"},
		{"basic, no password", webtest.Basic(webtest.Admin, ""), 401, "invalid_credentials"},
		{"basic, no colon", "Basic YWRtaW4=", 401, "unauthenticated"},
		{"basic, no base64", "Basic !!!", 401, "unauthenticated"},
		{"basic, empty", "Basic ", 401, "unauthenticated"},
		{"empty", "", 401, "unauthenticated"},
		{"no scheme", strings.TrimPrefix(good, "Bearer "), 401, "unauthenticated"},
		{"other scheme", strings.Replace(good, "Bearer", "Token", 1), 401, "unauthenticated"},
		{"injection", "Bearer x' OR '1'='1", 401, "unauthenticated"},
		{"long", "Bearer " + strings.Repeat("a", 5000), 401, "unauthenticated"},
		{"a letter changed", good[:len(good)-10] + "~" + good[len(good)-9:], 401, "unauthenticated"},
		{"a session's token", "Bearer " + strings.TrimPrefix(session.Header.Get("Cookie"), "session="), 401, "unauthenticated"},
		{"a virtual key", "Bearer sk-bf-0123456789", 401, "unauthenticated"},
	} {
		for _, path := range []string{"/api/api-keys", "/api/governance/api-keys"} {
			t.Run(test.name, func(t *testing.T) {
				c.T = t
				c.Exec("DELETE FROM login_throttles")
				// The header decides, even beside a valid cookie.
				asked := webtest.Client{Console: c, Header: session.Header.Clone()}
				asked.Header["Authorization"] = []string{test.header}
				if a := asked.API("GET", path, nil); test.code == "" {
					a.Is(test.status)
				} else {
					a.Refuses(test.status, test.code, "")
				}
			})
		}
	}
	c.T = t
	session.API("GET", "/api/api-keys", nil).Is(200)
	twice := webtest.Client{Console: c, Header: http.Header{"Authorization": {good, good}}}
	twice.API("GET", "/api/api-keys", nil).Refuses(401, "unauthenticated", "")
	// Pages accept only the cookie.
	key.Get("/settings").Is(http.StatusSeeOther)
	c.Anonymous().With("Authorization", webtest.Basic(webtest.Admin, webtest.Password)).Get("/settings").Is(http.StatusSeeOther)
}

func TestCrossOrigin(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	own := c.Base
	for _, test := range []struct {
		name, site, origin string
		allowed            bool
	}{
		{"a program", "", "", true},
		{"the console", "same-origin", own, true},
		{"typed by a user", "none", "", true},
		{"old browser, the console", "", own, true},
		{"another site", "cross-site", "https://evil.example", false},
		{"another site without origin", "cross-site", "", false},
		{"a sibling", "same-site", "", false},
		{"old browser, another site", "", "https://evil.example", false},
		{"sandbox", "", "null", false},
		{"another port", "", "http://127.0.0.1:1", false},
		{"nonsense", "nonsense", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.T = t
			asked := browser.With("Sec-Fetch-Site", test.site).With("Origin", test.origin)
			for _, a := range []webtest.Answer{
				asked.API("POST", "/api/api-keys", `{}`), asked.API("POST", "/api/governance/api-keys", `{}`), asked.API("DELETE", "/api/api-keys/999", nil),
				asked.Post("/settings/api-keys", nil), asked.Post("/login", nil), asked.Post("/settings/password", nil),
			} {
				if test.allowed {
					if a.StatusCode == 403 {
						t.Errorf("%s was refused", a.Request.URL.Path)
					}
					continue
				}
				a.Refuses(403, "cross_origin_request", "")
			}
			asked.Get("/settings").Is(200)
		})
	}
	c.T = t
	c.Anonymous().With("Sec-Fetch-Site", "cross-site").Post("/login", webtest.Credentials(webtest.Admin, webtest.Password)).Refuses(403, "cross_origin_request", "")
	browser.With("Sec-Fetch-Site", "cross-site").Post("/logout", nil).Refuses(403, "cross_origin_request", "")
	browser.Get("/settings").Is(200)
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	broken := webtest.NewConsole(t, func(h *handlers.Handlers) { h.DB = nil })
	for status, a := range map[int]webtest.Answer{
		200: browser.Get("/settings"),
		303: c.Anonymous().Get("/settings"),
		400: browser.Get("/settings/api-keys?limit=0"),
		401: c.Anonymous().API("GET", "/api/api-keys", nil),
		403: c.Login(webtest.Viewer).Get("/settings/api-keys"),
		404: browser.Get("/nothing"),
		405: browser.Send("PUT", "/settings", "", nil),
		415: browser.API("POST", "/settings/api-keys", `{}`),
		421: c.Get(c.Anonymous(), "evil.example"),
		500: broken.Anonymous().Get("/login"),
	} {
		a.Is(status)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
				"connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY", "Strict-Transport-Security": "", "Server": "",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%d: %s: %q", status, name, got)
			}
		}
		if a.Header.Get("X-Request-ID") == "" {
			t.Errorf("%d: no X-Request-ID", status)
		}
		if slices.Contains([]int{403, 404, 405, 500}, status) && !strings.Contains(string(a.Body), a.Header.Get("X-Request-ID")) {
			t.Errorf("%d: the page does not carry the request id", status)
		}
	}
}

func TestProbes(t *testing.T) {
	c := webtest.NewConsole(t)
	c.Anonymous().Get("/healthz").Is(200)
	c.Probed(200, "ready")
	c.Anonymous().Get("/").Redirects("/access-profiles")
	// A later release has expanded the database, then contracted it.
	c.Exec("INSERT INTO bun_migrations (name, group_id) VALUES ('29990101000000', 99)")
	c.Probed(200, "ready")
	c.Exec("INSERT INTO bun_migrations (name, group_id) VALUES ('29990102000000', 99)")
	c.Exec("INSERT INTO contracts (name) VALUES ('29990102000000')")
	c.Probed(503, "the database is newer than this console")
	c.Exec("DELETE FROM contracts")
	c.Exec("DELETE FROM bun_migrations")
	c.Probed(503, "the database has not been migrated yet")
	c.Must(c.DB.Close())
	c.Anonymous().Get("/readyz").Is(503)
	c.Anonymous().Get("/healthz").Is(200)
}
