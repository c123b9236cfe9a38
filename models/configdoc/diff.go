package configdoc

import (
	"encoding/json"
	"slices"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// FieldChange is a field that differs, such as tags or budgets[1d]. Before or After is null where it has its default.
type FieldChange struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// keys are the members by which an item of a list is the same as another.
var keys = [][]string{
	{"provider_name"},
	{"model"},
	{"mcp_client_id", "tool_name"},
	{"mcp_client_id"},
	{"value"},
	{"role"},
	{"reset_duration", "reset_config"},
}

// Compare lists what differs between two documents.
func Compare(before, after configfile.Node) []FieldChange {
	return differences(nil, "", before, after)
}

func differences(found []FieldChange, path string, a, b configfile.Node) []FieldChange {
	if string(a.AppendJSON(nil)) == string(b.AppendJSON(nil)) {
		return found
	}
	if a.Kind == input.Object && b.Kind == input.Object {
		for _, name := range both(a.Members, b.Members, func(m configfile.Member) string { return m.Name }) {
			was, _ := a.Get(name)
			is, _ := b.Get(name)
			found = differences(found, join(path, name), was, is)
		}
		return found
	}
	if by := keyOf(append(slices.Clone(a.Items), b.Items...)); by != nil {
		before := len(found)
		for _, key := range both(a.Items, b.Items, func(n configfile.Node) string { return keyIn(n, by) }) {
			found = differences(found, path+"["+key+"]", itemWith(a, by, key), itemWith(b, by, key))
		}
		if len(found) > before {
			return found
		} // else only their order differs
	}
	return append(found, FieldChange{path, a.AppendJSON(nil), b.AppendJSON(nil)})
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// both are the names in two lists, each once, those of the first list first.
func both[T any](a, b []T, name func(T) string) (names []string) {
	for _, item := range append(slices.Clone(a), b...) {
		if n := name(item); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// keyOf is what tells the items of a list apart; nil when they are no objects.
func keyOf(items []configfile.Node) []string {
	for _, by := range keys {
		if len(items) > 0 && !slices.ContainsFunc(items, func(n configfile.Node) bool {
			_, there := n.Get(by[0])
			return !there
		}) {
			return by
		}
	}
	return nil
}

func keyIn(n configfile.Node, by []string) (key string) {
	for _, name := range by {
		value, _ := n.Get(name)
		text := value.Text
		if value.Kind == input.Object {
			month, _ := value.Get("quarter_start_month")
			text = month.Text
		}
		if key != "" && text != "" {
			key += " "
		}
		key += text
	}
	return key
}

func itemWith(n configfile.Node, by []string, key string) configfile.Node {
	for _, item := range n.Items {
		if keyIn(item, by) == key {
			return item
		}
	}
	return configfile.Node{Kind: input.Absent}
}
