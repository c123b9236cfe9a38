// Package inventory has the pages of what profiles can name: providers with their models and prices, MCP servers with
// their tools, and tool groups.
//
// Lists of names are typed one a line in a text area; a problem says in which line it is. What is in use cannot be
// deleted, and its page says by what it is used.
package inventory
