package webtest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"
	"golang.org/x/net/html"

	"tollgate/handlers"
	"tollgate/models/access"
	"tollgate/models/caller"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/ledger"
	"tollgate/models/metrics"
	"tollgate/models/propagation"
	"tollgate/models/refusal"
	"tollgate/models/secret"
	"tollgate/models/signin"
	"tollgate/models/usage"
	"tollgate/web"
)

const (
	// Admin is the address of the first administrator.
	Admin = "admin@example.com"
	// Viewer is the address of a user who may look.
	Viewer = "viewer@example.com"
	// Password is the password of all users.
	Password = "correct horse battery"
)

// patient has sessions wait for locks as long as a statement may take, since tests let requests wait on busy machines.
const patient = "&lock_timeout=0"

// Console is a complete console on a database of its own, with an admin and a viewer.
type Console struct {
	T    testing.TB
	DB   *bun.DB
	H    *handlers.Handlers
	Base string
	Log  *Buffer

	OwnerURL string
	Wired    bool // the test may take the database away
	Proxy    bool // it stands before another server

	reconciler *ledger.Reconciler
}

// NewConsole starts a console; each change is applied to its handlers first.
func NewConsole(t testing.TB, changes ...func(*handlers.Handlers)) *Console {
	t.Helper()
	c := EmptyConsole(t, changes...)
	c.addUsers()
	return c
}

func (c *Console) addUsers() {
	c.T.Helper()
	c.AddUser(Admin, "Admin")
	c.AddUser(Viewer, "Viewer")
}

// EmptyConsole is a console without a user.
func EmptyConsole(t testing.TB, changes ...func(*handlers.Handlers)) *Console {
	t.Helper()
	app, owner := checked.URLs(t)
	return startConsole(t, app, owner, changes...)
}

func startConsole(t testing.TB, app, ownerURL string, changes ...func(*handlers.Handlers)) *Console {
	t.Helper()
	c := &Console{T: t, DB: Connect(t, app+patient), Log: &Buffer{}, OwnerURL: ownerURL}
	log := slog.New(slog.NewJSONHandler(c.Log, nil))
	keys, err := secret.DeriveKeys([]byte("a secret for tests, of 32 bytes."))
	c.Must(err)
	server := httptest.NewUnstartedServer(nil)
	c.Base = "http://" + server.Listener.Addr().String()
	c.H = &handlers.Handlers{
		DB: c.DB, Log: log, BaseURL: c.Base, Keys: keys,
		About: handlers.About{Version: "test", Database: "a test database", Keep: ledger.DefaultKeep},
	}
	c.H.Propagator, c.H.Cache = propagation.NewWorker(c.DB, log), access.NewCache(c.DB, keys, log)
	c.H.Cache.Grace.Most = time.Minute
	c.H.Refusals = refusal.New(c.DB, log, 30)
	c.H.Engine = decision.NewEngine(c.H.Cache, c.H.Refusals)
	c.H.Recorder = usage.NewRecorder(c.DB, c.H.Cache, log)
	reconciler := ledger.NewReconciler(c.DB, log, ledger.DefaultKeep)
	c.reconciler = reconciler
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

// Looked waits until the console has looked whether its counters are to be checked; it looks again after a minute.
func (c *Console) Looked() {
	c.T.Helper()
	c.Eventually("the first look at the counters", func() bool {
		found := make(chan prometheus.Metric, 10)
		c.reconciler.Collect(found)
		return len(found) > 0
	})
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

// Owner is the database role with the permissions that the console's role lacks. Its transactions hold what they lock
// until the test lets go, however long that takes on a busy machine.
func (c *Console) Owner() *bun.DB {
	return Connect(c.T, c.OwnerURL+"&idle_in_transaction_session_timeout=0")
}

// Must ends the test when there is an error.
func (c *Console) Must(err error) {
	c.T.Helper()
	if err != nil {
		c.T.Fatal(err)
	}
}

// FixtureHash names a low cost, so that signing in takes a test no time: checking follows the cost that a hash names.
var FixtureHash = sync.OnceValue(func() string {
	cost := argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	hash, err := argon2id.CreateHash(Password, &cost)
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
