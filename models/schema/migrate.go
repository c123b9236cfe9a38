package schema

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"tollgate/models/migrations"
	"tollgate/models/problem"
)

// Options say how the database is migrated.
type Options struct {
	Role   string // the one the console serves with; it gets the rights it needs
	Expand bool   // leave out what contracts
	Force  bool   // contract also while a console is seen that does not know it
}

// Migrate brings the database up to this program's schema. Several consoles may call it at once.
// db must belong to the owner of the tables; appRole is the role that the console serves with,
// and gets the rights it needs, without the right to change or remove audit rows.
func Migrate(ctx context.Context, db *bun.DB, appRole string) error {
	return MigrateFiles(ctx, db, migrations.Files, appRole)
}

// MigrateFiles applies the migrations of a file system.
func MigrateFiles(ctx context.Context, db *bun.DB, files fs.FS, appRole string) error {
	return Apply(ctx, db, files, Options{Role: appRole})
}

// Apply applies migrations in the order of their names, up to one that contracts and is left out: by the options, or
// because it is refused with a [ContractError].
func Apply(ctx context.Context, db *bun.DB, files fs.FS, options Options) error {
	found, err := discover(files)
	if err != nil {
		return err
	}
	return withMigrationLock(ctx, db, func(lock bun.Tx) error {
		due, refused, err := found.due(ctx, lock, options)
		if err != nil {
			return err
		}
		migrator := migrate.NewMigrator(db, due,
			migrate.WithMarkAppliedOnSuccess(true),
			migrate.WithUpsert(true),
			migrate.BeforeMigration(allowLongStatements),
			migrate.AfterMigration(found.markApplied),
		)
		if err := migrator.Init(ctx); err != nil {
			return fmt.Errorf("prepare the migrations: %w", err)
		}
		if _, err := migrator.Migrate(ctx); err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
		if err := foldNames(ctx, lock); err != nil {
			return fmt.Errorf("repair names: %w", err)
		}
		if err := grant(ctx, lock, files, options.Role); err != nil {
			return err
		}
		return refused
	})
}

// allowLongStatements lifts the limits meant for requests; a table that stays
// locked still ends the migration, because everyone else would queue behind it.
func allowLongStatements(ctx context.Context, conn bun.IConn, _ *migrate.Migration) error {
	_, err := conn.ExecContext(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '15s'")
	return err
}

// markApplied commits the mark together with the migration, so that a crash
// right after the commit does not run the migration a second time.
func (m known) markApplied(ctx context.Context, conn bun.IConn, migration *migrate.Migration) error {
	_, err := conn.ExecContext(ctx, "INSERT INTO bun_migrations (name, group_id) VALUES (?, ?)",
		migration.Name, migration.GroupID)
	if err == nil && m.contracts(migration.Name) {
		_, err = conn.ExecContext(ctx, "INSERT INTO contracts (name) VALUES (?)", migration.Name)
	}
	return err
}

// withMigrationLock locks a row while fn runs. The lock ends with the connection,
// so a console that dies leaves nothing behind, and it needs no advisory locks,
// which a pooler or a compatible server may lack.
func withMigrationLock(ctx context.Context, db *bun.DB, fn func(lock bun.Tx) error) error {
	if err := createMigrationLock(ctx, db); err != nil {
		return fmt.Errorf("create the migration lock: %w", err)
	}
	return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for _, statement := range []string{
			"SET LOCAL lock_timeout = '60s'",
			"SET LOCAL statement_timeout = 0",
			"SET LOCAL idle_in_transaction_session_timeout = 0",
			"SELECT id FROM migration_lock FOR UPDATE",
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("wait for the migration of another console: %w", err)
			}
		}
		return fn(tx)
	})
}

func createMigrationLock(ctx context.Context, db *bun.DB) error {
	const table = "CREATE TABLE IF NOT EXISTS migration_lock (id boolean PRIMARY KEY DEFAULT true CHECK (id))"
	_, err := db.ExecContext(ctx, table)
	// IF NOT EXISTS does not cover two consoles that create it in the same moment.
	if code := problem.SQLState(err); code == "23505" || code == "42P07" || code == "42710" {
		_, err = db.ExecContext(ctx, table)
	}
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "INSERT INTO migration_lock DEFAULT VALUES ON CONFLICT DO NOTHING")
	return err
}
