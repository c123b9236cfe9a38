package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"golang.org/x/net/html"

	"tollgate/handlers"
	"tollgate/models/apikey"
	"tollgate/models/database"
	"tollgate/models/dbtest"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/metrics"
	"tollgate/models/permission"
	"tollgate/models/propagation"
	"tollgate/models/refusal"
	"tollgate/models/secret"
	"tollgate/models/usage"
	"tollgate/web"
)

const (
	admin    = "admin@example.com"
	viewer   = "viewer@example.com"
	password = "correct horse battery"
)

// console is a complete console on a database of its own, with an admin and a viewer.
type console struct {
	t    testing.TB
	db   *bun.DB
	h    *handlers.Handlers
	base string
	log  *buffer

	ownerURL string
}

// newConsole starts a console; each change is applied to its handlers first.
func newConsole(t testing.TB, changes ...func(*handlers.Handlers)) *console {
	t.Helper()
	c := emptyConsole(t, changes...)
	c.addUser(admin, "Admin")
	c.addUser(viewer, "Viewer")
	return c
}

// emptyConsole is a console without a user.
func emptyConsole(t testing.TB, changes ...func(*handlers.Handlers)) *console {
	t.Helper()
	app, ownerURL := dbtest.URLs(t)
	c := &console{t: t, db: connect(t, app), log: &buffer{}, ownerURL: ownerURL}
	log := slog.New(slog.NewJSONHandler(c.log, nil))
	keys, err := secret.DeriveKeys([]byte("a secret for tests, of 32 bytes."))
	c.must(err)
	server := httptest.NewUnstartedServer(nil)
	c.base = "http://" + server.Listener.Addr().String()
	c.h = &handlers.Handlers{
		DB: c.db, Log: log, BaseURL: c.base, Keys: keys, About: handlers.About{Version: "test", Database: "a test database"},
	}
	c.h.Propagator, c.h.Cache = propagation.NewWorker(c.db, log), entitlement.NewCache(c.db, keys, log)
	c.h.Refusals = refusal.New(c.db, log, 30)
	c.h.Engine = decision.NewEngine(c.h.Cache, c.h.Refusals)
	c.h.Recorder = usage.NewRecorder(c.db, c.h.Cache)
	reconciler := usage.NewReconciler(c.db, log)
	c.h.Metrics = metrics.New(c.db, c.h.Cache, c.h.Engine, c.h.Recorder, reconciler, c.h.Refusals)
	for _, change := range changes {
		change(c.h)
	}
	var workers sync.WaitGroup
	working, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	for _, run := range []func(context.Context){c.h.Propagator.Run, c.h.Cache.Run, reconciler.Run, c.h.Refusals.Run} {
		workers.Go(func() { run(working) })
	}
	t.Cleanup(func() { stop(); workers.Wait() })
	server.Config.Handler, err = web.New(web.Config{Addr: server.Listener.Addr().String()}, c.h)
	c.must(err)
	server.Start()
	t.Cleanup(server.Close)
	return c
}

