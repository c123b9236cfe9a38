// Package catalogue is what profiles can name: providers with their models and prices, MCP servers with their tools,
// and tool groups. An entry with dependents cannot be deleted. One rule says which text can name a model; the
// catalogue, profiles, prices, decisions and usage all use it.
package catalogue
