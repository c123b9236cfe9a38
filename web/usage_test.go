package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// U-01, U-02, U-05 to U-08, and other invalid events. Nothing of them is stored.
func TestUsageRefused(t *testing.T) {
	g := newGateway(t)
	id := uuid.NewString()
	when := func(from time.Duration) string { return time.Now().Add(from).UTC().Format(time.RFC3339Nano) }
	g.unchanged(func() {
		for _, row := range []struct {
			part        string // replaces the event's own member of that name, or is added
			code, param string
		}{
			{`"event_id":""`, "invalid_event_id", "event_id"},
			{`"event_id":"a b"`, "invalid_event_id", "event_id"},
			{`"event_id":"a\tb"`, "invalid_event_id", "event_id"},
			{`"event_id":"é"`, "invalid_event_id", "event_id"},
			{`"event_id":"` + strings.Repeat("x", 256) + `"`, "invalid_event_id", "event_id"},
			{`"event_id":7`, "invalid_event_id", "event_id"},
			{`"event_id":null`, "required", "event_id"},
			{`"cost":-1`, "number_out_of_range", "cost"},
			{`"cost":NaN`, "invalid_json", ""},
			{`"cost":Infinity`, "invalid_json", ""},
			{`"cost":1e309`, "number_out_of_range", "cost"},
			{`"cost":"1"`, "wrong_type", "cost"},
			{`"cost":true`, "wrong_type", "cost"},
			{`"cost":-1e-12`, "number_out_of_range", "cost"},
			{`"cost":1e99999999999999999999`, "number_out_of_range", "cost"},
			{`"cost":1e7`, "number_out_of_range", "cost"},
			{`"cost":1000000.000000001`, "number_out_of_range", "cost"},
			{`"tokens":-1`, "number_out_of_range", "tokens"},
			{`"tokens":1.5`, "not_an_integer", "tokens"},
			{`"tokens":1e3`, "not_an_integer", "tokens"},
			{`"tokens":9007199254740992`, "number_out_of_range", "tokens"},
			{`"tokens":99999999999999999999999`, "number_out_of_range", "tokens"},
			{`"tokens":"5"`, "wrong_type", "tokens"},
			{`"input_tokens":-1`, "number_out_of_range", "input_tokens"},
			{`"input_tokens":6,"output_tokens":6`, "tokens_mismatch", "tokens"},
			{`"input_tokens":5,"cached_input_tokens":6`, "tokens_mismatch", "cached_input_tokens"},
			{`"input_tokens":5,"cached_input_tokens":3,"cache_write_input_tokens":3`, "tokens_mismatch", "cached_input_tokens"},
			{`"input_tokens":5,"cache_write_input_tokens":6`, "tokens_mismatch", "cache_write_input_tokens"},
			{`"cached_input_tokens":1`, "tokens_mismatch", "cached_input_tokens"},
			{`"output_tokens":5,"reasoning_output_tokens":6`, "tokens_mismatch", "reasoning_output_tokens"},
			{`"cached_input_tokens":-1`, "number_out_of_range", "cached_input_tokens"},
			{`"cache_write_input_tokens":1.5`, "not_an_integer", "cache_write_input_tokens"},
			{`"reasoning_output_tokens":"5"`, "wrong_type", "reasoning_output_tokens"},
			{`"requests":-1`, "number_out_of_range", "requests"},
			{`"requests":1000001`, "number_out_of_range", "requests"},
			{`"requests":null`, "null_not_allowed", "requests"},
			{`"occurred_at":"` + when(10*time.Minute) + `"`, "timestamp_in_future", "occurred_at"},
			{`"occurred_at":"9999-12-31T23:59:59Z"`, "timestamp_in_future", "occurred_at"},
			{`"occurred_at":"` + when(-35*24*time.Hour-time.Minute) + `"`, "event_too_old", "occurred_at"},
			{`"occurred_at":"0001-01-01T00:00:00Z"`, "event_too_old", "occurred_at"},
			{`"occurred_at":"yesterday"`, "invalid_timestamp", "occurred_at"},
			{`"occurred_at":1764150000`, "wrong_type", "occurred_at"},
			{`"reservation_id":"a b"`, "invalid_reservation_id", "reservation_id"},
			{`"reservation_id":""`, "invalid_reservation_id", "reservation_id"},
			{`"provider":7`, "wrong_type", "provider"},
			{`"provider":"a\nb"`, "invalid_characters", "provider"},
			{`"model":"` + strings.Repeat("x", 256) + `"`, "too_long", "model"},
			{`"virtual_key":null`, "null_not_allowed", "virtual_key"},
			{`"user_id":"` + g.ada + `"`, "ambiguous_user", "user_id"},
			{`"price":1`, "unknown_field", "price"},
			{`"events":{}`, "wrong_type", "events"},
			{`"events":[]`, "required", "events"},
		} {
			name, _, _ := strings.Cut(strings.TrimPrefix(row.part, `"`), `"`)
			body := `{` + row.part
			for _, member := range []string{`"event_id":"` + id + `"`, `"virtual_key":"` + g.key + `"`, `"cost":1`, `"tokens":10`} {
				if !strings.HasPrefix(member, `"`+name+`"`) && name != "events" {
					body += "," + member
				}
			}
			g.admin.api("POST", "/api/governance/usage", body+"}").refuses(400, row.code, row.param)
			g.admin.api("POST", "/api/usage", body+"}").refuses(400, row.code, row.param)
		}
		g.admin.report(with(event(g.key), "event_id", nil)).refuses(400, "required", "event_id")
		g.admin.report(with(event(g.key), "virtual_key", nil)).refuses(400, "required", "virtual_key")
		var many []object
		for range 1001 {
			many = append(many, event(g.key))
		}
		g.admin.report(object{"events": many}).refuses(413, "too_many_items", "events")
	})
}