// connect opens a database until the test ends.
func connect(t testing.TB, url string) *bun.DB {
	t.Helper()
	db, err := database.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// owner is the database role with the permissions that the console's role lacks.
func (c *console) owner() *bun.DB { return connect(c.t, c.ownerURL) }

func (c *console) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// fixtureHash is computed once: hashing is slow on purpose.
var fixtureHash = sync.OnceValue(func() string {
	hash, err := new(identity.Passwords).Hash(context.Background(), password)
	if err != nil {
		panic(err)
	}
	return hash
})

func (c *console) addUser(email, role string) {
	c.t.Helper()
	c.exec(`INSERT INTO users (id, name, email, email_key, role_id, password_hash) SELECT ?, ?, ?, ?, id, ? FROM roles WHERE name = ?`,
		uuid.NewString(), role, email, email, fixtureHash(), role)
}

// exec changes the database directly.
func (c *console) exec(query string, args ...any) {
	c.t.Helper()
	_, err := c.db.NewRaw(query, args...).Exec(c.t.Context())
	c.must(err)
}

// scan reads the database directly.
func (c *console) scan(target any, query string, args ...any) {
	c.t.Helper()
	c.must(c.db.NewRaw(query, args...).Scan(c.t.Context(), target))
}

// client sends requests, with the headers that authenticate it.
type client struct {
	*console
	header http.Header
}

// anonymous is signed out.
func (c *console) anonymous() client { return client{c, http.Header{}} }

// login is a user with a session.
func (c *console) login(email string) client {
	c.t.Helper()
	var id string
	c.scan(&id, "SELECT id FROM users WHERE email = ?", email)
	token, err := identity.StartSession(c.t.Context(), c.db, id, "")
	c.must(err)
	return c.anonymous().with("Cookie", "session="+token)
}

// apiKey is a program with a key of the command line; without scopes it has every permission.
func (c *console) apiKey(scopes ...permission.Permission) client {
	c.t.Helper()
	if scopes == nil {
		scopes = permission.AllPermissions()
	}
	in := apikey.Input{Name: input.FormValue("key " + uuid.NewString()), Scopes: input.List[input.Value]{Kind: input.Array}}
	for _, scope := range scopes {
		in.Scopes.Items = append(in.Scopes.Items, input.FormValue(string(scope)))
	}
	_, secret, err := apikey.Create(c.t.Context(), c.db, c.h.Keys, permission.CLI, in)
	c.must(err)
	return c.anonymous().with("Authorization", "Bearer "+secret)
}

// with is the same client with another header; an empty value removes the header.
func (v client) with(name, value string) client {
	v.header = v.header.Clone()
	v.header.Set(name, value)
	if value == "" {
		v.header.Del(name)
	}
	return v
}

func (v client) get(path string) answer {
	v.t.Helper()
	return v.send("GET", path, "", nil)
}

// post sends a form.
func (v client) post(path string, form url.Values) answer {
	v.t.Helper()
	return v.send("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// api sends JSON; body is text as it is, nil for none, or anything that can be encoded.
func (v client) api(method, path string, body any) answer {
	v.t.Helper()
	switch content := body.(type) {
	case nil:
		return v.send(method, path, "", nil)
	case string:
		return v.send(method, path, "application/json", strings.NewReader(content))
	default:
		encoded, err := json.Marshal(body)
		v.must(err)
		return v.send(method, path, "application/json", bytes.NewReader(encoded))
	}
}

// send sends a request and does not follow redirects.
func (v client) send(method, path, media string, body io.Reader) answer {
	v.t.Helper()
	var sent []byte
	if whole, ok := body.(io.ReadSeeker); ok {
		var err error
		sent, err = io.ReadAll(whole)
		v.must(err)
		_, err = whole.Seek(0, io.SeekStart)
		v.must(err)
	}
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, body)
	v.must(err)
	for name, values := range v.header {
		request.Header[name] = values
	}
	request.Host = request.Header.Get("Host")
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	v.must(err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	v.must(err)
	if err := checkContract(request, sent, response, content); err != nil {
		v.t.Errorf("%v\n%s", err, content)
	}
	return answer{v.t, response, content}
}

// answer is a response whose body has been read.
type answer struct {
	t testing.TB
	*http.Response
	body []byte
}

// is fails the test unless the answer has the status.
func (a answer) is(status int) answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("%s %s: status %d, want %d\n%s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	return a
}

// refuses fails the test unless the answer has the status, and the code and field of the problem, as JSON or on a page.
func (a answer) refuses(status int, code, param string) answer {
	a.t.Helper()
	a.is(status)
	gotCode, gotParam := "", ""
	if strings.HasPrefix(a.Request.URL.Path, "/access/v1/") {
		return a // AuthZEN has a message for it, and no code
	}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		problem, _ := a.json()["error"].(map[string]any)
		gotCode, _ = problem["code"].(string)
		gotParam, _ = problem["param"].(string)
	} else if main := a.all("main"); len(main) == 1 {
		gotCode, gotParam = attribute(main[0], "data-error-code"), attribute(main[0], "data-param")
	}
	if gotCode != code || gotParam != param {
		a.t.Fatalf("%s %s: code %q at %q, want %q at %q", a.Request.Method, a.Request.URL.Path, gotCode, gotParam, code, param)
	}
	return a
}

// redirects fails the test unless the answer redirects to the path.
func (a answer) redirects(path string) answer {
	a.t.Helper()
	if a.is(http.StatusSeeOther); a.Header.Get("Location") != path {
		a.t.Fatalf("%s %s leads to %q, want %q", a.Request.Method, a.Request.URL.Path, a.Header.Get("Location"), path)
	}
	return a
}

// follow goes where an answer redirects to.
func (v client) follow(a answer) answer {
	v.t.Helper()
	a.is(http.StatusSeeOther)
	return v.get(a.Header.Get("Location")).is(http.StatusOK)
}

// json is the body as an object.
func (a answer) json() map[string]any {
	a.t.Helper()
	var object map[string]any
	if err := json.Unmarshal(a.body, &object); err != nil {
		a.t.Fatalf("%v\n%s", err, a.body)
	}
	return object
}

// cookie is a cookie that the answer sets, and whether it sets one.
func (a answer) cookie(name string) (*http.Cookie, bool) {
	for _, cookie := range a.Cookies() {
		if cookie.Name == name {
			return cookie, true
		}
	}
	return nil, false
}

// all finds elements by tag and by pairs of attribute and value.
func (a answer) all(tag string, attributes ...string) []*html.Node {
	a.t.Helper()
	root, err := html.Parse(bytes.NewReader(a.body))
	if err != nil {
		a.t.Fatal(err)
	}
	var found []*html.Node
	for node := range root.Descendants() {
		if node.Type == html.ElementNode && node.Data == tag && has(node, attributes) {
			found = append(found, node)
		}
	}
	return found
}

// one is the only such element.
func (a answer) one(tag string, attributes ...string) *html.Node {
	a.t.Helper()
	found := a.all(tag, attributes...)
	if len(found) != 1 {
		a.t.Fatalf("%s %s: %d elements %s %v, want 1\n%s", a.Request.Method, a.Request.URL.Path, len(found), tag, attributes, a.body)
	}
	return found[0]
}

func has(node *html.Node, attributes []string) bool {
	for i := 0; i+1 < len(attributes); i += 2 {
		if !slices.Contains(node.Attr, html.Attribute{Key: attributes[i], Val: attributes[i+1]}) {
			return false
		}
	}
	return true
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is the visible text of an element.
func text(node *html.Node) string {
	var words []string
	for child := range node.Descendants() {
		if child.Type == html.TextNode {
			words = append(words, strings.Fields(child.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// buffer is a log for concurrent writers.
type buffer struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.Write(p)
}

func (b *buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.String()
}

func attributeOf(node *html.Node, name string) (value string, there bool) {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}
