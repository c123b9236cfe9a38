package database

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"tollgate/models/problem"
)

// unreplicated marks a connection, in its own data, of which a commit did not reach the synchronous standby in time.
const unreplicated = "unreplicated"

// noteUnreplicated hears of commits that stopped to wait for the synchronous standby, as when a statement takes too
// long. The server reports them as done, but a failover may lose them.
func noteUnreplicated(conn *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.Routine == "SyncRepWaitForLSN" {
		conn.CustomData()[unreplicated] = true
	}
}

// replicated returns the error of a statement, or that its outcome is unknown when a standby may lack it.
func (c *connection) replicated(err error) error {
	data := c.Conn.Conn().PgConn().CustomData()
	if data[unreplicated] == nil {
		return err
	}
	delete(data, unreplicated)
	unknown := fmt.Errorf("%w: the synchronous standby did not confirm the commit", problem.ErrOutcomeUnknown)
	if err != nil { // the server ended the connection while it waited
		return fmt.Errorf("%w: %w", unknown, err)
	}
	return unknown
}

// changedRows are the rows of a query that may have changed something, as one that holds estimates: it is committed
// after the last row.
type changedRows struct {
	*stdlib.Rows
	conn *connection
}

func (r changedRows) Next(values []driver.Value) error {
	err := r.Rows.Next(values)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, io.EOF):
		return r.conn.replicated(err)
	}
	return cmp.Or(r.conn.replicated(nil), err)
}

// Close ends a query of which not all rows were read.
func (r changedRows) Close() error { return r.conn.replicated(r.Rows.Close()) }
