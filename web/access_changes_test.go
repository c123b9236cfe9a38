package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web"
)

// change is a change made on one console, and what a gateway is answered before and after it.
type change struct {
	name    string
	actions []string // of the routes that make such a change
	ask     func(*console) string
	before  string
	do      func()
	after   string
}

// shows fails the test unless a console gives the answer within a second.
func (g gateway) shows(c *console, change change, want string) {
	g.t.Helper()
	g.within(func() bool { return change.ask(c) == want }, fmt.Sprintf("%s: still not %s", change.name, want))
}

// keepAccess are the actions that change nothing that a gateway is answered.
const keepAccess = `
Login Logout FirstRun ChangePassword SetUserPassword UpdateUser
CreateAPIKey CreateUser CreateRole CreateProvider CreateMCPServer CreateToolGroup CreateVirtualKey
DeleteRole DeleteProvider DeleteMCPServer DeleteToolGroup
CreateAccessProfile UpdateAccessProfile DeleteAccessProfile CloneAccessProfile RestoreVersion ChangeAccessProfiles
ActivateAccessProfile DeactivateAccessProfile DismissQuarantined RenewReservation
Evaluate EvaluateAll SearchActions SearchResources ShowQuotaPage FindTyped KeepSession`

// Each action is either one of the changes that the tests below make, or named as one that keeps access: what is new is
// named by nothing yet, what can be deleted is named by nothing any more, and a profile applies when it is propagated.
func TestEveryActionSaysWhetherItChangesAccess(t *testing.T) {
	g := newGateway(t)
	known := strings.Fields(keepAccess)
	for _, change := range accessChanges(g) {
		known = append(known, change.actions...)
	}
	named := slices.Clone(known)
	for _, r := range web.Routes(g.h) {
		if r.Method == "GET" {
			continue
		}
		if !slices.Contains(known, r.Action) {
			t.Errorf("%s %s: say whether %s changes access", r.Method, r.Path, r.Action)
		}
		named = slices.DeleteFunc(named, func(action string) bool { return action == r.Action })
	}
	if len(named) > 0 {
		t.Errorf("no route has %v", named)
	}
}