// U-14: the permission is that of the credential; permissions for usage allow nothing else.
func TestPermissionToReportUsage(t *testing.T) {
	g := newGateway(t)
	other, ingest := g.apiKey("Usage:View", "AccessProfiles:Create"), g.apiKey(calls)
	g.unchanged(func() {
		other.report(event(g.key)).refuses(403, "forbidden", "")
		g.login(viewer).with("Sec-Fetch-Site", "same-origin").report(event(g.key)).refuses(403, "forbidden", "")
		g.bearer(g.key).report(event(g.key)).refuses(403, "forbidden", "")
		g.anonymous().report(event(g.key)).refuses(401, "unauthenticated", "")
		ingest.api("GET", "/api/access-profiles", nil).refuses(403, "forbidden", "")
		ingest.api("POST", "/api/access-profiles", `{"name":"x"}`).refuses(403, "forbidden", "")
		ingest.api("POST", "/api/users/"+g.bob+"/virtual-keys", nil).refuses(403, "forbidden", "")
	})
	ingest.counted(event(g.key))
}

// U-03, U-04, U-11: an id is counted once, within a batch and across batches; with other content it is a conflict.
func TestUsageIsCountedOnce(t *testing.T) {
	g := newGateway(t)
	_, bobs := g.give(g.bob, g.work)
	first := event(g.key)
	g.admin.counted(first)
	again := object{"event_id": first["event_id"], "status": "duplicate", "duplicate": true}
	same(t, "repeated", g.admin.report(first).is(200).json(), again)
	same(t, "by the user's id", g.admin.report(with(first, "virtual_key", nil, "user_id", g.ada)).is(200).json(), again)
	same(t, "with the id in capitals", g.admin.report(with(first, "event_id", strings.ToUpper(first["event_id"].(string)))).is(200).json()["duplicate"], true)
	for _, other := range []object{
		with(first, "cost", 2), with(first, "cost", nil), with(first, "cost", 0), with(first, "tokens", 11), with(first, "model", "gpt-4o-mini"), with(first, "provider", "groq"),
		with(first, "requests", 2), with(first, "virtual_key", bobs), with(first, "provider", nil, "model", nil, "tool_name", "t", "mcp_client_id", "github"),
	} {
		g.admin.report(other).refuses(409, "event_conflict", "event_id")
	}
	same(t, "used", g.used(g.ada), afterCalls(1))
	same(t, "used by bob", g.used(g.bob), afterCalls(0))
	second, third := event(g.key), event(g.key)
	got := g.admin.report(object{"events": []object{second, first, second, with(third, "cost", 0.5), with(second, "cost", 9), third}}).is(200).json()
	var results []string
	for _, r := range objects(got["results"]) {
		results = append(results, fmt.Sprint(r["status"], " ", r["duplicate"]))
	}
	if statuses := results[:5]; !slices.Equal(statuses, []string{"counted false", "duplicate true", "duplicate true", "counted false", "conflict false"}) || results[5] != "conflict false" {
		t.Errorf("results %v", results)
	}
	same(t, "in all", []any{got["counted"], got["duplicates"], got["quarantined"], got["rejected"]}, []any{2.0, 2.0, 0.0, 2.0})
	same(t, "spent", g.used(g.ada)["spend 1M total"], int64(2_500_000_000))
	g.balanced()
}

