package config

import (
	"context"
	"slices"

	"tollgate/models/input"
	"tollgate/models/mcptool"
)

// serverDocument is an MCP server. Its credential is a secret and in no file.
type serverDocument struct {
	Header
	input.Row
	ClientID input.Value             `json:"client_id"`
	Name     input.Value             `json:"name"`
	URL      input.Value             `json:"url"`
	Tools    input.List[input.Value] `json:"tools"`
}

func (d *serverDocument) whole() mcptool.ServerInput {
	in := mcptool.ServerInput{Row: d.Row, ClientID: d.ClientID, Name: d.Name, URL: d.URL, Tools: listed(d.Tools)}
	if in.URL.Kind == input.Absent {
		in.URL.Kind = input.Null
	}
	return in
}

func (d *serverDocument) read(c *input.Reader) wanted {
	c.Required("client_id", d.ClientID, "an id")
	server := d.whole().Read(c, mcptool.Server{})
	return wanted{ID: ID{Key: server.ClientID}, Name: server.ClientID, resource: server}
}

// server saves a server. Tools that others still name are removed at the end of the run, by finishServer.
func (s *saver) server(ctx context.Context, w wanted, old *current) error {
	in := w.document.(*serverDocument).whole()
	if old == nil {
		_, err := mcptool.CreateServer(ctx, s.tx, s.keys, s.actor, in)
		return err
	}
	wished := texts(in.Tools)
	if gone := mcptool.Without(old.tools, wished); len(gone) > 0 {
		s.later = append(s.later, w)
		if slices.Equal(mcptool.Without(wished, gone), wished) && len(mcptool.Without(wished, old.tools)) == 0 {
			return nil
		}
		for _, tool := range gone {
			in.Tools.Items = append(slices.Clip(in.Tools.Items), input.SampleText(tool))
		}
	}
	_, err := mcptool.UpdateServer(ctx, s.tx, s.keys, s.actor, old.Name, in)
	return err
}

// finishServer brings a server into its final state when nothing names the tools any more that it loses.
func (s *saver) finishServer(ctx context.Context, w wanted) error {
	_, err := mcptool.UpdateServer(ctx, s.tx, s.keys, s.actor, w.Name, w.document.(*serverDocument).whole())
	return err
}
