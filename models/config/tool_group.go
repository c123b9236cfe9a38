package config

import (
	"context"

	"tollgate/models/input"
	"tollgate/models/mcptool"
)

// groupDocument is a named selection of tools.
type groupDocument struct {
	Header
	Renamed
	mcptool.ToolGroupInput
}

func (d *groupDocument) renamedFrom() input.Value { return d.RenamedFrom }

func (d *groupDocument) whole() mcptool.ToolGroupInput {
	in := d.ToolGroupInput
	in.Tools = listed(in.Tools)
	if in.Description.Kind == input.Absent {
		in.Description.Kind = input.Null
	}
	return in
}

func (d *groupDocument) read(c *input.Reader) wanted {
	g := d.whole().Read(c, mcptool.ToolGroup{}, nil)
	w := wanted{ID: ID{Key: input.NameKey(g.Name)}, Name: g.Name, resource: g}
	for i, row := range d.Tools.Items {
		w.refs = append(w.refs, reference{input.Index("tools", i) + ".mcp_client_id", MCPClient, row.MCPClientID.Text})
	}
	return w
}

func (s *saver) toolGroup(ctx context.Context, w wanted, old *current) error {
	in := w.document.(*groupDocument).whole()
	if old == nil {
		g, err := mcptool.CreateToolGroup(ctx, s.tx, s.actor, in)
		s.groups[w.Key] = g.ID
		return err
	}
	s.groups[w.Key] = old.id
	_, err := mcptool.UpdateToolGroup(ctx, s.tx, s.actor, old.id, in)
	return err
}
