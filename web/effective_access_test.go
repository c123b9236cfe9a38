package web_test

import (
	"testing"

	"tollgate/web/webtest"
)

// A server that is granted whole is listed once, whether it has tools now or not, and however many profiles grant it.
func TestWholeServersAreEffectiveAccess(t *testing.T) {
	g := webtest.NewGateway(t)
	g.AddServer("files")
	g.AddServer("slack", "a", "b")
	user := g.Member("whole@example.com", "Viewer")
	whole := `"mcp_servers":[{"mcp_server_id":"files"},{"mcp_server_id":"slack"}]`
	g.Assign(user, g.ProfileNaming("One", whole))
	page, own := "/users/"+user, g.Login("whole@example.com")
	shows := func(want string) {
		t.Helper()
		g.Session.Get(page).Is(200).Shows(map[string]string{"Tools": want})
		own.Get("/me").Is(200).Shows(map[string]string{"Tools": want})
	}
	const every = "every tool, including future tools"
	shows("files: " + every + " slack: " + every)
	g.Assign(user, g.ProfileNaming("Two", whole))
	shows("files: " + every + " slack: " + every)

	// Propagations can leave excludes beside a server; what one copy excludes another may grant.
	exclude := func(profile, tool string) {
		t.Helper()
		g.Exec(`INSERT INTO policy_tool_overrides (policy_id, mcp_client_id, tool_name, action, position)
SELECT c.policy_id, 'slack', ?, 'exclude', 0 FROM user_access_profiles AS c JOIN access_profiles AS p ON p.id = c.access_profile_id
WHERE p.name = ?`, tool, profile)
	}
	exclude("One", "a")
	shows("files: " + every + " slack: " + every)
	exclude("Two", "a")
	exclude("Two", "b")
	shows("files: " + every + " slack: " + every + ", without a")
	g.Assign(user, g.ProfileNaming("Three", `"mcp_tool_overrides":[{"mcp_client_id":"slack","tool_name":"a","action":"include"}]`))
	shows("files: " + every + " slack: " + every)
}
