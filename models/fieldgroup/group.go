package fieldgroup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"tollgate/models/policy"
)

// Group is a part of a policy that is propagated by itself. Only this room knows its fields: copying, comparing,
// showing and syncing take every field of it that clients write.
type Group struct {
	Name  string
	Copy  func(to *policy.Policy, from policy.Policy)
	value func(p policy.Policy) any
	sync  func(ctx context.Context, to *synced, before, after policy.Policy) // nil for limits, which are synced together
	// the calendar belongs to the limits that it governs, and changes with them
	moves bool
	// for how long calls are allowed without the database belongs to the providers that they go to
	fails bool
}

var fieldGroups = []Group{
	failing(newGroup("provider_configs", func(p *policy.Policy) *[]policy.ProviderConfig { return &p.ProviderConfigs }, (*synced).providers)),
	moving(newGroup("budgets", func(p *policy.Policy) *[]policy.Budget { return &p.Budgets }, nil)),
	moving(newGroup("rate_limit", func(p *policy.Policy) **policy.RateLimit { return &p.RateLimit }, nil)),
	newGroup("mcp_tool_groups", func(p *policy.Policy) *[]policy.ToolGroupGrant { return &p.MCPToolGroups }, (*synced).toolGroups),
	newGroup("mcp_servers", func(p *policy.Policy) *[]policy.ServerGrant { return &p.MCPServers }, (*synced).servers),
	newGroup("mcp_tool_overrides", func(p *policy.Policy) *[]policy.ToolOverride { return &p.MCPToolOverrides }, (*synced).overrides),
}

// Names are the names of the groups, in the order of the API's fields.
var Names = names(fieldGroups)

// added are the members that the server adds to what clients write; they differ between copies, and are not pushed.
var added = []string{
	"id", "scope", "current_usage", "last_reset", "token_current_usage", "request_current_usage",
	"override_amount", "override_mode", "override_cycles_remaining", "override_expires_at", "effective_max_limit",
}

// Added reports whether a member is one that the server adds.
func Added(member string) bool { return slices.Contains(added, member) }

func newGroup[T any](name string, field func(*policy.Policy) *T, sync func(*synced, context.Context, T, T)) Group {
	g := Group{
		Name:  name,
		Copy:  func(to *policy.Policy, from policy.Policy) { *field(to) = *field(&from) },
		value: func(p policy.Policy) any { return *field(&p) },
	}
	if sync != nil {
		g.sync = func(ctx context.Context, to *synced, before, after policy.Policy) {
			sync(to, ctx, *field(&before), *field(&after))
		}
	}
	return g
}

func moving(g Group) Group {
	g.moves = true
	return g
}

func failing(g Group) Group {
	g.fails = true
	return g
}

func names(groups []Group) []string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	return names
}

// Named are the field groups with these names, in their order.
func Named(names []string) []Group {
	return slices.DeleteFunc(slices.Clone(fieldGroups), func(g Group) bool { return !slices.Contains(names, g.Name) })
}

// Equal reports whether the group is the same in two policies.
func (g Group) Equal(a, b policy.Policy) bool {
	return (!g.moves || a.Calendar == b.Calendar) && (!g.fails || a.FailOpenFor == b.FailOpenFor) &&
		alike(reflect.ValueOf(g.value(a)), reflect.ValueOf(g.value(b)))
}

// Diff is the group of two policies as clients write it, without what the server adds.
func (g Group) Diff(a, b policy.Policy) (before, after any, err error) {
	if before, err = g.plain(a); err != nil {
		return nil, nil, err
	}
	after, err = g.plain(b)
	return before, after, err
}

// Taken returns p with the groups named taken from another policy.
func Taken(p, from policy.Policy, groups []string) policy.Policy {
	for _, g := range Named(groups) {
		if g.Copy(&p, from); g.moves {
			p.Calendar = from.Calendar
		}
		if g.fails {
			p.FailOpenFor = from.FailOpenFor
		}
	}
	return p
}

// Differing are those of the groups in which two policies differ.
func Differing(a, b policy.Policy, groups []string) []string {
	return names(slices.DeleteFunc(Named(groups), func(g Group) bool { return g.Equal(a, b) }))
}

// alike compares two values by what clients write of them. A list that is null equals an empty one.
func alike(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return alike(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			if written(a.Type().Field(i)) && !alike(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// written reports whether a field is one that clients write.
func written(field reflect.StructField) bool {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name != "-" && !Added(name)
}

// plain is the group as clients write it.
func (g Group) plain(p policy.Policy) (any, error) {
	encoded, err := json.Marshal(g.value(p))
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", g.Name, err)
	}
	var plain any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		return nil, fmt.Errorf("read %s: %w", g.Name, err)
	}
	return withoutAdded(plain), nil
}

func withoutAdded(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range added {
			delete(v, name)
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
