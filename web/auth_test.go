package web_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"tollgate/handlers"
	"tollgate/models/permission"
	"tollgate/web"
)

// open are the routes that need no credential. Every other route must require one.
var open = []string{
	"GET /healthz", "GET /readyz", "GET /", "GET /login", "POST /login", "POST /logout", "GET /first-run", "POST /first-run",
	"GET /quota", "POST /quota", "GET /.well-known/authzen-configuration", "GET /openapi.json",
}

var parameter = regexp.MustCompile(`[:*][a-z_]+`)

// shortPath removes further prefixes of the API from a path.
var shortPath = strings.NewReplacer("/api/governance/rbac/", "/api/", "/api/governance/", "/api/")

func eachRoute(t *testing.T, c *console, visit func(t *testing.T, r web.Route, path string)) {
	for _, r := range web.Routes(c.h) {
		path := parameter.ReplaceAllString(r.Path, "999")
		t.Run(r.Method+" "+r.Path, func(t *testing.T) { visit(t, r, path) })
	}
}

func TestRoutesWithoutCredential(t *testing.T) {
	c := newConsole(t)
	eachRoute(t, c, func(t *testing.T, r web.Route, path string) {
		c.t = t
		if slices.Contains(open, r.Method+" "+r.Path) {
			return
		}
		a := c.anonymous().send(r.Method, path, "", nil)
		switch {
		case strings.HasPrefix(path, "/api/"), strings.HasPrefix(path, "/access/v1/"), path == "/metrics":
			a.refuses(401, "unauthenticated", "")
			if got := a.Header.Values("WWW-Authenticate"); len(got) != 2 {
				t.Errorf("WWW-Authenticate: %q", got)
			}
		case r.Method == "GET":
			if a.is(http.StatusSeeOther); !strings.HasPrefix(a.Header.Get("Location"), "/login?next=%2F") {
				t.Errorf("leads to %q", a.Header.Get("Location"))
			}
			c.anonymous().with("HX-Request", "true").send(r.Method, path, "", nil).refuses(401, "unauthenticated", "")
		default:
			a.refuses(401, "unauthenticated", "")
			if to := c.anonymous().with("HX-Request", "true").send(r.Method, path, "", nil).Header.Get("HX-Redirect"); to != "/login" {
				t.Errorf("HX-Redirect: %q", to)
			}
		}
	})
}

// permitted is what the built-in roles may do, according to the contract; any other role here has no permissions.
func permitted(role string, p permission.Permission) bool {
	if one, other, either := strings.Cut(string(p), " or "); either {
		return permitted(role, permission.Permission(one)) || permitted(role, permission.Permission(other))
	}
	resource, operation, _ := strings.Cut(string(p), ":")
	switch role {
	case "Admin":
		return true
	case "Developer":
		return operation == "View" || slices.Contains([]string{"AccessProfiles", "Providers", "MCPServers", "ToolGroups", "VirtualKeys"}, resource)
	case "Viewer":
		return operation == "View" && resource != "APIKeys" && resource != "AuditLogs"
	}
	return false
}

// contract is the permission that each route needs: written from the contract, not from the table of routes.
func contract(t *testing.T) map[string]permission.Permission {
	t.Helper()
	file, err := os.ReadFile("testdata/permissions.txt")
	if err != nil {
		t.Fatal(err)
	}
	needed := map[string]permission.Permission{}
	for line := range strings.Lines(string(file)) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 3)
		needed[words[0]+" "+words[1]] = permission.Permission(words[2])
	}
	return needed
}

// Each role requests every route. A request that the contract does not allow is refused, and so is a route that it does
// not list.
func TestRoutesByRole(t *testing.T) {
	c := newConsole(t)
	const developer, idle = "developer@example.com", "idle@example.com"
	c.addUser(developer, "Developer")
	c.addRole("Idle")
	c.addUser(idle, "Idle")
	needed := contract(t)
	for role, email := range map[string]string{"Admin": admin, "Developer": developer, "Viewer": viewer, "Idle": idle} {
		t.Run(role, func(t *testing.T) {
			c.t = t
			browser := c.login(email)
			eachRoute(t, c, func(t *testing.T, r web.Route, path string) {
				c.t = t
				permission, listed := needed[r.Method+" "+shortPath.Replace(r.Path)]
				if permission == "anyone" || r.Method == "POST" && strings.HasSuffix(path, "refresh-tools") && permitted(role, permission) {
					return
				}
				a := browser.send(r.Method, path, "", nil)
				switch {
				case permission == "a virtual key":
					a.refuses(401, "unauthenticated", "")
				case !listed || permission != "signed in" && !permitted(role, permission):
					a.refuses(403, "forbidden", "")
				case a.StatusCode == 401, a.StatusCode == 403, a.StatusCode >= 500, a.Header.Get("Location") != "" && a.Request.Method == "GET" && path != "/":
					t.Errorf("status %d, leads to %q", a.StatusCode, a.Header.Get("Location"))
				}
			})
		})
	}
}

