// Package discovery asks MCP servers which tools they have. Their answers are untrusted: they are read entry by entry,
// by exact names, within limits of size and time. Addresses of private networks are refused unless the operator allows
// them.
package discovery
