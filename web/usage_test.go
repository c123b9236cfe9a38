package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// U-01, U-02, U-05 to U-08, and other invalid events. Nothing of them is stored.
func TestUsageRefused(t *testing.T) {
	g := webtest.NewGateway(t)
	id := uuid.NewString()
	when := func(from time.Duration) string { return time.Now().Add(from).UTC().Format(time.RFC3339Nano) }
	g.Unchanged(func() {
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
			{`"user_id":"` + g.Ada + `"`, "ambiguous_user", "user_id"},
			{`"price":1`, "unknown_field", "price"},
			{`"events":{}`, "wrong_type", "events"},
			{`"events":[]`, "required", "events"},
		} {
			name, _, _ := strings.Cut(strings.TrimPrefix(row.part, `"`), `"`)
			body := `{` + row.part
			for _, member := range []string{`"event_id":"` + id + `"`, `"virtual_key":"` + g.Key + `"`, `"cost":1`, `"tokens":10`} {
				if !strings.HasPrefix(member, `"`+name+`"`) && name != "events" {
					body += "," + member
				}
			}
			g.Admin.API("POST", "/api/governance/usage", body+"}").Refuses(400, row.code, row.param)
			g.Admin.API("POST", "/api/usage", body+"}").Refuses(400, row.code, row.param)
		}
		g.Admin.Report(webtest.With(webtest.Event(g.Key), "event_id", nil)).Refuses(400, "required", "event_id")
		g.Admin.Report(webtest.With(webtest.Event(g.Key), "virtual_key", nil)).Refuses(400, "required", "virtual_key")
		var many []webtest.Object
		for range 1001 {
			many = append(many, webtest.Event(g.Key))
		}
		g.Admin.Report(webtest.Object{"events": many}).Refuses(413, "too_many_items", "events")
	})
}

// U-14: the permission is that of the credential; permissions for usage allow nothing else.
func TestPermissionToReportUsage(t *testing.T) {
	g := webtest.NewGateway(t)
	other, ingest := g.APIKey("Usage:View", "AccessProfiles:Create"), g.APIKey(webtest.Calls)
	g.Unchanged(func() {
		other.Report(webtest.Event(g.Key)).Refuses(403, "forbidden", "")
		g.Login(webtest.Viewer).With("Sec-Fetch-Site", "same-origin").Report(webtest.Event(g.Key)).Refuses(403, "forbidden", "")
		g.Bearer(g.Key).Report(webtest.Event(g.Key)).Refuses(403, "forbidden", "")
		g.Anonymous().Report(webtest.Event(g.Key)).Refuses(401, "unauthenticated", "")
		ingest.API("GET", "/api/access-profiles", nil).Refuses(403, "forbidden", "")
		ingest.API("POST", "/api/access-profiles", `{"name":"x"}`).Refuses(403, "forbidden", "")
		ingest.API("POST", "/api/users/"+g.Bob+"/virtual-keys", nil).Refuses(403, "forbidden", "")
	})
	ingest.Counted(webtest.Event(g.Key))
}

