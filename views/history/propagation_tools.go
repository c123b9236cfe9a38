package history

import (
	"tollgate/models/plural"
	"tollgate/models/propagation"
	"tollgate/views/ui"
)

// toolNames writes tools with their server, as decisions name them.
func toolNames(of []propagation.ServerTools) []string {
	var names []string
	for _, one := range of {
		for _, tool := range one.Tools {
			names = append(names, one.Server+"/"+tool)
		}
	}
	return names
}

// conflictWords says what an exclude does in copies that name its whole server.
func conflictWords(c propagation.MCPConflict) string {
	one := len(c.UserIDs) == 1
	return plural.Choose(one, "1 copy grants", plural.Count(int64(len(c.UserIDs)))+" copies grant") +
		" every tool of " + c.Server +
		plural.Choose(one, " and excludes ", " and exclude ") + ui.Sequence(c.Tools) + ". The exclude wins: " +
		plural.Choose(len(c.Tools) == 1, "that tool is", "those tools are") + " not granted, nor are resources and " +
		"prompts, which need the whole server. Tick both MCP servers and Single tools to settle it."
}
