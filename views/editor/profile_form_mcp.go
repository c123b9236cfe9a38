package editor

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// selections makes the MCP part: groups, whole servers, overrides, and the tools that result.
func (m *formBuilder) selections(f *profileForm) {
	ticked := func(v string, items []string) bool { return slices.Contains(items, v) }
	var groups, servers []string
	for i, grant := range m.Input.MCPToolGroups.Items {
		groups = append(groups, grant.ToolGroupID.Text)
		path := "mcp_tool_groups[" + strconv.Itoa(i) + "]"
		f.GroupsError += strings.Join(append(m.Problems.At(path), m.Problems.At(path+".tool_group_id")...), " ")
	}
	for i, grant := range m.Input.MCPServers.Items {
		servers = append(servers, grant.MCPServerID.Text)
		path := "mcp_servers[" + strconv.Itoa(i) + "]"
		f.ServersError += strings.Join(append(m.Problems.At(path), m.Problems.At(path+".mcp_server_id")...), " ")
	}
	m.ids["mcp_tool_groups"], m.ids["mcp_servers"] = "mcp_tool_groups", "mcp_servers"
	m.ids["mcp_tool_overrides"] = "add-override"
	for _, group := range m.Catalogue.Groups {
		id := strconv.FormatInt(group.ID, 10)
		f.Groups = append(f.Groups, ui.Option{
			Value: id, Label: group.Name, Hint: m.groupHint(group.ID), Chosen: ticked(id, groups),
		})
	}
	for _, server := range m.Catalogue.Servers {
		f.Servers = append(f.Servers, ui.Option{
			Value: server.ClientID, Label: server.ClientID,
			Hint:   plural.Of(len(server.Tools), "tool") + " now, including future tools",
			Chosen: ticked(server.ClientID, servers),
		})
		f.ToolLists = append(f.ToolLists, toolList{ID: m.toolsOf(server.ClientID), Tools: server.Tools})
	}
	f.GroupsError = strings.TrimSpace(f.GroupsError + " " + strings.Join(m.Problems.At("mcp_tool_groups"), " "))
	f.ServersError = strings.TrimSpace(f.ServersError + " " + strings.Join(m.Problems.At("mcp_servers"), " "))
	f.OverridesError = strings.Join(m.Problems.At("mcp_tool_overrides"), " ")
	f.Overrides = m.overrides()
	f.Grants = grantLines(policy.Grants(m.Catalogue, m.Draft.Policy))
	if len(m.Catalogue.Servers) == 0 { // there are no fields
		maps.DeleteFunc(m.ids, func(path, _ string) bool { return strings.HasPrefix(path, "mcp_") })
		m.ids["mcp_tool_groups"], m.ids["mcp_servers"], m.ids["mcp_tool_overrides"] = "mcp", "mcp", "mcp"
	}
}

func (m *formBuilder) groupHint(id int64) string {
	var parts []string
	for _, listed := range m.Catalogue.GroupTools {
		switch {
		case listed.ToolGroupID != id:
		case slices.Contains(listed.ToolNames, "*"):
			parts = append(parts, "all "+listed.MCPClientID+" tools")
		default:
			parts = append(parts, policytext.PickedOf(len(listed.ToolNames), m.toolCount(listed.MCPClientID), listed.MCPClientID, "tool"))
		}
	}
	return strings.Join(parts, ", ")
}

func (m *formBuilder) toolCount(server string) int {
	for _, s := range m.Catalogue.Servers {
		if s.ClientID == server {
			return len(s.Tools)
		}
	}
	return 0
}

// toolsOf is the id of the list of a server's tools, one without a list for a server that is unknown.
func (m *formBuilder) toolsOf(server string) string {
	for i, known := range m.Catalogue.Servers {
		if known.ClientID == server {
			return "tools-of-" + strconv.Itoa(i+1)
		}
	}
	return "tools-of-none"
}

func (m *formBuilder) overrides() []overrideRow {
	var rows []overrideRow
	for i, o := range m.Input.MCPToolOverrides.Items {
		path, name := "mcp_tool_overrides["+strconv.Itoa(i)+"]", "mcp_tool_overrides["+o.Key+"]"
		row := overrideRow{
			Server: m.field(path+".mcp_client_id", name+".mcp_client_id", o.MCPClientID, ui.Field{
				Label: "Server of tool " + strconv.Itoa(i+1), HideLabel: true,
			}),
			Tool: m.field(path+".tool_name", name+".tool_name", o.ToolName, ui.Field{
				Label: "Tool " + strconv.Itoa(i+1), HideLabel: true, Autocomplete: "off",
				Attrs: map[string]any{"list": m.toolsOf(o.MCPClientID.Text), "spellcheck": "false"},
			}),
			Action: m.field(path+".action", name+".action", o.Action, ui.Field{
				Label: "Include or exclude tool " + strconv.Itoa(i+1), HideLabel: true,
			}),
			RemoveOp: "remove-override " + o.Key, RemoveLabel: "Remove tool override " + strconv.Itoa(i+1),
			Servers: []ui.Option{{Label: "Choose a server"}},
			Actions: []ui.Option{
				{Value: "include", Label: "include", Chosen: o.Action.Text == "include"},
				{Value: "exclude", Label: "exclude", Chosen: o.Action.Text == "exclude"},
			},
		}
		known := o.MCPClientID.Text == ""
		for _, server := range m.Catalogue.Servers {
			chosen := server.ClientID == o.MCPClientID.Text
			known = known || chosen
			row.Servers = append(row.Servers, ui.Option{Value: server.ClientID, Label: server.ClientID, Chosen: chosen})
		}
		if !known {
			row.Servers = append(row.Servers, ui.Option{
				Value: o.MCPClientID.Text, Label: o.MCPClientID.Text + " (unknown)", Chosen: true,
			})
		}
		rows = append(rows, row)
	}
	return rows
}

func grantLines(grants []policy.Grant) []grantLine {
	var lines []grantLine
	for _, grant := range grants {
		line := grantLine{Server: grant.Server, Tools: grant.Tools, Note: plural.Of(len(grant.Tools), "tool")}
		if grant.Whole || len(grant.Excluded) > 0 {
			line.Note += ", including future tools"
		}
		if len(grant.Excluded) > 0 {
			line.Note += ", without " + ui.Sequence(grant.Excluded)
		}
		lines = append(lines, line)
	}
	return lines
}

// curl is the request line and the command that sends the form's content to the API.
func (e Editor) curl() (request, command string) {
	method, path, precondition := "POST", "/api/access-profiles", ""
	if e.ID != 0 {
		method, path = "PUT", path+"/"+strconv.FormatInt(e.ID, 10)
		precondition = " \\\n  -H 'If-Match: \"" + e.Version + "\"'"
	}
	quoted := "'" + strings.ReplaceAll(e.Body, "'", `'\''`) + "'"
	return method + " " + path, "curl -X " + method + " " + e.BaseURL + path +
		" \\\n  -H \"Authorization: Bearer $TOLLGATE_API_KEY\" \\\n  -H 'Content-Type: application/json'" +
		precondition + " \\\n  -d " + quoted
}
