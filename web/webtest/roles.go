package webtest

import (
	"fmt"
	"strings"

	"tollgate/models/input"
	"tollgate/models/permission"
)

// Roles lists the roles that a profile is attached to, in short: "Developer false, Viewer true".
func (s Stage) Roles(profile int64) string {
	s.T.Helper()
	var names []string
	for _, attached := range Objects(s.Admin.Get(fmt.Sprintf("/api/access-profiles/%d", profile)).Is(200).JSON()["roles"]) {
		if KeysOf(attached) != "access_profile_id id is_default role_id role_name" || attached["access_profile_id"] != float64(profile) {
			s.T.Errorf("attachment %v", attached)
		}
		names = append(names, fmt.Sprint(attached["role_name"], " ", attached["is_default"]))
	}
	return strings.Join(names, ", ")
}

// AssignByRole makes a role assign a profile to every user who gains the role.
func (s Stage) AssignByRole(profile int64, role string) {
	s.T.Helper()
	s.Attach(profile, Object{"role_ids": []int64{s.RoleID(role)}, "is_default": true})
}

// Attach lets roles hand out a profile.
func (s Stage) Attach(profile int64, body Object) {
	s.T.Helper()
	s.Admin.API("POST", fmt.Sprintf("/api/access-profiles/%d/roles", profile), body).Is(200)
}

// SetRole gives a user another role.
func (s Stage) SetRole(user, role string) {
	s.T.Helper()
	s.Admin.API("PUT", "/api/users/"+user+"/role", Object{"role_id": s.RoleID(role)}).Is(200)
}

// Helper is a user who manages users and roles, and has few other permissions.
func (c *Console) Helper() (Client, int64) {
	c.T.Helper()
	id := c.AddRole("Helpdesk", "Users:View", "Users:Create", "Users:Update", "Roles:View", "Roles:Create", "Roles:Update", "Providers:View")
	c.AddUser("help@example.com", "Helpdesk")
	return c.Login("help@example.com"), id
}

// UserID is the id of the user with this address.
func (c *Console) UserID(email string) (id string) {
	c.T.Helper()
	c.Scan(&id, "SELECT id FROM users WHERE email = ?", email)
	return id
}

// RoleID is the id of the role with this name.
func (c *Console) RoleID(name string) (id int64) {
	c.T.Helper()
	c.Scan(&id, "SELECT id FROM roles WHERE name = ?", name)
	return id
}

// AddRole adds a role directly in the database.
func (c *Console) AddRole(name string, permissions ...permission.Permission) int64 {
	c.T.Helper()
	c.Exec("INSERT INTO roles (name, name_key) VALUES (?, ?)", name, input.Fold(name))
	id := c.RoleID(name)
	for _, p := range permissions {
		c.Exec("INSERT INTO role_permissions (role_id, permission) VALUES (?, ?)", id, string(p))
	}
	return id
}

// RoleOf is the current role of a user.
func (c *Console) RoleOf(email string) (name string) {
	c.T.Helper()
	c.Scan(&name, "SELECT r.name FROM users AS u JOIN roles AS r ON r.id = u.role_id WHERE u.email = ?", email)
	return name
}
