package web_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// halves are propagations of one side of an MCP selection that leave a copy with a whole server and an exclude of one
// of its tools.
var halves = map[string]struct{ before, after, field string }{
	"the server onto a copy that excludes": {
		`"mcp_tool_groups":[{"tool_group_id":%d}],"mcp_tool_overrides":[{"mcp_client_id":"slack","tool_name":"b","action":"exclude"}]`,
		`{"mcp_tool_groups":[],"mcp_servers":[{"mcp_server_id":"slack"}],"mcp_tool_overrides":[]}`, "mcp_servers",
	},
	"the exclude onto a copy that has the server": {
		`"mcp_tool_overrides":[],"mcp_servers":[{"mcp_server_id":"slack"}]`,
		`{"mcp_tool_groups":[{"tool_group_id":%d}],"mcp_servers":[],"mcp_tool_overrides":[{"mcp_client_id":"slack","tool_name":"b","action":"exclude"}]}`,
		"mcp_tool_overrides",
	},
}

// An exclude wins in a copy, also over what a propagation has put beside it, on every route of every console; and the
// propagation reports it.
func TestAnExcludeWinsInACopy(t *testing.T) {
	for name, half := range halves {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			other, _ := g.another(g.appURL())
			g.exec("INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('slack', 'slack', 'slack', '{a,b,c}')")
			group := g.addGroup("Some of slack", `[{"mcp_client_id":"slack","tool_names":["a","b"]}]`)
			write := func(policy string) string {
				if strings.Contains(policy, "%d") {
					return fmt.Sprintf(policy, group)
				}
				return policy
			}
			profile := g.profileNaming("Halves", write(half.before))
			user := g.member("half@example.com", "Viewer")
			_, key := g.give(user, profile)
			for _, c := range []*console{g.console, other} {
				g.admin.at(c).ask(tool(key, "slack", "b")) // and is cached from now on
			}
			path := fmt.Sprint("/api/access-profiles/", profile)
			g.admin.api("PUT", path, write(half.after)).is(200)
			conflict := []any{object{"mcp_client_id": "slack", "tool_names": []any{"b"}, "user_ids": []any{user}}}

			before := map[string]bool{"a": true, "b": half.field == "mcp_tool_overrides", "c": half.field == "mcp_tool_overrides"}
			want := map[string]bool{"a": true, "b": false, "c": true}
			dry := g.admin.api("POST", path+"/propagate", object{"fields": []string{half.field}, "dry_run": true}).is(200).json()
			same(t, "foretold conflicts", dry["mcp_conflicts"], conflict)
			change := dry["changes"].([]any)[0].(object)
			same(t, "tools gained", change["tools_gained"], toolsOf("slack", differ(want, before)))
			same(t, "tools lost", change["tools_lost"], toolsOf("slack", differ(before, want)))
			preview := g.session.get(strings.TrimPrefix(path, "/api") + "/propagate/preview?" + url.Values{"fields": {half.field}}.Encode()).is(200)
			says(preview, "conflicts", "excludes b")
			says(preview, "conflicts", "resources and prompts, which need the whole server. Tick both MCP servers and Single tools")
			if page := string(preview.body); strings.Index(page, `id="conflicts"`) > strings.Index(page, "Apply to 1 holder") {
				t.Error("the warning stands below the button")
			}
			facts := preview.facts()
			same(t, "gained on the page", facts["Tools gained"], strings.Join(prefixed("slack/", differ(want, before)), " "))
			same(t, "lost on the page", facts["Tools lost"], strings.Join(prefixed("slack/", differ(before, want)), " "))
			notWhole := ""
			if half.field == "mcp_tool_overrides" {
				notWhole = "No longer all of slack: resources and prompts need the whole server."
			}
			same(t, "no longer whole", facts["Resources and prompts lost"], notWhole)

			done := g.admin.api("POST", path+"/propagate", object{"fields": []string{half.field}}).is(200).json()
			same(t, "conflicts left", done["mcp_conflicts"], conflict)
			job := done["job"].(object)["id"]
			says(g.session.get(fmt.Sprintf("%s/propagate/%v", strings.TrimPrefix(path, "/api"), job)).is(200), "conflicts", "excludes b")
			g.admin.at(other).withinASecond(tool(key, "slack", "b"), "mcp_tool_blocked")
			if half.field == "mcp_servers" {
				g.admin.at(other).withinASecond(tool(key, "slack", "c"), "allowed")
			}
			for _, c := range []*console{g.console, other} {
				g.toolsAtEveryDoor(c, user, key, want)
			}
			// A tool that the server adds later is granted by its name; the exclude stays.
			g.admin.api("PUT", "/api/mcp/clients/slack", `{"tools":["a","b","c","d"]}`).is(200)
			want["d"] = true
			g.toolsAtEveryDoor(g.console, user, key, want)

			// Access adds up between copies: another copy that grants the tool allows it.
			g.assign(user, g.profileNaming("All of slack", `"mcp_servers":[{"mcp_server_id":"slack"}]`))
			want["b"] = true
			g.toolsAtEveryDoor(g.console, user, key, want)
			same(t, "conflicts of the other", len(g.admin.api("POST", path+"/propagate", object{"fields": []string{"mcp_servers", "mcp_tool_overrides"}}).
				is(200).json()["mcp_conflicts"].([]any)), 0)
		})
	}
}

