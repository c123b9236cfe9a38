package profile

import (
	"strconv"

	"tollgate/models/input"
	"tollgate/models/policy"
)

// Whole reads a form that shows every field: what a browser does not send is empty, tags are split at commas and lists
// of models at line ends.
func (in Input) Whole() Input {
	if in.Name.Kind == input.Absent {
		in.Name = input.Value{Kind: input.String, FromForm: true} // left empty, which does not mean unchanged
	}
	if in.Description.Kind == input.Absent {
		in.Description.Kind = input.Null
	}
	in.Tags = input.Split(in.Tags, ",")
	in.ProviderConfigs.Kind, in.Budgets.Kind = input.Array, input.Array
	for i := range in.ProviderConfigs.Items {
		config := &in.ProviderConfigs.Items[i]
		config.AllowedModels = input.Split(config.AllowedModels, "\n")
		if config.RefuseUnpriced.Kind == input.Absent {
			config.RefuseUnpriced = input.FormValue("false")
		}
		config.Budgets.Kind = input.Array
	}
	if in.RateLimit.Kind == input.Absent {
		in.RateLimit.Kind = input.Null
	}
	if in.CalendarAligned.Kind == input.Absent {
		in.CalendarAligned = input.FormValue("false")
	}
	if in.TimeZone.Kind == input.Absent {
		in.TimeZone.Kind = input.Null
	}
	if in.FailOpenFor.Kind == input.Absent {
		in.FailOpenFor.Kind = input.Null
	}
	in.MCPToolGroups.Kind, in.MCPServers.Kind, in.MCPToolOverrides.Kind = input.Array, input.Array, input.Array
	return in
}

// Input is what a user would have typed to make p.
func (p Profile) Input() Input {
	in := Input{
		Row: input.Row{Kind: input.Object}, Name: input.FormValue(p.Name),
		CalendarAligned: input.FormValue(strconv.FormatBool(p.CalendarAligned)),
		Budgets:         policy.BudgetInputs(p.Budgets), RateLimit: p.RateLimit.Input(),
	}
	if p.TimeZone != "" {
		in.TimeZone = input.FormValue(p.TimeZone)
	}
	if p.FailOpenFor > 0 {
		in.FailOpenFor = input.FormValue(strconv.FormatInt(p.FailOpenFor, 10))
	}
	if p.Description != nil {
		in.Description = input.FormValue(*p.Description)
	}
	for _, tag := range p.Tags {
		in.Tags.Items = append(in.Tags.Items, input.FormValue(tag))
	}
	for i, config := range p.ProviderConfigs {
		row := policy.ProviderConfigInput{
			Row: policy.RowAt("p", i), ProviderName: input.FormValue(config.ProviderName),
			AllModelsAllowed: input.FormValue(strconv.FormatBool(config.AllModelsAllowed)),
			RefuseUnpriced:   input.FormValue(strconv.FormatBool(config.RefuseUnpriced)),
			Budgets:          policy.BudgetInputs(config.Budgets), RateLimit: config.RateLimit.Input(),
		}
		for _, model := range config.AllowedModels {
			row.AllowedModels.Items = append(row.AllowedModels.Items, input.FormValue(model))
		}
		in.ProviderConfigs.Items = append(in.ProviderConfigs.Items, row)
	}
	for i, grant := range p.MCPToolGroups {
		in.MCPToolGroups.Items = append(in.MCPToolGroups.Items,
			policy.ToolGroupGrantInput{
				Row:         policy.RowAt("g", i),
				ToolGroupID: input.FormValue(strconv.FormatInt(grant.ToolGroupID, 10)),
			})
	}
	for i, grant := range p.MCPServers {
		in.MCPServers.Items = append(in.MCPServers.Items,
			policy.ServerGrantInput{Row: policy.RowAt("s", i), MCPServerID: input.FormValue(grant.MCPServerID)})
	}
	for i, o := range p.MCPToolOverrides {
		in.MCPToolOverrides.Items = append(in.MCPToolOverrides.Items,
			policy.ToolOverrideInput{
				Row: policy.RowAt("o", i), MCPClientID: input.FormValue(o.MCPClientID),
				ToolName: input.FormValue(o.ToolName), Action: input.FormValue(o.Action),
			})
	}
	return in.Whole()
}
