// Package policy is what a profile and a copy have in common: provider configs, budgets, rate limits and MCP
// selections. Reading, checking, loading and saving by natural keys exist once; fieldgroup brings it to copies.
// An exclude of a tool wins over everything that grants it.
package policy
