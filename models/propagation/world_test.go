package propagation_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/modelstest"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/propagation"
)

func pushOf(fields []string, users ...string) propagation.Input {
	in := propagation.Input{Row: modelstest.Object(), Fields: modelstest.Values(fields...)}
	if len(users) > 0 {
		in.UserIDs = modelstest.Values(users...)
	}
	return in
}

// chance makes policies.
type chance struct{ *rand.Rand }

func (c chance) coin() bool { return c.IntN(2) == 0 }

func (c chance) some(items ...string) []string {
	items = slices.Clone(items)
	c.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return items[:c.IntN(len(items)+1)]
}

func (c chance) budgets() []policy.Budget {
	budgets := []policy.Budget{}
	for _, line := range c.some("1h", "1d", "1w", "1M", "1Y", "Q0", "Q1", "Q2") {
		b := policy.Budget{MaxLimit: money.Money(c.IntN(1_000_000)), ResetDuration: line}
		if line[0] == 'Q' {
			class := int(line[1] - '0')
			b.ResetDuration, b.ResetConfig = "1Q", &policy.ResetConfig{QuarterStartMonth: []int{3, 1, 2}[class] + 3*c.IntN(4)}
		}
		budgets = append(budgets, b)
	}
	return budgets
}

func (c chance) limit() *policy.RateLimit {
	var r policy.RateLimit
	duration := func() *string { return modelstest.Pointer(policy.RateDurations[c.IntN(len(policy.RateDurations))]) }
	if c.coin() {
		r.TokenMaxLimit, r.TokenResetDuration = modelstest.Pointer(1+c.Int64N(1000)), duration()
	}
	if c.coin() {
		r.RequestMaxLimit, r.RequestResetDuration = modelstest.Pointer(1+c.Int64N(1000)), duration()
	}
	if r.TokenMaxLimit == nil && r.RequestMaxLimit == nil {
		return nil
	}
	return &r
}

func (c chance) policy() policy.Policy {
	p := policy.Policy{Budgets: c.budgets(), RateLimit: c.limit(), Calendar: modelstest.Calendars[c.IntN(len(modelstest.Calendars))]}
	for _, name := range c.some("anthropic", "mistral", "ollama", "openai") {
		config := policy.ProviderConfig{ProviderName: name, Budgets: c.budgets(), RateLimit: c.limit()}
		if config.AllModelsAllowed = c.coin(); !config.AllModelsAllowed {
			config.AllowedModels = c.some("a", "B", "c/d", `e"f`)
		}
		p.ProviderConfigs = append(p.ProviderConfigs, config)
	}
	for _, id := range c.some("1", "2", "3") {
		n, _ := strconv.ParseInt(id, 10, 64)
		p.MCPToolGroups = append(p.MCPToolGroups, policy.ToolGroupGrant{ToolGroupID: n})
	}
	for _, id := range c.some("github", "jira") {
		p.MCPServers = append(p.MCPServers, policy.ServerGrant{MCPServerID: id})
	}
	for _, tool := range c.some("github create", "github delete", "github read", "jira close", "jira open") {
		server, name, _ := strings.Cut(tool, " ")
		o := policy.ToolOverride{MCPClientID: server, ToolName: name, Action: "include"}
		if c.coin() && !slices.Contains(p.MCPServers, policy.ServerGrant{MCPServerID: server}) {
			o.Action = "exclude"
		}
		p.MCPToolOverrides = append(p.MCPToolOverrides, o)
	}
	return p
}
