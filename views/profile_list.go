package views

import (
	"strconv"
	"strings"

	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/models/profile"
	"tollgate/views/policytext"
	"tollgate/views/ui"
)

// ProfileRowOf writes a profile as a row of the list, without how long ago it changed; tagLink is where a tag leads.
func ProfileRowOf(p profile.Profile, tagLink func(string) string) ProfileRow {
	row := ProfileRow{
		ID: strconv.FormatInt(p.ID, 10), Name: p.Name, Href: "/access-profiles/" + strconv.FormatInt(p.ID, 10),
		Active: p.IsActive,
		Rates:  policytext.RateLines(p.RateLimit), RatesExact: policytext.RateTitle(p.RateLimit), MCP: mcpSummary(p.Policy),
		UpdatedAt: ui.Exact(p.UpdatedAt),
	}
	for _, tag := range p.Tags {
		row.Tags = append(row.Tags, ui.Link{Label: tag, Href: tagLink(tag)})
	}
	row.Access = policytext.AccessOf(p.ProviderConfigs)
	for _, budget := range p.Budgets {
		row.Budgets = append(row.Budgets, policytext.SpendLine(budget))
	}
	if n := p.ProviderBudgets(); n > 0 {
		row.Budgets = append(row.Budgets, plural.Of(n, "provider budget"))
	}
	return row
}

func mcpSummary(p policy.Policy) string {
	var parts []string
	if n := len(p.MCPToolGroups); n > 0 {
		parts = append(parts, plural.Of(n, "group"))
	}
	if n := len(p.MCPServers); n > 0 {
		parts = append(parts, plural.Of(n, "server"))
	}
	if n := len(p.MCPToolOverrides); n > 0 {
		parts = append(parts, plural.Of(n, "tool"))
	}
	return strings.Join(parts, " · ")
}
