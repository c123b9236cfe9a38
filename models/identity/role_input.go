package identity

import (
	"slices"

	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// RoleInput is what a client may send of a role. Forms send its permissions too, which have an address of their own on
// the API.
type RoleInput struct {
	input.Row
	input.UnsupportedRoleFields
	ID            input.Value             `json:"id,readonly"`
	Name          input.Value             `json:"name"`
	Description   input.Value             `json:"description"`
	IsSystemRole  input.Value             `json:"is_system_role,readonly"`
	CreatedAt     input.Value             `json:"created_at,readonly"`
	UpdatedAt     input.Value             `json:"updated_at,readonly"`
	PermissionIDs input.List[input.Value] `form:"permission_ids"`
	Version       input.Value             `form:"version"`
}

// PermissionsInput is everything that a role is to permit.
type PermissionsInput struct {
	input.Row
	PermissionIDs input.List[input.Value] `json:"permission_ids"`
}

const permissionsField = "permission_ids"

func (in RoleInput) apply(r Role, actor permission.Actor) (Role, error) {
	c := &input.Reader{}
	r = in.Read(c, r)
	if err := problem.InvalidInput(c.Problems); err != nil {
		return r, err
	}
	return r, beyond(in.PermissionIDs, actor)
}

// Read is r with the fields that were sent, checked by themselves. A role without an id is a new one.
func (in RoleInput) Read(c *input.Reader, r Role) Role {
	if r.ID == 0 {
		c.Required("name", in.Name, "a name")
	}
	if name, ok := c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255}); ok && name != r.Name {
		r.Name, r.NameKey = name, input.NameKey(name)
	}
	if in.Description.Kind != input.Absent {
		c.Description(in.Description, &r.Description)
	}
	if in.PermissionIDs.Kind != input.Absent {
		r.Permissions = readPermissions(c, permissionsField, in.PermissionIDs)
	}
	return r
}

func (in PermissionsInput) apply(r Role, actor permission.Actor) (Role, error) {
	c := &input.Reader{}
	if in.PermissionIDs.Kind == input.Absent {
		c.Add(permissionsField, "required", "Give the list of permission_ids; [] removes all of them.")
	}
	r.Permissions = readPermissions(c, permissionsField, in.PermissionIDs)
	if err := problem.InvalidInput(c.Problems); err != nil {
		return r, err
	}
	return r, beyond(in.PermissionIDs, actor)
}

// readPermissions reads a set of permissions; what is named twice counts once.
func readPermissions(c *input.Reader, field string, l input.List[input.Value]) []permission.Permission {
	all := permission.AllPermissions()
	if !input.CheckList(c, field, l, 4*len(all), "permissions") {
		return nil
	}
	var named []permission.Permission
	for i, v := range l.Items {
		p := permission.Permission(v.Text)
		switch {
		case v.Kind == input.Null:
			c.Add(input.Index(field, i), "null_not_allowed", "Give a permission instead of null.")
		case v.Kind != input.String && v.Kind != input.Absent:
			c.Add(input.Index(field, i), "wrong_type", "Give a permission as text, such as AccessProfiles:View.")
		case !slices.Contains(all, p):
			c.Add(input.Index(field, i), "unknown_permission", "Choose a permission that exists, such as AccessProfiles:View.")
		}
		named = append(named, p)
	}
	return inOrder(named)
}

// beyond refuses permissions that the actor does not have.
func beyond(l input.List[input.Value], actor permission.Actor) error {
	refusal := &problem.Refusal{Reason: problem.Forbidden}
	for i, v := range l.Items {
		if p := permission.Permission(v.Text); !actor.May(p) {
			refusal.Problems = append(refusal.Problems, problem.Problem{
				Field:   input.Index(permissionsField, i),
				Code:    "forbidden",
				Message: "Leave out " + v.Text + ": a role can be given only what you may do yourself.",
			})
		}
	}
	if refusal.Problems == nil {
		return nil
	}
	return refusal
}

// Whole completes an input from a form: a field sent empty is empty, not absent. The check boxes come with an empty
// value, so that a form with none checked differs from one without boxes.
func (in RoleInput) Whole() RoleInput {
	in.Name, in.Description = input.SubmittedEmpty(in.Name), input.SubmittedEmpty(in.Description)
	in.Version = input.SentVersion(in.Version)
	if in.PermissionIDs.Kind != input.Absent {
		in.PermissionIDs.Items = slices.DeleteFunc(in.PermissionIDs.Items, func(v input.Value) bool { return v.Text == "" })
	}
	return in
}

// Input returns the form input that describes r.
func (r Role) Input() RoleInput {
	in := RoleInput{Name: input.FormValue(r.Name), Version: input.Version(r.UpdatedAt)}
	if r.Description != nil {
		in.Description = input.FormValue(*r.Description)
	}
	for _, p := range r.Permissions {
		in.PermissionIDs.Items = append(in.PermissionIDs.Items, input.FormValue(string(p)))
	}
	return in
}
