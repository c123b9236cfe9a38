package configdoc

import (
	"tollgate/models/input"
	"tollgate/models/mcptool"
)

// ServerDocument is an MCP server. Its credential is a secret and in no file.
type ServerDocument struct {
	Header
	input.Row
	ClientID input.Value             `json:"client_id"`
	Name     input.Value             `json:"name"`
	URL      input.Value             `json:"url"`
	Tools    input.List[input.Value] `json:"tools"`
}

// Whole is the input of the API with every field, so that what was left out gets its default.
func (d *ServerDocument) Whole() mcptool.ServerInput {
	in := mcptool.ServerInput{Row: d.Row, ClientID: d.ClientID, Name: d.Name, URL: d.URL, Tools: listed(d.Tools)}
	if in.URL.Kind == input.Absent {
		in.URL.Kind = input.Null
	}
	return in
}

func (d *ServerDocument) read(c *input.Reader) Wanted {
	c.Required("client_id", d.ClientID, "an id")
	server := d.Whole().Read(c, mcptool.Server{})
	return Wanted{ID: ID{Key: server.ClientID}, Name: server.ClientID, Resource: server}
}
