package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/models/refusal"
)

// refusedRows answers what was refused, after a flush.
func (g gateway) refusedRows(query string) []object {
	g.t.Helper()
	g.must(g.h.Refusals.Flush(g.t.Context()))
	return objects(g.admin.get("/api/refusals" + query).is(200).json()["refusals"])
}

// yesterday makes what is in the log a day older.
func (g gateway) yesterday() {
	g.t.Helper()
	g.must(g.h.Refusals.Flush(g.t.Context()))
	g.exec("UPDATE refusals SET minute = minute - interval '1 day', first_at = first_at - interval '1 day', last_at = last_at - interval '1 day'")
}

func TestRefusalList(t *testing.T) {
	g := newGateway(t)
	g.exec("INSERT INTO providers (name, models) VALUES ('groq', '{}')")
	g.profileNaming("Fast", `"provider_configs":[{"provider_name":"groq","all_models_allowed":true}]`)
	g.admin.counted(event(g.key, "cost", 8))
	g.admin.withinASecond(model(g.key), "budget_exceeded")
	for range 3 {
		g.admin.decides(model(g.key), "budget_exceeded", 402)
	}
	g.admin.decides(object{"virtual_key": g.key, "model": "groq/gpt-4o"}, "provider_blocked", 403)
	g.admin.decides(object{"virtual_key": "unknown", "model": "openai/gpt-4o"}, "access_not_found", 401)

	budget := g.refusedRows("?reason=budget_exceeded")[0]
	line := budget["refused_by"].(object)
	same(t, "row", []any{budget["user_id"], budget["user_name"], budget["access_profile_name"], budget["asked"], budget["granted"]},
		[]any{g.ada, "Viewer", "Work", "openai/gpt-4o", true})
	same(t, "limit", []any{line["scope"], line["limit"], line["used"], line["reason"]}, []any{"provider:openai", 8.0, 8.0, "used_up"})
	if budget["calls"].(float64) < 3 {
		t.Errorf("calls: %v", budget)
	}
	other := g.refusedRows("?model=gpt-4o&reason=provider_blocked")[0]
	same(t, "profiles that have it", objects(other["granted_by"])[0]["name"], "Fast")
	for query, want := range map[string]int{
		"": 3, "?days=1": 3, "?user_id=" + g.ada: 2, "?user_id=" + g.bob: 0, fmt.Sprint("?access_profile_id=", g.work): 2, "?access_profile_id=999": 0,
		"?model=openai/gpt-4o": 1, "?model=gpt": 0, "?reason=access_not_found": 1, "?limit=1&offset=1": 1, "?limit=1&offset=9": 0,
	} {
		same(t, query, len(g.refusedRows(query)), want)
	}
	same(t, "count", g.admin.get("/api/refusals?limit=1&offset=9").is(200).json()["total_count"], 3.0)
	for query, code := range map[string]string{
		"days=0": "number_out_of_range", "days=32": "number_out_of_range", "reason=x": "invalid_reason", "user_id=x": "invalid_user_id", "x=1": "unknown_parameter",
	} {
		g.admin.get("/api/refusals?"+query).refuses(400, code, strings.Split(query, "=")[0])
	}
	g.apiKey("AccessProfiles:View").get("/api/refusals").is(403)
	few := g.apiKey("Usage:View").get("/api/refusals?user_id=" + g.ada).is(200)
	for _, hidden := range []string{"Viewer", "Fast"} {
		if strings.Contains(string(few.body), hidden) {
			t.Errorf("%s is shown to a key that may not see it: %s", hidden, few.body)
		}
	}

	// A holder sees nothing of other users, and no name of a profile that they do not have.
	mine, _, err := refusal.OfHolder(t.Context(), g.db, g.ada, refusal.Query{Days: 7, Limit: 25})
	g.must(err)
	same(t, "own", len(mine), 2)
	g.admin.api("DELETE", fmt.Sprint("/api/users/", g.ada, "/access-profiles/", id64(g.held)), nil).is(200)
	mine, _, err = refusal.OfHolder(t.Context(), g.db, g.ada, refusal.Query{Days: 7, Limit: 25})
	g.must(err)
	same(t, "without the profile", fmt.Sprint(mine[0].ProfileName, mine[1].ProfileName, mine[0].GrantedBy), "[]")

	g.exec("INSERT INTO decision_consoles VALUES (gen_random_uuid(), now(), 1, now() - interval '1 hour')")
	if gaps := g.admin.get("/api/refusals").is(200).json()["gaps"].([]any); len(gaps) != 1 {
		t.Errorf("gaps: %v", gaps)
	}
	if page := string(g.login(admin).get("/refusals").is(200).body); !strings.Contains(page, "a console ended without warning") {
		t.Error("the page says nothing of a gap")
	}
}

