// Package decision answers whether a call may go on, with the reason and the copy that pays, and holds estimates. The
// order of checks: credential, active copy, provider, model, rate limits, budgets, MCP tool. Access adds up over the
// copies of a user; one pays, the first assigned that grants the call and has room. The database decides whether a hold
// fits, in one statement.
package decision
