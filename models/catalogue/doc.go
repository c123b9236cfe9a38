// Package catalogue is what profiles can name: providers with their models and prices, MCP servers with their tools,
// and tool groups. What something still names cannot be deleted (dependents). One rule says which text can name a
// model; the catalogue, profiles, prices, decisions and usage all go by it.
package catalogue
