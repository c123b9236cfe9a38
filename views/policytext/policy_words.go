package policytext

import (
	"strconv"
	"strings"

	"tollgate/models/catalogue"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/views/ui"
)

// GroupNames tells the names of tool groups by their id.
type GroupNames map[int64]string

// NamesOfGroups are those of the tool groups that the catalogue has.
func NamesOfGroups(offered catalogue.Catalogue) GroupNames {
	names := GroupNames{}
	for _, group := range offered.Groups {
		names[group.ID] = group.Name
	}
	return names
}

// Of is the name of a group, or its id when the catalogue lacks it.
func (names GroupNames) Of(id int64) string {
	if name := names[id]; name != "" {
		return name
	}
	return "tool group " + strconv.FormatInt(id, 10)
}

// Sentences says in plain words what a policy lets its holders do and spend.
func Sentences(name string, p policy.Policy, names GroupNames) []string {
	holder := "Anyone holding " + name
	if name == "" {
		holder = "Anyone holding this profile"
	}
	said := []string{holder + " " + callable(p.ProviderConfigs) + "."}
	said = append(said, spending("Overall they may spend", p.Budgets)...)
	said = append(said, rate("Overall they may send", p.RateLimit)...)
	for _, config := range p.ProviderConfigs {
		if config.RefuseUnpriced {
			said = append(said, "A model of "+config.ProviderName+" without a price in the catalogue is refused.")
		}
		said = append(said, spending("On "+config.ProviderName+" they may spend", config.Budgets)...)
		said = append(said, rate("To "+config.ProviderName+" they may send", config.RateLimit)...)
	}
	if !p.Limited() {
		said = append(said, NothingLimits)
	} else if p.CalendarAligned {
		said = append(said, "Windows follow the calendar in "+p.Zone()+"; an hour runs from when a holder got the profile.")
	} else {
		said = append(said, "Windows run from when a holder got the profile; a month is 30 days, a quarter 90, a year 365.")
	}
	said = append(said, tools(p, names))
	if p.FailOpenFor > 0 {
		said = append(said, "While the database is away, "+FailOpenLine(p.FailOpenFor)+", up to 90 % of each limit; "+
			"a key revoked at another console meanwhile goes on working for as long.")
	}
	return said
}

// NothingLimits is what Sentences say of a policy without limits.
const NothingLimits = "Nothing limits how much they spend or send."

func callable(configs []policy.ProviderConfig) string {
	var may, none []string
	for _, config := range configs {
		switch n := len(config.AllowedModels); {
		case config.AllModelsAllowed:
			may = append(may, "every model of "+config.ProviderName)
		case n == 1:
			may = append(may, config.AllowedModels[0]+" of "+config.ProviderName)
		case n > 1:
			may = append(may, plural.Of(n, "model")+" of "+config.ProviderName)
		default:
			none = append(none, config.ProviderName)
		}
	}
	switch {
	case len(may) == 0:
		return "may call no model at all"
	case len(none) > 0:
		return "may call " + ui.Sequence(may) + ", and no model of " + ui.Sequence(none)
	}
	return "may call " + ui.Sequence(may)
}

func spending(start string, budgets []policy.Budget) []string {
	var limits []string
	for _, budget := range budgets {
		if budget.MaxLimit == 0 {
			return []string{strings.Replace(start, "may spend", "can spend nothing:", 1) + " a budget of $0.00 " +
				ui.Every(budget.ResetDuration) + " blocks every call."}
		}
		limits = append(limits, ui.Dollars(budget.MaxLimit)+" "+ui.Every(budget.ResetDuration)+fiscal(budget.ResetConfig))
	}
	if limits == nil {
		return nil
	}
	return []string{start + " at most " + ui.Sequence(limits) + "."}
}

// fiscal names the start of quarters that are not the calendar's.
func fiscal(config *policy.ResetConfig) string {
	if config == nil || config.QuarterStartMonth < 1 || config.QuarterStartMonth > 12 || config.QuarterStartMonth%3 == 1 {
		return ""
	}
	return " (quarters from " + ui.Months[config.QuarterStartMonth-1] + ")"
}

func rate(start string, limit *policy.RateLimit) []string {
	limits := ShownRateLimits(limit)
	if limits == nil {
		return nil
	}
	said := make([]string, len(limits))
	for i, l := range limits {
		said[i] = CapOf(l.Kind, l.Max) + " " + ui.Every(l.Duration)
	}
	return []string{start + " at most " + ui.Sequence(said) + "."}
}

func tools(p policy.Policy, names GroupNames) string {
	var granted, excluded []string
	for _, group := range p.MCPToolGroups {
		granted = append(granted, "the tools of "+names.Of(group.ToolGroupID))
	}
	for _, server := range p.MCPServers {
		granted = append(granted, "every tool of "+server.MCPServerID)
	}
	for _, o := range p.MCPToolOverrides {
		if o.Action == "exclude" {
			excluded = append(excluded, o.MCPClientID+"/"+o.ToolName)
		} else {
			granted = append(granted, o.MCPClientID+"/"+o.ToolName)
		}
	}
	said := "They may use no MCP tool"
	if len(granted) > 0 {
		said = "MCP: may use " + ui.Sequence(granted)
		if len(excluded) > 0 {
			said += ", but not " + ui.Sequence(excluded)
		}
	}
	return said + "."
}

// SpendLine is a budget as a list shows it: $50.00 / day.
func SpendLine(b policy.Budget) string {
	return ui.Dollars(b.MaxLimit) + " / " + ui.Unit(b.ResetDuration) + fiscal(b.ResetConfig)
}

// RateLines is a rate limit as a list shows it: 60 req · 100k tok / hour when all have the same window.
func RateLines(limit *policy.RateLimit) []string {
	var lines []string
	limits := ShownRateLimits(limit)
	for i, l := range limits {
		amount := ui.ShortCount(l.Max) + " " + shortKinds[l.Kind]
		if i > 0 && limits[i-1].Duration == l.Duration {
			lines[len(lines)-1] += " · " + amount
		} else {
			lines = append(lines, amount)
		}
		if i+1 == len(limits) || limits[i+1].Duration != l.Duration {
			lines[len(lines)-1] += " / " + ui.Unit(l.Duration)
		}
	}
	return lines
}

// RateTitle is the same with exact numbers.
func RateTitle(limit *policy.RateLimit) string {
	return strings.TrimSuffix(strings.Join(rate("", limit), ""), ".")
}
