package database

import (
	"slices"

	"github.com/uptrace/bun"
)

// Everybody stands for all users: access depends on shared MCP servers, tool groups and prices.
const Everybody = ""

// Invalidate records, when the transaction commits, that the access of the users has changed, so that every console
// evicts it.
func (tx Tx) Invalidate(users ...string) { tx.end.access = append(tx.end.access, users...) }

// InvalidateUsage is Invalidate for what the users have used.
func (tx Tx) InvalidateUsage(users ...string) { tx.end.usage = append(tx.end.usage, users...) }

// InvalidateActors tells the caches of this console that what an API key may do has changed. Other consoles keep the
// actors of keys for a second at most.
func (tx Tx) InvalidateActors() { tx.end.actors = true }

const (
	noteAccess = `
INSERT INTO access_changes (user_id, xact) SELECT u, pg_current_xact_id() FROM unnest($1::text[]) AS u ORDER BY u
ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact`
	noteUsage = `
INSERT INTO usage_changes (user_id, xact) SELECT u, pg_current_xact_id() FROM unnest($1::text[]) AS u ORDER BY u
ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact`
)

func noteUsers(query string, users []string) []statement {
	if len(users) == 0 {
		return nil
	}
	return []statement{{query, []any{slices.Compact(slices.Sorted(slices.Values(users)))}}}
}

// announce tells the caches of this console to poll before they answer again.
func (e *ending) announce(db *bun.DB) {
	if len(e.access)+len(e.usage) == 0 && !e.actors {
		return
	}
	p := poolOf(db)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, changed := range p.listeners {
		changed()
	}
}

// OnChange has changed called after each transaction of a pool that invalidates something, before the caller of InTx
// goes on. It must not wait.
func OnChange(db *bun.DB, changed func()) {
	p := poolOf(db)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.listeners = append(p.listeners, changed)
}
