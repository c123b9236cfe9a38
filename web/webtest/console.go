package webtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/handlers"
	"tollgate/models/access"
	"tollgate/models/apikey"
	"tollgate/models/caller"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/dbtest"
	"tollgate/models/decision"
	"tollgate/models/input"
	"tollgate/models/metrics"
	"tollgate/models/permission"
	"tollgate/models/propagation"
	"tollgate/models/refusal"
	"tollgate/models/secret"
	"tollgate/models/session"
	"tollgate/models/signin"
	"tollgate/models/usage"
	"tollgate/web"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"golang.org/x/net/html"

	"tollgate/models/ledger"
	"tollgate/models/password"
)

const (
	// Admin is the address of the first administrator.
	Admin = "admin@example.com"
	// Viewer is the address of a user who may look.
	Viewer = "viewer@example.com"
	// Password is the password of all users.
	Password = "correct horse battery"
)

// Console is a complete console on a database of its own, with an admin and a viewer.
type Console struct {
	T    testing.TB
	DB   *bun.DB
	H    *handlers.Handlers
	Base string
	Log  *Buffer

	OwnerURL string
}

// NewConsole starts a console; each change is applied to its handlers first.
func NewConsole(t testing.TB, changes ...func(*handlers.Handlers)) *Console {
	t.Helper()
	c := EmptyConsole(t, changes...)
	c.AddUser(Admin, "Admin")
	c.AddUser(Viewer, "Viewer")
	return c
}

// EmptyConsole is a console without a user.
func EmptyConsole(t testing.TB, changes ...func(*handlers.Handlers)) *Console {
	t.Helper()
	app, ownerURL := dbtest.URLs(t)
	c := &Console{T: t, DB: Connect(t, app), Log: &Buffer{}, OwnerURL: ownerURL}
	log := slog.New(slog.NewJSONHandler(c.Log, nil))
	keys, err := secret.DeriveKeys([]byte("a secret for tests, of 32 bytes."))
	c.Must(err)
	server := httptest.NewUnstartedServer(nil)
	c.Base = "http://" + server.Listener.Addr().String()
	c.H = &handlers.Handlers{
		DB: c.DB, Log: log, BaseURL: c.Base, Keys: keys, About: handlers.About{Version: "test", Database: "a test database"},
	}
	c.H.Propagator, c.H.Cache = propagation.NewWorker(c.DB, log), access.NewCache(c.DB, keys, log)
	c.H.Cache.Grace.Most = time.Minute
	c.H.Refusals = refusal.New(c.DB, log, 30)
	c.H.Engine = decision.NewEngine(c.H.Cache, c.H.Refusals)
	c.H.Recorder = usage.NewRecorder(c.DB, c.H.Cache, log)
	reconciler := ledger.NewReconciler(c.DB, log, ledger.DefaultKeep)
	c.H.SignIns = signin.NewService(c.DB, keys, c.Base, true)
	c.H.Cache.Tokens = caller.NewChecker(c.DB, &c.H.SignIns.Providers)
	c.H.SCIMCalls = connection.NewCalls()
	c.H.Metrics = metrics.New(c.DB, c.H.SCIMCalls, c.H.SignIns, c.H.Cache, c.H.Engine, c.H.Recorder, reconciler, c.H.Refusals)
	for _, change := range changes {
		change(c.H)
	}
	var workers sync.WaitGroup
	working, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	for _, run := range []func(context.Context){c.H.Propagator.Run, c.H.Cache.Run, c.H.Recorder.Run, reconciler.Run, c.H.Refusals.Run} {
		workers.Go(func() { run(working) })
	}
	t.Cleanup(func() { stop(); workers.Wait() })
	server.Config.Handler, err = web.New(web.Config{Addr: server.Listener.Addr().String()}, c.H)
	c.Must(err)
	server.Start()
	t.Cleanup(server.Close)
	return c
}

