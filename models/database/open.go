package database

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/extra/bundebug"

	"tollgate/models/problem"
)

const (
	poolSize       = 10 // the default
	connectionLife = 30 * time.Minute
	maxRepeats     = 5
	connectTime    = 5 * time.Second
	hostTime       = 2 * time.Second // where several hosts are named
	plansKept      = 32              // on each connection
)

// Pool says how a database is reached.
type Pool struct {
	Connections int  // at most; 0 for the default
	Pooler      bool // a pooler in between gives each transaction another session
	Standby     bool // a standby will do
}

// Open prepares a pool for the database at url; it connects with the first query.
// Parameters in the URL override the session settings made here, except the time zone.
func Open(url string) (*bun.DB, error) { return OpenPool(url, Pool{}) }

// OpenPool is Open with choices.
func OpenPool(url string, of Pool) (*bun.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database address: %w", err)
	}
	// Bun writes the arguments into each statement, so a cache of statements would only fill up; QueryPlanned opts in.
	// This mode also refuses a second statement after the first one when arguments are bound.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.StatementCacheCapacity = plansKept
	config.DescriptionCacheCapacity = 0
	servers := hostsOf(config)
	if config.ConnectTimeout == 0 {
		// A server that accepts connections and never answers would occupy each of them, and a place in the pool, forever.
		config.ConnectTimeout = connectTime
		if len(servers) > 1 {
			config.ConnectTimeout = hostTime
		}
	}
	if config.ValidateConnect == nil && !of.Standby && !strings.Contains(url, "target_session_attrs=") {
		config.ValidateConnect = refuseStandby(len(servers) > 1)
	}
	config.OnNotice = noteUnreplicated
	prepareSession(config, of.Pooler)

	made := &connector{pooler: of.Pooler}
	for _, server := range servers {
		made.hosts = append(made.hosts, &host{Connector: stdlib.GetConnector(
			server.of(*config), stdlib.OptionAfterConnect(knowTypes))})
	}
	pool := sql.OpenDB(made)
	connections := cmp.Or(of.Connections, poolSize)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxLifetime(connectionLife)

	db := bun.NewDB(pool, pgdialect.New())
	return db.WithQueryHook(bundebug.NewQueryHook(
		bundebug.WithEnabled(false),
		bundebug.FromEnv("BUNDEBUG"),
	)), nil
}

// knowTypes makes a connection return timestamps in UTC, independent of the zone of this machine, and write ids also
// where the server has not said what it expects.
func knowTypes(_ context.Context, conn *pgx.Conn) error {
	types := conn.TypeMap()
	types.RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	types.RegisterDefaultPgType([16]byte{}, "uuid")
	types.RegisterDefaultPgType([][16]byte{}, "_uuid")
	types.RegisterDefaultPgType(uuid.UUID{}, "uuid")
	types.RegisterDefaultPgType([]uuid.UUID{}, "_uuid")
	return nil
}

// ServerSettingError reports a server setting that would lose or corrupt data.
type ServerSettingError struct {
	Name, Value, Reason string
}

func (e ServerSettingError) Error() string {
	return fmt.Sprintf("the database server has %s = %s: %s", e.Name, e.Value, e.Reason)
}

// CheckServer refuses a server on which an acknowledged change could vanish
// or on which quoting is unsafe. The refusal is a [ServerSettingError].
func CheckServer(ctx context.Context, db *bun.DB) error {
	var synchronous, conforming string
	err := db.QueryRowContext(ctx,
		"SELECT current_setting('synchronous_commit'), current_setting('standard_conforming_strings')",
	).Scan(&synchronous, &conforming)
	if err != nil {
		return fmt.Errorf("read the settings of the database server: %w", err)
	}
	if synchronous == "off" {
		return ServerSettingError{
			"synchronous_commit", synchronous,
			"a crash would lose changes that were already confirmed; set it to on",
		}
	}
	if conforming != "on" {
		return ServerSettingError{
			"standard_conforming_strings", conforming,
			"backslashes in text would change statements; set it to on",
		}
	}
	return nil
}

// Repeated retries a transaction that the server has rolled back.
func Repeated(ctx context.Context, do func() error) error {
	for repeats := 0; ; repeats++ {
		err := do()
		if repeats == maxRepeats || !isRepeatable(err) {
			return err
		}
		if !pause(ctx, 5*time.Millisecond+rand.N(195*time.Millisecond)) {
			return errors.Join(err, ctx.Err())
		}
	}
}

// InSnapshot runs several reading statements in one snapshot, or in the transaction that db already is.
func InSnapshot(ctx context.Context, db bun.IDB, read func(ctx context.Context, db bun.IDB) error) error {
	pool, ok := db.(*bun.DB)
	if !ok {
		return read(ctx, db)
	}
	options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	return pool.RunInTx(ctx, options, func(ctx context.Context, tx bun.Tx) error { return read(ctx, tx) })
}

// ErrAgain marks a failure that a retry, which reads the concurrent changes, will not meet.
var ErrAgain = errors.New("changed meanwhile")

// isRepeatable reports a failure that the server promises to have rolled back
// and that a retry may not meet.
func isRepeatable(err error) bool {
	code := problem.SQLState(err)
	return code == "40001" || code == "40P01" || errors.Is(err, ErrAgain) || problem.FitsNoPartition(err)
}

// pause waits for d and reports whether ctx lasted that long.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
