package models_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models"
	"tollgate/models/dbtest"
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
				failures[i] = models.Migrate(t.Context(), db, "tollgate")
			}
		})
	}
	end.Wait()
	return errors.Join(failures...)
}

func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		address := emptyDatabase(t)
		pools := []*bun.DB{open(t, address), open(t, address), open(t, address)}
		if pending, err := models.PendingMigrations(t.Context(), pools[0]); err != nil || pending == 0 {
			t.Errorf("%d migrations are pending on an empty database: %v", pending, err)
		}
		if err := migrateAtOnce(t, pools...); err != nil {
			t.Error(err)
		}
		if pending, err := models.PendingMigrations(t.Context(), pools[0]); err != nil || pending != 0 {
			t.Errorf("%d migrations are pending after all: %v", pending, err)
		}
		assertValue(t, pools[0], 0, "SELECT count(*) - count(DISTINCT name) FROM bun_migrations")
	}
}

// The twin of TestMigrateAtOnce: where there is no row to lock, two migrate at once, and the second fails at what the first has created.
func TestTwinOfMigrateAtOnce(t *testing.T) {
	t.Parallel()
	address := emptyDatabase(t)
	db := open(t, address)
	first := fstest.MapFS{"20250101000000_first.tx.up.sql": {Data: []byte("SELECT 'so that there is a table of migrations'")}}
	if err := models.MigrateFiles(t.Context(), db, first, ""); err != nil {
		t.Fatal(err)
	}
	run(t, db, `DELETE FROM migration_lock;
CREATE FUNCTION no_lock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER no_lock BEFORE INSERT ON migration_lock FOR EACH ROW EXECUTE FUNCTION no_lock()`)
	var looking sync.WaitGroup // whether there is anything to migrate
	looking.Add(2)
	var pools []*bun.DB
	for range 2 {
		both := sync.OnceFunc(func() { looking.Done(); looking.Wait() })
		pools = append(pools, open(t, address).WithQueryHook(watch{before: func(event *bun.QueryEvent) {
			if strings.Contains(event.Query, "CREATE TABLE roles") {
				both()
			}
		}}))
	}
	if err := migrateAtOnce(t, pools...); err == nil || !slices.Contains([]string{"23505", "42P07"}, models.State(err)) {
		t.Errorf("two without a lock: %v: the test finds nothing", err)
	}
}

func TestMigrateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := open(t, emptyDatabase(t))
	const name = "20260101000000_first.tx.up.sql"
	broken := fstest.MapFS{name: {Data: []byte("CREATE TABLE half (id int);\nCREATE TABLE half (id int);")}}
	if err := models.MigrateFiles(ctx, db, broken, ""); models.State(err) != "42P07" {
		t.Errorf("a broken migration: %v", err)
	}
	mended := fstest.MapFS{name: {Data: []byte(
		"CREATE TABLE half AS SELECT current_setting('statement_timeout') AS patience;")}}
	for range 2 {
		if err := models.MigrateFiles(ctx, db, mended, ""); err != nil {
			t.Errorf("the mended migration: %v", err)
		}
	}
	assertValue(t, db, "0", "SELECT patience FROM half")
	assertValue(t, db, 1, "SELECT count(*) FROM bun_migrations")
}

// A console that dies between the migration and bun's own mark must not migrate twice.
func TestMigrateMarksInTheSameTransaction(t *testing.T) {
	t.Parallel()
	db := open(t, emptyDatabase(t))
	files := fstest.MapFS{"20260101000000_first.tx.up.sql": {Data: []byte("CREATE TABLE once (id int);")}}
	ctx, cancel := context.WithCancel(t.Context())
	db = db.WithQueryHook(&afterCommit{do: cancel})
	if err := models.MigrateFiles(ctx, db, files, ""); err == nil {
		t.Error("the crash did not happen")
	}
	if err := models.MigrateFiles(t.Context(), db, files, ""); err != nil {
		t.Errorf("after the crash: %v", err)
	}
	assertValue(t, db, 1, "SELECT count(*) FROM bun_migrations")
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
	db, observer := open(t, owner), open(t, app)
	other, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	run(t, other, "SELECT id FROM migration_lock FOR UPDATE")
	migrated := make(chan error, 1)
	go func() { migrated <- models.Migrate(t.Context(), db, "tollgate") }()
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
	if err := models.Migrate(t.Context(), open(t, owner), "tollgate"); err != nil {
		t.Fatal(err)
	}
	db := open(t, app)
	for _, refused := range []string{
		"UPDATE audit_logs SET id = id",
		"DELETE FROM audit_logs",
		"TRUNCATE audit_logs",
		"DROP TABLE audit_logs",
		"CREATE TABLE mine (id int)",
	} {
		if _, err := db.ExecContext(t.Context(), refused); models.State(err) != "42501" {
			t.Errorf("%s: %v", refused, err)
		}
	}
	assertValue(t, db, true, "SELECT has_table_privilege('audit_logs', 'INSERT') AND has_table_privilege('audit_logs', 'SELECT')")
	assertValue(t, db, true, "SELECT has_table_privilege('users', 'UPDATE') AND has_table_privilege('users', 'DELETE')")
}

func TestMigrateTakesRoleNamesAsTheyAre(t *testing.T) {
	t.Parallel()
	db := open(t, emptyDatabase(t))
	const role = `a.b "c"; DROP TABLE users; --`
	err := models.Migrate(t.Context(), db, role)
	if models.State(err) != "42704" {
		t.Errorf("an unknown role: %v", err)
	}
	assertValue(t, db, true, "SELECT to_regclass('users') IS NOT NULL")
}

var emptyDatabases atomic.Int64

// emptyDatabase is the owner's address of a database without tables.
func emptyDatabase(t *testing.T) string {
	t.Helper()
	_, owner := dbtest.URLs(t)
	db := open(t, owner)
	name := fmt.Sprintf("test_empty_%d", emptyDatabases.Add(1))
	run(t, db, "CREATE DATABASE "+name+" TEMPLATE template0")
	t.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return withDatabase(t, owner, name)
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

func withDatabase(t *testing.T, address, name string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	parsed.Path = "/" + name
	return parsed.String()
}
