package propagation_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"tollgate/models/fieldgroup"
	"tollgate/models/modelstest"
	"tollgate/models/policy"
)

// everything has each field of a policy that clients write.
const everything = `{
	"provider_configs": [{"provider_name": "openai", "all_models_allowed": false, "allowed_models": ["m"], "refuse_unpriced": false,
		"budgets": [{"max_limit": 5, "reset_duration": "1Q", "reset_config": {"quarter_start_month": 1}}],
		"rate_limit": {"token_max_limit": 5, "token_reset_duration": "1h", "request_max_limit": 5, "request_reset_duration": "1h"}}],
	"budgets": [{"max_limit": 5, "reset_duration": "1Q", "reset_config": {"quarter_start_month": 1}}],
	"rate_limit": {"token_max_limit": 5, "token_reset_duration": "1h", "request_max_limit": 5, "request_reset_duration": "1h"},
	"calendar_aligned": true, "time_zone": "Europe/Berlin", "fail_open_for": 30,
	"mcp_tool_groups": [{"tool_group_id": 1}], "mcp_servers": [{"mcp_server_id": "jira"}],
	"mcp_tool_overrides": [{"mcp_client_id": "github", "tool_name": "read", "action": "include"}]
}`

// others are other values of each field. Those of budgets keep their window, or become others with it.
var others = map[string][]string{
	"provider_name": {`"mistral"`}, "all_models_allowed": nil, "allowed_models": {`["m", "n"]`}, "refuse_unpriced": {"true"},
	"max_limit": {"6"}, "reset_duration": nil, "quarter_start_month": {"4", "2"},
	"token_max_limit": {"6"}, "token_reset_duration": {`"1w"`}, "request_max_limit": {"6"}, "request_reset_duration": {`"1w"`},
	"tool_group_id": {"2"}, "mcp_server_id": {`"github"`}, "mcp_client_id": nil, "tool_name": {`"delete"`}, "action": {`"exclude"`},
	"calendar_aligned": {"false"}, "time_zone": {`"Asia/Tokyo"`}, "fail_open_for": {"60"},
}

// changedWith are fields that no client can change by themselves.
var changedWith = map[string]map[string]string{
	"all_models_allowed": {"all_models_allowed": "true", "allowed_models": "[]"},
	"reset_duration":     {"reset_duration": `"1d"`, "reset_config": "null"},
	"mcp_client_id":      {"mcp_client_id": `"jira"`, "tool_name": `"open"`},
}

// fieldsOf are the fields of a type that clients write, with those inside them, by their paths.
func fieldsOf(t reflect.Type, path []string) (paths [][]string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		if t.Elem().Kind() != reflect.Struct {
			return [][]string{path}
		}
		return fieldsOf(t.Elem(), path)
	case reflect.Struct:
		for i := range t.NumField() {
			field := t.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case name == "" && field.Anonymous:
				paths = append(paths, fieldsOf(field.Type, path)...)
			case name != "-" && !fieldgroup.Added(name):
				paths = append(paths, fieldsOf(field.Type, append(path[:len(path):len(path)], name))...)
			}
		}
		return paths
	}
	return [][]string{path}
}

// changeAt changes a field of a document, and those that change with it.
func changeAt(document any, path []string, value string) {
	if list, ok := document.([]any); ok {
		document = list[0]
	}
	object := document.(map[string]any)
	if len(path) > 1 {
		changeAt(object[path[0]], path[1:], value)
		return
	}
	changes := changedWith[path[0]]
	if changes == nil {
		changes = map[string]string{path[0]: value}
	}
	for name, value := range changes {
		object[name] = json.RawMessage(value)
	}
}

// Each field of a policy that is saved is compared, shown as changed and pushed to copies. A new one has to have another
// value here, and fails the test as long as one of them passes it over.
func TestEachFieldIsPushed(t *testing.T) {
	t.Parallel()
	h := modelstest.NewHarness(t)
	read := func(document any) (p policy.Policy) {
		encoded, err := json.Marshal(document)
		h.Must(err)
		h.Must(json.Unmarshal(encoded, &p))
		return p
	}
	before := read(json.RawMessage(everything))
	current := h.Profile("Everything", before)
	assigned := h.Assign(h.User(101), current.ID)
	for _, path := range fieldsOf(reflect.TypeFor[policy.Policy](), nil) {
		values, ok := others[path[len(path)-1]]
		if !ok {
			t.Errorf("%v is new: say in this test which other value it can have", path)
			continue
		}
		if values == nil {
			values = []string{""}
		}
		for _, value := range values {
			var document any
			h.Must(json.Unmarshal([]byte(everything), &document))
			changeAt(document, path, value)
			after := read(document)
			differ := fieldgroup.Differing(before, after, fieldgroup.Names)
			if len(differ) == 0 {
				t.Errorf("a change of %v to %s is not noticed", path, value)
			}
			for _, group := range fieldgroup.Named(differ) {
				if was, is, err := group.Diff(before, after); err != nil || len(path) > 1 && reflect.DeepEqual(was, is) {
					t.Errorf("a change of %v to %s is not shown: %v, %v", path, value, is, err)
				}
			}
			current = h.Edit(current, after)
			if left := fieldgroup.Differing(current.Policy, after, fieldgroup.Names); len(left) > 0 {
				t.Errorf("a change of %v to %s is not saved: the profile differs in %v", path, value, left)
			}
			h.Propagate(current.ID, pushOf(fieldgroup.Names))
			if left := fieldgroup.Differing(h.Copy(assigned).Policy, after, fieldgroup.Names); len(left) > 0 {
				t.Errorf("a change of %v to %s is not pushed: the copy differs in %v", path, value, left)
			}
		}
	}
}