// accessChanges are changes for ada, who has Work, and for others, each with a user of its own; they are independent of
// each other.
func accessChanges(g gateway) []change {
	g.t.Helper()
	n := 0
	holder := func(profile int64) (user string, held object, key string) {
		n++
		user = g.member(fmt.Sprintf("holder%d@example.com", n), "Viewer")
		held, key = g.give(user, profile)
		return user, held, key
	}
	keyOf := func(user string) object { return g.keys(user)[0] }
	var all []change
	add := func(name, actions string, call object, before, after string, do func()) {
		ask := func(c *console) string { return g.admin.at(c).ask(call)["type"].(string) }
		all = append(all, change{name, strings.Fields(actions), ask, before, do, after})
	}

	deleted, _, key := holder(g.work)
	add("a key deleted", "DeleteVirtualKey", model(key), "allowed", "access_not_found", func() { g.admin.api("DELETE", keyPath(deleted, keyOf(deleted)), nil).is(200) })
	rotated, _, key := holder(g.work)
	add("a key rotated", "RotateVirtualKey", model(key), "allowed", "access_not_found", func() { g.admin.api("POST", rotatePath(keyOf(rotated)), nil).is(200) })
	detached, held, key := holder(g.work)
	add("a copy detached", "DetachAccessProfile", model(key), "allowed", "access_not_found", func() { g.admin.api("DELETE", "/api"+copyPath(detached, held), nil).is(200) })
	gone, _, key := holder(g.work)
	add("a user deleted", "DeleteUser", model(key), "allowed", "access_not_found", func() { g.admin.api("DELETE", "/api/users/"+gone, nil).is(200) })
	paused, heldByPaused, key := holder(g.work)
	add("a copy paused", "ChangeUserAccessProfile", model(key), "allowed", "access_blocked", func() {
		g.admin.api("PUT", "/api"+copyPath(paused, heldByPaused), `{"is_active":false}`).is(200)
	})
	assigned, _, key := holder(1)
	add("another copy", "AssignAccessProfile", model(key), "provider_blocked", "allowed", func() { g.assign(assigned, g.work) })

	pushed := g.profileNaming("Pushed", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":5,"reset_duration":"1d"}]`)
	_, _, key = holder(pushed)
	g.admin.counted(event(key, "cost", 3))
	add("a budget lowered and propagated", "Propagate RetryPropagation", model(key), "allowed", "budget_exceeded", func() {
		path := fmt.Sprint("/api/access-profiles/", pushed)
		g.admin.api("PUT", path, `{"budgets":[{"max_limit":3,"reset_duration":"1d"}]}`).is(200)
		g.admin.api("POST", path+"/propagate", `{"fields":["budgets"]}`).is(200)
	})
	raisedUser, raisedCopy, key := holder(g.work)
	g.admin.counted(event(key, "cost", 8))
	raised := overridePath(raisedUser, raisedCopy, lines(raisedCopy)["provider:openai 1d"])
	add("an override", "SetOverride", model(key), "budget_exceeded", "allowed", func() {
		g.admin.api("PUT", raised, `{"amount":1,"mode":"cycles","cycles":1}`).is(200)
	})
	group := g.addGroup("Changing", `[{"mcp_client_id":"jira","tool_names":["t"]}]`)
	_, _, key = holder(g.profileNaming("Grouped", fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d}]`, group)))
	add("a tool group emptied", "UpdateToolGroup", tool(key, "jira", "t"), "allowed", "mcp_tool_blocked", func() {
		g.admin.api("PUT", fmt.Sprint("/api/mcp/tool-groups/", group), `{"tools":[]}`).is(200)
	})
	_, _, key = holder(g.profileNaming("Whole", `"mcp_servers":[{"mcp_server_id":"github"}]`))
	add("a server's new tool", "UpdateMCPServer", tool(key, "github", "new"), "mcp_tool_blocked", "allowed", func() {
		g.admin.api("PUT", "/api/mcp/clients/github", `{"tools":["create_issue","delete_repo","new"]}`).is(200)
	})
	role := g.addRole("Gaining")
	g.assignByRole(g.work, "Gaining")
	gaining, _, key := holder(1)
	add("a role gained", "SetUserRole", model(key), "provider_blocked", "allowed", func() {
		g.admin.api("PUT", "/api/users/"+gaining+"/role", object{"role_id": role}).is(200)
	})
	_, _, key = holder(g.work)
	add("usage reported", "RecordUsage", model(key), "allowed", "budget_exceeded", func() { g.admin.counted(event(key, "cost", 8)) })
	_, _, held2 := holder(g.work)
	add("an estimate held", "Decide", model(held2), "allowed", "budget_exceeded", func() {
		g.admin.decides(with(model(held2), "estimated_cost", 8, "reserve", true), "allowed", 200)
	})
	furtherChanges(g, holder, add)
	return append(all, keyChanges(g)...)
}

// furtherChanges are those of several users, of API keys and of usage.
func furtherChanges(
	g gateway, holder func(profile int64) (user string, held object, key string),
	add func(name, actions string, call object, before, after string, do func()),
) {
	bulk, _, key := holder(1)
	add("assigned in bulk", "AssignToUsers", model(key), "provider_blocked", "allowed", func() {
		g.session.post("/users/bulk", url.Values{"ids": {bulk}, "access_profile_id": {fmt.Sprint(g.work)}}).is(303)
	})
	detached, _, key := holder(g.work)
	add("detached in bulk", "DetachHolders", model(key), "allowed", "access_not_found", func() {
		g.session.post(fmt.Sprintf("/access-profiles/%d/users/bulk", g.work), url.Values{"ids": {detached}, "confirmed": {"true"}}).is(303)
	})
	attached := g.profileNaming("Attached", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`)
	g.addRole("Attached")
	member, _, key := holder(1)
	g.setRole(member, "Attached")
	add("a profile attached to a role", "AttachRoles", model(key), "provider_blocked", "allowed", func() {
		g.attach(attached, object{"role_ids": []int64{g.roleID("Attached")}, "is_default": true, "apply_to_existing": true})
	})
	ofRole := g.profileNaming("Of a role", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`)
	g.addRole("Losing")
	g.assignByRole(ofRole, "Losing")
	losing, _, key := holder(1)
	g.setRole(losing, "Losing")
	add("a profile detached from a role", "DetachRole", model(key), "allowed", "provider_blocked", func() {
		g.admin.api("DELETE", fmt.Sprintf("/api/access-profiles/%d/roles/%d?remove_from_users=true", ofRole, g.roleID("Losing")), nil).is(200)
	})
	user, held, key := holder(g.work)
	lowered := overridePath(user, held, lines(held)["provider:openai 1d"])
	g.admin.api("PUT", lowered, `{"amount":9,"mode":"forever"}`).is(200)
	g.admin.counted(event(key, "cost", 8))
	add("an override ended", "ClearOverride", model(key), "allowed", "budget_exceeded", func() { g.admin.api("DELETE", lowered, nil).is(200) })
	_, _, key = holder(g.profileNaming("Careful", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true,"refuse_unpriced":true}]`))
	add("a price set", "UpdateProvider", model(key), "model_blocked", "allowed", func() {
		g.admin.api("PUT", "/api/providers/openai", `{"prices":[{"model":"gpt-4o","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1}]}`).is(200)
	})
	g.h.MCPPrivate = true
	address, tools := changingMCP(g.t)
	g.addServer("refreshed", "old")
	g.admin.api("PUT", "/api/mcp/clients/refreshed", object{"url": address}).is(200)
	tools.Store(`[{"name":"old","inputSchema":{"type":"object"}},{"name":"new","inputSchema":{"type":"object"}}]`)
	_, _, key = holder(g.profileNaming("Refreshed", `"mcp_servers":[{"mcp_server_id":"refreshed"}]`))
	add("tools discovered", "RefreshMCPTools", tool(key, "refreshed", "new"), "mcp_tool_blocked", "allowed", func() {
		g.admin.api("POST", "/api/mcp/clients/refreshed/refresh-tools", nil).is(200)
	})
	_, _, key = holder(g.work)
	back := event(key, "cost", 8)
	g.admin.counted(back)
	add("a charge reversed", "AdjustUsage", model(key), "budget_exceeded", "allowed", func() {
		g.admin.api("POST", "/api/usage/adjustments", object{"event_id": back["event_id"], "amount": -8, "reason": "paid back"}).is(201)
	})
	charged, _, key := holder(g.work)
	stray := g.stray("cost", 8)
	add("a stray event assigned", "AssignQuarantined", model(key), "allowed", "budget_exceeded", func() {
		g.admin.api("POST", settle(stray, "assign"), object{"user_id": charged}).is(200)
	})
	_, _, key = holder(g.work)
	reserved := g.admin.decides(with(model(key), "estimated_cost", 8, "reserve", true), "allowed", 200)
	add("a reservation released", "ReleaseReservation", model(key), "budget_exceeded", "allowed", func() {
		g.admin.api("DELETE", fmt.Sprint("/api/reservations/", reserved["reservation_id"]), nil).is(200)
	})
}

