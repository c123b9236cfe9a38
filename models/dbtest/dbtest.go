// Package dbtest gives each test a PostgreSQL database of its own, migrated and empty.
package dbtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/migrations"
	"tollgate/models/pgserver"
	"tollgate/models/schema"
)

const (
	ownerRole = "tollgate_owner"
	appRole   = "tollgate"
	patience  = time.Minute
)

// New opens a fresh database as the role that the console serves with.
func New(t testing.TB) *bun.DB {
	t.Helper()
	db, err := database.Open(URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// URL is the address of a fresh database for the role that the console serves with.
func URL(t testing.TB) string {
	t.Helper()
	app, _ := URLs(t)
	return app
}

// URLs are the addresses of one fresh database for the serving role and for the owner of its tables.
func URLs(t testing.TB) (app, owner string) {
	t.Helper()
	server := started(t)
	return server.copyOf(t, server.template)
}

func started(t testing.TB) *server {
	t.Helper()
	s, err := sharedServer()
	if err != nil {
		t.Fatalf("start the test database server: %v", err)
	}
	return s
}

// copyOf creates a database until the test ends.
func (s *server) copyOf(t testing.TB, template string) (app, owner string) {
	t.Helper()
	name := s.create(t, template)
	t.Cleanup(func() {
		if !s.inMemory {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.drop(ctx, name); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return s.url(appRole, name), s.url(ownerRole, name)
}

// create creates a database. Copying files takes less than half as long as writing a log of each block.
func (s *server) create(t testing.TB, template string) (name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	name = "test_" + strconv.FormatInt(s.created.Add(1), 10)
	err := s.exec(ctx, "CREATE DATABASE ? TEMPLATE ? STRATEGY file_copy", bun.Name(name), bun.Name(template))
	if err != nil {
		t.Fatalf("create a test database: %v", err)
	}
	return name
}

// server is a persistent cluster that this process uses alone. Nothing stops it:
// it ends with the process, also after a panic or a timeout.
type server struct {
	postgres *pgserver.Server
	owner    *bun.DB
	template string
	created  atomic.Int64
	slot     *os.File // locked until the process ends
	inMemory bool     // on a disk, dropping a database takes longer than making one
}

// drop drops a database once the connections that the test has closed have ended: DROP DATABASE would look for them
// only every 100 ms. Those that are left open are ended.
func (s *server) drop(ctx context.Context, name string) error {
	const most = 200 * time.Millisecond
	for began := time.Now(); time.Since(began) < most; <-time.After(2 * time.Millisecond) {
		open, err := s.owner.NewSelect().Table("pg_stat_activity").Where("datname = ?", name).Exists(ctx)
		if err != nil {
			return err
		}
		if !open {
			break
		}
	}
	return s.exec(ctx, "DROP DATABASE ? WITH (FORCE)", bun.Name(name))
}

// manyLeftovers take longer to drop than a new cluster takes to make.
const manyLeftovers = 10

// sharedServer is one for all tests of a package.
var sharedServer = sync.OnceValues(func() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dir, slot, err := claimSlot()
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, dir, slot)
	if err == nil || errors.Is(err, pgserver.ErrMissing) {
		return s, err
	}
	// Test clusters do not wait for the disk, so a power cut may have ruined this one.
	// It may also contain too many leftovers of earlier runs.
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	return start(ctx, dir, slot)
})

func start(ctx context.Context, dir string, slot *os.File) (*server, error) {
	settings := map[string]string{"shared_buffers": "32MB", "max_wal_size": "128MB", "max_connections": "300"}
	maps.Copy(settings, quick)
	postgres, err := pgserver.Start(ctx, pgserver.Config{Dir: dir, Settings: settings})
	if err != nil {
		return nil, err
	}
	s := &server{postgres: postgres, slot: slot, inMemory: strings.HasPrefix(dir, memory)}
	s.owner, err = database.Open(s.url(ownerRole, "postgres") + "&statement_timeout=60s")
	if err == nil {
		err = s.makeTemplate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, postgres.Stop(ctx))
	}
	return s, nil
}

// makeTemplate keeps the template of these migrations and this week, in which its usage begins, and drops all that
// earlier runs left behind.
func (s *server) makeTemplate(ctx context.Context) error {
	hash, err := hashMigrations()
	if err != nil {
		return err
	}
	year, week := time.Now().UTC().ISOWeek()
	s.template = fmt.Sprintf("template_%s_%d_%d", hash, year, week)
	var names []string
	if err := s.owner.NewSelect().Table("pg_database").Column("datname").
		Where("datname LIKE 'test_%' OR datname LIKE 'template__%'").
		Where("NOT datistemplate").Scan(ctx, &names); err != nil {
		return err
	}
	if !s.inMemory && len(names) > manyLeftovers {
		return fmt.Errorf("%d databases are left over", len(names))
	}
	if err := s.dropAllBut(ctx, s.template, names); err != nil || slices.Contains(names, s.template) {
		return err
	}
	return s.migrateTemplate(ctx)
}

func (s *server) dropAllBut(ctx context.Context, kept string, names []string) error {
	for _, name := range names {
		if name == kept {
			continue
		}
		if err := s.exec(ctx, "DROP DATABASE ? WITH (FORCE)", bun.Name(name)); err != nil {
			return err
		}
	}
	return nil
}

// migrateTemplate gives the template its name last, so a run that is cut short leaves none.
func (s *server) migrateTemplate(ctx context.Context) error {
	const draft = "template_draft"
	if err := s.exec(ctx, "CREATE DATABASE ?", bun.Name(draft)); err != nil {
		return err
	}
	db, err := database.Open(s.url(ownerRole, draft))
	if err != nil {
		return err
	}
	err = schema.Migrate(ctx, db, appRole)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	// A template with open connections cannot be copied.
	if err := s.exec(ctx, "ALTER DATABASE ? WITH ALLOW_CONNECTIONS false", bun.Name(draft)); err != nil {
		return err
	}
	return s.exec(ctx, "ALTER DATABASE ? RENAME TO ?", bun.Name(draft), bun.Name(s.template))
}

func (s *server) exec(ctx context.Context, statement string, names ...any) error {
	_, err := s.owner.ExecContext(ctx, statement, names...)
	return err
}

func (s *server) url(role, database string) string {
	address, err := url.Parse(s.postgres.URL(role))
	if err != nil {
		panic(err) // the supervisor made it
	}
	address.Path = "/" + database
	return address.String()
}

func hashMigrations() (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(migrations.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := migrations.Files.ReadFile(path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
		return err
	})
	return fmt.Sprintf("%.6x", hash.Sum(nil)), err
}
