package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Take replaces one group of fields by that of another policy.
func (p *Policy) Take(from Policy, group string) {
	switch group {
	case "provider_configs":
		p.ProviderConfigs = from.ProviderConfigs
	case "budgets":
		p.Budgets = from.Budgets
	case "rate_limit":
		p.RateLimit = from.RateLimit
	case "mcp_tool_groups":
		p.MCPToolGroups = from.MCPToolGroups
	case "mcp_servers":
		p.MCPServers = from.MCPServers
	case "mcp_tool_overrides":
		p.MCPToolOverrides = from.MCPToolOverrides
	}
}

// With returns the policy with the groups named taken from another.
func (p Policy) With(from Policy, groups []string) Policy {
	for _, group := range groups {
		p.Take(from, group)
	}
	if movesAlignment(groups) {
		p.Calendar = from.Calendar
	}
	return p
}

// SameGroup reports whether a group of fields is equal in two policies. The calendar belongs to the limits it governs.
func SameGroup(a, b Policy, group string) bool {
	if movesAlignment([]string{group}) && a.Calendar != b.Calendar {
		return false
	}
	return reflect.DeepEqual(a.group(group), b.group(group))
}

// group is one group of fields without what differs between copies.
func (p Policy) group(name string) any {
	switch name {
	case "provider_configs":
		plain := make([]any, len(p.ProviderConfigs))
		for i, config := range p.ProviderConfigs {
			models := append([]string{}, config.AllowedModels...)
			plain[i] = []any{
				config.ProviderName, config.AllModelsAllowed, models, config.RefuseUnpriced,
				pushedBudgets("", config.Budgets), pushedLimits("", config.RateLimit),
			}
		}
		return plain
	case "budgets":
		return pushedBudgets("", p.Budgets)
	case "rate_limit":
		return pushedLimits("", p.RateLimit)
	case "mcp_tool_groups":
		return append([]ToolGroupGrant{}, p.MCPToolGroups...)
	case "mcp_servers":
		return append([]ServerGrant{}, p.MCPServers...)
	}
	return append([]ToolOverride{}, p.MCPToolOverrides...)
}

// Differing are those of the groups in which two policies differ.
func Differing(a, b Policy, groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(group string) bool { return SameGroup(a, b, group) })
}

// Plain is a group of fields as clients send it, without what the server adds to it.
func (p Policy) Plain(group string) (any, error) {
	documents := map[string]any{
		"provider_configs": p.ProviderConfigs, "budgets": p.Budgets, "rate_limit": p.RateLimit,
		"mcp_tool_groups": p.MCPToolGroups, "mcp_servers": p.MCPServers, "mcp_tool_overrides": p.MCPToolOverrides,
	}
	encoded, err := json.Marshal(documents[group])
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", group, err)
	}
	var plain any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		return nil, fmt.Errorf("read %s: %w", group, err)
	}
	return withoutAdded(plain), nil
}

func withoutAdded(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for _, added := range []string{
			"id", "scope", "current_usage", "last_reset", "token_current_usage", "request_current_usage",
		} {
			delete(v, added)
		}
		for name, inner := range v {
			v[name] = withoutAdded(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = withoutAdded(inner)
		}
	}
	return value
}
