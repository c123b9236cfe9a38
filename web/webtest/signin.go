package webtest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"tollgate/models/permission"
	"tollgate/models/sample"
	"tollgate/web"

	"github.com/uptrace/bun"
)

// Parameter matches a parameter of a route's path.
var Parameter = regexp.MustCompile(`[:*][a-z_]+`)

// ShortPath removes further prefixes of the API from a path.
var ShortPath = strings.NewReplacer("/api/governance/rbac/", "/api/", "/api/governance/", "/api/")

// EachRoute visits every route, each as a test of its own.
func EachRoute(t *testing.T, c *Console, visit func(t *testing.T, r web.Route, path string)) {
	for _, r := range web.Routes(c.H) {
		path := Parameter.ReplaceAllString(r.Path, "999")
		t.Run(r.Method+" "+r.Path, func(t *testing.T) { visit(t, r, path) })
	}
}

// Permitted is what the built-in roles may do, according to the contract; any other role here has no permissions.
func Permitted(role string, p permission.Permission) bool {
	if one, other, either := strings.Cut(string(p), " or "); either {
		return Permitted(role, permission.Permission(one)) || Permitted(role, permission.Permission(other))
	}
	if p == "any permission" {
		return slices.Contains([]string{"Admin", "Developer", "Viewer"}, role)
	}
	resource, operation, _ := strings.Cut(string(p), ":")
	switch role {
	case "Admin":
		return true
	case "Developer":
		return operation == "View" || slices.Contains([]string{"AccessProfiles", "Providers", "MCPServers", "ToolGroups", "VirtualKeys"}, resource)
	case "Viewer":
		return operation == "View" && resource != "APIKeys" && resource != "AuditLogs" && resource != "AccessRequests"
	}
	return false
}

// Contract is the permission that each route needs: written from the contract, not from the table of routes.
func Contract(t *testing.T) map[string]permission.Permission {
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

// Get sends another Host header.
func (c *Console) Get(v Client, host string) Answer {
	c.T.Helper()
	request, err := http.NewRequestWithContext(c.T.Context(), "GET", c.Base+"/login", nil)
	c.Must(err)
	request.Host = host
	response, err := http.DefaultTransport.RoundTrip(request)
	c.Must(err)
	response.Body.Close()
	return Answer{c.T, response, nil}
}

// Parallel does the same n times at once and counts the results.
func Parallel(n int, do func() int) map[int]int {
	var group sync.WaitGroup
	results := make(chan int, n)
	start := make(chan struct{})
	for range n {
		group.Go(func() {
			<-start
			results <- do()
		})
	}
	close(start)
	group.Wait()
	close(results)
	count := map[int]int{}
	for result := range results {
		count[result]++
	}
	return count
}

// FirstRunLink is the path of the link that makes the first administrator, empty when there is none.
func (c *Console) FirstRunLink() string {
	c.T.Helper()
	token, err := sample.NewFirstRunLink(c.T.Context(), c.DB)
	c.Must(err)
	if token == "" {
		return ""
	}
	return "/first-run?token=" + url.QueryEscape(token)
}

// Credentials is the sign-in form.
func Credentials(email, password string) url.Values {
	return url.Values{"email": {email}, "password": {password}}
}

// SignIn submits the form and returns the client with its new session.
func (v Client) SignIn(email, password string) Client {
	v.T.Helper()
	cookie, set := v.Post("/login", Credentials(email, password)).Is(http.StatusSeeOther).Cookie("session")
	if !set {
		v.T.Fatal("no session cookie")
	}
	return v.With("Cookie", "session="+cookie.Value)
}

// Basic is an Authorization header with a password.
func Basic(email, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(email+":"+password))
}

// Enters fails the test unless a password is accepted by every way to sign in, or by none.
func (c *Console) Enters(t *testing.T, email, word string, want bool) {
	t.Helper()
	c.Exec("DELETE FROM login_throttles")
	page := c.Anonymous().Post("/login", Credentials(email, word)).StatusCode == 303
	c.Exec("DELETE FROM login_throttles")
	program := c.Anonymous().With("Authorization", Basic(email, word)).API("GET", "/api/users/me/permissions", nil).StatusCode == 200
	if page != want || program != want {
		t.Errorf("%+q: the page lets in: %v, Basic: %v, want %v", word, page, program, want)
	}
}

// Overdue is a session whose time is over, with the cookie that the browser still sends.
func (c *Console) Overdue(email string) Client {
	c.T.Helper()
	v := c.Login(email)
	c.Exec("UPDATE sessions SET seen_at = now() - interval '31 minutes' WHERE user_id = (SELECT id FROM users WHERE email = ?)", email)
	return v
}

// KeptFields are the hidden fields of the form on a page, by name.
func (a Answer) KeptFields(action string) url.Values {
	a.T.Helper()
	fields := url.Values{}
	form := a.One("form", "action", action)
	for node := range form.Descendants() {
		if node.Data == "input" && Attribute(node, "type") == "hidden" {
			fields.Add(Attribute(node, "name"), Attribute(node, "value"))
		}
	}
	return fields
}

// Ident is the name of a table for a query.
func Ident(name string) bun.Ident { return bun.Ident(name) }

// Wait moves the throttle's records back in time.
func (c *Console) Wait(seconds int) {
	c.T.Helper()
	c.Exec("UPDATE login_throttles SET last_failed_at = last_failed_at - ? * interval '1 second'", seconds)
}

// Ahead is how far FreezeThrottle moves the last attempts into the future, so that a slow machine changes nothing
// between two requests.
const Ahead = 30

// FreezeThrottle keeps the count of failed sign-ins from falling while a test runs.
func (c *Console) FreezeThrottle() {
	c.T.Helper()
	c.Exec("UPDATE login_throttles SET last_failed_at = clock_timestamp() + ? * interval '1 second'", Ahead)
}
