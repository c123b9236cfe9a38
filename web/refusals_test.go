package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/models/refusal"
	"tollgate/web/webtest"
)

func TestRefusalList(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Exec("INSERT INTO providers (name, models) VALUES ('groq', '{}')")
	g.ProfileNaming("Fast", `"provider_configs":[{"provider_name":"groq","all_models_allowed":true}]`)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 8))
	g.Admin.WithinASecond(webtest.Model(g.Key), "budget_exceeded")
	for range 3 {
		g.Admin.Decides(webtest.Model(g.Key), "budget_exceeded", 402)
	}
	g.Admin.Decides(webtest.Object{"virtual_key": g.Key, "model": "groq/gpt-4o"}, "provider_blocked", 403)
	g.Admin.Decides(webtest.Object{"virtual_key": "unknown", "model": "openai/gpt-4o"}, "access_not_found", 401)

	budget := g.RefusedRows("?reason=budget_exceeded")[0]
	line := budget["refused_by"].(webtest.Object)
	webtest.Same(t, "row", []any{budget["user_id"], budget["user_name"], budget["access_profile_name"], budget["asked"], budget["granted"]},
		[]any{g.Ada, "Viewer", "Work", "openai/gpt-4o", true})
	webtest.Same(t, "limit", []any{line["scope"], line["limit"], line["used"], line["reason"]}, []any{"provider:openai", 8.0, 8.0, "used_up"})
	if budget["calls"].(float64) < 3 {
		t.Errorf("calls: %v", budget)
	}
	other := g.RefusedRows("?model=gpt-4o&reason=provider_blocked")[0]
	webtest.Same(t, "profiles that have it", webtest.Objects(other["granted_by"])[0]["name"], "Fast")
	for query, want := range map[string]int{
		"": 3, "?days=1": 3, "?user_id=" + g.Ada: 2, "?user_id=" + g.Bob: 0, fmt.Sprint("?access_profile_id=", g.Work): 2, "?access_profile_id=999": 0,
		"?model=openai/gpt-4o": 1, "?model=gpt": 0, "?reason=access_not_found": 1, "?limit=1&offset=1": 1, "?limit=1&offset=9": 0,
	} {
		webtest.Same(t, query, len(g.RefusedRows(query)), want)
	}
	webtest.Same(t, "count", g.Admin.Get("/api/refusals?limit=1&offset=9").Is(200).JSON()["total_count"], 3.0)
	for query, code := range map[string]string{
		"days=0": "number_out_of_range", "days=32": "number_out_of_range", "reason=x": "invalid_reason", "user_id=x": "invalid_user_id", "x=1": "unknown_parameter",
	} {
		g.Admin.Get("/api/refusals?"+query).Refuses(400, code, strings.Split(query, "=")[0])
	}
	g.APIKey("AccessProfiles:View").Get("/api/refusals").Is(403)
	few := g.APIKey("Usage:View").Get("/api/refusals?user_id=" + g.Ada).Is(200)
	for _, hidden := range []string{"Viewer", "Fast"} {
		if strings.Contains(string(few.Body), hidden) {
			t.Errorf("%s is shown to a key that may not see it: %s", hidden, few.Body)
		}
	}

	// A holder sees nothing of other users, and no name of a profile that they do not have.
	mine, _, err := refusal.OfHolder(t.Context(), g.DB, g.Ada, refusal.Query{Days: 7, Limit: 25})
	g.Must(err)
	webtest.Same(t, "own", len(mine), 2)
	g.Admin.API("DELETE", fmt.Sprint("/api/users/", g.Ada, "/access-profiles/", webtest.Int64ID(g.Held)), nil).Is(200)
	mine, _, err = refusal.OfHolder(t.Context(), g.DB, g.Ada, refusal.Query{Days: 7, Limit: 25})
	g.Must(err)
	webtest.Same(t, "without the profile", fmt.Sprint(mine[0].ProfileName, mine[1].ProfileName, mine[0].GrantedBy), "[]")

	g.Exec("INSERT INTO decision_consoles VALUES (gen_random_uuid(), now(), 1, now() - interval '1 hour')")
	if gaps := g.Admin.Get("/api/refusals").Is(200).JSON()["gaps"].([]any); len(gaps) != 1 {
		t.Errorf("gaps: %v", gaps)
	}
	if page := string(g.Login(webtest.Admin).Get("/refusals").Is(200).Body); !strings.Contains(page, "a console ended without warning") {
		t.Error("the page says nothing of a gap")
	}
}

// A call that never fits was not refused because the budget was used up, nor by the budget that it became later.
func TestRefusalsOfADayByReasonAndHeight(t *testing.T) {
	g := webtest.NewGateway(t)
	minutesAgo := func(n int) {
		g.Must(g.H.Refusals.Flush(t.Context()))
		g.Exec("UPDATE refusals SET minute = minute - ? * interval '1 minute'", n)
	}
	never := webtest.Object{"virtual_key": g.Key, "model": "openai/gpt-4o", "estimated_cost": 100}
	g.Admin.Decides(never, "budget_exceeded", 402)
	minutesAgo(2)
	g.Exec("UPDATE refusals SET most = most - 1000000000")
	g.Admin.Decides(never, "budget_exceeded", 402)
	minutesAgo(1)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 8))
	g.Admin.WithinASecond(webtest.Model(g.Key), "budget_exceeded")
	found := map[string]bool{}
	for _, row := range g.RefusedRows("") {
		by := row["refused_by"].(webtest.Object)
		found[fmt.Sprint(by["limit"], " ", by["reason"])] = true
	}
	webtest.Same(t, "rows", found, map[string]bool{"9 never_fits": true, "10 never_fits": true, "8 used_up": true})
}

