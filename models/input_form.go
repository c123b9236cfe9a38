package models

import (
	"strconv"
	"strings"
)

// Whole makes an input of a form that shows every field: what a browser does not send is empty, tags are split at commas and lists of
// models at line ends.
func (in AccessProfileInput) Whole() AccessProfileInput {
	if in.Name.Kind == Absent {
		in.Name = Value{Kind: String, Typed: true} // left empty, which is not the same as left as it was
	}
	if in.Description.Kind == Absent {
		in.Description.Kind = Null
	}
	in.Tags = split(in.Tags, ",")
	in.ProviderConfigs.Kind, in.Budgets.Kind = Array, Array
	for i := range in.ProviderConfigs.Items {
		config := &in.ProviderConfigs.Items[i]
		config.AllowedModels = split(config.AllowedModels, "\n")
		if config.RefuseUnpriced.Kind == Absent {
			config.RefuseUnpriced = Typed("false")
		}
		config.Budgets.Kind = Array
	}
	if in.RateLimit.Kind == Absent {
		in.RateLimit.Kind = Null
	}
	if in.CalendarAligned.Kind == Absent {
		in.CalendarAligned = Typed("false")
	}
	if in.TimeZone.Kind == Absent {
		in.TimeZone.Kind = Null
	}
	in.MCPToolGroups.Kind, in.MCPServers.Kind, in.MCPToolOverrides.Kind = Array, Array, Array
	return in
}

func split(l List[Value], separator string) List[Value] {
	whole := List[Value]{Kind: Array}
	for _, item := range l.Items {
		for part := range strings.SplitSeq(item.Text, separator) {
			if part = strings.TrimSpace(part); part != "" {
				whole.Items = append(whole.Items, Typed(part))
			}
		}
	}
	return whole
}

// Input is what a person would have typed to make p.
func (p AccessProfile) Input() AccessProfileInput {
	in := AccessProfileInput{
		Row: Row{Kind: Object}, Name: Typed(p.Name), CalendarAligned: Typed(strconv.FormatBool(p.CalendarAligned)),
		Budgets: budgetInputs(p.Budgets), RateLimit: p.RateLimit.input(),
	}
	if p.TimeZone != "" {
		in.TimeZone = Typed(p.TimeZone)
	}
	if p.Description != nil {
		in.Description = Typed(*p.Description)
	}
	for _, tag := range p.Tags {
		in.Tags.Items = append(in.Tags.Items, Typed(tag))
	}
	for i, config := range p.ProviderConfigs {
		row := ProviderConfigInput{
			Row: rowAt("p", i), ProviderName: Typed(config.ProviderName), AllModelsAllowed: Typed(strconv.FormatBool(config.AllModelsAllowed)),
			RefuseUnpriced: Typed(strconv.FormatBool(config.RefuseUnpriced)),
			Budgets:        budgetInputs(config.Budgets), RateLimit: config.RateLimit.input(),
		}
		for _, model := range config.AllowedModels {
			row.AllowedModels.Items = append(row.AllowedModels.Items, Typed(model))
		}
		in.ProviderConfigs.Items = append(in.ProviderConfigs.Items, row)
	}
	for i, grant := range p.MCPToolGroups {
		in.MCPToolGroups.Items = append(in.MCPToolGroups.Items,
			ToolGroupGrantInput{rowAt("g", i), Typed(strconv.FormatInt(grant.ToolGroupID, 10))})
	}
	for i, grant := range p.MCPServers {
		in.MCPServers.Items = append(in.MCPServers.Items, ServerGrantInput{rowAt("s", i), Typed(grant.MCPServerID)})
	}
	for i, o := range p.MCPToolOverrides {
		in.MCPToolOverrides.Items = append(in.MCPToolOverrides.Items,
			ToolOverrideInput{rowAt("o", i), Typed(o.MCPClientID), Typed(o.ToolName), Typed(o.Action)})
	}
	return in.Whole()
}

func rowAt(letter string, i int) Row {
	return Row{Kind: Object, Key: letter + strconv.Itoa(i+1)}
}

func budgetInputs(budgets []Budget) List[BudgetInput] {
	var l List[BudgetInput]
	for i, budget := range budgets {
		row := BudgetInput{Row: rowAt("b", i), MaxLimit: Typed(budget.MaxLimit.String()), ResetDuration: Typed(budget.ResetDuration)}
		if budget.ResetConfig != nil {
			row.ResetConfig = ResetConfigInput{Row{Kind: Object}, Typed(strconv.Itoa(budget.ResetConfig.QuarterStartMonth))}
		}
		l.Items = append(l.Items, row)
	}
	return l
}

func (r *RateLimit) input() RateLimitInput {
	if r == nil {
		return RateLimitInput{}
	}
	in := RateLimitInput{Row: Row{Kind: Object}}
	if r.TokenMaxLimit != nil {
		in.TokenMaxLimit, in.TokenResetDuration = Typed(strconv.FormatInt(*r.TokenMaxLimit, 10)), Typed(*r.TokenResetDuration)
	}
	if r.RequestMaxLimit != nil {
		in.RequestMaxLimit, in.RequestResetDuration = Typed(strconv.FormatInt(*r.RequestMaxLimit, 10)), Typed(*r.RequestResetDuration)
	}
	return in
}
