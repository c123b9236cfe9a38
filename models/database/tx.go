package database

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/models/problem"
)

// Tx is a transaction that InTx has opened.
type Tx struct {
	bun.Tx
	end *ending
}

// ending is what a transaction does last. All of it is sent together with COMMIT, so that the locks on rows that many
// transactions write wait for the server only, never for this program.
type ending struct {
	access, usage []string // users
	fed, actors   bool
	ended         []func() // what listeners want to be called after the transaction
	last          []Statement
}

// Statement is a query with its values, which are bound as $1, $2 and so on.
type Statement struct {
	query  string
	values []any
}

// Last adds a statement that runs after all others of the transaction, for rows that many transactions lock: counters,
// and the head of the audit log. Its values are bound as $1, $2 and so on. Its failure is a failure of InTx.
func (tx Tx) Last(query string, values ...any) {
	tx.end.last = append(tx.end.last, Statement{query, values})
}

// InTx runs fn in one READ COMMITTED transaction, or in the one db already is. It ends with the Last statements of fn,
// then with the invalidations that it called for, then with COMMIT, so every transaction locks those rows in one order.
// The whole transaction is repeated after a deadlock or a serialization failure, so fn must be free of effects outside
// the database.
func InTx(ctx context.Context, db bun.IDB, fn func(ctx context.Context, tx Tx) error) error {
	if tx, ok := db.(Tx); ok {
		return fn(ctx, tx)
	}
	pool, ok := db.(*bun.DB)
	if !ok {
		return fmt.Errorf("open a transaction: %T is not a pool", db)
	}
	options := &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	return Repeated(ctx, func() error {
		end := &ending{}
		defer end.announce(pool) // also after an unknown outcome
		return pool.RunInTx(ctx, options, func(ctx context.Context, tx bun.Tx) error {
			if err := fn(ctx, Tx{tx, end}); err != nil {
				return err
			}
			return end.commit(ctx, pool, tx)
		})
	})
}

// commit ends the transaction when something was left for its end; otherwise RunInTx does.
func (e *ending) commit(ctx context.Context, pool *bun.DB, tx bun.Tx) error {
	access, err := e.noteAccess()
	e.begin(pool)
	statements := slices.Concat(e.last, access)
	commit := Statement{query: "COMMIT"}
	switch {
	case err != nil:
		return err
	case e.fed || e.actors || len(e.usage)+len(e.access) > 0: // so that a loss of it is noticed
		return AsFeedWriter(pool, func(w FeedWriter) error {
			feed := Statement{FeedUsage, []any{w.ID.String(), w.Seq, append([]string{}, distinct(e.usage)...)}}
			return execAll(ctx, tx, append(statements, feed, commit))
		})
	case len(statements) == 0:
		return nil
	}
	return execAll(ctx, tx, append(statements, commit))
}

// execAll sends planned statements, of which the last is COMMIT.
func execAll(ctx context.Context, tx bun.Tx, statements []Statement) error {
	err := pipelined(ctx, tx, statements)
	if err != nil && problem.SQLState(err) == "" {
		return fmt.Errorf("%w: %w", problem.ErrOutcomeUnknown, err) // COMMIT may have been executed
	}
	return err
}