// U-10: a problem of one event of a batch is reported for it alone; the same batch again changes nothing.
func TestUsageBatchWithBadEvents(t *testing.T) {
	g := newGateway(t)
	unknown := "sk-bf-" + strings.Repeat("a", 49)
	events := []object{
		event(g.key), event(g.key, "cost", -1), event(g.key, "event_id", nil), event(unknown), event(g.key, "occurred_at", "2999-01-01T00:00:00Z", "tokens", 1.5), event(g.key),
	}
	for round, good := range []string{"counted", "duplicate"} {
		changed := g.changes(func() {
			got := g.admin.report(object{"events": events}).is(200).json()
			var results []string
			for i, r := range objects(got["results"]) {
				line := fmt.Sprint(r["status"])
				if id := events[i]["event_id"]; id != nil && r["event_id"] != id || id == nil && r["event_id"] != "" {
					t.Errorf("result %d is of %v", i, r["event_id"])
				}
				problems, _ := r["errors"].([]any)
				for _, problem := range problems {
					line += fmt.Sprint(" ", problem.(object)["param"], " ", problem.(object)["code"])
				}
				results = append(results, line)
			}
			same(t, "results", results, []string{
				good, "invalid events[1].cost number_out_of_range", "invalid events[2].event_id required", "quarantined",
				"invalid events[4].tokens not_an_integer events[4].occurred_at timestamp_in_future", good,
			})
			same(t, "rejected", got["rejected"], 3.0)
		})
		if round > 0 && len(changed) > 0 {
			t.Errorf("the same batch changed %v", changed)
		}
	}
	same(t, "used", g.used(g.ada), afterCalls(2))
	g.balanced()
}

