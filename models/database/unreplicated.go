package database

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

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
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: the synchronous standby did not confirm the commit", problem.ErrOutcomeUnknown)
}
