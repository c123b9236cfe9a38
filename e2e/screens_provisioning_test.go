package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
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
	{name: "connection-hand-over", place: handable("Dora Domain", "/settings/provisioning/%s/hand-over?email_domain=example.com")},
	{name: "connection-token", place: connected("With a token", ""), act: func(s *screen) {
		s.click(s.button("Create token"))
		s.sees(s.heading("Copy the token now"))
	}},
	{name: "connection-groups", place: connected("Grouping", "/groups")},
	{name: "connection-groups-some", place: provisioned("Grouped", "/groups")},
	{name: "connection-rules", place: provisioned("Ruled", "/rules")},
	{name: "connection-rules-refused", place: provisioned("Ruled badly", "/rules"), act: func(s *screen) {
		s.click(s.button("Add rule"))
		s.click(s.button("Review and save…"))
		s.sees(s.Locator("#problems"))
	}},
	{name: "connection-rules-confirm", place: provisioned("Ruled well", "/rules"), act: func(s *screen) {
		s.click(s.button("Move Engineering down"))
		s.click(s.button("Review and save…"))
		s.sees(s.heading("Save the roles of groups?"))
	}},
	{name: "connection-calls", place: provisioned("Called", "/requests")},
	{name: "connection-calls-refused", place: provisioned("Refused", "/requests?refused=true")},
	{name: "user-managed", place: managed("Mia Managed")},
	{name: "user-hand-over", place: handable("Hal Handed", "")},
}

// connected is a path below the page of a connection of that name, which it makes.
func connected(name, below string) place {
	return func(t *testing.T, c *console) string {
		t.Helper()
		return "/settings/provisioning/" + c.connection(t, name) + below
	}
}

// provisioned is a path below the page of a connection whose directory has sent users, groups and a call that was
// refused. Two of the groups have a role.
func provisioned(name, below string) place {
	return func(t *testing.T, c *console) string {
		t.Helper()
		connection := c.connection(t, name)
		token := c.made(t, "/api/scim-connections/"+connection+"/tokens", "{}")["token"].(string)
		send := func(path, body string) object {
			request, err := http.NewRequestWithContext(t.Context(), "POST", c.url+"/scim/v2"+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+token)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			made := object{}
			if err := json.NewDecoder(response.Body).Decode(&made); err != nil {
				t.Fatal(err)
			}
			return made
		}
		user := strings.ReplaceAll(strings.ToLower(name), " ", ".") + "@directory.example"
		ada := id(send("/Users", fmt.Sprintf(`{"userName":%q,"displayName":"Ada of %s"}`, user, name)))
		send("/Users", fmt.Sprintf(`{"userName":%q}`, user))
		role := id(named(t, c.rows(t, "roles", "Developer"), "Developer"))
		rules := []string{}
		for _, group := range []string{"Engineering", longName, "Support"} {
			made := id(send("/Groups", fmt.Sprintf(`{"displayName":%q,"externalId":"c0ffee","members":[{"value":%q}]}`, group, ada)))
			if group != "Support" {
				rules = append(rules, fmt.Sprintf(`{"group_id":%q,"role_id":%s}`, made, role))
			}
		}
		c.change(t, "/scim-connections/"+connection+"/rules", `{"rules":[`+strings.Join(rules, ",")+`]}`)
		return "/settings/provisioning/" + connection + below
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

// handable is the page that asks to hand a user over, or one of the connection to which they may be given.
func handable(name, ofConnection string) place {
	return func(t *testing.T, c *console) string {
		t.Helper()
		connection, home := c.connection(t, "For "+name), c.hire(t, name, "Developer")
		if ofConnection != "" {
			return fmt.Sprintf(ofConnection, connection)
		}
		return home + "/hand-over"
	}
}

// connection makes a connection and returns its id.
func (c *console) connection(t *testing.T, name string) string {
	t.Helper()
	role := id(named(t, c.rows(t, "roles", "Member"), "Member"))
	made := c.made(t, "/api/scim-connections", fmt.Sprintf(`{"name":%q,"default_role_id":%s}`, name, role))
	return id(made["scim_connection"].(object))
}
