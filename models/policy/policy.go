package policy

import (
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/money"
	"tollgate/models/window"
)

// Policy is what a profile and a user's copy have in common: who may call what, and how much it may cost.
type Policy struct {
	ProviderConfigs []ProviderConfig `json:"provider_configs"`
	Budgets         []Budget         `json:"budgets"`
	RateLimit       *RateLimit       `json:"rate_limit,omitempty"`
	window.Calendar
	// FailOpenFor is for how many seconds calls are allowed from memory while the database is away; 0 for not at all.
	FailOpenFor      int64            `json:"fail_open_for,omitempty"`
	MCPToolGroups    []ToolGroupGrant `json:"mcp_tool_groups"`
	MCPServers       []ServerGrant    `json:"mcp_servers"`
	MCPToolOverrides []ToolOverride   `json:"mcp_tool_overrides"`
}

// ProviderConfig grants models of one provider, with limits of its own. Both model fields empty denies every model.
type ProviderConfig struct {
	bun.BaseModel `bun:"table:provider_configs" json:"-"`

	ID               int64      `json:"id" bun:",pk,autoincrement"`
	PolicyID         int64      `json:"-"`
	ProviderName     string     `json:"provider_name"`
	AllModelsAllowed bool       `json:"all_models_allowed"`
	AllowedModels    []string   `json:"allowed_models" bun:",array"`
	RefuseUnpriced   bool       `json:"refuse_unpriced,omitempty"` // models without a price in the catalogue
	Budgets          []Budget   `json:"budgets" bun:"-"`
	RateLimit        *RateLimit `json:"rate_limit,omitempty" bun:"-"`
	Position         int        `json:"-"`
}

// Scope is what the limits of a provider config apply to.
func (config ProviderConfig) Scope() Scope { return Scope{Provider: config.ProviderName} }

// Budget is one spending limit: at most MaxLimit in each window of ResetDuration.
type Budget struct {
	ID            string       `json:"id"`
	MaxLimit      money.Money  `json:"max_limit"`
	ResetDuration string       `json:"reset_duration"`
	ResetConfig   *ResetConfig `json:"reset_config,omitempty"`
	Scope         Scope        `json:"scope"`
	CurrentUsage  money.Money  `json:"current_usage"`
	LastReset     time.Time    `json:"last_reset"`

	// Only a copy's budget has these: an active override, and its current window.
	OverrideAmount          *money.Money `json:"override_amount,omitempty"`
	OverrideMode            string       `json:"override_mode,omitempty"`
	OverrideCyclesRemaining *int64       `json:"override_cycles_remaining,omitempty"`
	OverrideExpiresAt       *time.Time   `json:"override_expires_at,omitempty"` // only of one until a date
	EffectiveMaxLimit       *money.Money `json:"effective_max_limit,omitempty"`
	OverrideEnds            *time.Time   `json:"-"`
	CarriedFrom             *time.Time   `json:"-"`
	CarriedUntil            *time.Time   `json:"-"`
	WindowEnds              time.Time    `json:"-"`
}

// Cap is what a user may spend in a window: the limit with what an override adds.
func (b Budget) Cap() money.Money {
	if b.EffectiveMaxLimit != nil {
		return *b.EffectiveMaxLimit
	}
	return b.MaxLimit
}

// ResetConfig says in which month a fiscal year's first quarter starts.
type ResetConfig struct {
	QuarterStartMonth int `json:"quarter_start_month"`
}

// ToolGroupGrant grants what a tool group lists.
type ToolGroupGrant struct {
	ToolGroupID int64 `json:"tool_group_id"`
}

// ServerGrant grants every tool of an MCP server, including future ones.
type ServerGrant struct {
	MCPServerID string `json:"mcp_server_id"`
}

// ToolOverride includes one tool, or excludes one that a tool group grants.
type ToolOverride struct {
	MCPClientID string `json:"mcp_client_id"`
	ToolName    string `json:"tool_name"`
	Action      string `json:"action"`
}

// MaxFailOpen is the longest that a policy may allow calls from memory, in seconds.
const MaxFailOpen = 300

// The windows a budget and a rate limit can have.
var (
	BudgetDurations = []string{"1h", "1d", "1w", "1M", "1Q", "1Y"}
	RateDurations   = []string{"1m", "1h", "1d", "1w", "1M", "1Y"}
)

// Limited reports whether any limit applies to what a user spends or sends.
func (p Policy) Limited() bool { return len(p.Limits()) > 0 }

// ProviderBudgets counts the budgets of providers.
func (p Policy) ProviderBudgets() int {
	n := 0
	for _, config := range p.ProviderConfigs {
		n += len(config.Budgets)
	}
	return n
}
