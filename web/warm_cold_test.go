package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/access"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/fieldgroup"
	"tollgate/web/webtest"
)

// I-21: after any change a console with a full cache decides like one with an empty cache: by what is stored alone. So
// does one that has read everything in bulk, which takes turns with it.
func TestAWarmConsoleDecidesAsAColdOne(t *testing.T) {
	w := newWarm(t)
	kinds := map[string]int{}
	wanted := []string{"allowed", "access_blocked", "model_blocked", "provider_blocked", "mcp_tool_blocked"}
	missing := func(kind string) bool { return kinds[kind] == 0 }
	until := time.Now().Add(8 * time.Second)
	// A busy machine makes few changes in that time; then it goes on until each kind of decision was seen.
	for round := 0; time.Now().Before(until) || round < 40 || round < 400 && slices.ContainsFunc(wanted, missing); round++ {
		by := w.Admin
		if w.IntN(8) == 0 {
			by = by.At(w.other)
		}
		change := w.change(by)
		if by.Console == w.other {
			w.Within(func() bool { return w.differs() == "" }, "decides differently after "+change+" elsewhere")
		}
		for said := range w.compare(change) {
			kinds[said]++
		}
		if t.Failed() {
			break
		}
	}
	for _, kind := range wanted {
		if missing(kind) && !t.Failed() {
			t.Errorf("no decision was %s: %v", kind, kinds)
		}
	}
	// The other console has polled all of it.
	w.cold = w.other.H.Engine
	w.Within(func() bool { return w.differs() == "" }, "the other console decides differently")
}

// warm is a console with users who have some of three profiles, and whose policies, copies and limits change at random.
type warm struct {
	webtest.Stage
	webtest.Chance
	other    *webtest.Console
	cold     *decision.Engine // nil: a new one for each comparison
	compared int
	users    []string
	values   []string // of keys, including deleted ones
	profiles []int64
	group    int64
	asked    []entitlement.Call
}

func newWarm(t *testing.T) *warm {
	w := &warm{Stage: webtest.NewStage(t), Chance: webtest.NewChance(t)}
	w.other, _ = w.Another(w.AppURL())
	w.Exec("INSERT INTO providers (name, models) VALUES ('azure', '{o5}')")
	w.Exec("INSERT INTO mcp_servers (client_id, name, name_key, tools) VALUES ('slack', 'slack', 'slack', '{a,b,c}')")
	w.group = w.AddGroup("Changing", `[{"mcp_client_id":"slack","tool_names":["a","b"]}]`)
	for n := range 3 {
		w.profiles = append(w.profiles, w.ProfileNaming(fmt.Sprint("Profile ", n), strings.Trim(w.policy(), "{}")))
	}
	for n := range 3 {
		user := w.Member(fmt.Sprintf("warm%d@example.com", n), "Viewer")
		_, value := w.Give(user, w.profiles[n])
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
	w.T.Helper()
	if said := w.differs(); said != "" {
		w.T.Errorf("after %s: %s", change, said)
	}
	kinds := map[string]bool{}
	for _, user := range w.users {
		for _, q := range w.asked {
			d := answered(w, func() (decision.Decision, error) {
				return w.H.Engine.Decide(w.T.Context(), entitlement.Subject{UserID: user}, q)
			})
			kinds[d.Type] = true
		}
	}
	return kinds
}

// differs lists where the decisions of the warm console differ from those of a cold one, "" for nowhere.
func (w *warm) differs() string {
	w.T.Helper()
	cold := w.cold
	if cold == nil {
		cache := access.NewCache(w.DB, w.H.Keys, slog.New(slog.DiscardHandler))
		if w.compared++; w.compared%2 == 0 {
			w.Must(cache.Preload(w.T.Context()))
		}
		cold = decision.NewEngine(cache, nil)
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
			if a, b := w.decided(w.H.Engine, who, q), w.decided(cold, who, q); a != b {
				return fmt.Sprintf("%+v about %+v\nwarm %s\ncold %s", who, q, a, b)
			}
		}
		for _, kind := range []entitlement.Kind{entitlement.CallModel, entitlement.CallTool} {
			callable := func(d *decision.Engine) []string {
				return answered(w, func() ([]string, error) { return d.Callable(w.T.Context(), who, kind, "") })
			}
			a, b := callable(w.H.Engine), callable(cold)
			if slices.Sort(a); !slices.Equal(a, slices.Sorted(slices.Values(b))) {
				return fmt.Sprintf("%+v may call\nwarm %v\ncold %v", who, a, b)
			}
		}
	}
	return ""
}

// decided is a decision as JSON, without the time to wait, which changes.
func (w *warm) decided(d *decision.Engine, who entitlement.Subject, q entitlement.Call) string {
	w.T.Helper()
	told := answered(w, func() (decision.Decision, error) { return d.Decide(w.T.Context(), who, q) })
	told.RetryAfter = nil
	text, err := json.Marshal(told)
	w.Must(err)
	return string(text)
}

