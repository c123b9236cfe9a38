package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// scene is a screen with the way to it.
type scene struct {
	name   string
	visit  visit
	path   string
	place  place // instead of a path, where rows have to be looked up
	status int   // 0 is 200
	act    func(s *screen)
}

// screens are those of profiles, the catalogue and the settings that the company's console can show; the empty ones
// belong to the first run.
var screens = []scene{
	{name: "sign-in", visit: visit{out: true}, path: "/login"},
	{name: "sign-in-refused", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		s.fill("Email", admin)
		s.fill("Password", "wrong password")
		s.click(s.button("Sign in"))
		s.sees(s.Locator("#problems"))
	}},
	{name: "first-run-over", visit: visit{out: true}, path: "/first-run?token=no-longer", status: http.StatusNotFound},
	{name: "profiles", path: "/access-profiles"},
	{name: "profiles-page-2", path: "/access-profiles?limit=5&offset=5&sort=-updated_at"},
	{name: "profiles-filtered", path: "/access-profiles?tags=business&is_active=true"},
	{name: "profiles-no-hit", path: "/access-profiles?search=nowhere"},
	{name: "profiles-bad-query", path: "/access-profiles?limit=none", status: http.StatusBadRequest},
	{name: "profiles-row-menu", path: "/access-profiles?search=engineering&limit=6", act: func(s *screen) { s.click(s.GetByLabel("Actions for Engineering", exactName)) }},
	{name: "profiles-selected", path: "/access-profiles", act: func(s *screen) { s.tick("Select Engineering") }},
	{name: "profiles-as-viewer", visit: visit{as: viewer}, path: "/access-profiles?limit=6"},
	{name: "shortcuts", path: "/access-profiles?limit=6", act: func(s *screen) { s.press("?") }},
	{name: "user-menu", path: "/access-profiles?limit=6", act: func(s *screen) { s.click(s.Locator(".user-menu > summary")) }},
	{name: "find", path: "/find?q=e"},
	{name: "find-nothing", path: "/find?q=nowhere"},
	{name: "find-open", path: "/settings", act: func(s *screen) {
		s.press("Control+k")
		s.write("eng")
		s.sees(s.Locator("#find-hits").GetByRole("link").First())
	}},
	{name: "find-callers", path: "/find/callers?provider=openai&model=gpt-5"},
	{name: "find-tool-callers", path: "/find/callers?mcp_client_id=github&tool_name=create_issue"},
	{name: "profile", path: "/access-profiles/1"},
	{name: "profile-as-json", path: "/access-profiles/1", act: func(s *screen) { s.click(s.text("View as JSON")) }},
	{name: "profile-as-viewer", visit: visit{as: viewer}, path: "/access-profiles/1"},
	{name: "profile-saved", path: "/access-profiles/11/edit", act: func(s *screen) {
		s.click(s.button("Save"))
		s.arrives("/access-profiles/11")
	}},
	{name: "profile-new", path: "/access-profiles/new"},
	{name: "profile-edit", path: "/access-profiles/1/edit"},
	{name: "profile-edit-problems", path: "/access-profiles/1/edit", act: muddle},
	{name: "profile-edit-conflict", path: "/access-profiles/new", act: collide},
	{name: "profile-duplicate", path: "/access-profiles/1/clone"},
	{name: "profile-duplicate-refused", path: "/access-profiles/1/clone", act: func(s *screen) {
		s.fill("Name", "Support")
		s.click(s.button("Create copy"))
		s.sees(s.Locator("#problems"))
	}},
	{name: "profile-delete", place: at("access-profiles", "Frozen accounts", "/delete")},
	{name: "profile-delete-blocked", place: at("access-profiles", "Engineering", "/delete")},
	{name: "versions", path: "/access-profiles/1/versions"},
	{name: "version", path: "/access-profiles/1/versions/1"},
	{name: "versions-compared", path: "/access-profiles/new", act: compare},
	{name: "profile-audit", path: "/access-profiles/1/audit"},
	{name: "audit", path: "/audit"},
	{name: "audit-differences", place: longNames("Audited", "/audit"), act: func(s *screen) {
		s.click(s.Locator("td summary").First())
		s.sees(s.role("columnheader", "After").First())
	}},
	{name: "audit-no-hit", path: "/audit?action=restore"},
	{name: "providers", path: "/providers"},
	{name: "providers-no-hit", path: "/providers?search=nowhere"},
	{name: "provider", path: "/providers/openai"},
	{name: "provider-prices", place: pricey, act: func(s *screen) {
		// Two spaces in a name are shown as two.
		s.must(expect(s.Locator("th > code").First()).ToHaveCSS("white-space", "pre-wrap"))
	}},
	{name: "provider-new", path: "/providers/new"},
	{name: "provider-refused", path: "/providers/new", act: refuse("Create provider")},
	{name: "provider-edit", path: "/providers/openai/edit"},
	{name: "provider-delete", path: "/providers/openai/delete"},
	{name: "servers", path: "/mcp/clients"},
	{name: "servers-no-hit", path: "/mcp/clients?search=nowhere"},
	{name: "server", path: "/mcp/clients/github"},
	{name: "server-new", path: "/mcp/clients/new"},
	{name: "server-refused", path: "/mcp/clients/new", act: refuse("Create MCP server")},
	{name: "server-edit", path: "/mcp/clients/github/edit"},
	{name: "server-delete", path: "/mcp/clients/github/delete"},
	{name: "groups", path: "/mcp/tool-groups"},
	{name: "groups-no-hit", path: "/mcp/tool-groups?search=nowhere"},
	{name: "group", path: "/mcp/tool-groups/1"},
	{name: "group-new", path: "/mcp/tool-groups/new"},
	{name: "group-refused", path: "/mcp/tool-groups/new", act: refuse("Create tool group")},
	{name: "group-edit", path: "/mcp/tool-groups/1/edit"},
	{name: "group-delete", path: "/mcp/tool-groups/1/delete"},
	{name: "settings", path: "/settings"},
	{name: "settings-refused", path: "/settings", act: refuse("Change password")},
	{name: "keys", path: "/settings/api-keys"},
	{name: "configuration", path: "/settings/configuration"},
	{name: "key-new", path: "/settings/api-keys/new"},
	{name: "key-refused", path: "/settings/api-keys/new", act: refuse("Create key")},
	{name: "key-secret", path: "/settings/api-keys/new", act: func(s *screen) {
		s.fill("Name", "Pictured")
		s.tick("Profiles: View")
		s.click(s.button("Create key"))
		s.sees(s.heading("Copy the key now"))
	}},
	{name: "not-found", path: "/access-profiles/99999", status: http.StatusNotFound},
	{name: "not-found-signed-out", visit: visit{out: true}, path: "/nowhere", status: http.StatusNotFound},
	{name: "not-allowed", visit: visit{as: viewer}, path: "/access-profiles/new", status: http.StatusForbidden},
}

