package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/pgserver"
	"tollgate/models/problem"
	"tollgate/models/schema"
)

// The roles of the private server.
const (
	ownerRole   = "tollgate_owner"
	servingRole = "tollgate"
)

// address is the URL of a database, and the setting it comes from.
type address struct {
	setting, url string
	pooler       bool
}

func (a address) open() (*bun.DB, error) {
	return database.OpenPool(a.url, database.Pool{Pooler: a.pooler})
}

// database is the open, migrated database of the console.
type db struct {
	*bun.DB
	url      string           // by which the serving role opens it
	about    string           // what it is, for the log
	warnings []string         // of what is wrong with it
	private  *pgserver.Server // nil when the server is not run by this program
}

// serveDatabase opens the database for a console, which runs the private server itself.
func (p *program) serveDatabase(ctx context.Context, s settings) (*db, error) {
	if !s.private() {
		return p.givenDatabase(ctx, s)
	}
	server, err := pgserver.Start(ctx, pgserver.Config{Dir: s.DataDir, Log: p.log})
	if err != nil {
		return nil, fmt.Errorf("start the private database: %w", err)
	}
	return p.privateDatabase(ctx, s, server.Socket, server)
}

// commandDatabase opens the database for a command, which works beside a console or without one.
func (p *program) commandDatabase(ctx context.Context, s settings) (*db, error) {
	if !s.private() {
		return p.givenDatabase(ctx, s)
	}
	if s.migration.existing && !pgserver.Made(s.DataDir) {
		return nil, settingError{"DATABASE_URL", "is not set, and there is no private database in " + s.DataDir +
			": give this command the settings of the console"}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		socket, err := pgserver.Join(ctx, s.DataDir)
		if err == nil {
			return p.privateDatabase(ctx, s, socket, nil)
		}
		if !errors.Is(err, pgserver.ErrNotRunning) {
			return nil, fmt.Errorf("join the private database: %w", err)
		}
		db, err := p.serveDatabase(ctx, s)
		if err == nil && db.private.Fresh {
			fmt.Fprintf(p.stderr, "tollgate: made a new private database in %s; "+
				"set TOLLGATE_DATA_DIR to the folder of the console if that is another\n", s.DataDir)
		}
		// A concurrent process has started the server: join it.
		var taken pgserver.InUseError
		if !errors.As(err, &taken) {
			return db, err
		}
	}
}

func (p *program) privateDatabase(
	ctx context.Context, s settings, socket pgserver.Socket, server *pgserver.Server,
) (*db, error) {
	db := &db{about: "private PostgreSQL in " + s.DataDir, private: server}
	var err error
	serving, owner := address{db.about, socket.URL(servingRole), false}, address{db.about, socket.URL(ownerRole), false}
	db.url = serving.url
	if db.DB, err = p.migrated(ctx, serving, owner, s.migration); err != nil {
		return nil, errors.Join(err, db.Close(context.WithoutCancel(ctx)))
	}
	return db, nil
}

func (p *program) givenDatabase(ctx context.Context, s settings) (*db, error) {
	db := &db{about: "PostgreSQL at " + withoutPassword(s.DatabaseURL), url: s.DatabaseURL}
	var err error
	serving := address{"DATABASE_URL", s.DatabaseURL, s.Pooler}
	owner := address{"TOLLGATE_MIGRATE_URL", s.MigrateURL, s.Pooler}
	if db.DB, err = p.migrated(ctx, serving, owner, s.migration); err != nil {
		return nil, err
	}
	role, err := database.CurrentRole(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close(context.WithoutCancel(ctx)))
	}
	switch {
	case role.Superuser:
		p.warn(db, "DATABASE_URL signs in as %s, a superuser; "+
			"give the console a role of its own and name the owner of the tables in TOLLGATE_MIGRATE_URL", role.Name)
	case role.OwnsTables:
		p.warn(db, "DATABASE_URL signs in as %s, who owns the tables and so could change audit rows; "+
			"give the console a role of its own and name the owner in TOLLGATE_MIGRATE_URL", role.Name)
	}
	if s.Pooler {
		if err := p.warnOfNoLimits(ctx, db, role.Name); err != nil {
			return nil, errors.Join(err, db.Close(context.WithoutCancel(ctx)))
		}
	}
	return db, nil
}

