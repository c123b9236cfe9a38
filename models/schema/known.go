package schema

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"

	"tollgate/models/migrations"
	"tollgate/models/problem"
)

// known are the migrations of a program, in their order.
type known struct {
	all         migrate.MigrationSlice
	contracting []string // the names of those that contract
}

func discover(files fs.FS) (known, error) {
	found := migrate.NewMigrations()
	if err := found.Discover(files); err != nil {
		return known{}, fmt.Errorf("read the migrations: %w", err)
	}
	paths, err := fs.Glob(files, "*.contract.*")
	if err != nil {
		return known{}, fmt.Errorf("read the migrations that contract: %w", err)
	}
	m := known{all: found.Sorted()}
	for _, path := range paths {
		name, _, _ := strings.Cut(path, "_")
		m.contracting = append(m.contracting, name)
	}
	return m, nil
}

func (m known) contracts(name string) bool { return slices.Contains(m.contracting, name) }

func (m known) has(name string) bool {
	return slices.ContainsFunc(m.all, func(one migrate.Migration) bool { return one.Name == name })
}

// Newest is the name of the last migration that this program knows.
func Newest() (string, error) {
	m, err := discover(migrations.Files)
	if err != nil {
		return "", err
	}
	return m.all[len(m.all)-1].Name, nil
}

// due are the migrations to apply. The second result says which was left out, because consoles use what it removes.
func (m known) due(ctx context.Context, lock bun.Tx, options Options) (due *migrate.Migrations, refused, err error) {
	due = migrate.NewMigrations()
	applied, err := appliedIn(ctx, lock)
	if err != nil {
		return nil, nil, err
	}
	for i, one := range m.all {
		if !m.contracts(one.Name) || applied.has(one.Name) {
			due.Add(one)
			continue
		}
		if options.Expand {
			break
		}
		if !options.Force {
			behind, err := consolesBefore(ctx, lock, one.Name)
			if err != nil {
				return nil, nil, err
			}
			if len(behind) > 0 {
				return due, ContractError{one.Name, behind, m.expands(m.all[i:], applied)}, nil
			}
		}
		due.Add(one)
	}
	return due, nil, nil
}

// expands reports whether one of some migrations expands and is not applied.
func (m known) expands(some migrate.MigrationSlice, applied applied) bool {
	return slices.ContainsFunc(some, func(one migrate.Migration) bool {
		return !m.contracts(one.Name) && !applied.has(one.Name)
	})
}

// ContractError reports a migration that was left out, because it removes what some consoles use.
type ContractError struct {
	Migration string
	Consoles  []Console
	Needed    bool // this program needs migrations that come after it
}

func (e ContractError) Error() string {
	names := make([]string, len(e.Consoles))
	for i, console := range e.Consoles {
		names[i] = console.String()
	}
	return fmt.Sprintf("migration %s removes what a console that does not know it uses: %s. Stop it, wait a minute and "+
		"run tollgate migrate; tollgate migrate --force does not wait", e.Migration, strings.Join(names, ", "))
}

// Console is a running console, as it was seen last.
type Console struct {
	ID, Version string
	Ago         int64 // seconds
}

func (c Console) String() string {
	return fmt.Sprintf("%s (version %s, seen %d s ago)", c.ID, c.Version, c.Ago)
}

// consolesBefore are the consoles at work that do not know a migration.
func consolesBefore(ctx context.Context, db bun.IDB, migration string) ([]Console, error) {
	var recorded bool
	if err := db.NewRaw("SELECT to_regclass('consoles') IS NOT NULL").Scan(ctx, &recorded); err != nil || !recorded {
		return nil, err
	}
	var behind []Console
	err := db.NewRaw(`
SELECT id, version, greatest(extract(epoch FROM clock_timestamp() - seen_at)::bigint, 0) AS ago FROM consoles
WHERE seen_at > clock_timestamp() - interval '60 seconds' AND schema < ? ORDER BY id`, migration).Scan(ctx, &behind)
	if err != nil {
		return nil, fmt.Errorf("look for consoles that do not know migration %s: %w", migration, err)
	}
	return behind, nil
}

// applied are the migrations that a database has.
type applied struct{ names, contracts []string }

func (a applied) has(name string) bool { return slices.Contains(a.names, name) }

// appliedIn reads the migrations of a database, which may have none yet.
func appliedIn(ctx context.Context, db bun.IDB) (a applied, err error) {
	var marks, contracts, standby bool
	err = db.NewRaw("SELECT to_regclass('bun_migrations') IS NOT NULL, to_regclass('contracts') IS NOT NULL, "+
		"pg_is_in_recovery()").Scan(ctx, &marks, &contracts, &standby)
	if err == nil && standby { // behind a pooler, connections outlive a primary
		err = problem.StandbyError{}
	}
	if err == nil && marks {
		err = db.NewRaw("SELECT array_agg(name) FROM bun_migrations").Scan(ctx, pgdialect.Array(&a.names))
	}
	if err == nil && contracts {
		err = db.NewRaw("SELECT array_agg(name) FROM contracts").Scan(ctx, pgdialect.Array(&a.contracts))
	}
	if err != nil {
		return a, fmt.Errorf("read the applied migrations: %w", err)
	}
	return a, nil
}
