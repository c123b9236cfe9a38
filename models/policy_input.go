package models

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ProviderConfigInput is what a client may send of a provider config.
type ProviderConfigInput struct {
	Row
	ID               Value             `json:"id,readonly"`
	ProviderName     Value             `json:"provider_name"`
	AllModelsAllowed Value             `json:"all_models_allowed"`
	AllowedModels    List[Value]       `json:"allowed_models"`
	RefuseUnpriced   Value             `json:"refuse_unpriced"`
	Budgets          List[BudgetInput] `json:"budgets"`
	RateLimit        RateLimitInput    `json:"rate_limit"`
	unsupportedProviderFields
}

// BudgetInput is what a client may send of a budget line.
type BudgetInput struct {
	Row
	ID            Value            `json:"id,readonly"`
	MaxLimit      Value            `json:"max_limit"`
	ResetDuration Value            `json:"reset_duration"`
	ResetConfig   ResetConfigInput `json:"reset_config"`
	Scope         Value            `json:"scope,readonly"`
	CurrentUsage  Value            `json:"current_usage,readonly"`
	LastReset     Value            `json:"last_reset,readonly"`
}

// ResetConfigInput is what a client may send of a quarter's start.
type ResetConfigInput struct {
	Row
	QuarterStartMonth Value `json:"quarter_start_month"`
}

// RateLimitInput is what a client may send of a rate limit.
type RateLimitInput struct {
	Row
	ID                   Value `json:"id,readonly"`
	TokenMaxLimit        Value `json:"token_max_limit"`
	TokenResetDuration   Value `json:"token_reset_duration"`
	RequestMaxLimit      Value `json:"request_max_limit"`
	RequestResetDuration Value `json:"request_reset_duration"`
	TokenCurrentUsage    Value `json:"token_current_usage,readonly"`
	RequestCurrentUsage  Value `json:"request_current_usage,readonly"`
}

const (
	maxProviders = 100
	maxBudgets   = 100
	maxModels    = 1000
	maxMCPRows   = 1000
)

// providerConfigs reads the list; refs may be nil, then nothing is looked up.
func (c *checker) providerConfigs(l List[ProviderConfigInput], refs *references) []ProviderConfig {
	const field = "provider_configs"
	configs := []ProviderConfig{}
	if !list(c, field, l, maxProviders, "provider configs") {
		return configs
	}
	seen := map[string]bool{}
	for i, in := range l.Items {
		path := at(field, i)
		if !c.object(path, in.Kind, "a provider config") {
			continue
		}
		name := c.providerName(path+".provider_name", in.ProviderName, refs)
		if name != "" && seen[name] {
			c.add(path+".provider_name", "duplicate_provider", "Configure "+name+" once; it is listed twice.")
		}
		seen[name] = true
		all, models := c.models(path, name, in)
		refuse, _ := c.truth(path+".refuse_unpriced", in.RefuseUnpriced)
		config := ProviderConfig{
			ProviderName: name, AllModelsAllowed: all, AllowedModels: models, RefuseUnpriced: refuse,
			Budgets:   c.budgets(path+".budgets", in.Budgets, "provider:"+name),
			RateLimit: c.rateLimit(path+".rate_limit", in.RateLimit),
		}
		if name != "" {
			configs = append(configs, config)
		}
	}
	return configs
}

func (c *checker) providerName(field string, v Value, refs *references) string {
	switch {
	case v.Kind == Absent:
		c.add(field, "required", "Choose a provider.")
	case v.Kind == Null:
		c.add(field, "null_not_allowed", "Choose a provider instead of null.")
	case v.Kind != String:
		c.add(field, "wrong_type", "Give the provider's name as text.")
	case refs != nil && !refs.providers[v.Text]:
		c.add(field, "unknown_provider", "Choose a provider of the catalogue; "+strconv.Quote(clip(v.Text))+" is not in it.")
	default:
		return v.Text
	}
	return ""
}

// models reads which models a config allows; "*" alone means all of them.
func (c *checker) models(path, provider string, in ProviderConfigInput) (all bool, models []string) {
	all, flagged := c.truth(path+".all_models_allowed", in.AllModelsAllowed)
	field := path + ".allowed_models"
	models = c.modelNames(field, provider, in.AllowedModels, true)
	star, denied := slices.Contains(models, "*"), flagged && !all
	switch {
	case star && (len(models) > 1 || denied):
		c.add(field, "models_conflict", `"*" means all models: use it alone, with all_models_allowed true or left out.`)
	case star:
		return true, []string{}
	case all && len(models) > 0:
		c.add(field, "models_conflict", "Either allow all models or list some, not both.")
	}
	return all, models
}