// U-03, U-04, U-11: an id is counted once, within a batch and across batches; with other content it is a conflict.
func TestUsageIsCountedOnce(t *testing.T) {
	g := webtest.NewGateway(t)
	_, bobs := g.Give(g.Bob, g.Work)
	first := webtest.Event(g.Key)
	g.Admin.Counted(first)
	again := webtest.Object{"event_id": first["event_id"], "status": "duplicate", "duplicate": true}
	webtest.Same(t, "repeated", g.Admin.Report(first).Is(200).JSON(), again)
	webtest.Same(t, "by the user's id", g.Admin.Report(webtest.With(first, "virtual_key", nil, "user_id", g.Ada)).Is(200).JSON(), again)
	webtest.Same(t, "with the id in capitals", g.Admin.Report(webtest.With(first, "event_id", strings.ToUpper(first["event_id"].(string)))).Is(200).JSON()["duplicate"], true)
	for _, other := range []webtest.Object{
		webtest.With(first, "cost", 2), webtest.With(first, "cost", nil), webtest.With(first, "cost", 0), webtest.With(first, "tokens", 11), webtest.With(first, "model", "gpt-4o-mini"), webtest.With(first, "provider", "groq"),
		webtest.With(first, "requests", 2), webtest.With(first, "virtual_key", bobs), webtest.With(first, "provider", nil, "model", nil, "tool_name", "t", "mcp_client_id", "github"),
	} {
		g.Admin.Report(other).Refuses(409, "event_conflict", "event_id")
	}
	webtest.Same(t, "used", g.Used(g.Ada), webtest.AfterCalls(1))
	webtest.Same(t, "used by bob", g.Used(g.Bob), webtest.AfterCalls(0))
	second, third := webtest.Event(g.Key), webtest.Event(g.Key)
	got := g.Admin.Report(webtest.Object{"events": []webtest.Object{second, first, second, webtest.With(third, "cost", 0.5), webtest.With(second, "cost", 9), third}}).Is(200).JSON()
	var results []string
	for _, r := range webtest.Objects(got["results"]) {
		results = append(results, fmt.Sprint(r["status"], " ", r["duplicate"]))
	}
	if statuses := results[:5]; !slices.Equal(statuses, []string{"counted false", "duplicate true", "duplicate true", "counted false", "conflict false"}) || results[5] != "conflict false" {
		t.Errorf("results %v", results)
	}
	webtest.Same(t, "in all", []any{got["counted"], got["duplicates"], got["quarantined"], got["rejected"]}, []any{2.0, 2.0, 0.0, 2.0})
	webtest.Same(t, "spent", g.Used(g.Ada)["spend 1M total"], int64(2_500_000_000))
	g.Balanced()
}

// U-10: a problem of one event of a batch is reported for it alone; the same batch again changes nothing.
func TestUsageBatchWithBadEvents(t *testing.T) {
	g := webtest.NewGateway(t)
	unknown := "sk-bf-" + strings.Repeat("a", 49)
	events := []webtest.Object{
		webtest.Event(g.Key), webtest.Event(g.Key, "cost", -1), webtest.Event(g.Key, "event_id", nil), webtest.Event(unknown), webtest.Event(g.Key, "occurred_at", "2999-01-01T00:00:00Z", "tokens", 1.5), webtest.Event(g.Key),
	}
	for round, good := range []string{"counted", "duplicate"} {
		changed := g.Changes(func() {
			got := g.Admin.Report(webtest.Object{"events": events}).Is(200).JSON()
			var results []string
			for i, r := range webtest.Objects(got["results"]) {
				line := fmt.Sprint(r["status"])
				if id := events[i]["event_id"]; id != nil && r["event_id"] != id || id == nil && r["event_id"] != "" {
					t.Errorf("result %d is of %v", i, r["event_id"])
				}
				problems, _ := r["errors"].([]any)
				for _, problem := range problems {
					line += fmt.Sprint(" ", problem.(webtest.Object)["param"], " ", problem.(webtest.Object)["code"])
				}
				results = append(results, line)
			}
			webtest.Same(t, "results", results, []string{
				good, "invalid events[1].cost number_out_of_range", "invalid events[2].event_id required", "quarantined",
				"invalid events[4].tokens not_an_integer events[4].occurred_at timestamp_in_future", good,
			})
			webtest.Same(t, "rejected", got["rejected"], 3.0)
		})
		if round > 0 && len(changed) > 0 {
			t.Errorf("the same batch changed %v", changed)
		}
	}
	webtest.Same(t, "used", g.Used(g.Ada), webtest.AfterCalls(2))
	g.Balanced()
}

