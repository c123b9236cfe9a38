package schema

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// madeByMigration finds what a migration creates or renames.
var madeByMigration = regexp.MustCompile(
	`(?im)^\s*(?:CREATE (?:UNLOGGED )?TABLE|CREATE SEQUENCE|ALTER TABLE \w+ RENAME TO)\s+(?:IF NOT EXISTS\s+)?(\w+)`,
)

// ownNames are the names of the tables that the program creates, also those that a later migration drops.
func ownNames(files fs.FS) ([]string, error) {
	names := []string{"bun_migrations", "bun_migration_locks", "migration_lock"}
	paths, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		for _, found := range madeByMigration.FindAllSubmatch(text, -1) {
			names = append(names, string(found[1]))
		}
	}
	return names, nil
}

// grant gives role what serving needs: the program's own tables with their sequences, and nothing else in the schema.
// It runs in one transaction, so the role can never change an audit row.
func grant(ctx context.Context, tx bun.Tx, files fs.FS, role string) error {
	var owner string
	if err := tx.QueryRowContext(ctx, "SELECT current_user").Scan(&owner); err != nil {
		return fmt.Errorf("read the owner of the tables: %w", err)
	}
	if role == "" || role == owner {
		return nil
	}
	names, err := ownNames(files)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	own, err := ownRelations(ctx, tx, names)
	if err != nil {
		return err
	}
	to := bun.Name(role)
	for _, relation := range own {
		statement := "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE ? TO ?"
		if relation.Sequence {
			statement = "GRANT USAGE, SELECT ON SEQUENCE ? TO ?"
		}
		if _, err := tx.ExecContext(ctx, statement, bun.Name(relation.Name), to); err != nil {
			return fmt.Errorf("grant role %s the table or sequence %s: %w", role, relation.Name, err)
		}
		if relation.Name != "audit_logs" {
			continue
		}
		if _, err := tx.ExecContext(ctx, "REVOKE UPDATE, DELETE, TRUNCATE ON audit_logs FROM ?", to); err != nil {
			return fmt.Errorf("protect the audit rows from role %s: %w", role, err)
		}
	}
	return nil
}

// relation is a table or a sequence.
type relation struct {
	Name     string
	Sequence bool
}

// ownRelations are those of the names that exist, and the sequences of their columns.
func ownRelations(ctx context.Context, tx bun.Tx, names []string) ([]relation, error) {
	var own []relation
	err := tx.NewRaw(`
WITH own AS (
    SELECT oid, relname, relkind FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relname = ANY (?) AND relkind IN ('r', 'p', 'S')
)
SELECT relname AS name, relkind = 'S' AS sequence FROM own
UNION
SELECT s.relname, true FROM own JOIN pg_depend AS d ON d.refobjid = own.oid AND d.refclassid = 'pg_class'::regclass
    AND d.classid = 'pg_class'::regclass
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
ORDER BY name`, pgdialect.Array(names)).Scan(ctx, &own)
	if err != nil {
		return nil, fmt.Errorf("look up the program's own tables: %w", err)
	}
	return own, nil
}
