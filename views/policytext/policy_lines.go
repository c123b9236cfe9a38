package policytext

import (
	"strings"

	"tollgate/models/catalogue"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/profile"
	"tollgate/models/window"
	"tollgate/views/ui"
)

// FieldLines writes each field of a profile as lines of words, by the field's name in the API, so that two can be
// compared.
func FieldLines(p profile.Profile, offered catalogue.Catalogue) map[string][]string {
	names := NamesOfGroups(offered)
	lines := map[string][]string{
		"name": {p.Name}, "tags": p.Tags, "calendar_aligned": {alignment(p.Calendar)},
		"rate_limit": ExactRate(p.RateLimit), "fail_open_for": {FailOpenLine(p.FailOpenFor)},
	}
	if p.Description != nil {
		lines["description"] = []string{*p.Description}
	}
	for _, config := range p.ProviderConfigs {
		lines["provider_configs"] = append(lines["provider_configs"], providerLine(config))
	}
	for _, budget := range p.Budgets {
		lines["budgets"] = append(lines["budgets"], SpendLine(budget))
	}
	for _, grant := range p.MCPToolGroups {
		lines["mcp_tool_groups"] = append(lines["mcp_tool_groups"], names.Of(grant.ToolGroupID))
	}
	for _, grant := range p.MCPServers {
		lines["mcp_servers"] = append(lines["mcp_servers"], grant.MCPServerID)
	}
	for _, o := range p.MCPToolOverrides {
		lines["mcp_tool_overrides"] = append(lines["mcp_tool_overrides"], o.Action+" "+o.MCPClientID+"/"+o.ToolName)
	}
	return lines
}

func alignment(c window.Calendar) string {
	if !c.CalendarAligned {
		return "aligned to the calendar: no"
	}
	return "aligned to the calendar: yes, in " + c.Zone()
}

// FailOpenLine says what happens to calls while the database is away.
func FailOpenLine(seconds int64) string {
	if seconds == 0 {
		return "calls are refused"
	}
	return "calls are allowed from memory for " + plural.Of(seconds, "second")
}

func providerLine(config policy.ProviderConfig) string {
	parts := []string{"no model"}
	switch {
	case config.AllModelsAllowed:
		parts[0] = "every model"
	case len(config.AllowedModels) > 0:
		parts[0] = strings.Join(config.AllowedModels, ", ")
	}
	if config.RefuseUnpriced {
		parts[0] += ", none without a price"
	}
	for _, budget := range config.Budgets {
		parts = append(parts, SpendLine(budget))
	}
	return config.ProviderName + ": " + strings.Join(append(parts, ExactRate(config.RateLimit)...), " · ")
}

// ExactRate writes a rate limit with whole numbers.
func ExactRate(limit *policy.RateLimit) []string {
	var lines []string
	for _, l := range ShownRateLimits(limit) {
		lines = append(lines, RateLine(l))
	}
	return lines
}

// RateLine is a limit of a rate limit as a line of a list: 100,000 tokens / hour.
func RateLine(l policy.Limit) string { return CapOf(l.Kind, l.Max) + " / " + ui.Unit(l.Duration) }
