package e2e

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// assignmentScreens are those of a profile's holders and roles, and of propagation.
var assignmentScreens = []scene{
	{name: "holders", place: at("access-profiles", "Support", "/users")},
	{name: "holders-as-viewer", visit: visit{as: viewer}, place: at("access-profiles", "Support", "/users?limit=6")},
	{name: "holders-behind", place: at("access-profiles", "Support", "/users?behind=true&limit=6")},
	{name: "holders-no-hit", place: at("access-profiles", "Support", "/users?search=nowhere")},
	{name: "holders-none", place: at("access-profiles", "Frozen accounts", "/users")},
	{name: "holders-selected", place: at("access-profiles", "Support", "/users?limit=6"), act: func(s *screen) {
		s.tickRows(3)
		s.sees(s.text("3 selected"))
	}},
	{name: "holders-detach", place: at("access-profiles", "Support", "/users?limit=6"), act: func(s *screen) {
		s.tickRows(3)
		s.click(s.button("Detach…"))
		s.sees(s.heading("Detach Support from 3 users?"))
	}},
	{name: "profile-pause", place: at("access-profiles", "Support", "/pause")},
	{name: "profile-pause-none", place: at("access-profiles", "Frozen accounts", "/pause")},
	{name: "profile-paused", place: held("Paused together"), act: func(s *screen) {
		s.to(strings.Replace(s.URL(), "/propagate", "/pause", 1))
		s.click(s.button("Pause access of 2 holders"))
		s.sees(s.text("Access of 2 holders is paused"))
	}},
	{name: "profile-edit-changed", place: at("access-profiles", "Support", "/edit"), act: func(s *screen) {
		s.fill("Amount of overall budget 1", "5")
		s.must(s.card("anthropic").GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Remove anthropic"}).Click())
		s.sees(s.Locator("#blast").GetByText("Over at once"))
	}},
	{name: "profile-roles", place: at("access-profiles", "Engineering", "/roles")},
	{name: "profile-roles-as-viewer", visit: visit{as: viewer}, place: at("access-profiles", "Engineering", "/roles")},
	{name: "profile-roles-none", place: at("access-profiles", "Frozen accounts", "/roles")},
	{name: "profile-roles-refused", place: at("access-profiles", "Frozen accounts", "/roles"), act: refuse("Attach")},
	{name: "profile-detach-role", place: at("access-profiles", "Engineering", "/roles"), act: func(s *screen) {
		s.click(s.link("Detach Engineer…"))
		s.sees(s.heading("Detach Engineer from Engineering?"))
	}},
	{name: "propagate", place: at("access-profiles", "Support", "/propagate")},
	{name: "propagate-refused", place: at("access-profiles", "Support", "/propagate"), act: func(s *screen) {
		for _, field := range fieldGroups {
			s.must(s.role("checkbox", field).Uncheck())
		}
		s.fill("Only these users optional", "nobody@example.com")
		refuse("Preview")(s)
	}},
	{name: "propagate-none", place: at("access-profiles", "Frozen accounts", "/propagate")},
	{name: "preview", place: at("access-profiles", "Support", "/propagate"), act: preview},
	{name: "preview-nothing", place: at("access-profiles", "Engineering", "/propagate"), act: preview},
	{name: "preview-long-names", place: longNames("Named at length", "/propagate"), act: preview},
	{name: "preview-over", place: tightened, act: preview},
	{name: "propagation-done", place: held("Pictured as pushed"), act: func(s *screen) {
		preview(s)
		s.click(s.button("Apply to 2 holders"))
		s.sees(s.text("2 holders of Pictured as pushed have the providers, overall budgets, overall rate limit, tool groups, MCP servers and single tools of version 2."))
	}},
}

var fieldGroups = []string{"Providers", "Overall budgets", "Overall rate limit", "Tool groups", "MCP servers", "Single tools"}

func (s *screen) tickRows(n int) {
	s.t.Helper()
	for row := range n {
		s.must(s.GetByRole("table").GetByRole("checkbox").Nth(row + 1).Check())
	}
}

func preview(s *screen) {
	s.t.Helper()
	s.click(s.button("Preview"))
	s.arrives(`/access-profiles/\d+/propagate/preview`)
}

// tightened lowers a budget below what some users have used.
func tightened(t *testing.T, c *console) string {
	path := at("access-profiles", "Data science", "")(t, c)
	c.change(t, path, `{"budgets": [{"max_limit": 200, "reset_duration": "1M"}]}`)
	return path + "/propagate"
}

// held is a profile of which two users have an older version.
func held(name string) place {
	return func(t *testing.T, c *console) string {
		path := c.create(t, strings.ReplaceAll(shared, "NAME", name))
		c.attach(t, path, c.crew(t, "Crew of "+name, 2))
		c.change(t, path, `{"budgets": [{"max_limit": 700, "reset_duration": "1M"}]}`)
		return path + "/propagate"
	}
}

// emptyRole is a path below a role without members and without profiles.
func emptyRole(below string) place {
	return func(t *testing.T, c *console) string {
		return c.crew(t, "Nobody's "+strings.Trim(below+" role", "/ "), 0) + below
	}
}