// budgets reads the lines of one scope, at most one for each kind of window.
func (c *checker) budgets(field string, l List[BudgetInput], scope string) []Budget {
	budgets := []Budget{}
	if !list(c, field, l, maxBudgets, "budgets") {
		return budgets
	}
	seen := map[line]bool{}
	for i, in := range l.Items {
		path := at(field, i)
		if !c.object(path, in.Kind, "a budget") {
			continue
		}
		before := len(c.found)
		budget := Budget{Scope: scope, MaxLimit: c.money(path+".max_limit", in.MaxLimit)}
		duration, ok := c.choice(path+".reset_duration", in.ResetDuration, "invalid_reset_duration",
			"Choose how often the budget resets: 1h, 1d, 1w, 1M, 1Q or 1Y.", BudgetDurations)
		budget.ResetDuration = duration
		window := len(c.found)
		budget.ResetConfig = c.resetConfig(path+".reset_config", in.ResetConfig, duration)
		if ok && len(c.found) == window { // else nobody knows which window is meant
			if seen[budget.line()] {
				c.add(path+".reset_duration", "duplicate_budget_window", "There is already a budget with the same window here; keep one of them.")
			}
			seen[budget.line()] = true
		}
		if len(c.found) == before {
			budgets = append(budgets, budget)
		}
	}
	return budgets
}

func (c *checker) money(field string, v Value) Money {
	switch {
	case v.Kind == Absent:
		c.add(field, "required", "Enter an amount in dollars.")
	case v.Kind == Null:
		c.add(field, "null_not_allowed", "Enter an amount in dollars instead of null; 0 blocks all spend.")
	case v.Kind != Number && !v.Typed:
		c.add(field, "wrong_type", "Enter the amount as a number of dollars, such as 50 or 0.25.")
	default:
		amount, err := v.dollars()
		switch {
		case err == nil:
			return amount
		case errors.Is(err, ErrMoneyNegative):
			c.add(field, "max_limit_negative", "Enter an amount of 0 or more; 0 blocks all spend.")
		case errors.Is(err, ErrMoneyOutOfRange):
			c.add(field, "number_out_of_range", "Enter an amount between 0 and 1000000000 dollars.")
		case errors.Is(err, ErrMoneyDecimals):
			c.add(field, "too_many_decimals", "Enter the amount with at most 9 decimals; it is never rounded.")
		default:
			c.add(field, "wrong_type", "Enter the amount as a plain number of dollars, such as 50 or 0.25, without signs or separators.")
		}
	}
	return 0
}

// dollars reads an amount; one typed into a form has no exponent. Errors are those of [ParseMoney].
func (v Value) dollars() (Money, error) {
	if v.Kind != Number && !v.Typed {
		return 0, ErrNotANumber
	}
	amount, err := ParseMoney(strings.TrimSpace(v.Text))
	if err == nil && v.Typed && strings.ContainsAny(v.Text, "eE") {
		return 0, ErrNotANumber
	}
	return amount, err
}

// resetConfig reads a quarter's start, which only 1Q has; its default is January.
func (c *checker) resetConfig(field string, in ResetConfigInput, duration string) *ResetConfig {
	config := &ResetConfig{QuarterStartMonth: 1}
	month := in.QuarterStartMonth
	switch {
	case in.Kind == Absent:
	case !c.object(field, in.Kind, "the quarter's start"):
	case duration != "" && duration != "1Q" && !(month.Typed && month.Kind == Absent):
		c.add(field, "reset_config_not_allowed", "Leave out the quarter's start: it goes only with 1Q.")
	case month.Kind == Null:
		c.add(field+".quarter_start_month", "null_not_allowed", "Choose a month from 1 to 12 instead of null.")
	default:
		if start, ok := c.count(field+".quarter_start_month", month, "the quarter's first month", 1, 12); ok {
			config.QuarterStartMonth = int(start)
		}
	}
	if duration != "1Q" {
		return nil
	}
	return config
}

// rateLimit reads a rate limit; one that sets nothing is none.
func (c *checker) rateLimit(field string, in RateLimitInput) *RateLimit {
	if in.Kind == Absent || in.Kind == Null || !c.object(field, in.Kind, "a rate limit") {
		return nil
	}
	limit := RateLimit{}
	limit.TokenMaxLimit, limit.TokenResetDuration = c.pair(field+".token", "a token limit", in.TokenMaxLimit, in.TokenResetDuration)
	limit.RequestMaxLimit, limit.RequestResetDuration = c.pair(field+".request", "a request limit", in.RequestMaxLimit, in.RequestResetDuration)
	if limit.TokenMaxLimit == nil && limit.RequestMaxLimit == nil {
		return nil
	}
	return &limit
}

// pair reads a limit and its window, which come together or not at all.
func (c *checker) pair(prefix, what string, limit, window Value) (*int64, *string) {
	before := len(c.found)
	n, ok := c.count(prefix+"_max_limit", limit, what, 1, MaxCount)
	if !limit.Given() && window.Given() {
		c.add(prefix+"_max_limit", "required", "Enter "+what+", or leave out how often it resets.")
	}
	if !window.Given() {
		if limit.Given() {
			c.add(prefix+"_reset_duration", "required", "Choose how often the limit resets.")
		}
		return nil, nil
	}
	duration, _ := c.choice(prefix+"_reset_duration", window, "invalid_reset_duration",
		"Choose how often the limit resets: 1h, 1d, 1w, 1M or 1Y.", RateDurations)
	if !ok || len(c.found) > before {
		return nil, nil
	}
	return &n, &duration
}

var toolName = regexp.MustCompile(`^[A-Za-z0-9_./-]{1,128}$`)

// clip shortens a text that goes into a message.
func clip(text string) string {
	runes := []rune(text)
	if len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}
