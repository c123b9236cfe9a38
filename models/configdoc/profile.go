package configdoc

import (
	"slices"
	"strings"

	"tollgate/models/input"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// ProfileDocument is an access profile with the roles that hand it out. Tool groups, servers and roles go by name.
type ProfileDocument struct {
	Header
	Renamed
	IsActive      input.Value             `json:"is_active" default:"true"`
	Note          input.Value             `json:"note,readonly"` // of one change, not of a state
	MCPToolGroups input.List[input.Value] `json:"mcp_tool_groups"`
	MCPServers    input.List[input.Value] `json:"mcp_servers"`
	profile.Input
	Roles input.List[attachedRoleInput] `json:"roles"`
}

// attachedRoleInput is a role at a profile.
type attachedRoleInput struct {
	input.Row
	Role      input.Value `json:"role"`
	IsDefault input.Value `json:"is_default"`
}

// ProfileAnswer is a profile as documents write it.
type ProfileAnswer struct {
	profile.Profile
	MCPToolGroups []string       `json:"mcp_tool_groups"`
	MCPServers    []string       `json:"mcp_servers"`
	Roles         []AttachedRole `json:"roles"`
}

// AttachedRole is a role that hands out a profile.
type AttachedRole struct {
	Role      string `json:"role"`
	IsDefault bool   `json:"is_default"`
}

func (d *ProfileDocument) renamedFrom() input.Value { return d.RenamedFrom }

// Whole is the input of the API with every field but the tool groups, whose ids are not known yet.
func (d *ProfileDocument) Whole() profile.Input {
	in := d.Input
	in.IsActive, in.Note = input.Value{}, input.Value{}
	in.MCPToolGroups = input.List[policy.ToolGroupGrantInput]{Kind: input.Array}
	in.MCPServers = input.List[policy.ServerGrantInput]{Kind: listed(d.MCPServers).Kind}
	for _, v := range d.MCPServers.Items {
		in.MCPServers.Items = append(in.MCPServers.Items,
			policy.ServerGrantInput{Row: input.Row{Kind: input.Object}, MCPServerID: v})
	}
	in.Tags, in.ProviderConfigs, in.Budgets = listed(in.Tags), listed(in.ProviderConfigs), listed(in.Budgets)
	in.MCPToolOverrides = listed(in.MCPToolOverrides)
	for _, v := range []*input.Value{&in.Description, &in.TimeZone, &in.FailOpenFor} {
		if v.Kind == input.Absent {
			v.Kind = input.Null
		}
	}
	if in.RateLimit.Kind == input.Absent {
		in.RateLimit.Kind = input.Null
	}
	if !in.CalendarAligned.Given() {
		in.CalendarAligned = input.Value{Kind: input.Bool, Text: "false"}
	}
	return in
}

func (d *ProfileDocument) read(c *input.Reader) Wanted {
	active := true
	if on, ok := c.Bool("is_active", d.IsActive); ok {
		active = on
	}
	p, problems := d.Whole().Apply(profile.Profile{IsActive: true})
	for _, found := range problems {
		found.Field = strings.TrimSuffix(found.Field, ".mcp_server_id") // a server is its id here
		c.Problems = append(c.Problems, found)
	}
	p.IsActive = active
	answer := ProfileAnswer{Profile: p, MCPServers: Texts(d.MCPServers)}
	answer.MCPToolGroups = readNames(c, "mcp_tool_groups", d.MCPToolGroups, "tool groups")
	answer.Roles = d.readRoles(c)
	return Wanted{ID: ID{Key: input.NameKey(p.Name)}, Name: p.Name, Resource: answer, Refs: d.references()}
}

// readNames reads a list of names, each once.
func readNames(c *input.Reader, field string, l input.List[input.Value], what string) []string {
	names, seen := []string{}, map[string]bool{}
	if !input.CheckList(c, field, l, 1000, what) {
		return names
	}
	for i, v := range l.Items {
		name, ok := c.Text(input.Index(field, i), v, input.TextRule{What: "a name", Max: 255})
		if key := input.NameKey(name); ok && !seen[key] {
			seen[key] = true
			names = append(names, name)
		}
	}
	return names
}

func (d *ProfileDocument) readRoles(c *input.Reader) []AttachedRole {
	roles, seen := []AttachedRole{}, map[string]bool{}
	if !input.CheckList(c, "roles", d.Roles, 1000, "roles") {
		return roles
	}
	for i, in := range d.Roles.Items {
		path := input.Index("roles", i)
		if !c.Object(path, in.Kind, "a role at the profile") {
			continue
		}
		c.Required(path+".role", in.Role, "a role's name")
		name, ok := c.Text(path+".role", in.Role, input.TextRule{What: "a role's name", Max: 255})
		isDefault, _ := c.Bool(path+".is_default", in.IsDefault)
		if key := input.NameKey(name); ok && seen[key] {
			c.Add(path+".role", "duplicate_role", "List the role "+name+" once.")
		} else if ok {
			seen[key] = true
			roles = append(roles, AttachedRole{name, isDefault})
		}
	}
	SortRoles(roles)
	return roles
}

// SortRoles orders roles by name: their order says nothing.
func SortRoles(roles []AttachedRole) {
	slices.SortFunc(roles, func(a, b AttachedRole) int {
		return strings.Compare(input.NameKey(a.Role), input.NameKey(b.Role))
	})
}

func (d *ProfileDocument) references() (refs []Reference) {
	add := func(path, kind string, v input.Value) {
		if v.Kind == input.String {
			refs = append(refs, Reference{path, kind, v.Text})
		}
	}
	for i, config := range d.ProviderConfigs.Items {
		add(input.Index("provider_configs", i)+".provider_name", Provider, config.ProviderName)
	}
	for i, group := range d.MCPToolGroups.Items {
		add(input.Index("mcp_tool_groups", i), ToolGroup, group)
	}
	for i, server := range d.MCPServers.Items {
		add(input.Index("mcp_servers", i), MCPClient, server)
	}
	for i, override := range d.MCPToolOverrides.Items {
		add(input.Index("mcp_tool_overrides", i)+".mcp_client_id", MCPClient, override.MCPClientID)
	}
	for i, role := range d.Roles.Items {
		add(input.Index("roles", i)+".role", Role, role.Role)
	}
	return refs
}

// resolve writes the names of tool groups and roles as they have them.
func (a ProfileAnswer) resolve(known map[ID]string) {
	for i, name := range a.MCPToolGroups {
		if written, there := known[IDOf(ToolGroup, name)]; there {
			a.MCPToolGroups[i] = written
		}
	}
	for i, role := range a.Roles {
		if written, there := known[IDOf(Role, role.Role)]; there {
			a.Roles[i].Role = written
		}
	}
}
