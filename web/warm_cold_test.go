package web_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/policy"
)

// I-21: after any change a console with a full cache decides like one with an empty cache: by what is stored alone.
func TestAWarmConsoleDecidesAsAColdOne(t *testing.T) {
	w := newWarm(t)
	kinds := map[string]int{}
	until := time.Now().Add(8 * time.Second)
	for round := 0; time.Now().Before(until) || round < 40; round++ {
		by := w.admin
		if w.IntN(8) == 0 {
			by = by.at(w.other)
		}
		change := w.change(by)
		if by.console == w.other {
			w.within(func() bool { return w.differs() == "" }, "decides differently after "+change+" elsewhere")
		}
		for said := range w.compare(change) {
			kinds[said]++
		}
		if t.Failed() {
			break
		}
	}
	for _, kind := range []string{"allowed", "access_blocked", "model_blocked", "provider_blocked", "mcp_tool_blocked"} {
		if kinds[kind] == 0 && !t.Failed() {
			t.Errorf("no decision was %s: %v", kind, kinds)
		}
	}
	// The other console has polled all of it.
	w.cold = w.other.h.Engine
	w.within(func() bool { return w.differs() == "" }, "the other console decides differently")
}

// warm is a console with users who have some of three profiles, and whose policies, copies and limits change at random.
type warm struct {
	stage
	chance
	other    *console
	cold     *decision.Engine // nil: a new one for each comparison
	users    []string
	values   []string // of keys, including deleted ones
	profiles []int64
	group    int64
	asked    []entitlement.Call
}

func newWarm(t *testing.T) *warm {
	w := &warm{stage: newStage(t), chance: newChance(t)}
	w.other, _ = w.another(w.appURL())
	w.exec("INSERT INTO providers (name, models) VALUES ('azure', '{o5}')")
	w.exec("INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('slack', 'slack', 'slack', '{a,b,c}')")
	w.group = w.addGroup("Changing", `[{"mcp_client_id":"slack","tool_names":["a","b"]}]`)
	for n := range 3 {
		w.profiles = append(w.profiles, w.profileNaming(fmt.Sprint("Profile ", n), strings.Trim(w.policy(), "{}")))
	}
	for n := range 3 {
		user := w.member(fmt.Sprintf("warm%d@example.com", n), "Viewer")
		_, value := w.give(user, w.profiles[n])
		w.users, w.values = append(w.users, user), append(w.values, value)
	}
	for _, model := range []string{"openai/gpt-4o", "openai/gpt-4o-mini", "azure/o5"} {
		w.asked = append(w.asked, entitlement.Call{Model: model}, entitlement.Call{Model: model, Cost: 2_000_000_000, Tokens: 50})
	}
	for _, tool := range []string{"a", "b", "c", "d"} {
		w.asked = append(w.asked, entitlement.Call{MCPClientID: "slack", ToolName: tool})
	}
	for _, kind := range []entitlement.Kind{entitlement.CallSomeTool, entitlement.CallWholeServer, entitlement.CallEntry} {
		w.asked = append(w.asked, entitlement.Call{Kind: kind, MCPClientID: "slack"})
	}
	return w
}

// compare fails the test when a warm and a cold console differ, and returns the types of the decisions.
func (w *warm) compare(change string) map[string]bool {
	w.t.Helper()
	if said := w.differs(); said != "" {
		w.t.Errorf("after %s: %s", change, said)
	}
	kinds := map[string]bool{}
	for _, user := range w.users {
		for _, q := range w.asked {
			d, err := w.h.Engine.Decide(w.t.Context(), entitlement.Subject{UserID: user}, q)
			w.must(err)
			kinds[d.Type] = true
		}
	}
	return kinds
}

// differs lists where the decisions of the warm console differ from those of a cold one, "" for nowhere.
func (w *warm) differs() string {
	w.t.Helper()
	cold := w.cold
	if cold == nil {
		cold = decision.NewEngine(entitlement.NewCache(w.db, w.h.Keys, slog.New(slog.DiscardHandler)), nil)
	}
	var subjects []entitlement.Subject
	for _, user := range w.users {
		subjects = append(subjects, entitlement.Subject{UserID: user})
	}
	for _, value := range w.values {
		subjects = append(subjects, entitlement.Subject{VirtualKey: value})
	}
	for _, who := range subjects {
		for _, q := range w.asked {
			if a, b := w.decided(w.h.Engine, who, q), w.decided(cold, who, q); a != b {
				return fmt.Sprintf("%+v about %+v\nwarm %s\ncold %s", who, q, a, b)
			}
		}
		for _, kind := range []entitlement.Kind{entitlement.CallModel, entitlement.CallTool} {
			a, err := w.h.Engine.Callable(w.t.Context(), who, kind, "")
			w.must(err)
			b, err := cold.Callable(w.t.Context(), who, kind, "")
			w.must(err)
			if slices.Sort(a); !slices.Equal(a, slices.Sorted(slices.Values(b))) {
				return fmt.Sprintf("%+v may call\nwarm %v\ncold %v", who, a, b)
			}
		}
	}
	return ""
}

// decided is a decision as JSON, without the time to wait, which changes.
func (w *warm) decided(d *decision.Engine, who entitlement.Subject, q entitlement.Call) string {
	w.t.Helper()
	decision, err := d.Decide(w.t.Context(), who, q)
	w.must(err)
	decision.RetryAfter = nil
	text, err := json.Marshal(decision)
	w.must(err)
	return string(text)
}

