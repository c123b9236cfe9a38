package models

import "slices"

// RoleInput is what a client may send of a role. Forms send its permissions too, which have an address of their own on the API.
type RoleInput struct {
	Row
	unsupportedRoleFields
	ID            Value       `json:"id,readonly"`
	Name          Value       `json:"name"`
	Description   Value       `json:"description"`
	IsSystemRole  Value       `json:"is_system_role,readonly"`
	CreatedAt     Value       `json:"created_at,readonly"`
	UpdatedAt     Value       `json:"updated_at,readonly"`
	PermissionIDs List[Value] `form:"permission_ids"`
}

// PermissionsInput is everything that a role is to permit.
type PermissionsInput struct {
	Row
	PermissionIDs List[Value] `json:"permission_ids"`
}

const permissionsField = "permission_ids"

func (in RoleInput) apply(r Role, actor Actor) (Role, error) {
	c := &checker{}
	if r.ID == 0 {
		c.required("name", in.Name, "a name")
	}
	if name, ok := c.text("name", in.Name, textRule{what: "a name", max: 255}); ok && name != r.Name {
		r.Name, r.NameKey = name, NameKey(name)
	}
	if in.Description.Kind != Absent {
		c.description(in.Description, &r.Description)
	}
	if in.PermissionIDs.Kind != Absent {
		r.Permissions = c.permissions(permissionsField, in.PermissionIDs)
	}
	if err := invalid(c.found); err != nil {
		return r, err
	}
	return r, beyond(in.PermissionIDs, actor)
}

func (in PermissionsInput) apply(r Role, actor Actor) (Role, error) {
	c := &checker{}
	if in.PermissionIDs.Kind == Absent {
		c.add(permissionsField, "required", "Give the list of permission_ids; [] takes all of them away.")
	}
	r.Permissions = c.permissions(permissionsField, in.PermissionIDs)
	if err := invalid(c.found); err != nil {
		return r, err
	}
	return r, beyond(in.PermissionIDs, actor)
}

// permissions reads a set of permissions; what is named twice counts once.
func (c *checker) permissions(field string, l List[Value]) []Permission {
	all := AllPermissions()
	if !list(c, field, l, 4*len(all), "permissions") {
		return nil
	}
	var named []Permission
	for i, v := range l.Items {
		p := Permission(v.Text)
		switch {
		case v.Kind == Null:
			c.add(at(field, i), "null_not_allowed", "Give a permission instead of null.")
		case v.Kind != String && v.Kind != Absent:
			c.add(at(field, i), "wrong_type", "Give a permission as text, such as AccessProfiles:View.")
		case !slices.Contains(all, p):
			c.add(at(field, i), "unknown_permission", "Choose a permission that exists, such as AccessProfiles:View.")
		}
		named = append(named, p)
	}
	return inOrder(named)
}

// beyond is the refusal of permissions that the actor does not hold.
func beyond(l List[Value], actor Actor) error {
	refusal := &Refusal{Reason: Forbidden}
	for i, v := range l.Items {
		if p := Permission(v.Text); !actor.May(p) {
			refusal.Problems = append(refusal.Problems, Problem{
				at(permissionsField, i), "forbidden", "Leave out " + v.Text + ": a role can be given only what you may do yourself.",
			})
		}
	}
	if refusal.Problems == nil {
		return nil
	}
	return refusal
}

// Whole makes an input of a form: a field that was sent empty is empty, not left out. With the tick boxes comes an empty value, so that a
// form with none ticked differs from one without boxes.
func (in RoleInput) Whole() RoleInput {
	in.Name, in.Description = sentEmpty(in.Name), sentEmpty(in.Description)
	if in.PermissionIDs.Kind != Absent {
		in.PermissionIDs.Items = slices.DeleteFunc(in.PermissionIDs.Items, func(v Value) bool { return v.Text == "" })
	}
	return in
}

// Input is what a person would have typed to make r.
func (r Role) Input() RoleInput {
	in := RoleInput{Name: Typed(r.Name)}
	if r.Description != nil {
		in.Description = Typed(*r.Description)
	}
	for _, p := range r.Permissions {
		in.PermissionIDs.Items = append(in.PermissionIDs.Items, Typed(string(p)))
	}
	return in
}