// U-12: money spent is charged to the user of the key, even if the key was deleted or has expired; an unknown key is
// not stored in a form that could be used.
func TestUsageOfExpiredAndDeletedKeys(t *testing.T) {
	g := webtest.NewGateway(t)
	deleted := g.Admin.API("POST", "/api/users/"+g.Ada+"/virtual-keys", nil).Is(200).Object("virtual_key")
	expired := g.Admin.API("POST", "/api/users/"+g.Ada+"/virtual-keys", `{"expires_at":"2099-01-01T00:00:00Z"}`).Is(200).Object("virtual_key")
	values := []any{deleted["value"], expired["value"], g.Key}
	g.Admin.Counted(webtest.Event(deleted["value"]))
	g.Admin.API("DELETE", webtest.KeyPath(g.Ada, deleted), nil).Is(200)
	g.Exec("UPDATE virtual_keys SET expires_at = now() - interval '1 second' WHERE id = ?", expired["id"])
	rotated := g.Keys(g.Ada)[0]
	for _, grace := range []int{0, 3600, 3600, 0} {
		value := g.Admin.API("POST", webtest.RotatePath(rotated), webtest.Object{"grace_period_seconds": grace}).Is(200).Object("virtual_key")["value"]
		values = append(values, value)
	}
	g.Admin.Counted(webtest.Event(values[len(values)-1]))
	for _, value := range values[:len(values)-1] {
		g.Admin.WithinASecond(webtest.Model(value), "access_not_found")
		g.Admin.Counted(webtest.Event(value))
	}
	n := int64(len(values) + 1)
	webtest.Same(t, "used", g.Used(g.Ada), webtest.AfterCalls(n))
	webtest.Same(t, "events by their keys", g.Count("counted_events WHERE user_id = ? AND virtual_key_id IN (?, ?, ?)", g.Ada, deleted["id"], expired["id"], rotated["id"]), int(n))
	// The last profile is detached, and the keys are deleted with it.
	g.Admin.API("DELETE", "/api"+webtest.CopyPath(g.Ada, g.Held), nil).Is(200)
	g.Admin.WithinASecond(webtest.Model(values[len(values)-1]), "access_not_found")
	g.Admin.WithinASecond(webtest.With(webtest.Model(nil), "virtual_key", nil, "user_id", g.Ada), "access_blocked")
	g.Admin.Counted(webtest.Event(values[len(values)-1]))
	g.Admin.API("DELETE", "/api/users/"+g.Ada, nil).Is(200)
	g.Admin.Counted(webtest.Event(values[0]))
	webtest.Same(t, "events of a user without a copy", g.Count("counted_events WHERE user_id = ? AND copy_id IS NULL", g.Ada), 2)
	webtest.Same(t, "in quarantine", g.Count("usage_quarantine"), 0)

	unknown := "sk-bf-" + strings.Repeat("7", 45) + "WXYZ"
	stray := webtest.Event(unknown, "cost", 0.25)
	webtest.Same(t, "result", g.Admin.Report(stray).Is(200).JSON(), webtest.Object{"event_id": stray["event_id"], "status": "quarantined", "duplicate": false})
	g.Admin.Report(stray).Is(200)
	g.Admin.Report(webtest.Event("not a key")).Is(200)
	g.Admin.Report(webtest.With(webtest.Event(nil), "virtual_key", nil, "user_id", "11111111-2222-4333-8444-555555555555")).Is(200)
	g.Admin.Report(webtest.With(webtest.Event(nil), "virtual_key", nil, "user_id", "nobody")).Is(200)
	webtest.Same(t, "in quarantine", g.Count("usage_quarantine"), 4)
	var kept string
	g.Scan(&kept, "SELECT event FROM usage_quarantine WHERE event_id = ?", stray["event_id"])
	for _, part := range []string{`"virtual_key":"sk-bf-****WXYZ"`, `"cost":0.25`} {
		if !strings.Contains(kept, part) {
			t.Errorf("%s is not in %s", part, kept)
		}
	}
	places := g.EveryTable(g.Owner())
	places["log"] = g.Log.String()
	for _, value := range append(values, unknown) {
		if found := webtest.Leaks(places, value.(string)); found != "" {
			t.Errorf("a key is in %s", found)
		}
	}
	g.Balanced()
}

// Late events count in the window of their time. An unpriced event is stored as such and adds no spend.
func TestUsageKeepsWhatIsKnown(t *testing.T) {
	g := webtest.NewGateway(t)
	late := time.Now().Add(-26 * time.Hour).UTC().Truncate(time.Microsecond)
	g.Admin.Counted(webtest.Event(g.Key, "occurred_at", late))
	g.Admin.Counted(webtest.Event(g.Key, "occurred_at", time.Now().Add(4*time.Minute))) // a clock that is slightly ahead
	g.Admin.Counted(webtest.Event(g.Key, "occurred_at", time.Now().Add(-35*24*time.Hour+time.Minute)))
	unpriced := webtest.Event(g.Key, "cost", nil, "tokens", nil, "input_tokens", 3, "output_tokens", 4)
	g.Admin.Counted(unpriced)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 0))
	webtest.Same(t, "windows of a day", g.Count("limit_windows WHERE kind = 'spend' AND reset_duration = '1d'"), 3)
	shown := g.Copies(g.Ada)[0]
	webtest.Same(t, "shown of today", webtest.Objects(webtest.Objects(shown["provider_configs"])[0]["budgets"])[0]["current_usage"], 1.0)
	webtest.Same(t, "decided of today", webtest.Objects(g.Admin.Ask(webtest.Model(g.Key))["limits"])[3]["used"], 1.0)
	var row struct {
		Cost, Tokens, InputTokens, OutputTokens *int64
		OccurredAt, ReceivedAt                  time.Time
	}
	g.Scan(&row, "SELECT cost, tokens, input_tokens, output_tokens, occurred_at, received_at FROM counted_events WHERE event_id = ?", unpriced["event_id"])
	if row.Cost != nil || *row.Tokens != 7 || *row.InputTokens != 3 || *row.OutputTokens != 4 {
		t.Errorf("stored %+v", row)
	}
	webtest.Same(t, "events that cost nothing", g.Count("counted_events WHERE cost = 0"), 1)
	webtest.Same(t, "an unpriced one and one of nothing are two things", g.Admin.Report(webtest.With(unpriced, "cost", 0)).StatusCode, 409)
	webtest.Same(t, "events of that moment", g.Count("counted_events WHERE occurred_at = ?", late), 1)
	g.Balanced()
}

