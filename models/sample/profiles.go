package sample

import (
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/policy"
	"tollgate/models/profile"
)

// sampleProfile is an access profile in the shortest form. A line of money is "50/1d", of tokens or requests
// "100000/1h".
type sampleProfile struct {
	name, description string
	tags              string
	calendar          bool
	zone              string
	providers         []sampleConfig
	budgets           []string
	tokens, requests  string
	groups            []string
	servers           []string
	overrides         []policy.ToolOverride
}

// sampleConfig grants models of one provider; "*" is all of them.
type sampleConfig struct {
	name, models     string
	budgets          []string
	tokens, requests string
}

var sampleProfiles = []sampleProfile{
	{
		name: "Engineering", description: "Everyone who writes code.\nAll of Anthropic, " +
			"the strong OpenAI models, and the repositories.",
		tags: "engineering production", calendar: true,
		providers: []sampleConfig{
			{name: "anthropic", models: "*", budgets: []string{"50/1d", "500/1M"}, tokens: "2000000/1h", requests: "600/1h"},
			{name: "openai", models: "gpt-5 gpt-5-mini gpt-5-codex", budgets: []string{"20/1d"}},
			{name: "mistral", models: "codestral-latest devstral-medium-latest"},
		},
		budgets: []string{"60/1d", "900/1M"}, requests: "1200/1h",
		groups: []string{"Code review"}, servers: []string{"filesystem"},
		overrides: []policy.ToolOverride{
			{MCPClientID: "jira", ToolName: "getJiraIssue", Action: "include"},
			{MCPClientID: "github", ToolName: "update_pull_request", Action: "exclude"},
		},
	},
	{
		name: "Platform team", description: "Runs the gateway: everything, with a ceiling.", tags: "engineering operations",
		calendar: true,
		providers: []sampleConfig{
			{name: "anthropic", models: "*"},
			{name: "openai", models: "*"},
			{name: "bedrock", models: "*"},
			{name: "azure", models: "*"},
		},
		budgets: []string{"2500/1M", "20000/1Y"}, servers: []string{"github", "postgres"},
	},
	{
		name: "Support", description: "Answers customers with small, quick models.", tags: "support production",
		calendar: true,
		providers: []sampleConfig{
			{name: "anthropic", models: "claude-haiku-4-5", budgets: []string{"10/1d"}},
			{name: "openai", models: "gpt-5-mini gpt-5-nano", budgets: []string{"10/1d"}},
		},
		budgets: []string{"15/1d", "300/1M"}, tokens: "500000/1h", requests: "300/1h", groups: []string{"Support desk"},
	},
	{
		name: "Data science", description: "Experiments, embeddings and long contexts.", tags: "data research",
		providers: []sampleConfig{
			{
				name: "openai", models: "gpt-5 o3 o4-mini text-embedding-3-large text-embedding-3-small",
				budgets: []string{"75/1w"},
			},
			{name: "gemini", models: "*", budgets: []string{"100/1w"}, tokens: "5000000/1d"},
			{name: "cohere", models: "embed-v4.0 rerank-v3.5"},
		},
		budgets: []string{"600/1M"}, groups: []string{"Read only"},
		overrides: []policy.ToolOverride{{MCPClientID: "postgres", ToolName: "execute_sql", Action: "include"}},
	},
	{
		name: "Contractors", description: "One model each, a small daily budget, no tools.", tags: "external", calendar: true,
		providers: []sampleConfig{
			{name: "anthropic", models: "claude-sonnet-4-5", budgets: []string{"5/1d"}},
			{name: "openai", models: "gpt-5-mini", budgets: []string{"2.5/1d"}},
		},
		budgets: []string{"100/1M"}, requests: "60/1h",
	},
	{
		name: "Marketing", description: "Copy and pictures.", tags: "business", calendar: true,
		providers: []sampleConfig{
			{name: "openai", models: "gpt-5 gpt-image-1", budgets: []string{"40/1w"}},
			{name: "gemini", models: "gemini-2.5-flash-image", budgets: []string{"25/1w"}},
		},
		budgets: []string{"250/1M"}, groups: []string{"Read only"},
	},
	{
		name: "Finance", description: "European models only; nothing leaves the region.", tags: "business regulated",
		calendar: true, zone: "Europe/Berlin",
		providers: []sampleConfig{{name: "mistral", models: "mistral-large-latest mistral-medium-latest mistral-ocr-latest"}},
		budgets:   []string{"1200/1Q", "100/1M"}, tokens: "200000/1h",
	},
	{
		name: "Legal", description: "Long documents, few requests.", tags: "business regulated", calendar: true,
		providers: []sampleConfig{{name: "anthropic", models: "claude-opus-4-5 claude-sonnet-4-5", requests: "20/1h"}},
		budgets:   []string{"150/1M"},
	},
	{
		name: "Sales", tags: "business",
		providers: []sampleConfig{{name: "openai", models: "gpt-5-mini", budgets: []string{"8/1d"}}},
		budgets:   []string{"120/1M"}, overrides: []policy.ToolOverride{{
			MCPClientID: "slack", ToolName: "slack_post_message",
			Action: "include",
		}},
	},
	{
		name: "CI pipelines", description: "Automated reviews: many requests, cheap models.", tags: "engineering automation",
		providers: []sampleConfig{
			{
				name: "groq", models: "openai/gpt-oss-120b llama-3.1-8b-instant", budgets: []string{"1.25/1h"},
				requests: "5000/1h",
			},
			{name: "anthropic", models: "claude-haiku-4-5", budgets: []string{"30/1d"}},
		},
		budgets: []string{"800/1M"}, groups: []string{"Code review"},
	},
	{
		name: "Interns", description: "A season's worth of learning.", tags: "engineering trial",
		providers: []sampleConfig{{name: "openai", models: "gpt-5-nano gpt-4.1-nano"}, {name: "groq", models: "*"}},
		budgets:   []string{"0.75/1d", "10/1M"}, requests: "30/1h", groups: []string{"Read only"},
	},
	{
		name: "Frozen accounts", description: "Keeps people on file without any spending.", tags: "operations",
		providers: []sampleConfig{{name: "openai", models: ""}}, budgets: []string{"0/1M"},
	},
}