// keyChanges are changes of what the API key of a gateway may do.
func keyChanges(g gateway) (all []change) {
	add := func(name, action string, asks client, after string, do func()) {
		ask := func(c *console) string {
			return fmt.Sprint(asks.at(c).api("POST", "/api/decisions", model(g.key)).StatusCode)
		}
		all = append(all, change{name, []string{action}, ask, "200", do, after})
	}
	made := func(by client, name string) (client, string) {
		got := by.api("POST", "/api/api-keys", object{"name": name, "scopes": []permission.Permission{"Usage:Create", "Usage:View"}}).is(201)
		return g.bearer(got.json()["key"]), pathOf(got.object("api_key"))
	}
	gone, path := made(g.admin, "gone")
	add("an API key deleted", "DeleteAPIKey", gone, "401", func() { g.admin.api("DELETE", path, nil).is(200) })
	less, lessPath := made(g.admin, "less")
	add("an API key with fewer scopes", "UpdateAPIKey", less, "403", func() {
		g.admin.api("PUT", lessPath, `{"scopes":["Users:View"]}`).is(200)
	})
	for i, action := range []string{"UpdateRole", "SetRolePermissions"} {
		role := g.addRole(action, "APIKeys:Create", "Usage:Create", "Usage:View")
		email := fmt.Sprintf("maker%d@example.com", i)
		g.addUser(email, action)
		ofMaker, _ := made(g.login(email), "of "+email)
		add("less permitted by "+action, action, ofMaker, "403", func() {
			if action == "UpdateRole" {
				form := url.Values{"name": {action}, "permission_ids": {"APIKeys:Create"}}
				g.session.post(fmt.Sprint("/roles/", role), form).is(303)
			} else {
				g.admin.api("PUT", fmt.Sprintf("/api/roles/%d/permissions", role), `{"permission_ids":["APIKeys:Create"]}`).is(200)
			}
		})
	}
	return all
}