// warn tells what is wrong in the log and on the page of settings.
func (p *program) warn(db *db, format string, values ...any) {
	warning := fmt.Sprintf(format, values...)
	p.log.Warn(warning)
	db.warnings = append(db.warnings, warning)
}

// warnOfNoLimits tells how to set the limits of sessions that a pooler keeps this program from setting.
func (p *program) warnOfNoLimits(ctx context.Context, db *db, role string) error {
	without, err := database.Unlimited(ctx, db)
	if err != nil {
		return err
	}
	for _, limit := range without {
		p.log.Warn("behind a pooler the role has to have its limits, and has not",
			"run", fmt.Sprintf("ALTER ROLE %s SET %s = '%s'", role, limit.Name, limit.Value))
	}
	return nil
}

// migration says how a database that is opened is migrated.
type migration struct {
	schema.Options
	whole    bool // what contracts as well, or it fails
	existing bool // no private database is made
}

// migrated opens a database for the serving role after its owner has brought it up to date.
// Without an owner the serving role does that itself.
func (p *program) migrated(ctx context.Context, serving, owner address, how migration) (*bun.DB, error) {
	db, err := serving.open()
	if err != nil {
		return nil, err
	}
	err = p.migrate(ctx, db, serving, owner, how.Options)
	var left schema.ContractError
	if errors.As(err, &left) && !left.Needed && !how.whole {
		p.log.Warn("a migration waits until consoles of an earlier release have ended", "migration", left.Migration,
			"consoles", fmt.Sprint(left.Consoles))
		return db, nil
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (p *program) migrate(ctx context.Context, db *bun.DB, serving, owner address, options schema.Options) error {
	if err := database.CheckServer(ctx, db); err != nil {
		return serving.explain(err)
	}
	role, err := database.CurrentRole(ctx, db)
	if err != nil {
		return serving.explain(err)
	}
	options.Role = role.Name
	if owner.url == "" {
		// A role that may not create tables is fine where its owner has migrated already.
		state, err := schema.Read(ctx, db)
		if err != nil || state.Pending == 0 && (state.Contracts == 0 || !role.OwnsTables) {
			return err
		}
		return serving.explain(schema.Apply(ctx, db, p.migrations, options))
	}
	owning, err := owner.open()
	if err != nil {
		return err
	}
	err = schema.Apply(ctx, owning, p.migrations, options)
	if err := errors.Join(err, owning.Close()); err != nil {
		return owner.explain(err)
	}
	state, err := schema.Read(ctx, db)
	if err == nil && state.Pending > 0 {
		return settingError{owner.setting, "leads to another database or schema than " + serving.setting}
	}
	return err
}

// explain names the setting, and calls it wrong when the server knows no such user or database.
func (a address) explain(err error) error {
	if err == nil {
		return nil
	}
	var standby problem.StandbyError
	if errors.As(err, &standby) {
		return fmt.Errorf("%s: %w", a.setting, standby)
	}
	var refused *pgconn.PgError
	const noDatabase, notAuthorized = "3D000", "28"
	if errors.As(err, &refused) && (refused.Code == noDatabase || strings.HasPrefix(refused.Code, notAuthorized)) {
		return settingError{a.setting, refused.Message}
	}
	return fmt.Errorf("%s: %w", a.setting, err)
}

// withoutPassword leaves what may be shown: the server and the database.
func withoutPassword(address string) string {
	parts, err := url.Parse(address)
	if err != nil {
		return "DATABASE_URL"
	}
	return parts.Host + parts.Path
}

// Ended is closed when the private server ends, on request or not; never when the server is not run by this program.
func (d *db) Ended() <-chan struct{} {
	if d.private == nil {
		return nil
	}
	return d.private.Done()
}

// Close ends what was opened: the connections, then the private server.
func (d *db) Close(ctx context.Context) error {
	var err error
	if d.DB != nil {
		err = d.DB.Close()
	}
	if d.private != nil {
		err = errors.Join(err, d.private.Stop(ctx))
	}
	return err
}
