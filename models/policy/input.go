package policy

import (
	"slices"
	"strconv"

	"tollgate/models/catalogue"
	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/problem"
)

// ProviderConfigInput is what a client may send of a provider config.
type ProviderConfigInput struct {
	input.Row
	ID               input.Value             `json:"id,readonly"`
	ProviderName     input.Value             `json:"provider_name"`
	AllModelsAllowed input.Value             `json:"all_models_allowed"`
	AllowedModels    input.List[input.Value] `json:"allowed_models"`
	RefuseUnpriced   input.Value             `json:"refuse_unpriced"`
	Budgets          input.List[BudgetInput] `json:"budgets"`
	RateLimit        RateLimitInput          `json:"rate_limit"`
	input.UnsupportedProviderFields
}

// BudgetInput is what a client may send of a budget.
type BudgetInput struct {
	input.Row
	ID            input.Value      `json:"id,readonly"`
	MaxLimit      input.Value      `json:"max_limit"`
	ResetDuration input.Value      `json:"reset_duration"`
	ResetConfig   ResetConfigInput `json:"reset_config"`
	Scope         input.Value      `json:"scope,readonly"`
	CurrentUsage  input.Value      `json:"current_usage,readonly"`
	LastReset     input.Value      `json:"last_reset,readonly"`
}

// ResetConfigInput is what a client may send of a quarter's start.
type ResetConfigInput struct {
	input.Row
	QuarterStartMonth input.Value `json:"quarter_start_month"`
}

const maxProviders = 100

// MaxBudgets is how many budgets a profile may have.
const MaxBudgets = 100

// ReadProviderConfigs reads the list; refs may be nil, then nothing is looked up.
func ReadProviderConfigs(
	c *input.Reader, l input.List[ProviderConfigInput], refs *mcptool.References,
) []ProviderConfig {
	const field = "provider_configs"
	configs := []ProviderConfig{}
	if !input.CheckList(c, field, l, maxProviders, "provider configs") {
		return configs
	}
	seen := map[string]bool{}
	for i, in := range l.Items {
		path := input.Index(field, i)
		if !c.Object(path, in.Kind, "a provider config") {
			continue
		}
		name := readProviderName(c, path+".provider_name", in.ProviderName, refs)
		if name != "" && seen[name] {
			c.Add(path+".provider_name", "duplicate_provider", "Configure "+name+" once; it is listed twice.")
		}
		seen[name] = true
		all, models := readModels(c, path, name, in)
		refuse, _ := c.Bool(path+".refuse_unpriced", in.RefuseUnpriced)
		config := ProviderConfig{
			ProviderName: name, AllModelsAllowed: all, AllowedModels: models, RefuseUnpriced: refuse,
			Budgets:   ReadBudgets(c, path+".budgets", in.Budgets, Scope{Provider: name}),
			RateLimit: ReadRateLimit(c, path+".rate_limit", in.RateLimit),
		}
		if name != "" {
			configs = append(configs, config)
		}
	}
	return configs
}

func readProviderName(c *input.Reader, field string, v input.Value, refs *mcptool.References) string {
	switch {
	case v.Kind == input.Absent:
		c.Add(field, "required", "Choose a provider.")
	case v.Kind == input.Null:
		c.Add(field, "null_not_allowed", "Choose a provider instead of null.")
	case v.Kind != input.String:
		c.Add(field, "wrong_type", "Give the provider's name as text.")
	case refs != nil && !refs.Providers[v.Text]:
		c.Add(
			field, "unknown_provider",
			"Choose a provider of the catalogue; "+strconv.Quote(problem.Clip(v.Text))+" is not in it.",
		)
	default:
		return v.Text
	}
	return ""
}

// readModels reads which models a config allows; "*" alone means all of them.
func readModels(c *input.Reader, path, provider string, in ProviderConfigInput) (all bool, models []string) {
	all, flagged := c.Bool(path+".all_models_allowed", in.AllModelsAllowed)
	field := path + ".allowed_models"
	models = catalogue.ReadModelNames(c, field, provider, in.AllowedModels, true)
	star, denied := slices.Contains(models, "*"), flagged && !all
	switch {
	case star && (len(models) > 1 || denied):
		c.Add(field, "models_conflict", `"*" means all models: use it alone, with all_models_allowed true or left out.`)
	case star:
		return true, []string{}
	case all && len(models) > 0:
		c.Add(field, "models_conflict", "Either allow all models or list some, not both.")
	}
	return all, models
}

// ReadBudgets reads the budgets of one scope, at most one for each kind of window.
func ReadBudgets(c *input.Reader, field string, l input.List[BudgetInput], scope Scope) []Budget {
	budgets := []Budget{}
	if !input.CheckList(c, field, l, MaxBudgets, "budgets") {
		return budgets
	}
	seen := map[LimitKey]bool{}
	for i, in := range l.Items {
		path := input.Index(field, i)
		if !c.Object(path, in.Kind, "a budget") {
			continue
		}
		before := len(c.Problems)
		budget := Budget{Scope: scope, MaxLimit: c.Money(path+".max_limit", in.MaxLimit)}
		duration, ok := c.Choice(path+".reset_duration", in.ResetDuration, "invalid_reset_duration",
			"Choose how often the budget resets: 1h, 1d, 1w, 1M, 1Q or 1Y.", BudgetDurations)
		budget.ResetDuration = duration
		window := len(c.Problems)
		budget.ResetConfig = readResetConfig(c, path+".reset_config", in.ResetConfig, duration)
		if ok && len(c.Problems) == window { // else the window is not known
			key := budget.Limit().Key()
			if seen[key] {
				c.Add(
					path+".reset_duration", "duplicate_budget_window",
					"There is already a budget with the same window here; keep one of them.",
				)
			}
			seen[key] = true
		}
		if len(c.Problems) == before {
			budgets = append(budgets, budget)
		}
	}
	return budgets
}

// readResetConfig reads a quarter's start, which only 1Q has; its default is January.
func readResetConfig(c *input.Reader, field string, in ResetConfigInput, duration string) *ResetConfig {
	config := &ResetConfig{QuarterStartMonth: 1}
	month := in.QuarterStartMonth
	switch {
	case in.Kind == input.Absent:
	case !c.Object(field, in.Kind, "the quarter's start"):
	case duration != "" && duration != "1Q" && !(month.FromForm && month.Kind == input.Absent):
		c.Add(field, "reset_config_not_allowed", "Leave out the quarter's start: it goes only with 1Q.")
	case month.Kind == input.Null:
		c.Add(field+".quarter_start_month", "null_not_allowed", "Choose a month from 1 to 12 instead of null.")
	default:
		if start, ok := c.Int(field+".quarter_start_month", month, "the quarter's first month", 1, 12); ok {
			config.QuarterStartMonth = int(start)
		}
	}
	if duration != "1Q" {
		return nil
	}
	return config
}
