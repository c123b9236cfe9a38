package configdoc

import (
	"tollgate/models/input"
	"tollgate/models/mcptool"
)

// GroupDocument is a named selection of tools.
type GroupDocument struct {
	Header
	Renamed
	mcptool.ToolGroupInput
}

func (d *GroupDocument) renamedFrom() input.Value { return d.RenamedFrom }

// Whole is the input of the API with every field, so that what was left out gets its default.
func (d *GroupDocument) Whole() mcptool.ToolGroupInput {
	in := d.ToolGroupInput
	in.Tools = listed(in.Tools)
	if in.Description.Kind == input.Absent {
		in.Description.Kind = input.Null
	}
	return in
}

func (d *GroupDocument) read(c *input.Reader) Wanted {
	g := d.Whole().Read(c, mcptool.ToolGroup{}, nil)
	w := Wanted{ID: ID{Key: input.NameKey(g.Name)}, Name: g.Name, Resource: g}
	for i, row := range d.Tools.Items {
		w.Refs = append(w.Refs, Reference{input.Index("tools", i) + ".mcp_client_id", MCPClient, row.MCPClientID.Text})
	}
	return w
}
