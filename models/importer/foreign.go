package importer

import (
	"fmt"
	"slices"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// sections are the parts of a file that an import reads something of.
var sections = map[string][]string{
	"LiteLLM": {"model_list", "litellm_settings", "general_settings", "router_settings", "mcp_servers"},
	"Bifrost": {"providers", "mcp", "governance"},
}

// commands import the files of a gateway.
var commands = map[string]string{"LiteLLM": "tollgate import litellm", "Bifrost": "tollgate import bifrost"}

// parseOf reads a file of a gateway, and refuses one that has nothing of it.
func parseOf(gateway, file string, content []byte) (configfile.Node, error) {
	root, err := configfile.ParseForeign(content)
	if err != nil || isOf(gateway, root) {
		return root, err
	}
	return root, fmt.Errorf("%s is no file of %s: it has none of %s, and looks like %s",
		file, gateway, strings.Join(sections[gateway], ", "), looksLike(root))
}

func isOf(gateway string, root configfile.Node) bool {
	return slices.ContainsFunc(root.Members, func(m configfile.Member) bool {
		return slices.Contains(sections[gateway], m.Name)
	})
}

// looksLike says what a file is that an import was not meant for.
func looksLike(root configfile.Node) string {
	for _, gateway := range []string{"LiteLLM", "Bifrost"} {
		if isOf(gateway, root) {
			return "a file of " + gateway + ": use " + commands[gateway]
		}
	}
	_, documents := root.Get("kind")
	switch {
	case documents:
		return "documents of Tollgate: use tollgate plan and apply"
	case root.Kind == input.Array:
		return "a list"
	case root.Kind != input.Object:
		return "a text"
	case len(root.Members) == 0:
		return "an empty file"
	}
	var names []string
	for _, m := range root.Members[:min(len(root.Members), 4)] {
		names = append(names, m.Name)
	}
	return "a file with " + strings.Join(names, ", ")
}
