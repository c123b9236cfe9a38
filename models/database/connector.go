package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"tollgate/models/problem"
)

// connector makes the connections of one pool, which know planned queries and statements that are sent together.
type connector struct {
	hosts     []*host
	pooler    bool
	mutex     sync.Mutex
	listeners []Listener
	writers   []FeedWriter // that have no transaction under way
	fed       map[uuid.UUID]Fed
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// Driver is the connector itself, so that it can be found again by its pool.
func (c *connector) Driver() driver.Driver { return c }

// Open is only there to make the connector a driver.
func (c *connector) Open(name string) (driver.Conn, error) { return c.hosts[0].Driver().Open(name) }

// poolOf returns the connector of a pool that Open has made.
func poolOf(db *bun.DB) *connector { return db.Driver().(*connector) }

type connection struct {
	*stdlib.Conn
	host   *host
	pooler bool
	// readOnly is set when the server has become a standby: then the pool looks for the primary.
	readOnly bool
}

// IsValid keeps the connection in the pool.
func (c *connection) IsValid() bool { return !c.readOnly && !c.Conn.Conn().IsClosed() }

// check learns from the end of a statement.
func (c *connection) check(ctx context.Context, err error) {
	switch {
	case err == nil:
	case problem.SQLState(err) == "25006":
		c.readOnly = true
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && c.Conn.Conn().IsClosed():
		c.host.fail() // it did not even say that the statement took too long
	}
}

func (c *connection) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if values, planned := ctx.Value(plannedKey{}).([]any); planned {
		// Behind a pooler the next transaction may have a session that knows no prepared statement of this one.
		args = nil
		if !c.pooler {
			args = append(args, driver.NamedValue{Ordinal: 1, Value: pgx.QueryExecModeCacheStatement})
		}
		for _, value := range values {
			args = append(args, driver.NamedValue{Ordinal: len(args) + 1, Value: value})
		}
	}
	delete(c.Conn.Conn().PgConn().CustomData(), unreplicated) // of a statement before
	rows, err := c.Conn.QueryContext(ctx, query, args)
	c.check(ctx, err)
	if err != nil {
		return nil, err
	}
	return changedRows{rows.(*stdlib.Rows), c}, nil
}

// ExecContext sends a changing statement once. When a connection ends before the answer arrives, the driver assumes
// that the statement was never sent and would repeat it.
func (c *connection) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	delete(c.Conn.Conn().PgConn().CustomData(), unreplicated) // of a statement before
	if statements, together := ctx.Value(pipelinedKey{}).([]Statement); together {
		err := c.replicated(c.pipeline(ctx, statements))
		c.check(ctx, err)
		return driver.ResultNoRows, err
	}
	open := !c.Conn.Conn().IsClosed()
	result, err := c.Conn.ExecContext(ctx, query, args)
	err = c.replicated(err)
	c.check(ctx, err)
	if open && errors.Is(err, driver.ErrBadConn) {
		return nil, fmt.Errorf("%w: the connection ended", problem.ErrOutcomeUnknown)
	}
	return result, err
}

// pipelinedKey marks, in the context, the statements to send in place of the text.
type pipelinedKey struct{}

// pipeline sends statements without waiting for the answers in between. After a failure the server skips the rest.
func (c *connection) pipeline(ctx context.Context, statements []Statement) error {
	conn, batch := c.Conn.Conn(), &pgx.Batch{}
	for _, s := range statements {
		if s.values != nil && !c.pooler {
			if _, err := conn.Prepare(ctx, s.query, s.query); err != nil { // sends nothing when it is prepared
				return fmt.Errorf("prepare a statement: %w", err)
			}
		}
		batch.Queue(s.query, s.values...)
	}
	return conn.SendBatch(ctx, batch).Close()
}

func (c *connection) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return transaction{tx, c}, nil
}

type transaction struct {
	driver.Tx
	conn *connection
}

// Commit has nothing to do when InTx has sent COMMIT.
func (t transaction) Commit() error {
	if conn := t.conn.Conn.Conn(); !conn.IsClosed() && conn.PgConn().TxStatus() == 'I' {
		return nil
	}
	err := t.conn.replicated(t.Tx.Commit())
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", problem.ErrOutcomeUnknown, err) // it may have been executed
	}
	return err
}
