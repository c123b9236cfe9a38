package config

import (
	"context"

	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
)

// roleDocument is a role with what it permits. Built-in roles have none.
type roleDocument struct {
	Header
	Renamed
	input.Row
	Name          input.Value             `json:"name"`
	Description   input.Value             `json:"description"`
	PermissionIDs input.List[input.Value] `json:"permission_ids"`
}

// roleAnswer is a role as documents write it.
type roleAnswer struct {
	identity.Role
	PermissionIDs []permission.Permission `json:"permission_ids"`
}

func (d *roleDocument) renamedFrom() input.Value { return d.RenamedFrom }

func (d *roleDocument) whole() identity.RoleInput {
	in := identity.RoleInput{
		Row: d.Row, Name: d.Name, Description: d.Description, PermissionIDs: listed(d.PermissionIDs),
	}
	if in.Description.Kind == input.Absent {
		in.Description.Kind = input.Null
	}
	return in
}

func (d *roleDocument) read(c *input.Reader) wanted {
	r := d.whole().Read(c, identity.Role{})
	return wanted{ID: ID{Key: input.NameKey(r.Name)}, Name: r.Name, resource: roleAnswer{r, r.Permissions}}
}

func (s *saver) role(ctx context.Context, w wanted, old *current) error {
	in := w.document.(*roleDocument).whole()
	if old == nil {
		r, err := identity.CreateRole(ctx, s.tx, s.actor, in)
		s.roles[w.Key] = r.ID
		return err
	}
	s.roles[w.Key] = old.id
	_, err := identity.UpdateRole(ctx, s.tx, s.actor, old.id, in)
	return err
}
