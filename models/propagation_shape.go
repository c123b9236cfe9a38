package models

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// shape is what copies have in common that got the same groups of fields from the same versions: all of them have the same policy, but
// for its ids.
type shape struct {
	versions string // of the groups, written out
	calendar Calendar
}

func (t Target) shape() shape { return shape{fmt.Sprint(t.GroupVersions), t.Calendar} }

// shaped is one shape with the copies that have it.
type shaped struct {
	targets []Target
	before  Policy
}

// versions of a template are read once each; they never change.
type history struct {
	profileID int64
	known     map[int64]AccessProfile
}

// load reads those of the versions that are not known yet.
func (h *history) load(ctx context.Context, db bun.IDB, versions []int64) error {
	missing := slices.DeleteFunc(slices.Clone(versions), func(v int64) bool { _, ok := h.known[v]; return ok })
	if len(missing) == 0 {
		return nil
	}
	var rows []Version
	if err := db.NewRaw(selectVersions+" AND version = ANY (?)", h.profileID, pgdialect.Array(missing)).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("load versions of access profile %d: %w", h.profileID, err)
	}
	for _, row := range rows {
		profile, err := row.Profile()
		if err != nil {
			return err
		}
		h.known[row.Version] = profile
	}
	return nil
}

// shapesOf sorts copies by their shape, in the order in which shapes first appear.
func (h *history) shapesOf(ctx context.Context, db bun.IDB, targets []Target) ([]shaped, error) {
	place := map[shape]int{}
	var shapes []shaped
	for _, t := range targets {
		i, ok := place[t.shape()]
		if !ok {
			if err := h.load(ctx, db, t.GroupVersions); err != nil {
				return nil, err
			}
			i = len(shapes)
			place[t.shape()] = i
			shapes = append(shapes, shaped{before: h.policy(t)})
		}
		shapes[i].targets = append(shapes[i].targets, t)
	}
	return shapes, nil
}

// policy puts a copy's policy together from the versions that its groups came from.
func (h *history) policy(t Target) Policy {
	var p Policy
	for i, group := range FieldGroups {
		p.take(h.known[t.GroupVersions[i]].Policy, group)
	}
	p.Calendar = t.Calendar
	return p
}

// take replaces one group of fields by that of another policy.
func (p *Policy) take(from Policy, group string) {
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

// with is the policy that results when the groups named are those of another.
func (p Policy) with(from Policy, groups []string) Policy {
	for _, group := range groups {
		p.take(from, group)
	}
	if movesAlignment(groups) {
		p.Calendar = from.Calendar
	}
	return p
}

// sameGroup reports whether two policies say the same in a group of fields. The calendar belongs to the limits it governs.
func sameGroup(a, b Policy, group string) bool {
	if movesAlignment([]string{group}) && a.Calendar != b.Calendar {
		return false
	}
	return reflect.DeepEqual(a.group(group), b.group(group))
}

// group is one group of fields without what each copy has of its own.
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

// differing are those of the groups in which two policies differ.
func differing(a, b Policy, groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(group string) bool { return sameGroup(a, b, group) })
}

// pushedVersions are the versions that a copy's groups come from after a push. A group that says the same as the pushed version comes from
// that one, whether it was pushed or not. No group goes back to an older version.
func pushedVersions(had []int64, after, pushed Policy, to int64) (versions []int64, oldest int64) {
	versions = slices.Clone(had)
	for i, group := range FieldGroups {
		if versions[i] < to && sameGroup(after, pushed, group) {
			versions[i] = to
		}
	}
	return versions, slices.Min(versions)
}

// plain is a group of fields as clients send it, without what the server adds to it.
func (p Policy) plain(group string) (any, error) {
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
		for _, added := range []string{"id", "scope", "current_usage", "last_reset", "token_current_usage", "request_current_usage"} {
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