// U-12: money spent is charged to the user of the key, even if the key was deleted or has expired; an unknown key is
// not stored in a form that could be used.
func TestUsageOfExpiredAndDeletedKeys(t *testing.T) {
	g := newGateway(t)
	deleted := g.admin.api("POST", "/api/users/"+g.ada+"/virtual-keys", nil).is(200).object("virtual_key")
	expired := g.admin.api("POST", "/api/users/"+g.ada+"/virtual-keys", `{"expires_at":"2099-01-01T00:00:00Z"}`).is(200).object("virtual_key")
	values := []any{deleted["value"], expired["value"], g.key}
	g.admin.counted(event(deleted["value"]))
	g.admin.api("DELETE", keyPath(g.ada, deleted), nil).is(200)
	g.exec("UPDATE virtual_keys SET expires_at = now() - interval '1 second' WHERE id = ?", expired["id"])
	rotated := g.keys(g.ada)[0]
	for _, grace := range []int{0, 3600, 3600, 0} {
		value := g.admin.api("POST", rotatePath(rotated), object{"grace_period_seconds": grace}).is(200).object("virtual_key")["value"]
		values = append(values, value)
	}
	g.admin.counted(event(values[len(values)-1]))
	for _, value := range values[:len(values)-1] {
		g.admin.withinASecond(model(value), "access_not_found")
		g.admin.counted(event(value))
	}
	n := int64(len(values) + 1)
	same(t, "used", g.used(g.ada), afterCalls(n))
	same(t, "events by their keys", g.count("usage_events WHERE user_id = ? AND virtual_key_id IN (?, ?, ?)", g.ada, deleted["id"], expired["id"], rotated["id"]), int(n))
	// The last profile is detached, and the keys are deleted with it.
	g.admin.api("DELETE", "/api"+copyPath(g.ada, g.held), nil).is(200)
	g.admin.withinASecond(model(values[len(values)-1]), "access_not_found")
	g.admin.withinASecond(with(model(nil), "virtual_key", nil, "user_id", g.ada), "access_blocked")
	g.admin.counted(event(values[len(values)-1]))
	g.admin.api("DELETE", "/api/users/"+g.ada, nil).is(200)
	g.admin.counted(event(values[0]))
	same(t, "events of a user without a copy", g.count("usage_events WHERE user_id = ? AND copy_id IS NULL", g.ada), 2)
	same(t, "in quarantine", g.count("usage_quarantine"), 0)

	unknown := "sk-bf-" + strings.Repeat("7", 45) + "WXYZ"
	stray := event(unknown, "cost", 0.25)
	same(t, "result", g.admin.report(stray).is(200).json(), object{"event_id": stray["event_id"], "status": "quarantined", "duplicate": false})
	g.admin.report(stray).is(200)
	g.admin.report(event("not a key")).is(200)
	g.admin.report(with(event(nil), "virtual_key", nil, "user_id", "11111111-2222-4333-8444-555555555555")).is(200)
	g.admin.report(with(event(nil), "virtual_key", nil, "user_id", "nobody")).is(200)
	same(t, "in quarantine", g.count("usage_quarantine"), 4)
	var kept string
	g.scan(&kept, "SELECT event FROM usage_quarantine WHERE event_id = ?", stray["event_id"])
	for _, part := range []string{`"virtual_key":"sk-bf-****WXYZ"`, `"cost":0.25`} {
		if !strings.Contains(kept, part) {
			t.Errorf("%s is not in %s", part, kept)
		}
	}
	places := g.everyTable(g.owner())
	places["log"] = g.log.String()
	for _, value := range append(values, unknown) {
		if found := leaks(places, value.(string)); found != "" {
			t.Errorf("a key is in %s", found)
		}
	}
	g.balanced()
}

// Late events count in the window of their time. An unpriced event is stored as such and adds no spend.
func TestUsageKeepsWhatIsKnown(t *testing.T) {
	g := newGateway(t)
	late := time.Now().Add(-26 * time.Hour).UTC().Truncate(time.Microsecond)
	g.admin.counted(event(g.key, "occurred_at", late))
	g.admin.counted(event(g.key, "occurred_at", time.Now().Add(4*time.Minute))) // a clock that is slightly ahead
	g.admin.counted(event(g.key, "occurred_at", time.Now().Add(-35*24*time.Hour+time.Minute)))
	unpriced := event(g.key, "cost", nil, "tokens", nil, "input_tokens", 3, "output_tokens", 4)
	g.admin.counted(unpriced)
	g.admin.counted(event(g.key, "cost", 0))
	same(t, "windows of a day", g.count("limit_windows WHERE kind = 'spend' AND reset_duration = '1d'"), 3)
	shown := g.copies(g.ada)[0]
	same(t, "shown of today", objects(objects(shown["provider_configs"])[0]["budgets"])[0]["current_usage"], 1.0)
	same(t, "decided of today", objects(g.admin.ask(model(g.key))["limits"])[3]["used"], 1.0)
	var row struct {
		Cost, Tokens, InputTokens, OutputTokens *int64
		OccurredAt, ReceivedAt                  time.Time
	}
	g.scan(&row, "SELECT cost, tokens, input_tokens, output_tokens, occurred_at, received_at FROM usage_events WHERE event_id = ?", unpriced["event_id"])
	if row.Cost != nil || *row.Tokens != 7 || *row.InputTokens != 3 || *row.OutputTokens != 4 {
		t.Errorf("stored %+v", row)
	}
	same(t, "events that cost nothing", g.count("usage_events WHERE cost = 0"), 1)
	same(t, "an unpriced one and one of nothing are two things", g.admin.report(with(unpriced, "cost", 0)).StatusCode, 409)
	same(t, "events of that moment", g.count("usage_events WHERE occurred_at = ?", late), 1)
	g.balanced()
}

