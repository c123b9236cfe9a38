// Package mcptool has the tools that profiles can grant: MCP servers with their tools and the header that discovery
// sends, and tool groups, which list tools of several servers. A credential is sealed. Tools that a profile or a group
// names stay when a server no longer has them, and a server or group with dependents cannot be deleted.
package mcptool
