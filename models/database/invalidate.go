package database

import (
	"errors"
	"slices"

	"github.com/uptrace/bun"
)

// Everybody stands for all users: access depends on shared MCP servers, tool groups and prices.
const Everybody = ""

// Invalidate records, when the transaction commits, that the access of the users has changed, so that every console
// evicts it. The transaction has to write an audit row too, by whose number consoles learn of it.
func (tx Tx) Invalidate(users ...string) { tx.end.access = append(tx.end.access, users...) }

// InvalidateUsage is Invalidate for what the users have used. It needs no audit row.
func (tx Tx) InvalidateUsage(users ...string) { tx.end.usage = append(tx.end.usage, users...) }

// FeedUsage adds a row to usage_feed also when no user has used something, so that consoles notice when the database
// loses the transaction.
func (tx Tx) FeedUsage() { tx.end.fed = true }

// InvalidateActors tells the caches of this console that what an API key may do has changed. Other consoles keep the
// actors of keys for a second at most.
func (tx Tx) InvalidateActors() { tx.end.actors = true }

// noteAccess runs after the audit row was written, which has locked and raised the head of the audit log: the numbers
// of changes of access are in the order of commits. Consoles of releases before the numbers go by the transaction.
const noteAccess = `
INSERT INTO access_changes (user_id, seq)
SELECT u, head.seq FROM unnest($1::text[]) AS u CROSS JOIN audit_head AS head ORDER BY u
ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq, xact = excluded.xact`

var errUnaudited = errors.New("access was changed without an audit row")

func (e *ending) noteAccess() ([]Statement, error) {
	switch {
	case len(e.access) == 0:
		return nil, nil
	case len(e.last) == 0:
		return nil, errUnaudited
	}
	return []Statement{{noteAccess, []any{distinct(e.access)}}}, nil
}

func distinct(users []string) []string { return slices.Compact(slices.Sorted(slices.Values(users))) }

// begin tells the caches of this console that the access of users is about to change: the outcome of the commit may
// stay unknown.
func (e *ending) begin(db *bun.DB) {
	if len(e.access) == 0 {
		return
	}
	p := poolOf(db)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, listener := range p.listeners {
		e.ended = append(e.ended, listener.Commits(e.access))
	}
}

// announce tells the caches of this console to poll before they answer again. Callers that count usage mark the
// counters as stale without a poll.
func (e *ending) announce(db *bun.DB) {
	for _, ended := range e.ended {
		ended()
	}
	if len(e.access) == 0 && !e.actors {
		return
	}
	p := poolOf(db)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, listener := range p.listeners {
		listener.Changed()
	}
}

// Listener is told of the transactions of a pool that invalidate something. Its functions must not wait.
type Listener struct {
	// Commits is called before the access of users changes; what it returns, when the transaction has ended.
	Commits func(users []string) (ended func())
	// Changed is called after the transaction, before the caller of InTx goes on.
	Changed func()
}

// OnChange adds a listener to a pool.
func OnChange(db *bun.DB, listener Listener) {
	p := poolOf(db)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.listeners = append(p.listeners, listener)
}