// toolsAtEveryDoor fails the test unless the tools of slack are granted or not, on each route and on each page that
// shows them.
func (g gateway) toolsAtEveryDoor(c *console, user, key string, want map[string]bool) {
	g.t.Helper()
	admin, found := g.admin.at(c), []string{}
	for name, granted := range want {
		kind, status := "mcp_tool_blocked", 403
		if granted {
			kind, status = "allowed", 200
			found = append(found, "slack/"+name)
		}
		admin.decides(tool(key, "slack", name), kind, status)
		admin.decides(with(tool(nil, "slack", name), "virtual_key", nil, "user_id", user), kind, status)
		a := admin.api("POST", "/access/v1/evaluation", evaluation(entity("virtual_key", key), entity("tool", "slack/"+name))).is(200)
		same(g.t, "AuthZEN about "+name, a.json()["decision"], granted)
		address := "?mcp_client_id=slack&tool_name=" + name
		for _, door := range []string{"/authz/forward", "/authz/nginx"} {
			same(g.t, door+address, g.bearer(key).at(c).get(door+address).StatusCode, status)
		}
		tried := g.session.at(c).get("/users/" + user + "/try" + address).is(200)
		same(g.t, "the page that tries "+name, strings.Contains(text(tried.one("main")), "Allowed by"), granted)
	}
	slices.Sort(found)
	results := admin.api("POST", "/access/v1/search/resource", evaluation(entity("virtual_key", key), object{"type": "tool"})).is(200).json()["results"]
	searched := []string{}
	for _, one := range objects(results) {
		searched = append(searched, one["id"].(string))
	}
	slices.Sort(searched)
	same(g.t, "AuthZEN search", searched, found)
	line := "slack: " + strings.ReplaceAll(strings.Join(found, ", "), "slack/", "")
	says(g.session.at(c).get("/users/"+user).is(200), "", line)
}

// says fails the test unless a page, or the section that a heading names, contains the words.
func says(a answer, section, words string) {
	a.t.Helper()
	node := a.one("main")
	if section != "" {
		node = a.one("section", "aria-labelledby", section)
	}
	if said := text(node); !strings.Contains(said, words) {
		a.t.Errorf("%s: no %q in %q", a.Request.URL.Path, words, said)
	}
}

// differ are the names that one grants and the other does not, in order.
func differ(one, other map[string]bool) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(one)) {
		if one[name] && !other[name] {
			names = append(names, name)
		}
	}
	return names
}

func prefixed(prefix string, names []string) (all []string) {
	for _, name := range names {
		all = append(all, prefix+name)
	}
	return all
}

func toolsOf(server string, names []string) any {
	if len(names) == 0 {
		return []any{}
	}
	list := []any{}
	for _, name := range names {
		list = append(list, name)
	}
	return []any{object{"mcp_client_id": server, "tool_names": list}}
}
