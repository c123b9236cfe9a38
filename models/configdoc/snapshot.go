package configdoc

import (
	"fmt"
	"strconv"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// Snapshot is what a version of a profile has stored.
type Snapshot struct {
	JSON      string
	Roles     []AttachedRole
	Protected bool
}

// Canonical is the document of a snapshot, in which tool groups go by name.
func (s Snapshot) Canonical(groups map[int64]string) (Canonical, error) {
	file := configfile.Parse("snapshot.json", []byte(s.JSON))
	if len(file.Documents) != 1 || len(file.Problems) > 0 {
		return Canonical{}, fmt.Errorf("read the snapshot of a profile: %v", file.Problems)
	}
	document := file.Documents[0]
	byName(&document, "mcp_tool_groups", func(item *configfile.Node) string {
		id, _ := item.Get("tool_group_id")
		return groups[parseID(id.Text)]
	})
	byName(&document, "mcp_servers", func(item *configfile.Node) string {
		id, _ := item.Get("mcp_server_id")
		return id.Text
	})
	document.Members = append(document.Members, member("roles", attachedNode(s.Roles)))
	return canonicalNode(AccessProfile, s.Protected, document), nil
}

// byName makes texts of a list of objects.
func byName(document *configfile.Node, list string, name func(*configfile.Node) string) {
	for i := range document.Members {
		if document.Members[i].Name != list {
			continue
		}
		items := document.Members[i].Node.Items
		for n := range items {
			items[n] = textNode(name(&items[n]))
		}
	}
}

func attachedNode(roles []AttachedRole) configfile.Node {
	list := configfile.Node{Kind: input.Array}
	for _, role := range roles {
		item := configfile.Node{Kind: input.Object, Members: []configfile.Member{member("role", textNode(role.Role))}}
		if role.IsDefault {
			item.Members = append(item.Members, member("is_default", configfile.Node{Kind: input.Bool, Text: "true"}))
		}
		list.Items = append(list.Items, item)
	}
	return list
}

// parseID is the id of a row in a stored document.
func parseID(text string) int64 {
	id, _ := strconv.ParseInt(text, 10, 64)
	return id
}