// From a refusal of yesterday a raise is three steps away, without JavaScript, and leads back.
func TestRaiseFromRefusal(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 8))
	g.Admin.WithinASecond(webtest.Model(g.Key), "budget_exceeded")
	g.Yesterday()
	session := g.Login(webtest.Admin)
	webtest.Same(t, "in the rail, one click from where a sign-in leads", len(session.Get("/access-profiles").Is(200).All("a", "href", "/refusals")), 1)
	for _, from := range []string{"/refusals?reason=budget_exceeded", "/users/" + g.Ada} {
		page := session.Get(from).Is(200)
		if text := webtest.Text(page.One("main")); !strings.Contains(text, "$8.00 per day on openai used up") {
			t.Errorf("%s: %s", from, text)
		}
		link := ""
		for _, a := range page.All("a", "class", "button compact") {
			if strings.HasPrefix(webtest.Text(a), "Raise") {
				link = webtest.Attribute(a, "href")
			}
		}
		form := session.Get(link).Is(200)
		action := ""
		for _, f := range form.All("form", "method", "post") {
			if strings.Contains(webtest.Attribute(f, "action"), "/override?next=") && !strings.Contains(webtest.Attribute(f, "action"), "/delete") {
				action = webtest.Attribute(f, "action")
			}
		}
		session.Post(action, url.Values{"amount": {"5"}, "mode": {"cycles"}, "cycles": {"1"}}).Redirects(from)
	}
	g.Admin.WithinASecond(webtest.Model(g.Key), "allowed")
	link := fmt.Sprintf("/users/%s/access-profiles/%d/budgets/", g.Ada, webtest.Int64ID(g.Held))
	var id string
	g.Scan(&id, "SELECT line_id FROM refusals LIMIT 1")
	session.Post(link+id+"/override?next=https://elsewhere.example", url.Values{"amount": {"5"}, "mode": {"cycles"}, "cycles": {"1"}}).Redirects("/")
}

// Try it answers as of an earlier time, by what had been used then.
func TestTryAsOf(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Ask(webtest.Model(g.Key))
	g.Anchored(g.Ada, g.Clock().Add(-time.Hour)) // all times below are in one window
	noon := time.Now().UTC().Add(-10 * time.Minute).Truncate(time.Minute)
	spent := webtest.Event(g.Key, "cost", 8, "occurred_at", noon.Format(time.RFC3339))
	g.Admin.Counted(spent)
	session := g.Login(webtest.Admin)
	tried := func(at string) string {
		return webtest.Text(session.Get("/users/"+g.Ada+"/try?model=openai/gpt-4o&at="+at).Is(200).One("section", "aria-labelledby", "tried"))
	}
	before, after := noon.Add(-2*time.Minute).Format("2006-01-02T15:04"), noon.Add(time.Minute).Format("2006-01-02T15:04")
	if got := tried(before); !strings.Contains(got, "Allowed") || !strings.Contains(got, "As of") {
		t.Errorf("before: %s", got)
	}
	if got := tried(after); !strings.Contains(got, "Refused with 402") {
		t.Errorf("after: %s", got)
	}
	for _, at := range []string{"yesterday", time.Now().UTC().AddDate(1, 0, 0).Format("2006-01-02T15:04")} {
		session.Get("/users/" + g.Ada + "/try?model=openai/gpt-4o&at=" + at).Is(400)
	}
	webtest.Same(t, "in the log", len(g.Logged()), 0)

	// What was reset, or taken back, since was used then.
	g.Exec("UPDATE limit_windows SET cleared = used, cleared_at = clock_timestamp()")
	if got := tried(after); !strings.Contains(got, "Refused with 402") {
		t.Errorf("before a reset: %s", got)
	}
	g.Exec("UPDATE limit_windows SET cleared = 0, cleared_at = NULL")
	g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": spent["event_id"], "amount": -8, "reason": "r"}).Is(201)
	if got := tried(after); !strings.Contains(got, "Refused with 402") {
		t.Errorf("before a refund: %s", got)
	}
	g.Exec("UPDATE usage_weeks SET dropped_at = now(), closed_at = now() - interval '1 hour' WHERE week = '1970-01-05'")
	tried(after)
	dropped := time.Now().UTC().Add(-2 * time.Hour).Format("2006-01-02T15:04")
	page := session.Get("/users/"+g.Ada+"/try?model=openai/gpt-4o&at="+dropped).Refuses(400, "events_dropped", "at")
	if !strings.Contains(string(page.Body), `value="`+dropped+`"`) {
		t.Error("the time that was typed is lost")
	}
}