// policy is a random valid policy.
func (w *warm) policy() string {
	budget := func() string {
		return fmt.Sprintf(`{"max_limit":%d,"reset_duration":%q}`, w.IntN(6), w.One("1d", "1w", "1M", "1Y"))
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
		some(budget()), w.One("null", `{"request_max_limit":3,"request_reset_duration":"1d"}`, `{"token_max_limit":90,"token_reset_duration":"1w"}`),
		w.IntN(2) == 0, some(fmt.Sprintf(`{"tool_group_id":%d}`, w.group)), servers, overrides)
}

func (w *warm) override(tool string) string {
	return fmt.Sprintf(`{"mcp_client_id":"slack","tool_name":%q,"action":%q}`, tool, w.One("include", "exclude"))
}

// change makes a random change; a refused change changes nothing.
func (w *warm) change(by webtest.Client) string {
	w.T.Helper()
	user, profile := w.IntN(len(w.users)), fmt.Sprint("/api/access-profiles/", w.profiles[w.IntN(len(w.profiles))])
	copyOf := func() webtest.Object {
		if all := w.Copies(w.users[user]); len(all) > 0 {
			return all[w.IntN(len(all))]
		}
		return webtest.Object{"id": 0.0}
	}
	method, path, body := "POST", "", any(nil)
	switch w.IntN(12) {
	case 0, 1:
		method, path, body = "PUT", profile, w.policy()
	case 2, 3, 4:
		fields := slices.DeleteFunc(slices.Clone(fieldgroup.Names), func(string) bool { return w.IntN(2) == 0 })
		path, body = profile+"/propagate", webtest.Object{"fields": fields, "reset_usage": w.IntN(4) == 0}
		if w.IntN(2) == 0 {
			body = webtest.With(body.(webtest.Object), "user_ids", []string{w.users[user]})
		}
	case 5:
		path, body = "/api/users/"+w.users[user]+"/access-profiles", webtest.Object{"access_profile_id": w.profiles[w.IntN(len(w.profiles))]}
	case 6:
		if len(w.Copies(w.users[user])) > 1 || w.IntN(4) == 0 {
			method, path = "DELETE", "/api"+webtest.CopyPath(w.users[user], copyOf())
		}
	case 7:
		method, path, body = "PUT", "/api"+webtest.CopyPath(w.users[user], copyOf()), webtest.Object{"is_active": w.IntN(3) > 0}
	case 8:
		held := copyOf()
		if budgets, _ := held["budgets"].([]any); len(budgets) > 0 {
			method, path = "PUT", webtest.OverridePath(w.users[user], held, budgets[0].(webtest.Object))
			body = webtest.Object{"amount": 1 + w.IntN(3), "mode": "cycles", "cycles": 1 + w.IntN(2)}
			if w.IntN(3) == 0 {
				method, body = "DELETE", nil
			}
		}
	case 9:
		path, body = "/api/usage", webtest.Object{
			"event_id": uuid.NewString(), "user_id": w.users[user], "provider": "openai", "model": "gpt-4o", "cost": w.IntN(3), "tokens": w.IntN(40),
		}
		if w.IntN(2) == 0 {
			path, body = "/api/decisions", webtest.Object{"user_id": w.users[user], "model": "openai/gpt-4o", "estimated_cost": 1, "reserve": true}
		}
	case 10:
		method, path = "PUT", "/api/mcp/clients/slack"
		body = webtest.Object{"tools": []string{"a", "b", "c", w.One("d", "e")}}
		if w.IntN(2) == 0 {
			path, body = fmt.Sprint("/api/mcp/tool-groups/", w.group), `{"tools":[{"mcp_client_id":"slack","tool_names":["`+w.One("a", "b", "c", "*")+`"]}]}`
		}
	case 11:
		w.changeKey(by, user)
	}
	if path == "" {
		return "nothing"
	}
	a := by.API(method, path, body)
	if a.StatusCode >= 500 {
		w.T.Fatalf("%s %s %v: %d %s", method, path, body, a.StatusCode, a.Body)
	}
	return fmt.Sprintf("%s %s %v, answered %d", method, path, body, a.StatusCode)
}

// changeKey creates, deletes or rotates a key.
func (w *warm) changeKey(by webtest.Client, user int) {
	w.T.Helper()
	keys := w.Stage.Keys(w.users[user])
	if len(keys) < 2 {
		if a := by.API("POST", "/api/users/"+w.users[user]+"/virtual-keys", nil); a.StatusCode == 200 {
			w.values = append(w.values, a.Object("virtual_key")["value"].(string))
		}
	} else if key := keys[w.IntN(len(keys))]; w.IntN(2) == 0 {
		by.API("DELETE", webtest.KeyPath(w.users[user], key), nil).Is(200)
	} else {
		by.API("POST", webtest.RotatePath(key), nil).Is(200)
	}
	w.values = w.values[max(0, len(w.values)-6):]
}

// answered asks until there is an answer: a poll that takes too long refuses until the next one.
func answered[T any](w *warm, ask func() (T, error)) (answer T) {
	w.T.Helper()
	w.Eventually("an answer", func() bool {
		var err error
		answer, err = ask()
		if errors.Is(err, context.DeadlineExceeded) {
			return false
		}
		w.Must(err)
		return true
	})
	return answer
}
