package webtest

import (
	"fmt"
	"net/url"
	"strings"

	"tollgate/models/permission"
)

// Change is a change made on one console, and what a gateway is answered before and after it.
type Change struct {
	Name    string
	Actions []string // of the routes that make such a change
	Ask     func(*Console) string
	Before  string
	Do      func()
	After   string
}

// Shows fails the test unless a console gives the answer within a second.
func (g Gateway) Shows(c *Console, change Change, want string) {
	g.T.Helper()
	g.Within(func() bool { return change.Ask(c) == want }, fmt.Sprintf("%s: still not %s", change.Name, want))
}

// AccessChanges are changes for ada, who has Work, and for others, each with a user of its own; they are independent of
// each other.
func AccessChanges(g Gateway) []Change {
	g.T.Helper()
	n := 0
	holder := func(profile int64) (user string, held Object, key string) {
		n++
		user = g.Member(fmt.Sprintf("holder%d@example.com", n), "Viewer")
		held, key = g.Give(user, profile)
		return user, held, key
	}
	keyOf := func(user string) Object { return g.Keys(user)[0] }
	var all []Change
	add := func(name, actions string, call Object, before, after string, do func()) {
		ask := func(c *Console) string { return g.Admin.At(c).Ask(call)["type"].(string) }
		all = append(all, Change{name, strings.Fields(actions), ask, before, do, after})
	}

	deleted, _, key := holder(g.Work)
	add("a key deleted", "DeleteVirtualKey", Model(key), "allowed", "access_not_found", func() { g.Admin.API("DELETE", KeyPath(deleted, keyOf(deleted)), nil).Is(200) })
	rotated, _, key := holder(g.Work)
	add("a key rotated", "RotateVirtualKey", Model(key), "allowed", "access_not_found", func() { g.Admin.API("POST", RotatePath(keyOf(rotated)), nil).Is(200) })
	asking, _, key := holder(1)
	askingEmail := fmt.Sprintf("holder%d@example.com", n)
	add("a request granted", "GrantAccessRequest", Model(key), "provider_blocked", "allowed", func() {
		g.Login(askingEmail).Post("/me/requests", url.Values{"model": {"openai/gpt-4o"}, "reason": {"Tests"}}).Is(303)
		var request int64
		g.Scan(&request, "SELECT id FROM access_requests WHERE user_id = ?", asking)
		g.Admin.API("POST", fmt.Sprintf("/api/access-requests/%d/grant", request), Object{"access_profile_id": g.Work}).Is(200)
	})
	_, _, key = holder(1)
	handedEmail := fmt.Sprintf("holder%d@example.com", n)
	add("a profile given to many", "Handout", Model(key), "provider_blocked", "allowed", func() {
		g.Admin.API("POST", fmt.Sprintf("/api/access-profiles/%d/give", g.Work), Object{"emails": handedEmail}).Is(200)
	})
	own, _, key := holder(g.Work)
	ownEmail := fmt.Sprintf("holder%d@example.com", n)
	add("a user's own key rotated", "RotateOwnKey", Model(key), "allowed", "access_not_found", func() {
		g.Login(ownEmail).Post("/me/keys/"+keyOf(own)["id"].(string)+"/rotate", nil).Is(303)
	})
	detached, held, key := holder(g.Work)
	add("a copy detached", "DetachAccessProfile", Model(key), "allowed", "access_not_found", func() { g.Admin.API("DELETE", "/api"+CopyPath(detached, held), nil).Is(200) })
	gone, _, key := holder(g.Work)
	add("a user deleted", "DeleteUser", Model(key), "allowed", "access_not_found", func() { g.Admin.API("DELETE", "/api/users/"+gone, nil).Is(200) })
	deactivated, _, key := holder(g.Work)
	add("a user deactivated", "DeactivateUser", Model(key), "allowed", "access_blocked", func() {
		g.Admin.API("PUT", "/api/users/"+deactivated+"/deactivate", nil).Is(200)
	})
	paused, heldByPaused, key := holder(g.Work)
	add("a copy paused", "ChangeUserAccessProfile", Model(key), "allowed", "access_blocked", func() {
		g.Admin.API("PUT", "/api"+CopyPath(paused, heldByPaused), `{"is_active":false}`).Is(200)
	})
	together := g.ProfileNaming("Together", Work)
	_, _, key = holder(together)
	add("all copies paused", "PauseCopies", Model(key), "allowed", "access_blocked", func() {
		g.Admin.API("POST", fmt.Sprint("/api/access-profiles/", together, "/pause"), nil).Is(200)
	})
	resumed := g.ProfileNaming("Resumed", Work)
	_, _, key = holder(resumed)
	g.Admin.API("POST", fmt.Sprint("/api/access-profiles/", resumed, "/pause"), nil).Is(200)
	add("all copies resumed", "ResumeCopies", Model(key), "access_blocked", "allowed", func() {
		g.Admin.API("POST", fmt.Sprint("/api/access-profiles/", resumed, "/resume"), nil).Is(200)
	})
	assigned, _, key := holder(1)
	add("another copy", "AssignAccessProfile", Model(key), "provider_blocked", "allowed", func() { g.Assign(assigned, g.Work) })

	pushed := g.ProfileNaming("Pushed", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":5,"reset_duration":"1d"}]`)
	_, _, key = holder(pushed)
	g.Admin.Counted(Event(key, "cost", 3))
	add("a budget lowered and propagated", "Propagate RetryPropagation", Model(key), "allowed", "budget_exceeded", func() {
		path := fmt.Sprint("/api/access-profiles/", pushed)
		g.Admin.API("PUT", path, `{"budgets":[{"max_limit":3,"reset_duration":"1d"}]}`).Is(200)
		g.Admin.API("POST", path+"/propagate", `{"fields":["budgets"]}`).Is(200)
	})
	raisedUser, raisedCopy, key := holder(g.Work)
	g.Admin.Counted(Event(key, "cost", 8))
	raised := OverridePath(raisedUser, raisedCopy, Lines(raisedCopy)["provider:openai 1d"])
	add("an override", "SetOverride", Model(key), "budget_exceeded", "allowed", func() {
		g.Admin.API("PUT", raised, `{"amount":1,"mode":"cycles","cycles":1}`).Is(200)
	})
	group := g.AddGroup("Changing", `[{"mcp_client_id":"jira","tool_names":["t"]}]`)
	_, _, key = holder(g.ProfileNaming("Grouped", fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d}]`, group)))
	add("a tool group emptied", "UpdateToolGroup", Tool(key, "jira", "t"), "allowed", "mcp_tool_blocked", func() {
		g.Admin.API("PUT", fmt.Sprint("/api/mcp/tool-groups/", group), `{"tools":[]}`).Is(200)
	})
	applied := g.AddGroup("Applied", `[{"mcp_client_id":"jira","tool_names":["t"]}]`)
	_, _, key = holder(g.ProfileNaming("Filed", fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d}]`, applied)))
	add("a file without the group's tools applied", "ApplyConfig", Tool(key, "jira", "t"), "allowed", "mcp_tool_blocked", func() {
		g.Admin.API("POST", "/api/config/apply", `{"set":"files","on_drift":"revert","documents":[{"kind":"tool_group","name":"Applied"}]}`).Is(200)
	})
	_, _, key = holder(g.ProfileNaming("Whole", `"mcp_servers":[{"mcp_server_id":"github"}]`))
	add("a server's new tool", "UpdateMCPServer", Tool(key, "github", "new"), "mcp_tool_blocked", "allowed", func() {
		g.Admin.API("PUT", "/api/mcp/clients/github", `{"tools":["create_issue","delete_repo","new"]}`).Is(200)
	})
	role := g.AddRole("Gaining")
	g.AssignByRole(g.Work, "Gaining")
	gaining, _, key := holder(1)
	add("a role gained", "SetUserRole", Model(key), "provider_blocked", "allowed", func() {
		g.Admin.API("PUT", "/api/users/"+gaining+"/role", Object{"role_id": role}).Is(200)
	})
	_, _, key = holder(g.Work)
	add("usage reported", "RecordUsage RecordLiteLLM RecordTraces", Model(key), "allowed", "budget_exceeded", func() { g.Admin.Counted(Event(key, "cost", 8)) })
	_, _, held2 := holder(g.Work)
	add("an estimate held", "Decide", Model(held2), "allowed", "budget_exceeded", func() {
		g.Admin.Decides(With(Model(held2), "estimated_cost", 8, "reserve", true), "allowed", 200)
	})
	FurtherChanges(g, holder, add)
	DirectoryChanges(g, add)
	TokenChanges(g, add)
	return append(all, KeyChanges(g)...)
}