func TestEveryRouteIsListed(t *testing.T) {
	c := newConsole(t)
	known := permission.AllPermissions()
	for _, r := range web.Routes(c.h) {
		special := r.Permission == "anyone" && slices.Contains(open, r.Method+" "+r.Path) || r.Permission == "signed in" || r.Permission == "a virtual key"
		for one := range strings.SplitSeq(string(r.Permission), " or ") {
			if !special && !slices.Contains(known, permission.Permission(one)) {
				t.Errorf("%s %s needs %q", r.Method, r.Path, r.Permission)
			}
		}
	}
	// A route that was added without a permission is refused to every user.
	engine := gin.New()
	engine.GET("/forgotten", web.Authenticate(c.h)(""), func(c *gin.Context) { c.String(200, "reached") })
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest("GET", "/forgotten", nil)
	request.Header = c.login(admin).header
	if engine.ServeHTTP(recorder, request); recorder.Code != http.StatusForbidden {
		t.Errorf("status %d", recorder.Code)
	}
}

func TestReadingChangesNothing(t *testing.T) {
	c := newConsole(t)
	browser := c.login(admin)
	before := c.dump()
	for range 2 {
		eachRoute(t, c, func(t *testing.T, r web.Route, path string) {
			c.t = t
			if r.Method == "GET" {
				browser.get(path)
				browser.send("HEAD", path, "", nil)
			}
		})
	}
	if c.t = t; c.dump() != before {
		t.Error("reading has changed the database")
	}
}

// dump is the text of every row of every table.
func (c *console) dump() string {
	c.t.Helper()
	var tables, rows []string
	c.scan(&tables, "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1")
	if len(tables) < 10 {
		c.t.Fatalf("tables: %v", tables)
	}
	var all strings.Builder
	for _, table := range tables {
		c.scan(&rows, "SELECT row_to_json(t)::text FROM ? AS t ORDER BY 1", ident(table))
		all.WriteString(table + "\n" + strings.Join(rows, "\n") + "\n")
	}
	return all.String()
}

func TestCredentialsOfTheAPI(t *testing.T) {
	c := newConsole(t)
	session, key := c.login(admin), c.apiKey("APIKeys:View")
	good := key.header.Get("Authorization")
	for _, test := range []struct {
		name, header string
		status       int
		code         string
	}{
		{"key", good, 200, ""},
		{"scheme in other case", strings.Replace(good, "Bearer", "bEARER", 1), 200, ""},
		{"basic", basic(admin, password), 200, ""},
		{"basic, email in other case", basic("ADMIN@example.com", password), 200, ""},
		{"basic, wrong password", basic(admin, "wrong"), 401, "invalid_credentials"},
		{"basic, unknown user", basic("nobody@example.com", "wrong"), 401, "invalid_credentials"},
		{"basic, NUL in email", basic("a\x00b", "wrong"), 401, "invalid_credentials"},
		{"basic, no text", basic("\xff", "\xff"), 401, "invalid_credentials"},
		{"basic, no password", basic(admin, ""), 401, "invalid_credentials"},
		{"basic, no colon", "Basic YWRtaW4=", 401, "unauthenticated"},
		{"basic, no base64", "Basic !!!", 401, "unauthenticated"},
		{"basic, empty", "Basic ", 401, "unauthenticated"},
		{"empty", "", 401, "unauthenticated"},
		{"no scheme", strings.TrimPrefix(good, "Bearer "), 401, "unauthenticated"},
		{"other scheme", strings.Replace(good, "Bearer", "Token", 1), 401, "unauthenticated"},
		{"injection", "Bearer x' OR '1'='1", 401, "unauthenticated"},
		{"long", "Bearer " + strings.Repeat("a", 5000), 401, "unauthenticated"},
		{"a letter changed", good[:len(good)-10] + "~" + good[len(good)-9:], 401, "unauthenticated"},
		{"a session's token", "Bearer " + strings.TrimPrefix(session.header.Get("Cookie"), "session="), 401, "unauthenticated"},
		{"a virtual key", "Bearer sk-bf-0123456789", 401, "unauthenticated"},
	} {
		for _, path := range []string{"/api/api-keys", "/api/governance/api-keys"} {
			t.Run(test.name, func(t *testing.T) {
				c.t = t
				c.exec("DELETE FROM login_throttles")
				// The header decides, even beside a valid cookie.
				asked := client{c, session.header.Clone()}
				asked.header["Authorization"] = []string{test.header}
				if a := asked.api("GET", path, nil); test.code == "" {
					a.is(test.status)
				} else {
					a.refuses(test.status, test.code, "")
				}
			})
		}
	}
	c.t = t
	session.api("GET", "/api/api-keys", nil).is(200)
	twice := client{c, http.Header{"Authorization": {good, good}}}
	twice.api("GET", "/api/api-keys", nil).refuses(401, "unauthenticated", "")
	// Pages accept only the cookie.
	key.get("/settings").is(http.StatusSeeOther)
	c.anonymous().with("Authorization", basic(admin, password)).get("/settings").is(http.StatusSeeOther)
}

