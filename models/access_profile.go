package models

import (
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// AccessProfile is a template: a named policy that is attached to roles or people. As JSON it is the API's answer, and a version's snapshot.
type AccessProfile struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Description *string  `json:"description"`
	IsActive    bool     `json:"is_active"`
	Version     int64    `json:"version"`
	Tags        []string `json:"tags"`
	Policy
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// profileRow is the part of a template that lists search and sort by; the rest is in its policy's tables.
type profileRow struct {
	bun.BaseModel `bun:"table:access_profiles,alias:p"`

	ID          int64 `bun:",pk,autoincrement"`
	PolicyID    int64
	Name        string
	NameKey     string
	Description *string
	SearchKey   string
	Tags        []string `bun:",array"`
	TagKeys     []string `bun:",array"`
	IsActive    bool
	Version     int64
	CreatedAt   time.Time
	UpdatedAt   time.Time

	PolicyVersion int64 // in which the policy changed last
}

func (p AccessProfile) row(policyID, policyVersion int64) profileRow {
	search, keys := p.Name, make([]string, len(p.Tags))
	if p.Description != nil {
		search += "\n" + *p.Description
	}
	for i, tag := range p.Tags {
		keys[i] = FoldCase(tag)
	}
	return profileRow{
		ID: p.ID, PolicyID: policyID, Name: p.Name, NameKey: NameKey(p.Name), Description: p.Description, SearchKey: Fold(search),
		Tags: p.Tags, TagKeys: keys, IsActive: p.IsActive, Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		PolicyVersion: policyVersion,
	}
}

// AccessProfileInput is what a client may send to create or change a template. Read-only fields are ignored, so that an answer can be sent back.
type AccessProfileInput struct {
	Row
	ID               Value                     `json:"id,readonly"`
	Name             Value                     `json:"name"`
	Description      Value                     `json:"description"`
	IsActive         Value                     `json:"is_active,compared"`
	Version          Value                     `json:"version,readonly"`
	Tags             List[Value]               `json:"tags"`
	ProviderConfigs  List[ProviderConfigInput] `json:"provider_configs"`
	Budgets          List[BudgetInput]         `json:"budgets"`
	RateLimit        RateLimitInput            `json:"rate_limit"`
	CalendarAligned  Value                     `json:"calendar_aligned"`
	TimeZone         Value                     `json:"time_zone"`
	MCPToolGroups    List[ToolGroupGrantInput] `json:"mcp_tool_groups"`
	MCPServers       List[ServerGrantInput]    `json:"mcp_servers"`
	MCPToolOverrides List[ToolOverrideInput]   `json:"mcp_tool_overrides"`
	CreatedAt        Value                     `json:"created_at,readonly"`
	UpdatedAt        Value                     `json:"updated_at,readonly"`
	unsupportedProfileFields
}

// Apply returns the template that results when a field sent replaces that of p and a field left out keeps it, with every problem found.
// What the input refers to is not looked up.
func (in AccessProfileInput) Apply(p AccessProfile) (AccessProfile, Problems) {
	return in.apply(p, nil)
}

func (in AccessProfileInput) apply(p AccessProfile, refs *references) (AccessProfile, Problems) {
	c := &checker{}
	if p.ID == 0 {
		c.required("name", in.Name, "a name")
	}
	if name, ok := c.text("name", in.Name, textRule{what: "a name", max: 255}); ok {
		p.Name = name
	}
	c.description(in.Description, &p.Description)
	if in.IsActive.Kind != Absent && (in.IsActive.Kind != Bool || (in.IsActive.Text == "true") != p.IsActive) {
		c.add("is_active", "read_only", "Use activate or deactivate to change this.")
	}
	c.tags(in.Tags, &p.Tags)
	if in.ProviderConfigs.Kind != Absent || p.ProviderConfigs == nil {
		p.ProviderConfigs = c.providerConfigs(in.ProviderConfigs, refs)
	}
	if in.Budgets.Kind != Absent || p.Budgets == nil {
		p.Budgets = c.budgets("budgets", in.Budgets, "total")
	}
	if len(in.Budgets.Items) <= maxBudgets && in.budgetLines(p) > maxBudgets {
		c.add("budgets", "too_many_items", "Keep at most 100 budgets in the whole profile, those of providers included.")
	}
	if in.RateLimit.Kind != Absent {
		p.RateLimit = c.rateLimit("rate_limit", in.RateLimit)
	}
	if in.CalendarAligned.Given() { // null is the same as left out
		if aligned, ok := c.truth("calendar_aligned", in.CalendarAligned); ok {
			p.CalendarAligned = aligned
		}
	}
	c.timeZone(in.TimeZone, refs, &p.TimeZone)
	if in.MCPToolGroups.Kind != Absent || p.MCPToolGroups == nil {
		p.MCPToolGroups = c.toolGroups(in.MCPToolGroups, refs)
	}
	if in.MCPServers.Kind != Absent || p.MCPServers == nil {
		p.MCPServers = c.servers(in.MCPServers, refs)
	}
	if in.MCPToolOverrides.Kind != Absent || p.MCPToolOverrides == nil {
		p.MCPToolOverrides = c.toolOverrides(in.MCPToolOverrides, p.MCPServers, refs)
	} else if in.MCPServers.Kind != Absent {
		c.keptOverrides(p)
	}
	return p, c.found
}

// budgetLines counts the lines of the whole profile, those refused for another reason too: where lists were left out, those of p.
func (in AccessProfileInput) budgetLines(p AccessProfile) int {
	n := len(p.Budgets)
	if in.Budgets.Kind == Array {
		n = len(in.Budgets.Items)
	}
	if in.ProviderConfigs.Kind != Array {
		return n + p.ProviderBudgets()
	}
	for _, config := range in.ProviderConfigs.Items {
		n += len(config.Budgets.Items)
	}
	return n
}

// description reads a text that may be cleared with null.
func (c *checker) description(v Value, description **string) {
	switch {
	case v.Kind == Null, v.Kind == String && strings.TrimSpace(v.Text) == "":
		*description = nil
	default:
		if text, ok := c.text("description", v, textRule{what: "a description", max: 2000, newlines: true}); ok {
			*description = &text
		}
	}
}

func (c *checker) tags(l List[Value], tags *[]string) {
	if !list(c, "tags", l, 50, "tags") {
		if *tags == nil {
			*tags = []string{}
		}
		return
	}
	*tags = []string{}
	seen := map[string]bool{}
	for i, v := range l.Items {
		c.required(at("tags", i), v, "a tag")
		tag, ok := c.text(at("tags", i), v, textRule{what: "a tag", max: 64})
		switch {
		case !ok:
			continue
		case strings.Contains(tag, ","):
			c.add(at("tags", i), "invalid_characters", "Write the tag without a comma.")
		case seen[FoldCase(tag)]:
			c.add(at("tags", i), "duplicate_tag", "List the tag "+tag+" once.")
		}
		seen[FoldCase(tag)] = true
		*tags = append(*tags, tag)
	}
}

// keptOverrides notes stored excludes that contradict servers granted now.
func (c *checker) keptOverrides(p AccessProfile) {
	for _, o := range p.MCPToolOverrides {
		if o.Action == "exclude" && grantsWhole(p.MCPServers, o.MCPClientID) {
			c.add("mcp_servers", "exclude_on_allow_all_server", "The profile excludes "+o.ToolName+" of "+o.MCPClientID+
				", so that server cannot be granted whole. Remove that override first.")
		}
	}
}