func (s sampleProfile) input(groups map[string]int64) profile.Input {
	in := profile.Input{
		Name: input.SampleText(s.name), Tags: input.SampleTexts(strings.Fields(s.tags)),
		CalendarAligned: input.Value{Kind: input.Bool, Text: strconv.FormatBool(s.calendar)},
		ProviderConfigs: input.ListOf(s.providers, sampleConfig.input), Budgets: input.ListOf(s.budgets, sampleBudget),
		RateLimit: sampleLimit(s.tokens, s.requests),
		MCPToolGroups: input.ListOf(s.groups, func(name string) policy.ToolGroupGrantInput {
			return policy.ToolGroupGrantInput{
				Row:         input.Row{Kind: input.Object},
				ToolGroupID: input.SampleNumber(strconv.FormatInt(groups[input.NameKey(name)], 10)),
			}
		}),
		MCPServers: input.ListOf(s.servers, func(id string) policy.ServerGrantInput {
			return policy.ServerGrantInput{Row: input.Row{Kind: input.Object}, MCPServerID: input.SampleText(id)}
		}),
		MCPToolOverrides: input.ListOf(s.overrides, func(o policy.ToolOverride) policy.ToolOverrideInput {
			return policy.ToolOverrideInput{
				Row: input.Row{Kind: input.Object}, MCPClientID: input.SampleText(o.MCPClientID),
				ToolName: input.SampleText(o.ToolName), Action: input.SampleText(o.Action),
			}
		}),
	}
	if s.zone != "" {
		in.TimeZone = input.SampleText(s.zone)
	}
	if s.description != "" {
		in.Description = input.SampleText(s.description)
	}
	return in
}

func (s sampleConfig) input() policy.ProviderConfigInput {
	return policy.ProviderConfigInput{
		Row: input.Row{Kind: input.Object}, ProviderName: input.SampleText(s.name),
		AllowedModels: input.SampleTexts(strings.Fields(s.models)),
		Budgets:       input.ListOf(s.budgets, sampleBudget), RateLimit: sampleLimit(s.tokens, s.requests),
	}
}

func sampleBudget(line string) policy.BudgetInput {
	limit, window, _ := strings.Cut(line, "/")
	return policy.BudgetInput{
		Row: input.Row{Kind: input.Object}, MaxLimit: input.SampleNumber(limit),
		ResetDuration: input.SampleText(window),
	}
}

func sampleLimit(tokens, requests string) policy.RateLimitInput {
	in := policy.RateLimitInput{Row: input.Row{Kind: input.Object}}
	if limit, window, ok := strings.Cut(tokens, "/"); ok {
		in.TokenMaxLimit, in.TokenResetDuration = input.SampleNumber(limit), input.SampleText(window)
	}
	if limit, window, ok := strings.Cut(requests, "/"); ok {
		in.RequestMaxLimit, in.RequestResetDuration = input.SampleNumber(limit), input.SampleText(window)
	}
	return in
}