// FurtherChanges are those of several users, of API keys and of usage.
func FurtherChanges(
	g Gateway, holder func(profile int64) (user string, held Object, key string),
	add func(name, actions string, call Object, before, after string, do func()),
) {
	bulk, _, key := holder(1)
	add("assigned in bulk", "AssignToUsers", Model(key), "provider_blocked", "allowed", func() {
		g.Session.Post("/users/bulk", url.Values{"ids": {bulk}, "access_profile_id": {fmt.Sprint(g.Work)}}).Is(303)
	})
	left, _, key := holder(g.Work)
	add("deactivated in bulk", "DeactivateUsers", Model(key), "allowed", "access_blocked", func() {
		g.Session.Post("/users/bulk/deactivate", url.Values{"ids": {left}, "confirmed": {"true"}}).Is(303)
	})
	for action, path := range map[string]string{"ActivateUser": "/users/%s/activate", "ActivateUsers": "/users/bulk/activate"} {
		back, _, key := holder(g.Work)
		g.Admin.API("PUT", "/api/users/"+back+"/deactivate", nil).Is(200)
		add("activated by "+action, action, Model(key), "access_blocked", "allowed", func() {
			if action == "ActivateUsers" {
				g.Session.Post(path, url.Values{"ids": {back}}).Is(303)
			} else {
				g.Session.Post(fmt.Sprintf(path, back), nil).Is(303)
			}
		})
	}
	detached, _, key := holder(g.Work)
	add("detached in bulk", "DetachHolders", Model(key), "allowed", "access_not_found", func() {
		g.Session.Post(fmt.Sprintf("/access-profiles/%d/users/bulk", g.Work), url.Values{"ids": {detached}, "confirmed": {"true"}}).Is(303)
	})
	attached := g.ProfileNaming("Attached", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`)
	g.AddRole("Attached")
	member, _, key := holder(1)
	g.SetRole(member, "Attached")
	add("a profile attached to a role", "AttachRoles", Model(key), "provider_blocked", "allowed", func() {
		g.Attach(attached, Object{"role_ids": []int64{g.RoleID("Attached")}, "is_default": true, "apply_to_existing": true})
	})
	ofRole := g.ProfileNaming("Of a role", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`)
	g.AddRole("Losing")
	g.AssignByRole(ofRole, "Losing")
	losing, _, key := holder(1)
	g.SetRole(losing, "Losing")
	add("a profile detached from a role", "DetachRole", Model(key), "allowed", "provider_blocked", func() {
		g.Admin.API("DELETE", fmt.Sprintf("/api/access-profiles/%d/roles/%d?remove_from_users=true", ofRole, g.RoleID("Losing")), nil).Is(200)
	})
	user, held, key := holder(g.Work)
	lowered := OverridePath(user, held, Lines(held)["provider:openai 1d"])
	g.Admin.API("PUT", lowered, `{"amount":9,"mode":"forever"}`).Is(200)
	g.Admin.Counted(Event(key, "cost", 8))
	add("an override ended", "ClearOverride", Model(key), "allowed", "budget_exceeded", func() { g.Admin.API("DELETE", lowered, nil).Is(200) })
	_, _, key = holder(g.ProfileNaming("Careful", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true,"refuse_unpriced":true}]`))
	add("a price set", "UpdateProvider", Model(key), "model_blocked", "allowed", func() {
		g.Admin.API("PUT", "/api/providers/openai", `{"prices":[{"model":"gpt-4o","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1}]}`).Is(200)
	})
	g.H.MCPPrivate = true
	address, tools := ChangingMCP(g.T)
	g.AddServer("refreshed", "old")
	g.Admin.API("PUT", "/api/mcp/clients/refreshed", Object{"url": address}).Is(200)
	tools.Store(`[{"name":"old","inputSchema":{"type":"object"}},{"name":"new","inputSchema":{"type":"object"}}]`)
	_, _, key = holder(g.ProfileNaming("Refreshed", `"mcp_servers":[{"mcp_server_id":"refreshed"}]`))
	add("tools discovered", "RefreshMCPTools", Tool(key, "refreshed", "new"), "mcp_tool_blocked", "allowed", func() {
		g.Admin.API("POST", "/api/mcp/clients/refreshed/refresh-tools", nil).Is(200)
	})
	_, _, key = holder(g.Work)
	back := Event(key, "cost", 8)
	g.Admin.Counted(back)
	add("a charge reversed", "AdjustUsage", Model(key), "budget_exceeded", "allowed", func() {
		g.Admin.API("POST", "/api/usage/adjustments", Object{"event_id": back["event_id"], "amount": -8, "reason": "paid back"}).Is(201)
	})
	charged, _, key := holder(g.Work)
	stray := g.Stray("cost", 8)
	add("a stray event assigned", "AssignQuarantined", Model(key), "allowed", "budget_exceeded", func() {
		g.Admin.API("POST", Settle(stray, "assign"), Object{"user_id": charged}).Is(200)
	})
	_, _, key = holder(g.Work)
	reserved := g.Admin.Decides(With(Model(key), "estimated_cost", 8, "reserve", true), "allowed", 200)
	add("a reservation released", "ReleaseReservation", Model(key), "budget_exceeded", "allowed", func() {
		g.Admin.API("DELETE", fmt.Sprint("/api/reservations/", reserved["reservation_id"]), nil).Is(200)
	})
}

// KeyChanges are changes of what the API key of a gateway may do.
func KeyChanges(g Gateway) (all []Change) {
	add := func(name, action string, asks Client, after string, do func()) {
		ask := func(c *Console) string {
			return fmt.Sprint(asks.At(c).API("POST", "/api/decisions", Model(g.Key)).StatusCode)
		}
		all = append(all, Change{name, []string{action}, ask, "200", do, after})
	}
	made := func(by Client, name string) (Client, string) {
		got := by.API("POST", "/api/api-keys", Object{"name": name, "scopes": []permission.Permission{"Usage:Create", "Usage:View"}}).Is(201)
		return g.Bearer(got.JSON()["key"]), PathOf(got.Object("api_key"))
	}
	gone, path := made(g.Admin, "gone")
	add("an API key deleted", "DeleteAPIKey", gone, "401", func() { g.Admin.API("DELETE", path, nil).Is(200) })
	less, lessPath := made(g.Admin, "less")
	add("an API key with fewer scopes", "UpdateAPIKey", less, "403", func() {
		g.Admin.API("PUT", lessPath, `{"scopes":["Users:View"]}`).Is(200)
	})
	for i, action := range []string{"UpdateRole", "SetRolePermissions"} {
		role := g.AddRole(action, "APIKeys:Create", "Usage:Create", "Usage:View")
		email := fmt.Sprintf("maker%d@example.com", i)
		g.AddUser(email, action)
		ofMaker, _ := made(g.Login(email), "of "+email)
		add("less permitted by "+action, action, ofMaker, "403", func() {
			if action == "UpdateRole" {
				form := url.Values{"name": {action}, "permission_ids": {"APIKeys:Create"}}
				g.Session.Save(fmt.Sprint("/roles/", role), form).Is(303)
			} else {
				g.Admin.API("PUT", fmt.Sprintf("/api/roles/%d/permissions", role), `{"permission_ids":["APIKeys:Create"]}`).Is(200)
			}
		})
	}
	return all
}
