package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Rows of the API are found by name: no test knows the id of a row.

// rows searches a list of the API, such as "users".
func (c *console) rows(t *testing.T, list, search string) []object {
	t.Helper()
	return c.listed(t, list+"?limit=100&search="+url.QueryEscape(search), list)
}

// listed is the list of that name in the answer at a path.
func (c *console) listed(t *testing.T, path, list string) []object {
	t.Helper()
	status, answer := c.api(t, "GET", "/api/"+path, "")
	var page map[string]json.RawMessage
	if err := json.Unmarshal(answer, &page); err != nil || status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, status, answer)
	}
	var rows []object
	if err := json.Unmarshal(page[strings.ReplaceAll(list, "-", "_")], &rows); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return rows
}

func named(t *testing.T, rows []object, name string) object {
	t.Helper()
	for _, row := range rows {
		if row["name"] == name {
			return row
		}
	}
	t.Fatalf("nothing is named %s among %d rows", name, len(rows))
	return nil
}

// place is the path of a screen, once its rows are looked up.
type place func(t *testing.T, c *console) string

// at is a path below the row of a list, such as at("roles", "Engineer", "/edit").
func at(list, name, below string) place {
	return func(t *testing.T, c *console) string {
		return "/" + list + "/" + id(named(t, c.rows(t, list, name), name)) + below
	}
}

// ofCopy is a path below a user's copy of a profile.
func ofCopy(user, profile, below string) place {
	return func(t *testing.T, c *console) string {
		home := at("users", user, "/access-profiles")(t, c)
		return home + "/" + id(named(t, c.listed(t, home[1:], "access-profiles"), profile)) + below
	}
}

// ofBudget is the path on which the first overall budget of a user's copy is raised.
func ofBudget(user, profile string) place {
	return func(t *testing.T, c *console) string {
		home := at("users", user, "/access-profiles")(t, c)
		held := named(t, c.listed(t, home[1:], "access-profiles"), profile)
		return home + "/" + id(held) + "/budgets/" + id(held["budgets"].([]any)[0].(object)) + "/override"
	}
}

// ofKey is a path below a user's first key.
func ofKey(user, below string) place {
	return func(t *testing.T, c *console) string {
		home := at("users", user, "/virtual-keys")(t, c)
		return home + "/" + id(c.listed(t, home[1:], "virtual-keys")[0]) + below
	}
}

// hire creates a user with a role and returns their path.
func (c *console) hire(t *testing.T, name, role string) (path string) {
	t.Helper()
	email := strings.ReplaceAll(strings.ToLower(name), " ", ".") + "@example.com"
	body, err := json.Marshal(object{"name": name, "email": email, "role_id": json.Number(id(named(t, c.rows(t, "roles", role), role)))})
	if err != nil {
		t.Fatal(err)
	}
	return "/users/" + id(c.made(t, "/api/users", string(body))["user"].(object))
}

// deactivated is a path below a user who holds a profile and was deactivated.
func deactivated(name, below string) place {
	return func(t *testing.T, c *console) string {
		home, _ := c.spender(t, name)
		c.change(t, home+"/deactivate", "")
		return home + below
	}
}

// crew creates a role with members, "Name 1" and so on, without permissions in the console.
func (c *console) crew(t *testing.T, role string, members int) (path string) {
	t.Helper()
	path = "/roles/" + id(c.made(t, "/api/roles", fmt.Sprintf(`{"name": %q}`, role))["role"].(object))
	for n := range members {
		c.hire(t, fmt.Sprintf("%s %d", role, n+1), role)
	}
	return path
}

// attach attaches a profile to a role, and assigns it to its members too.
func (c *console) attach(t *testing.T, profile, role string) {
	t.Helper()
	_, number, _ := strings.Cut(strings.TrimPrefix(role, "/"), "/")
	status, answer := c.api(t, "POST", "/api"+profile+"/roles", `{"role_ids": [`+number+`], "is_default": true, "apply_to_existing": true}`)
	if status != http.StatusOK {
		t.Fatalf("attach: %d %s", status, answer)
	}
}

// change updates some fields of the resource at a path.
func (c *console) change(t *testing.T, path, body string) {
	t.Helper()
	if status, answer := c.api(t, "PUT", "/api"+path, body); status != http.StatusOK {
		t.Fatalf("PUT %s: %d %s", path, status, answer)
	}
}