// From a refusal of yesterday a raise is three steps away, without JavaScript, and leads back.
func TestRaiseFromRefusal(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "cost", 8))
	g.admin.withinASecond(model(g.key), "budget_exceeded")
	g.yesterday()
	session := g.login(admin)
	same(t, "in the rail, one click from where a sign-in leads", len(session.get("/access-profiles").is(200).all("a", "href", "/refusals")), 1)
	for _, from := range []string{"/refusals?reason=budget_exceeded", "/users/" + g.ada} {
		page := session.get(from).is(200)
		if text := text(page.one("main")); !strings.Contains(text, "$8.00 per day on openai used up") {
			t.Errorf("%s: %s", from, text)
		}
		link := ""
		for _, a := range page.all("a", "class", "button compact") {
			if strings.HasPrefix(text(a), "Raise") {
				link = attribute(a, "href")
			}
		}
		form := session.get(link).is(200)
		action := ""
		for _, f := range form.all("form", "method", "post") {
			if strings.Contains(attribute(f, "action"), "/override?next=") && !strings.Contains(attribute(f, "action"), "/delete") {
				action = attribute(f, "action")
			}
		}
		session.post(action, url.Values{"amount": {"5"}, "mode": {"cycles"}, "cycles": {"1"}}).redirects(from)
	}
	g.admin.withinASecond(model(g.key), "allowed")
	link := fmt.Sprintf("/users/%s/access-profiles/%d/budgets/", g.ada, id64(g.held))
	var id string
	g.scan(&id, "SELECT line_id FROM refusals LIMIT 1")
	session.post(link+id+"/override?next=https://elsewhere.example", url.Values{"amount": {"5"}, "mode": {"cycles"}, "cycles": {"1"}}).redirects("/")
}

// Try it answers as of an earlier time, by what had been used then.
func TestTryAsOf(t *testing.T) {
	g := newGateway(t)
	noon := time.Now().UTC().Add(-10 * time.Minute).Truncate(time.Minute)
	g.admin.counted(event(g.key, "cost", 8, "occurred_at", noon.Format(time.RFC3339)))
	session := g.login(admin)
	tried := func(at string) string {
		return text(session.get("/users/"+g.ada+"/try?model=openai/gpt-4o&at="+at).is(200).one("section", "aria-labelledby", "tried"))
	}
	before, after := noon.Add(-2*time.Minute).Format("2006-01-02T15:04"), noon.Add(time.Minute).Format("2006-01-02T15:04")
	if got := tried(before); !strings.Contains(got, "Allowed") || !strings.Contains(got, "As of") {
		t.Errorf("before: %s", got)
	}
	if got := tried(after); !strings.Contains(got, "Refused with 402") {
		t.Errorf("after: %s", got)
	}
	for _, at := range []string{"yesterday", time.Now().UTC().AddDate(1, 0, 0).Format("2006-01-02T15:04")} {
		session.get("/users/" + g.ada + "/try?model=openai/gpt-4o&at=" + at).is(400)
	}
	same(t, "in the log", len(g.logged()), 0)
}
