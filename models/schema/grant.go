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
	`(?im)^\s*(?:CREATE (?:UNLOGGED )?TABLE|CREATE SEQUENCE|CREATE VIEW|ALTER TABLE \w+ RENAME TO)\s+(?:IF NOT EXISTS\s+)?(\w+)`,
)

// ownNames are the names of what the program creates, also what a later migration drops.
func ownNames(files fs.FS) ([]string, error) {
	names, err := namesIn(files, madeByMigration)
	return append(names, "bun_migrations", "bun_migration_locks", "migration_lock"), err
}

// namesIn are the names that a pattern finds in the migrations.
func namesIn(files fs.FS, pattern *regexp.Regexp) (names []string, err error) {
	paths, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		for _, found := range pattern.FindAllSubmatch(text, -1) {
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
		if _, err := tx.ExecContext(ctx, rights[relation.Kind], bun.Name(relation.Name), to); err != nil {
			return fmt.Errorf("grant role %s %s: %w", role, relation.Name, err)
		}
		if relation.Name != "audit_logs" {
			continue
		}
		if _, err := tx.ExecContext(ctx, "REVOKE UPDATE, DELETE, TRUNCATE ON audit_logs FROM ?", to); err != nil {
			return fmt.Errorf("protect the audit rows from role %s: %w", role, err)
		}
	}
	return grantFunctions(ctx, tx, files, role)
}

// actsAsOwner finds the functions that do what the serving role has no right to.
var actsAsOwner = regexp.MustCompile(`(?is)CREATE (?:OR REPLACE )?FUNCTION (\w+)\([^)]*\)[^$]*SECURITY DEFINER`)

func grantFunctions(ctx context.Context, tx bun.Tx, files fs.FS, role string) error {
	names, err := namesIn(files, actsAsOwner)
	if err != nil {
		return err
	}
	var own []string
	err = tx.NewRaw(`SELECT proname FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace AND prosecdef AND proname = ANY (?)`, pgdialect.Array(names)).
		Scan(ctx, &own)
	if err != nil {
		return fmt.Errorf("look up the program's own functions: %w", err)
	}
	for _, name := range own {
		_, err := tx.ExecContext(ctx, "GRANT EXECUTE ON FUNCTION ? TO ?", bun.Name(name), bun.Name(role))
		if err != nil {
			return fmt.Errorf("grant role %s the function %s: %w", role, name, err)
		}
	}
	return nil
}

// rights are what the serving role needs, by the kind of relation.
var rights = map[string]string{
	"table":    "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE ? TO ?",
	"sequence": "GRANT USAGE, SELECT ON SEQUENCE ? TO ?",
	"view":     "GRANT SELECT ON TABLE ? TO ?",
}

// relation is a table, a sequence or a view.
type relation struct{ Name, Kind string }

// ownRelations are those of the names that exist, and the sequences of their columns.
func ownRelations(ctx context.Context, tx bun.Tx, names []string) ([]relation, error) {
	var own []relation
	err := tx.NewRaw(`
WITH own AS (
    SELECT oid, relname, relkind FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relname = ANY (?)
        AND relkind IN ('r', 'p', 'S', 'v')
)
SELECT relname AS name, CASE relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' ELSE 'table' END AS kind FROM own
UNION
SELECT s.relname, 'sequence' FROM own
    JOIN pg_depend AS d ON d.refobjid = own.oid AND d.refclassid = 'pg_class'::regclass
        AND d.classid = 'pg_class'::regclass
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
ORDER BY name`, pgdialect.Array(names)).Scan(ctx, &own)
	if err != nil {
		return nil, fmt.Errorf("look up the program's own tables: %w", err)
	}
	return own, nil
}