// I-08: changes of policies do not change usage.
func TestPolicyChangesLeaveUsage(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Give(g.Bob, g.Work)
	g.Admin.Counted(webtest.Event(g.Key))
	d := g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 1, "reserve", true), "allowed", 200)
	profile := fmt.Sprint("/api/access-profiles/", g.Work)
	changed := g.Changes(func() {
		g.Admin.API("PUT", profile, `{"budgets":[{"max_limit":20,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1h"}],"calendar_aligned":true}`).Is(200)
		g.Admin.API("POST", profile+"/propagate", webtest.Object{"fields": []string{"provider_configs", "budgets", "rate_limit"}}).Is(200)
		g.Admin.API("POST", profile+"/clone", `{"name":"Clone"}`).Is(201)
		g.Admin.API("PUT", webtest.OverridePath(g.Ada, g.Held, webtest.Objects(g.Held["budgets"])[0]), `{"amount":1,"mode":"cycles","cycles":1}`).Is(200)
		g.Admin.API("POST", webtest.RotatePath(g.Keys(g.Ada)[0]), nil).Is(200)
		g.Admin.API("PUT", profile+"/deactivate", nil).Is(200)
		g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Ada, g.Held), `{"is_active":false}`).Is(200)
		g.Admin.API("DELETE", "/api/users/"+g.Bob, nil).Is(200)
	})
	for _, table := range []string{"weekly_events", "limit_windows", "reservations", "usage_quarantine"} {
		if slices.Contains(changed, table) {
			t.Errorf("%s changed", table)
		}
	}
	g.Admin.Counted(webtest.Event(nil, "virtual_key", nil, "user_id", g.Ada, "reservation_id", d["reservation_id"]))
	g.Balanced()
}

// I-07: no sum of accepted usage exceeds a counter, and nonsense from one gateway does not fail the report of another.
func TestUsageBeyondTheRangeOfCounters(t *testing.T) {
	g := webtest.NewGateway(t)
	_, bobs := g.Give(g.Bob, g.Work)
	g.Admin.Report(webtest.Event(g.Key, "tokens", int64(1_000_000_000_001))).Refuses(400, "number_out_of_range", "tokens")
	g.Admin.Counted(webtest.Event(g.Key, "tokens", int64(1_000_000_000_000)))
	g.Exec("UPDATE limit_windows SET used = 9000000000000000000 - 5 WHERE kind = 'tokens'")
	all := []func() webtest.Answer{}
	for range 2 {
		all = append(all, func() webtest.Answer {
			return g.Admin.Report(webtest.Object{"events": []webtest.Object{webtest.Event(g.Key), webtest.Event(g.Key)}})
		})
	}
	for range 12 {
		all = append(all, func() webtest.Answer { return g.Admin.Report(webtest.Event(bobs)) })
	}
	for i, a := range webtest.Concurrently(all...) {
		if i < 2 {
			a.Refuses(409, "counter_full", "")
		} else if a.StatusCode != 200 {
			t.Errorf("report %d: %d %.300s", i, a.StatusCode, a.Body)
		}
	}
	webtest.Same(t, "bob's tokens", g.Used(g.Bob)["tokens 1h total"], int64(120))
	webtest.Same(t, "ada's events", g.Count("counted_events WHERE user_id = ?", g.Ada), 1)
}