// I-08: changes of policies do not change usage.
func TestPolicyChangesLeaveUsage(t *testing.T) {
	g := newGateway(t)
	g.give(g.bob, g.work)
	g.admin.counted(event(g.key))
	d := g.admin.decides(with(model(g.key), "estimated_cost", 1, "reserve", true), "allowed", 200)
	profile := fmt.Sprint("/api/access-profiles/", g.work)
	changed := g.changes(func() {
		g.admin.api("PUT", profile, `{"budgets":[{"max_limit":20,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1h"}],"calendar_aligned":true}`).is(200)
		g.admin.api("POST", profile+"/propagate", object{"fields": []string{"provider_configs", "budgets", "rate_limit"}}).is(200)
		g.admin.api("POST", profile+"/clone", `{"name":"Clone"}`).is(201)
		g.admin.api("PUT", overridePath(g.ada, g.held, objects(g.held["budgets"])[0]), `{"amount":1,"mode":"cycles","cycles":1}`).is(200)
		g.admin.api("POST", rotatePath(g.keys(g.ada)[0]), nil).is(200)
		g.admin.api("PUT", profile+"/deactivate", nil).is(200)
		g.admin.api("PUT", "/api"+copyPath(g.ada, g.held), `{"is_active":false}`).is(200)
		g.admin.api("DELETE", "/api/users/"+g.bob, nil).is(200)
	})
	for _, table := range []string{"usage_events", "limit_windows", "reservations", "usage_quarantine"} {
		if slices.Contains(changed, table) {
			t.Errorf("%s changed", table)
		}
	}
	g.admin.counted(event(nil, "virtual_key", nil, "user_id", g.ada, "reservation_id", d["reservation_id"]))
	g.balanced()
}

// I-07: no sum of accepted usage exceeds a counter, and nonsense from one gateway does not fail the report of another.
func TestUsageBeyondTheRangeOfCounters(t *testing.T) {
	g := newGateway(t)
	_, bobs := g.give(g.bob, g.work)
	g.admin.report(event(g.key, "tokens", int64(1_000_000_000_001))).refuses(400, "number_out_of_range", "tokens")
	g.admin.counted(event(g.key, "tokens", int64(1_000_000_000_000)))
	g.exec("UPDATE limit_windows SET used = 9000000000000000000 - 5 WHERE kind = 'tokens'")
	all := []func() answer{}
	for range 2 {
		all = append(all, func() answer { return g.admin.report(object{"events": []object{event(g.key), event(g.key)}}) })
	}
	for range 12 {
		all = append(all, func() answer { return g.admin.report(event(bobs)) })
	}
	for i, a := range concurrently(all...) {
		if i < 2 {
			a.refuses(409, "counter_full", "")
		} else if a.StatusCode != 200 {
			t.Errorf("report %d: %d %.300s", i, a.StatusCode, a.body)
		}
	}
	same(t, "bob's tokens", g.used(g.bob)["tokens 1h total"], int64(120))
	same(t, "ada's events", g.count("usage_events WHERE user_id = ?", g.ada), 1)
}