func TestCrossOrigin(t *testing.T) {
	c := newConsole(t)
	browser := c.login(admin)
	own := c.base
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
			c.t = t
			asked := browser.with("Sec-Fetch-Site", test.site).with("Origin", test.origin)
			for _, a := range []answer{
				asked.api("POST", "/api/api-keys", `{}`), asked.api("POST", "/api/governance/api-keys", `{}`), asked.api("DELETE", "/api/api-keys/999", nil),
				asked.post("/settings/api-keys", nil), asked.post("/login", nil), asked.post("/settings/password", nil),
			} {
				if test.allowed {
					if a.StatusCode == 403 {
						t.Errorf("%s was refused", a.Request.URL.Path)
					}
					continue
				}
				a.refuses(403, "cross_origin_request", "")
			}
			asked.get("/settings").is(200)
		})
	}
	c.t = t
	c.anonymous().with("Sec-Fetch-Site", "cross-site").post("/login", credentials(admin, password)).refuses(403, "cross_origin_request", "")
	browser.with("Sec-Fetch-Site", "cross-site").post("/logout", nil).refuses(403, "cross_origin_request", "")
	browser.get("/settings").is(200)
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	c := newConsole(t)
	browser := c.login(admin)
	broken := newConsole(t, func(h *handlers.Handlers) { h.DB = nil })
	for status, a := range map[int]answer{
		200: browser.get("/settings"),
		303: c.anonymous().get("/settings"),
		400: browser.get("/settings/api-keys?limit=0"),
		401: c.anonymous().api("GET", "/api/api-keys", nil),
		403: c.login(viewer).get("/settings/api-keys"),
		404: browser.get("/nothing"),
		405: browser.send("PUT", "/settings", "", nil),
		415: browser.api("POST", "/settings/api-keys", `{}`),
		421: c.get(c.anonymous(), "evil.example"),
		500: broken.anonymous().get("/login"),
	} {
		a.is(status)
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
		if slices.Contains([]int{403, 404, 405, 500}, status) && !strings.Contains(string(a.body), a.Header.Get("X-Request-ID")) {
			t.Errorf("%d: the page does not carry the request id", status)
		}
	}
}

// get sends another Host header.
func (c *console) get(v client, host string) answer {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), "GET", c.base+"/login", nil)
	c.must(err)
	request.Host = host
	response, err := http.DefaultTransport.RoundTrip(request)
	c.must(err)
	response.Body.Close()
	return answer{c.t, response, nil}
}

func TestProbes(t *testing.T) {
	c := newConsole(t)
	c.anonymous().get("/healthz").is(200)
	c.anonymous().get("/readyz").is(200)
	c.anonymous().get("/").redirects("/access-profiles")
	c.exec("DELETE FROM bun_migrations")
	c.anonymous().get("/readyz").is(503)
	c.must(c.db.Close())
	c.anonymous().get("/readyz").is(503)
	c.anonymous().get("/healthz").is(200)
}
