package configdoc

import (
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
)

// RoleDocument is a role with what it permits. Built-in roles have none.
type RoleDocument struct {
	Header
	Renamed
	input.Row
	Name          input.Value             `json:"name"`
	Description   input.Value             `json:"description"`
	PermissionIDs input.List[input.Value] `json:"permission_ids"`
}

// RoleAnswer is a role as documents write it.
type RoleAnswer struct {
	identity.Role
	PermissionIDs []permission.Permission `json:"permission_ids"`
}

func (d *RoleDocument) renamedFrom() input.Value { return d.RenamedFrom }

// Whole is the input of the API with every field, so that what was left out gets its default.
func (d *RoleDocument) Whole() identity.RoleInput {
	in := identity.RoleInput{
		Row: d.Row, Name: d.Name, Description: d.Description, PermissionIDs: listed(d.PermissionIDs),
	}
	if in.Description.Kind == input.Absent {
		in.Description.Kind = input.Null
	}
	return in
}

func (d *RoleDocument) read(c *input.Reader) Wanted {
	r := d.Whole().Read(c, identity.Role{})
	return Wanted{ID: ID{Key: input.NameKey(r.Name)}, Name: r.Name, Resource: RoleAnswer{r, r.Permissions}}
}
