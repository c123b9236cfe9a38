package configdoc

import (
	"tollgate/models/connection"
	"tollgate/models/input"
)

// DirectoryDocument is the connection of a directory, without its tokens and rules.
type DirectoryDocument struct {
	Header
	Renamed
	connection.Described
}

// DirectoryAnswer is a connection as documents write it.
type DirectoryAnswer struct{ connection.Connection }

func (d *DirectoryDocument) renamedFrom() input.Value { return d.RenamedFrom }

func (d *DirectoryDocument) read(c *input.Reader) Wanted {
	of := d.Described.Read(c)
	return Wanted{
		ID: ID{Key: input.NameKey(of.Name)}, Name: of.Name, Resource: DirectoryAnswer{of},
		Refs: []Reference{{"default_role", Role, of.DefaultRole}},
	}
}

// resolve writes the name of the default role as the role has it.
func (a *DirectoryAnswer) resolve(known map[ID]string) {
	if written, there := known[IDOf(Role, a.DefaultRole)]; there {
		a.DefaultRole = written
	}
}
