package schema_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/dbtest"
	"tollgate/models/modelstest"
	"tollgate/models/problem"
	"tollgate/models/schema"
)

// migrateAtOnce has several migrate a database in the same moment, and returns what went wrong.
func migrateAtOnce(t *testing.T, pools ...*bun.DB) error {
	t.Helper()
	failures := make([]error, len(pools))
	var start, end sync.WaitGroup
	start.Add(len(pools))
	for i, db := range pools {
		end.Go(func() {
			failures[i] = db.PingContext(t.Context())
			start.Done()
			start.Wait()
			if failures[i] == nil {
				failures[i] = schema.Migrate(t.Context(), db, "tollgate")
			}
		})
	}
	end.Wait()
	return errors.Join(failures...)
}

func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		address := modelstest.EmptyDatabase(t)
		pools := []*bun.DB{modelstest.Open(t, address), modelstest.Open(t, address), modelstest.Open(t, address)}
		if state, err := schema.Read(t.Context(), pools[0]); err != nil || state.Pending == 0 {
			t.Errorf("%d migrations are pending on an empty database: %v", state.Pending, err)
		}
		if err := migrateAtOnce(t, pools...); err != nil {
			t.Error(err)
		}
		if state, err := schema.Read(t.Context(), pools[0]); err != nil || state != (schema.State{}) {
			t.Errorf("%d migrations are pending after all: %v", state.Pending, err)
		}
		modelstest.AssertValue(t, pools[0], 0, "SELECT count(*) - count(DISTINCT name) FROM bun_migrations")
	}
}

// The twin of TestMigrateAtOnce: where there is no row to lock, two migrate at once, and the second fails at what the
// first has created.
func TestTwinOfMigrateAtOnce(t *testing.T) {
	t.Parallel()
	address := modelstest.EmptyDatabase(t)
	db := modelstest.Open(t, address)
	first := fstest.MapFS{"20250101000000_first.tx.up.sql": {Data: []byte("SELECT 'so that there is a table of migrations'")}}
	if err := schema.MigrateFiles(t.Context(), db, first, ""); err != nil {
		t.Fatal(err)
	}
	modelstest.Run(t, db, `DELETE FROM migration_lock;
CREATE FUNCTION no_lock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER no_lock BEFORE INSERT ON migration_lock FOR EACH ROW EXECUTE FUNCTION no_lock()`)
	var looking sync.WaitGroup // whether there is anything to migrate
	looking.Add(2)
	var pools []*bun.DB
	for range 2 {
		both := sync.OnceFunc(func() { looking.Done(); looking.Wait() })
		pools = append(pools, modelstest.Open(t, address).WithQueryHook(modelstest.Watch{Before: func(event *bun.QueryEvent) {
			if strings.Contains(event.Query, "CREATE TABLE roles") {
				both()
			}
		}}))
	}
	if err := migrateAtOnce(t, pools...); err == nil || !slices.Contains([]string{"23505", "42P07"}, problem.SQLState(err)) {
		t.Errorf("two without a lock: %v: the test finds nothing", err)
	}
}

func TestMigrateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := modelstest.Open(t, modelstest.EmptyDatabase(t))
	const name = "20260101000000_first.tx.up.sql"
	broken := fstest.MapFS{name: {Data: []byte("CREATE TABLE half (id int);\nCREATE TABLE half (id int);")}}
	if err := schema.MigrateFiles(ctx, db, broken, ""); problem.SQLState(err) != "42P07" {
		t.Errorf("a broken migration: %v", err)
	}
	mended := fstest.MapFS{name: {Data: []byte(
		"CREATE TABLE half AS SELECT current_setting('statement_timeout') AS patience;")}}
	for range 2 {
		if err := schema.MigrateFiles(ctx, db, mended, ""); err != nil {
			t.Errorf("the mended migration: %v", err)
		}
	}
	modelstest.AssertValue(t, db, "0", "SELECT patience FROM half")
	modelstest.AssertValue(t, db, 1, "SELECT count(*) FROM bun_migrations")
}

// A console that dies between the migration and bun's own mark must not migrate twice.
func TestMigrateMarksInTheSameTransaction(t *testing.T) {
	t.Parallel()
	db := modelstest.Open(t, modelstest.EmptyDatabase(t))
	files := fstest.MapFS{"20260101000000_first.tx.up.sql": {Data: []byte("CREATE TABLE once (id int);")}}
	ctx, cancel := context.WithCancel(t.Context())
	db = db.WithQueryHook(&afterCommit{do: cancel})
	if err := schema.MigrateFiles(ctx, db, files, ""); err == nil {
		t.Error("the crash did not happen")
	}
	if err := schema.MigrateFiles(t.Context(), db, files, ""); err != nil {
		t.Errorf("after the crash: %v", err)
	}
	modelstest.AssertValue(t, db, 1, "SELECT count(*) FROM bun_migrations")
}

// afterCommit acts once, when the first transaction has committed.
type afterCommit struct {
	do   func()
	done atomic.Bool
}

func (h *afterCommit) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (h *afterCommit) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if event.Query == "COMMIT" && h.done.CompareAndSwap(false, true) {
		h.do()
	}
}

func TestMigrateWaitsForAnotherConsole(t *testing.T) {
	t.Parallel()
	app, owner := dbtest.URLs(t)
	db, observer := modelstest.Open(t, owner+"&idle_in_transaction_session_timeout=0"), modelstest.Open(t, app)
	other, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	modelstest.Run(t, other, "SELECT id FROM migration_lock FOR UPDATE")
	migrated := make(chan error, 1)
	go func() { migrated <- schema.Migrate(t.Context(), db, "tollgate") }()
	waitUntil(t, observer, `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
		WHERE d.datname = current_database() AND l.locktype = 'tuple')`)
	select {
	case err := <-migrated:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Error(err)
	}
}

func TestServingRoleKeepsAuditRowsAndTables(t *testing.T) {
	t.Parallel()
	app, owner := dbtest.URLs(t)
	if err := schema.Migrate(t.Context(), modelstest.Open(t, owner), "tollgate"); err != nil {
		t.Fatal(err)
	}
	db := modelstest.Open(t, app)
	for _, refused := range []string{
		"UPDATE audit_logs SET id = id",
		"DELETE FROM audit_logs",
		"TRUNCATE audit_logs",
		"DROP TABLE audit_logs",
		"CREATE TABLE mine (id int)",
	} {
		if _, err := db.ExecContext(t.Context(), refused); problem.SQLState(err) != "42501" {
			t.Errorf("%s: %v", refused, err)
		}
	}
	modelstest.AssertValue(t, db, true, "SELECT has_table_privilege('audit_logs', 'INSERT') AND has_table_privilege('audit_logs', 'SELECT')")
	modelstest.AssertValue(t, db, true, "SELECT has_table_privilege('users', 'UPDATE') AND has_table_privilege('users', 'DELETE')")
}

func TestMigrateTakesRoleNamesAsTheyAre(t *testing.T) {
	t.Parallel()
	db := modelstest.Open(t, modelstest.EmptyDatabase(t))
	const role = `a.b "c"; DROP TABLE users; --`
	err := schema.Migrate(t.Context(), db, role)
	if problem.SQLState(err) != "42704" {
		t.Errorf("an unknown role: %v", err)
	}
	modelstest.AssertValue(t, db, true, "SELECT to_regclass('users') IS NOT NULL")
}

func waitUntil(t *testing.T, db *bun.DB, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for holds := false; !holds; {
		if err := db.QueryRowContext(ctx, query).Scan(&holds); err != nil {
			t.Fatal(err)
		}
	}
}