func TestScreens(t *testing.T) {
	t.Parallel()
	shown := &windows{t: t, idle: map[visit][]*screen{}}
	for _, test := range slices.Concat(screens, userScreens, assignmentScreens, usageScreens, ownScreens, provisioningScreens) {
		if !drawn(test.name) {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var s *screen
			if test.visit.out {
				s = open(t, test.visit)
			} else {
				s = shown.lend(t, test.visit)
			}
			if test.status == 0 {
				test.status = http.StatusOK
			}
			if test.place != nil {
				test.path = test.place(t, s.console)
			}
			if status := s.to(test.path); status != test.status {
				t.Fatalf("%s is answered %d, want %d", test.path, status, test.status)
			}
			if test.act != nil {
				test.act(s)
			}
			s.inspect(test.name)
		})
	}
}

// longName has no place for a line break.
var longName = strings.Repeat("averylongname_", 10)

// pricey is a provider with every kind of price, including one of a model with a long name.
func pricey(t *testing.T, c *console) string {
	t.Helper()
	body := fmt.Sprintf(`{"name": "pricey", "models": [%q], "prices": [{"model": %q, "input_cost_per_million_tokens": 99999.123456789,
"output_cost_per_million_tokens": 2, "cache_read_cost_per_million_tokens": 0.000000001, "cache_write_cost_per_million_tokens": 1.75}]}`, longName, longName)
	if status, answer := c.api(t, "POST", "/api/providers", body); status != http.StatusCreated {
		t.Fatalf("create a provider: %d %s", status, answer)
	}
	return "/providers/pricey"
}

// longNames is a path below a profile that two users have, and that has since granted a model with a long name.
func longNames(name, below string) place {
	return func(t *testing.T, c *console) string {
		path := strings.TrimSuffix(held(name)(t, c), "/propagate")
		c.change(t, path, `{"provider_configs": [{"provider_name": "openai", "allowed_models": ["`+longName+`"]}]}`)
		return path + below
	}
}

// refuse sends a form as it is and waits for its problems.
func refuse(button string) func(s *screen) {
	return func(s *screen) {
		s.t.Helper()
		s.click(s.button(button))
		s.sees(s.Locator("#problems"))
	}
}

// muddle gives the editor every kind of problem.
func muddle(s *screen) {
	s.t.Helper()
	s.fill("Name", "")
	s.fill("Tags optional", strings.Repeat("long", 40))
	s.addProvider("groq")
	s.addBudget("anthropic", "fifty", "per …")
	s.addBudget("", "-1", "per day")
	s.unfold("openai")
	s.fill("Requests for openai", "1.5")
	s.tick("github")
	s.click(s.button("Include or exclude a tool"))
	s.focused(s.field("Server of tool 3"))
	s.click(s.button("Save"))
	s.focused(s.Locator("#problems"))
}

// collide saves a profile that another user has saved meanwhile.
func collide(s *screen) {
	s.t.Helper()
	path := s.console.create(s.t, strings.ReplaceAll(shared, "NAME", "Collision"))
	s.to(path + "/edit")
	s.console.change(s.t, path, `{"description": "Theirs.", "tags": ["other"]}`)
	s.fill("Name", "Collision course")
	s.fill("Tags optional", "mine, yours")
	s.click(s.button("Save"))
	s.focused(s.Locator("#problems"))
}

// compare shows two versions of a profile side by side.
func compare(s *screen) {
	s.t.Helper()
	path := s.console.create(s.t, strings.ReplaceAll(shared, "NAME", "Comparison"))
	s.console.change(s.t, path, `{"description": "Changed.", "tags": ["other"], "budgets": []}`)
	s.to(path + "/versions")
	s.click(s.button("Compare"))
	s.arrives(path + `/versions/compare\?.*`)
	s.says(s.Locator("ins").First(), "Changed.")
}
