package schema_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/uptrace/bun"

	"tollgate/models/dbtest"
	"tollgate/models/migrations"
	"tollgate/models/modelstest"
	"tollgate/models/schema"
)

// with are the program's migrations and further ones.
func with(t *testing.T, further map[string]string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	for name, text := range further {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// next is what a later release brings.
var next = map[string]string{
	"29990101000000_first.expand.tx.up.sql":    "CREATE TABLE first ()",
	"29990102000000_gone.contract.tx.up.sql":   "ALTER TABLE users DROP COLUMN name",
	"29990103000000_gone.contract.tx.up.sql":   "ALTER TABLE roles DROP COLUMN description",
	"29990104000000_second.expand.tx.up.sql":   "CREATE TABLE second ()",
	"29990105000000_last.contract.tx.up.sql":   "ALTER TABLE roles DROP COLUMN name",
	"29990106000000_nothing.expand.tx.up.sql":  "SELECT 1",
	"29990108000000_contract.expand.tx.up.sql": "SELECT 'by its kind, not by its name'",
}

const applied = "SELECT coalesce(string_agg(right(name, 8), ' ' ORDER BY name), '') FROM bun_migrations WHERE name > '2999'"

func owned(t *testing.T) *bun.DB {
	t.Helper()
	_, owner := dbtest.URLs(t)
	return modelstest.Open(t, owner)
}

// What contracts waits for every console that does not know it, and is named together with them; what expands before it
// is applied.
func TestContractWaitsForConsoles(t *testing.T) {
	t.Parallel()
	db, files := owned(t), with(t, next)
	heartbeat, err := schema.NewHeartbeat(db, slog.New(slog.DiscardHandler), "v7.8.9", "127.0.0.1:4444", []byte("check"))
	if err != nil {
		t.Fatal(err)
	}
	if err := heartbeat.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	modelstest.Run(t, db, `INSERT INTO consoles VALUES ('ended', 'v1', '20260101000000', now() - interval '61 s'),
		('half-way', 'v8', '29990103000000', now())`)
	err = schema.MigrateFiles(t.Context(), db, files, "")
	var refused schema.ContractError
	if !errors.As(err, &refused) || refused.Migration != "29990102000000" || len(refused.Consoles) != 1 || !refused.Needed {
		t.Fatalf("contracted beside a console that does not know it: %+v", err)
	}
	for _, part := range []string{"127.0.0.1:4444", "version v7.8.9", "29990102000000", "--force"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	modelstest.AssertValue(t, db, "01000000", applied)
	if err := schema.Apply(t.Context(), db, files, schema.Options{Expand: true}); err != nil {
		t.Errorf("expand alone: %v", err)
	}
	modelstest.AssertValue(t, db, "01000000", applied)

	// It ends: then the console in the middle is the one that does not know the last.
	ended, end := context.WithCancel(t.Context())
	end()
	heartbeat.Run(ended)
	err = schema.MigrateFiles(t.Context(), db, files, "")
	if !errors.As(err, &refused) || refused.Migration != "29990105000000" || refused.Consoles[0].ID != "half-way" || !refused.Needed {
		t.Errorf("the last contract: %+v", err)
	}
	modelstest.AssertValue(t, db, "01000000 02000000 03000000 04000000", applied)
	modelstest.AssertValue(t, db, 2, "SELECT count(*) FROM contracts")
	if err := schema.Apply(t.Context(), db, files, schema.Options{Force: true}); err != nil {
		t.Errorf("forced: %v", err)
	}
	modelstest.AssertValue(t, db, 3, "SELECT count(*) FROM contracts")
	modelstest.AssertValue(t, db, 7, "SELECT count(*) FROM bun_migrations WHERE name > '2999'")
	if state, err := schema.Read(t.Context(), db); err != nil || state != (schema.State{Unknown: 7, Newer: true}) {
		t.Errorf("for this program: %+v, %v", state, err)
	}
}

// A program whose last migrations contract works without them; a later one that only expanded is none of its business.
func TestStateOfAnotherRelease(t *testing.T) {
	t.Parallel()
	db := owned(t)
	modelstest.Run(t, db, "INSERT INTO consoles VALUES ('before', 'v1', '20260909000000', now())")
	files := with(t, map[string]string{"29990102000000_gone.contract.tx.up.sql": "SELECT 1"})
	var refused schema.ContractError
	if err := schema.MigrateFiles(t.Context(), db, files, ""); !errors.As(err, &refused) || refused.Needed {
		t.Errorf("a contract at the end: %+v", err)
	}
	files = with(t, map[string]string{"29990102000000_more.expand.tx.up.sql": "CREATE TABLE more ()"})
	if err := schema.MigrateFiles(t.Context(), db, files, ""); err != nil {
		t.Error(err)
	}
	if state, err := schema.Read(t.Context(), db); err != nil || state != (schema.State{Unknown: 1}) {
		t.Errorf("%+v, %v", state, err)
	}
}