// Connect opens a database until the test ends.
func Connect(t testing.TB, url string) *bun.DB {
	t.Helper()
	db, err := database.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Owner is the database role with the permissions that the console's role lacks.
func (c *Console) Owner() *bun.DB { return Connect(c.T, c.OwnerURL) }

// Must ends the test when there is an error.
func (c *Console) Must(err error) {
	c.T.Helper()
	if err != nil {
		c.T.Fatal(err)
	}
}

// FixtureHash is computed once: hashing is slow on purpose.
var FixtureHash = sync.OnceValue(func() string {
	hash, err := new(password.Hasher).Hash(context.Background(), Password)
	if err != nil {
		panic(err)
	}
	return hash
})

// AddUser adds a user who may sign in with Password.
func (c *Console) AddUser(email, role string) {
	c.T.Helper()
	c.Exec(`INSERT INTO users (id, name, email, email_key, role_id, password_hash) SELECT ?, ?, ?, ?, id, ? FROM roles WHERE name = ?`,
		uuid.NewString(), role, email, email, FixtureHash(), role)
}

// Exec changes the database directly.
func (c *Console) Exec(query string, args ...any) {
	c.T.Helper()
	_, err := c.DB.NewRaw(query, args...).Exec(c.T.Context())
	c.Must(err)
}

// Scan reads the database directly.
func (c *Console) Scan(target any, query string, args ...any) {
	c.T.Helper()
	c.Must(c.DB.NewRaw(query, args...).Scan(c.T.Context(), target))
}

// Client sends requests, with the headers that authenticate it.
type Client struct {
	*Console
	Header http.Header
}

// Anonymous is signed out.
func (c *Console) Anonymous() Client { return Client{c, http.Header{}} }

// Login is a user with a session.
func (c *Console) Login(email string) Client {
	c.T.Helper()
	var id string
	c.Scan(&id, "SELECT id FROM users WHERE email = ?", email)
	token, err := session.Start(c.T.Context(), c.DB, id, "")
	c.Must(err)
	return c.Anonymous().With("Cookie", "session="+token)
}

// APIKey is a program with a key of the command line; without scopes it has every permission.
func (c *Console) APIKey(scopes ...permission.Permission) Client {
	c.T.Helper()
	if scopes == nil {
		scopes = permission.AllPermissions()
	}
	in := apikey.Input{Name: input.FormValue("key " + uuid.NewString()), Scopes: input.List[input.Value]{Kind: input.Array}}
	for _, scope := range scopes {
		in.Scopes.Items = append(in.Scopes.Items, input.FormValue(string(scope)))
	}
	_, secret, err := apikey.Create(c.T.Context(), c.DB, c.H.Keys, permission.CLI, in)
	c.Must(err)
	return c.Anonymous().With("Authorization", "Bearer "+secret)
}

// With is the same client with another header; an empty value removes the header.
func (v Client) With(name, value string) Client {
	v.Header = v.Header.Clone()
	v.Header.Set(name, value)
	if value == "" {
		v.Header.Del(name)
	}
	return v
}

// Also is the client with one more header of that name.
func (v Client) Also(name, value string) Client {
	v.Header = v.Header.Clone()
	v.Header.Add(name, value)
	return v
}

// Get asks for a page or for JSON, by the path.
func (v Client) Get(path string) Answer {
	v.T.Helper()
	return v.Send("GET", path, "", nil)
}

// Post sends a form.
func (v Client) Post(path string, form url.Values) Answer {
	v.T.Helper()
	return v.Send("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// API sends JSON; body is text as it is, nil for none, or anything that can be encoded.
func (v Client) API(method, path string, body any) Answer {
	v.T.Helper()
	switch content := body.(type) {
	case nil:
		return v.Send(method, path, "", nil)
	case string:
		return v.Send(method, path, "application/json", strings.NewReader(content))
	default:
		encoded, err := json.Marshal(body)
		v.Must(err)
		return v.Send(method, path, "application/json", bytes.NewReader(encoded))
	}
}

// Send sends a request and does not follow redirects.
func (v Client) Send(method, path, media string, body io.Reader) Answer {
	v.T.Helper()
	var sent []byte
	if whole, ok := body.(io.ReadSeeker); ok {
		var err error
		sent, err = io.ReadAll(whole)
		v.Must(err)
		_, err = whole.Seek(0, io.SeekStart)
		v.Must(err)
	}
	request, err := http.NewRequestWithContext(v.T.Context(), method, v.Base+path, body)
	v.Must(err)
	for name, values := range v.Header {
		request.Header[name] = values
	}
	request.Host = request.Header.Get("Host")
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	v.Must(err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	v.Must(err)
	if err := CheckContract(request, sent, response, content); err != nil {
		v.T.Errorf("%v\n%s", err, content)
	}
	return Answer{v.T, response, content}
}

// Buffer is a log for concurrent writers.
type Buffer struct {
	Mutex sync.Mutex
	Bytes bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.Mutex.Lock()
	defer b.Mutex.Unlock()
	return b.Bytes.Write(p)
}

func (b *Buffer) String() string {
	b.Mutex.Lock()
	defer b.Mutex.Unlock()
	return b.Bytes.String()
}

// AttributeOf is the value of an attribute, and whether it is there.
func AttributeOf(node *html.Node, name string) (value string, there bool) {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// Metrics are the series of a console, by name and labels.
func (v Client) Metrics() map[string]float64 {
	v.T.Helper()
	series := map[string]float64{}
	for line := range strings.Lines(string(v.Get("/metrics").Is(200).Body)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				v.T.Fatalf("%s: %v", line, err)
			}
			series[name] = number
		}
	}
	return series
}

// CookieOf is the value of a cookie that an answer sets.
func CookieOf(a Answer, name string) string {
	cookie, _ := a.Cookie(name)
	return name + "=" + cookie.Value
}