// policy is a random valid policy.
func (w *warm) policy() string {
	budget := func() string {
		return fmt.Sprintf(`{"max_limit":%d,"reset_duration":%q}`, w.IntN(6), w.one("1d", "1w", "1M", "1Y"))
	}
	some := func(of ...string) string {
		return "[" + strings.Join(slices.DeleteFunc(of, func(string) bool { return w.IntN(2) == 0 }), ",") + "]"
	}
	overrides, servers := some(w.override("a"), w.override("b"), w.override("c")), some(`{"mcp_server_id":"slack"}`, `{"mcp_server_id":"jira"}`)
	if strings.Contains(overrides, "exclude") {
		servers = strings.NewReplacer(`{"mcp_server_id":"slack"},`, "", `{"mcp_server_id":"slack"}`, "").Replace(servers)
	}
	return fmt.Sprintf(`{"provider_configs":%s,"budgets":%s,"rate_limit":%s,"calendar_aligned":%v,"mcp_tool_groups":%s,"mcp_servers":%s,"mcp_tool_overrides":%s}`,
		some(fmt.Sprintf(`{"provider_name":"openai","allowed_models":%s,"budgets":[%s]}`, some(`"gpt-4o"`, `"gpt-4o-mini"`), budget()),
			`{"provider_name":"azure","all_models_allowed":true}`),
		some(budget()), w.one("null", `{"request_max_limit":3,"request_reset_duration":"1d"}`, `{"token_max_limit":90,"token_reset_duration":"1w"}`),
		w.IntN(2) == 0, some(fmt.Sprintf(`{"tool_group_id":%d}`, w.group)), servers, overrides)
}

func (w *warm) override(tool string) string {
	return fmt.Sprintf(`{"mcp_client_id":"slack","tool_name":%q,"action":%q}`, tool, w.one("include", "exclude"))
}

// change makes a random change; a refused change changes nothing.
func (w *warm) change(by client) string {
	w.t.Helper()
	user, profile := w.IntN(len(w.users)), fmt.Sprint("/api/access-profiles/", w.profiles[w.IntN(len(w.profiles))])
	copyOf := func() object {
		if all := w.copies(w.users[user]); len(all) > 0 {
			return all[w.IntN(len(all))]
		}
		return object{"id": 0.0}
	}
	method, path, body := "POST", "", any(nil)
	switch w.IntN(12) {
	case 0, 1:
		method, path, body = "PUT", profile, w.policy()
	case 2, 3, 4:
		fields := slices.DeleteFunc(slices.Clone(policy.FieldGroups), func(string) bool { return w.IntN(2) == 0 })
		path, body = profile+"/propagate", object{"fields": fields, "reset_usage": w.IntN(4) == 0}
		if w.IntN(2) == 0 {
			body = with(body.(object), "user_ids", []string{w.users[user]})
		}
	case 5:
		path, body = "/api/users/"+w.users[user]+"/access-profiles", object{"access_profile_id": w.profiles[w.IntN(len(w.profiles))]}
	case 6:
		if len(w.copies(w.users[user])) > 1 || w.IntN(4) == 0 {
			method, path = "DELETE", "/api"+copyPath(w.users[user], copyOf())
		}
	case 7:
		method, path, body = "PUT", "/api"+copyPath(w.users[user], copyOf()), object{"is_active": w.IntN(3) > 0}
	case 8:
		held := copyOf()
		if budgets, _ := held["budgets"].([]any); len(budgets) > 0 {
			method, path = "PUT", overridePath(w.users[user], held, budgets[0].(object))
			body = object{"amount": 1 + w.IntN(3), "mode": "cycles", "cycles": 1 + w.IntN(2)}
			if w.IntN(3) == 0 {
				method, body = "DELETE", nil
			}
		}
	case 9:
		path, body = "/api/usage", object{
			"event_id": uuid.NewString(), "user_id": w.users[user], "provider": "openai", "model": "gpt-4o", "cost": w.IntN(3), "tokens": w.IntN(40),
		}
		if w.IntN(2) == 0 {
			path, body = "/api/decisions", object{"user_id": w.users[user], "model": "openai/gpt-4o", "estimated_cost": 1, "reserve": true}
		}
	case 10:
		method, path = "PUT", "/api/mcp/clients/slack"
		body = object{"tools": []string{"a", "b", "c", w.one("d", "e")}}
		if w.IntN(2) == 0 {
			path, body = fmt.Sprint("/api/mcp/tool-groups/", w.group), `{"tools":[{"mcp_client_id":"slack","tool_names":["`+w.one("a", "b", "c", "*")+`"]}]}`
		}
	case 11:
		w.changeKey(by, user)
	}
	if path == "" {
		return "nothing"
	}
	a := by.api(method, path, body)
	if a.StatusCode >= 500 {
		w.t.Fatalf("%s %s %v: %d %s", method, path, body, a.StatusCode, a.body)
	}
	return fmt.Sprintf("%s %s %v, answered %d", method, path, body, a.StatusCode)
}

// changeKey creates, deletes or rotates a key.
func (w *warm) changeKey(by client, user int) {
	w.t.Helper()
	keys := w.stage.keys(w.users[user])
	if len(keys) < 2 {
		if a := by.api("POST", "/api/users/"+w.users[user]+"/virtual-keys", nil); a.StatusCode == 200 {
			w.values = append(w.values, a.object("virtual_key")["value"].(string))
		}
	} else if key := keys[w.IntN(len(keys))]; w.IntN(2) == 0 {
		by.api("DELETE", keyPath(w.users[user], key), nil).is(200)
	} else {
		by.api("POST", rotatePath(key), nil).is(200)
	}
	w.values = w.values[max(0, len(w.values)-6):]
}
