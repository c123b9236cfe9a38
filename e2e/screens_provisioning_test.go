package e2e

import (
	"fmt"
	"testing"
)

// provisioningScreens are those of directories that provision users.
var provisioningScreens = []scene{
	{name: "connections", place: func(t *testing.T, c *console) string {
		t.Helper()
		c.connection(t, "Listed")
		return "/settings/provisioning"
	}},
	{name: "connections-no-hit", path: "/settings/provisioning?search=nowhere"},
	{name: "connection-new", path: "/settings/provisioning/new"},
	{name: "connection-refused", path: "/settings/provisioning/new", act: refuse("Create connection")},
	{name: "connection", place: connected(longName, "")},
	{name: "connection-edit", place: connected("Edited", "/edit")},
	{name: "connection-delete", place: connected("Deleted", "/delete")},
	{name: "connection-token", place: connected("With a token", ""), act: func(s *screen) {
		s.click(s.button("Create token"))
		s.sees(s.heading("Copy the token now"))
	}},
	{name: "user-managed", place: managed("Mia Managed")},
	{name: "user-hand-over", place: handable("Hal Handed")},
}

// connected is a path below the page of a connection of that name, which it makes.
func connected(name, below string) place {
	return func(t *testing.T, c *console) string {
		t.Helper()
		return "/settings/provisioning/" + c.connection(t, name) + below
	}
}

// managed is the page of a user who was handed over to a directory.
func managed(name string) place {
	return func(t *testing.T, c *console) string {
		t.Helper()
		home := c.hire(t, name, "Member")
		c.change(t, home+"/hand-over", fmt.Sprintf(`{"connection_id":%s}`, c.connection(t, "Of "+name)))
		return home
	}
}

// handable is the page that asks to hand a user over.
func handable(name string) place {
	return func(t *testing.T, c *console) string {
		t.Helper()
		c.connection(t, "For "+name)
		return c.hire(t, name, "Member") + "/hand-over"
	}
}

// connection makes a connection and returns its id.
func (c *console) connection(t *testing.T, name string) string {
	t.Helper()
	role := id(named(t, c.rows(t, "roles", "Member"), "Member"))
	made := c.made(t, "/api/scim-connections", fmt.Sprintf(`{"name":%q,"default_role_id":%s}`, name, role))
	return id(made["scim_connection"].(object))
}
