package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"tollgate/models/problem"
)

// planned marks a query whose values travel in the context, because bun would write them into the text: the server
// plans the text once for each connection.
type planned struct {
	values []any
	last   turn // waits for the end of the transaction
}

// turn is the order of statements that are sent at the end of their transaction.
type turn int

const (
	atOnce  turn = iota
	noting       // before the last: rows that many transactions write, each in the order of the keys
	closing      // the very last: the head of the audit chain
)

type plannedKey struct{}

// QueryPlanned runs a query that most requests send with the same text. Values are bound as $1, $2 and so on.
func QueryPlanned(ctx context.Context, db bun.IDB, query string, values ...any) (*sql.Rows, error) {
	return db.QueryContext(context.WithValue(ctx, plannedKey{}, planned{values: values}), query)
}

// ScanPlanned reads the one row of a planned query; without one it returns sql.ErrNoRows.
func ScanPlanned(ctx context.Context, db bun.IDB, targets []any, query string, values ...any) error {
	rows, err := QueryPlanned(ctx, db, query, values...)
	if err != nil {
		return err
	}
	return scanRow(rows, targets...)
}

func scanRow(rows *sql.Rows, targets ...any) error {
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	return errors.Join(rows.Scan(targets...), rows.Close())
}

// ExecNoting sends a planned statement with the COMMIT, before those of ExecLast.
func ExecNoting(ctx context.Context, tx bun.Tx, query string, values ...any) error {
	return execWithCommit(ctx, tx, planned{values, noting}, query)
}

// ExecLast sends a planned statement with the COMMIT of its transaction, so that its locks wait for the server only,
// never for this program. Its failure is a failure of the COMMIT.
func ExecLast(ctx context.Context, tx bun.Tx, query string, values ...any) error {
	return execWithCommit(ctx, tx, planned{values, closing}, query)
}

func execWithCommit(ctx context.Context, tx bun.Tx, p planned, query string) error {
	rows, err := tx.QueryContext(context.WithValue(ctx, plannedKey{}, p), query)
	if err != nil {
		return err
	}
	defer rows.Close()
	return rows.Err()
}

// planner makes connections that know planned queries.
type planner struct{ driver.Connector }

func (p planner) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &planningConn{Conn: conn.(*stdlib.Conn)}, nil // pgx makes no others
}

type planningConn struct {
	*stdlib.Conn
	last []statement // of the transaction under way
}

type statement struct {
	query  string
	values []any
	turn   turn
}

func (c *planningConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	p, marked := ctx.Value(plannedKey{}).(planned)
	switch {
	case !marked:
		return c.Conn.QueryContext(ctx, query, args)
	case p.last != atOnce:
		c.last = append(c.last, statement{query, p.values, p.last})
		return noRows{}, nil
	}
	args = []driver.NamedValue{{Ordinal: 1, Value: pgx.QueryExecModeCacheStatement}}
	for i, value := range p.values {
		args = append(args, driver.NamedValue{Ordinal: i + 2, Value: value})
	}
	return c.Conn.QueryContext(ctx, query, args)
}

// ExecContext sends a changing statement once. When a connection ends before the answer arrives, the driver assumes
// that the statement was never sent and would repeat it.
func (c *planningConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	open := !c.Conn.Conn().IsClosed()
	result, err := c.Conn.ExecContext(ctx, query, args)
	if open && errors.Is(err, driver.ErrBadConn) {
		return nil, fmt.Errorf("%w: the connection ended", problem.ErrOutcomeUnknown)
	}
	return result, err
}

func (c *planningConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	c.last = nil
	tx, err := c.Conn.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return planningTx{tx, ctx, c}, nil
}

type planningTx struct {
	driver.Tx
	ctx  context.Context //nolint:containedctx // COMMIT has none of its own
	conn *planningConn
}

func (t planningTx) Commit() error {
	if err := t.commit(); err != nil {
		var refused *pgconn.PgError
		if !errors.As(err, &refused) {
			return fmt.Errorf("%w: %w", problem.ErrOutcomeUnknown, err) // it may have been executed
		}
		return err
	}
	return nil
}

func (t planningTx) commit() error {
	if len(t.conn.last) == 0 {
		return t.Tx.Commit()
	}
	if err := t.commitWithLast(); err != nil {
		_ = t.Rollback() // the error is known already; a connection still in a transaction is not reused
		return err
	}
	return nil
}

func (t planningTx) commitWithLast() error {
	conn, batch := t.conn.Conn.Conn(), &pgx.Batch{}
	slices.SortStableFunc(t.conn.last, func(a, b statement) int { return int(a.turn - b.turn) })
	for _, s := range t.conn.last {
		if _, err := conn.Prepare(t.ctx, s.query, s.query); err != nil { // sends nothing when it is prepared
			return fmt.Errorf("prepare the last statement: %w", err)
		}
		batch.Queue(s.query, s.values...)
	}
	batch.Queue("COMMIT")
	return conn.SendBatch(t.ctx, batch).Close()
}

type noRows struct{}

func (noRows) Columns() []string { return nil }

func (noRows) Close() error { return nil }

func (noRows) Next([]driver.Value) error { return io.EOF }
