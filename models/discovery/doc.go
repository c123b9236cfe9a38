// Package discovery asks MCP servers which tools they have. Their answers come from outside: they are read entry by
// entry, by exact names, within limits of size and time, and addresses of the own network are refused unless the
// operator allows them.
package discovery
