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
	driver.Connector
	mutex     sync.Mutex
	listeners []func()     // see OnChange
	writers   []FeedWriter // that have no transaction under way
	fed       map[uuid.UUID]Fed
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn.(*stdlib.Conn)}, nil // pgx makes no others
}

// Driver is the connector itself, so that it can be found again by its pool.
func (c *connector) Driver() driver.Driver { return c }

// Open is only there to make the connector a driver.
func (c *connector) Open(name string) (driver.Conn, error) { return c.Connector.Driver().Open(name) }

// poolOf returns the connector of a pool that Open has made.
func poolOf(db *bun.DB) *connector { return db.Driver().(*connector) }

type connection struct{ *stdlib.Conn }

func (c *connection) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	values, planned := ctx.Value(plannedKey{}).([]any)
	if !planned {
		return c.Conn.QueryContext(ctx, query, args)
	}
	args = []driver.NamedValue{{Ordinal: 1, Value: pgx.QueryExecModeCacheStatement}}
	for i, value := range values {
		args = append(args, driver.NamedValue{Ordinal: i + 2, Value: value})
	}
	return c.Conn.QueryContext(ctx, query, args)
}

// ExecContext sends a changing statement once. When a connection ends before the answer arrives, the driver assumes
// that the statement was never sent and would repeat it.
func (c *connection) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if statements, together := ctx.Value(pipelinedKey{}).([]statement); together {
		return driver.ResultNoRows, c.pipeline(ctx, statements)
	}
	open := !c.Conn.Conn().IsClosed()
	result, err := c.Conn.ExecContext(ctx, query, args)
	if open && errors.Is(err, driver.ErrBadConn) {
		return nil, fmt.Errorf("%w: the connection ended", problem.ErrOutcomeUnknown)
	}
	return result, err
}

// pipelinedKey marks, in the context, the statements to send in place of the text.
type pipelinedKey struct{}

// pipeline sends statements without waiting for the answers in between. After a failure the server skips the rest.
func (c *connection) pipeline(ctx context.Context, statements []statement) error {
	conn, batch := c.Conn.Conn(), &pgx.Batch{}
	for _, s := range statements {
		if s.values != nil {
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
	err := t.Tx.Commit()
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", problem.ErrOutcomeUnknown, err) // it may have been executed
	}
	return err
}
