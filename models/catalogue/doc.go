// Package catalogue is what profiles can name: providers with their models and prices here, MCP servers and tool groups
// in mcptool. Use is what names an entry; one with dependents cannot be deleted. One rule says which text can name a
// model; the catalogue, profiles, prices, decisions and usage all use it.
package catalogue
