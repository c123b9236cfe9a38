package web_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
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
			g := webtest.NewGateway(t)
			other, _ := g.Another(g.AppURL())
			g.Exec("INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('slack', 'slack', 'slack', '{a,b,c}')")
			group := g.AddGroup("Some of slack", `[{"mcp_client_id":"slack","tool_names":["a","b"]}]`)
			write := func(policy string) string {
				if strings.Contains(policy, "%d") {
					return fmt.Sprintf(policy, group)
				}
				return policy
			}
			profile := g.ProfileNaming("Halves", write(half.before))
			user := g.Member("half@example.com", "Viewer")
			_, key := g.Give(user, profile)
			for _, c := range []*webtest.Console{g.Console, other} {
				g.Admin.At(c).Ask(webtest.Tool(key, "slack", "b")) // and is cached from now on
			}
			path := fmt.Sprint("/api/access-profiles/", profile)
			g.Admin.API("PUT", path, write(half.after)).Is(200)
			conflict := []any{webtest.Object{"mcp_client_id": "slack", "tool_names": []any{"b"}, "user_ids": []any{user}}}

			before := map[string]bool{"a": true, "b": half.field == "mcp_tool_overrides", "c": half.field == "mcp_tool_overrides"}
			want := map[string]bool{"a": true, "b": false, "c": true}
			dry := g.Admin.API("POST", path+"/propagate", webtest.Object{"fields": []string{half.field}, "dry_run": true}).Is(200).JSON()
			webtest.Same(t, "foretold conflicts", dry["mcp_conflicts"], conflict)
			change := dry["changes"].([]any)[0].(webtest.Object)
			webtest.Same(t, "tools gained", change["tools_gained"], toolsOf("slack", differ(want, before)))
			webtest.Same(t, "tools lost", change["tools_lost"], toolsOf("slack", differ(before, want)))
			preview := g.Session.Get(strings.TrimPrefix(path, "/api") + "/propagate/preview?" + url.Values{"fields": {half.field}}.Encode()).Is(200)
			webtest.Says(preview, "conflicts", "excludes b")
			webtest.Says(preview, "conflicts", "resources and prompts, which need the whole server. Tick both MCP servers and Single tools")
			if page := string(preview.Body); strings.Index(page, `id="conflicts"`) > strings.Index(page, "Apply to 1 holder") {
				t.Error("the warning stands below the button")
			}
			facts := preview.Facts()
			webtest.Same(t, "gained on the page", facts["Tools gained"], strings.Join(prefixed("slack/", differ(want, before)), " "))
			webtest.Same(t, "lost on the page", facts["Tools lost"], strings.Join(prefixed("slack/", differ(before, want)), " "))
			notWhole := ""
			if half.field == "mcp_tool_overrides" {
				notWhole = "No longer all of slack: resources and prompts need the whole server."
			}
			webtest.Same(t, "no longer whole", facts["Resources and prompts lost"], notWhole)

			done := g.Admin.API("POST", path+"/propagate", webtest.Object{"fields": []string{half.field}}).Is(200).JSON()
			webtest.Same(t, "conflicts left", done["mcp_conflicts"], conflict)
			job := done["job"].(webtest.Object)["id"]
			webtest.Says(g.Session.Get(fmt.Sprintf("%s/propagate/%v", strings.TrimPrefix(path, "/api"), job)).Is(200), "conflicts", "excludes b")
			g.Admin.At(other).WithinASecond(webtest.Tool(key, "slack", "b"), "mcp_tool_blocked")
			if half.field == "mcp_servers" {
				g.Admin.At(other).WithinASecond(webtest.Tool(key, "slack", "c"), "allowed")
			}
			for _, c := range []*webtest.Console{g.Console, other} {
				g.ToolsAtEveryDoor(c, user, key, want)
			}
			// A tool that the server adds later is granted by its name; the exclude stays.
			g.Admin.API("PUT", "/api/mcp/clients/slack", `{"tools":["a","b","c","d"]}`).Is(200)
			want["d"] = true
			g.ToolsAtEveryDoor(g.Console, user, key, want)

			// Access adds up between copies: another copy that grants the tool allows it.
			g.Assign(user, g.ProfileNaming("All of slack", `"mcp_servers":[{"mcp_server_id":"slack"}]`))
			want["b"] = true
			g.ToolsAtEveryDoor(g.Console, user, key, want)
			webtest.Same(t, "conflicts of the other", len(g.Admin.API("POST", path+"/propagate", webtest.Object{"fields": []string{"mcp_servers", "mcp_tool_overrides"}}).
				Is(200).JSON()["mcp_conflicts"].([]any)), 0)
		})
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
	return []any{webtest.Object{"mcp_client_id": server, "tool_names": list}}
}
