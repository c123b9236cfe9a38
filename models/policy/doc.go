// Package policy is what a profile and a copy have in common: provider configs, budgets, rate limits and MCP
// selections. Reading, checking, loading, saving by natural keys and syncing to copies exist once. An exclude of a
// tool wins over everything that grants it.
package policy
