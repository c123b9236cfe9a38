package webtest

import (
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// EveryTable is the content of every table that requests write, by its name.
func (c *Console) EveryTable(db *bun.DB) map[string]string {
	c.T.Helper()
	tables := c.allTables(db)
	maps.DeleteFunc(tables, func(name, _ string) bool { return KeptInBackground(name) })
	return tables
}

func (c *Console) allTables(db *bun.DB) map[string]string {
	c.T.Helper()
	var names []string
	c.Must(db.NewRaw("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'").Scan(c.T.Context(), &names))
	tables := map[string]string{}
	for _, name := range names {
		var rows []string
		c.Must(db.NewRaw("SELECT t::text FROM ? AS t ORDER BY 1", Ident(name)).Scan(c.T.Context(), &rows))
		tables[name] = strings.Join(rows, "\n")
	}
	if len(tables) < 20 {
		c.T.Fatalf("only %d tables", len(tables))
	}
	return tables
}

// KeptInBackground reports whether consoles write to a table at times of their own.
func KeptInBackground(table string) bool {
	return slices.Contains([]string{
		"consoles", "decision_consoles", "decision_hours", "refusals", "scim_purging", "usage_groups", "usage_months", "usage_people",
		"usage_sealed_days", "usage_sealing", "usage_totals", "usage_totals_state", "usage_weeks",
	}, table)
}

// Stored is every row of every table as text, except what a mere request changes: sessions, API keys' last use and
// throttles.
func (c *Console) Stored() map[string]string {
	c.T.Helper()
	tables := c.EveryTable(c.DB)
	for _, touched := range []string{"sessions", "api_keys", "login_throttles", "sign_in_networks"} {
		delete(tables, touched)
	}
	return tables
}

// Tables is what is stored, as its owner sees it, without the tables named.
func (c Crowd) Tables(but ...string) map[string]string {
	c.T.Helper()
	tables := c.EveryTable(c.Owner())
	for _, touched := range append(but, "sessions", "api_keys", "login_throttles", "sign_in_networks") {
		delete(tables, touched)
	}
	return tables
}

// Dump is the text of every row of every table, to look for what must not be there.
func (c *Console) Dump() string {
	c.T.Helper()
	return text(c.allTables(c.DB))
}

// State is the text of every row that requests write, but for when an API key was used, to be compared.
func (c *Console) State() string {
	c.T.Helper()
	tables := c.EveryTable(c.DB)
	var keys []string
	c.Scan(&keys, "SELECT (to_jsonb(k) - 'last_used_at')::text FROM api_keys AS k ORDER BY 1")
	tables["api_keys"] = strings.Join(keys, "\n")
	return text(tables)
}

func text(tables map[string]string) string {
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		all.WriteString(name + "\n" + tables[name] + "\n")
	}
	return all.String()
}

// Changes names the tables whose rows do changes, in order.
func (c *Console) Changes(do func()) []string {
	c.T.Helper()
	before, t := c.Stored(), c.T
	do()
	c.T = t // subtests have their own
	after := c.Stored()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(after)), func(name string) bool { return before[name] == after[name] })
}
