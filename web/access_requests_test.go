package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/models/accessrequest"
	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// asking is a console on which ada's budget of 8 dollars a day for openai is used up.
func asking(t *testing.T) (g webtest.Gateway, ada webtest.Client, budget string) {
	t.Helper()
	g = webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 9.5))
	g.Admin.WithinASecond(webtest.Model(g.Key), "budget_exceeded")
	provider := webtest.Objects(g.Copies(g.Ada)[0]["provider_configs"])[0]
	return g, g.Login(webtest.Ada), webtest.Objects(provider["budgets"])[0]["id"].(string)
}

func requestOf(a webtest.Answer) string {
	a.T.Helper()
	return fmt.Sprint(webtest.Int64ID(a.Is(201).Object("access_request")))
}

// A refused user asks; another grants it in one click, until the end of Sunday; the next call is allowed, and the
// requester reads the outcome.
func TestRequestForMoreIsGranted(t *testing.T) {
	g, ada, budget := asking(t)
	page := ada.Get("/me").Is(200)
	if len(page.All("a", "href", "/me/requests/new?budget_id="+budget)) == 0 {
		t.Fatal("the used-up budget does not lead to a request")
	}
	ada.Get("/me/requests/new?budget_id=" + budget).Is(200)
	ada.Post("/me/requests", url.Values{"budget_id": {budget}, "amount": {""}, "reason": {"Release week"}}).Redirects("/me")
	admin := g.Login(webtest.Admin)
	inbox := admin.Get("/access-requests").Is(200)
	if words := webtest.Text(inbox.One("main")); !strings.Contains(words, "Release week") || !strings.Contains(words, "$9.50 of $8.00 / day") || !strings.Contains(words, "Grant $8.00 until Sunday") {
		t.Errorf("inbox: %s", words)
	}
	// The end that the page shows is sent, also when the button is pressed in another week.
	ends := webtest.Attribute(inbox.One("input", "type", "hidden", "name", "expires_at"), "value")
	webtest.Same(t, "end of the grant", ends, accessrequest.EndOfWeek(time.Now()).Format("2006-01-02T15:04"))
	if rail := webtest.Text(inbox.One("a", "href", "/access-requests", "aria-current", "page")); rail != "Requests 1 open" {
		t.Errorf("rail %q", rail)
	}
	id := "1"
	g.Audits(func() {
		admin.Post("/access-requests/"+id+"/grant", url.Values{"amount": {"8"}, "expires_at": {ends}}).Redirects("/access-requests")
	}, "override_set 5 "+g.Ada+" "+webtest.Admin, "update - "+g.Ada+" "+webtest.Admin)
	g.Admin.WithinASecond(webtest.Model(g.Key), "allowed")
	words := webtest.Text(ada.Get("/me").Is(200).One("section", "aria-labelledby", "requests"))
	if !strings.Contains(words, "Granted $8.00 more until ") || strings.Contains(words, webtest.Admin) {
		t.Errorf("the requester reads %q", words)
	}
	var sunday bool
	g.Scan(&sunday, "SELECT extract(isodow FROM ends_at AT TIME ZONE 'UTC') = 1 AND ends_at AT TIME ZONE 'UTC' = date_trunc('day', ends_at AT TIME ZONE 'UTC') AND ends_at BETWEEN now() + interval '1 day' AND now() + interval '8 days' FROM budget_overrides")
	webtest.Same(t, "ends when Sunday is over", sunday, true)
	// Decided already: it says who.
	again := admin.Post("/access-requests/"+id+"/decline", url.Values{"note": {"no"}}).Refuses(409, "already_decided", "")
	if !strings.Contains(string(again.Body), webtest.Admin+" granted it") {
		t.Error("it does not say who decided")
	}
}

// A grant that would not help is refused and says what would.
func TestGrantThatDoesNotHelpIsRefused(t *testing.T) {
	g, ada, budget := asking(t)
	id := requestOf(ada.API("POST", "/api/access-requests", webtest.Object{"budget_id": budget, "reason": "More", "amount": 1}))
	path := "/api/access-requests/" + id + "/grant"
	for body, want := range map[string][2]string{
		`{}`:              {"would_not_help", "amount"}, // the amount that was asked for
		`{"amount":1.5}`:  {"would_not_help", "amount"},
		`{"amount":0}`:    {"number_out_of_range", "amount"},
		`{"amount":-1}`:   {"number_out_of_range", "amount"},
		`{"amount":"5"}`:  {"wrong_type", "amount"},
		`{"amount":1e10}`: {"number_out_of_range", "amount"},
		`{"amount":5,"expires_at":"2001-01-01T00:00:00Z"}`: {"timestamp_in_past", "expires_at"},
		`{"amount":5,"access_profile_id":1}`:               {"profile_not_allowed", "access_profile_id"},
		`{"amount":5,"mode":"forever"}`:                    {"unknown_field", "mode"},
	} {
		a := g.Admin.API("POST", path, body).Refuses(400, want[0], want[1])
		if want[0] == "would_not_help" && !strings.Contains(a.Object("error")["message"].(string), "at least $1.51") {
			t.Errorf("%s: %s", body, a.Body)
		}
	}
	page := g.Login(webtest.Admin).Post("/access-requests/"+id+"/grant", url.Values{"amount": {"1.5"}, "expires_at": {""}}).Refuses(422, "would_not_help", "amount")
	if webtest.Attribute(page.One("input", "id", "amount-"+id), "value") != "1.5" {
		t.Error("the amount that was typed is gone")
	}
	held := g.Copies(g.Ada)[0]
	g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Ada, held), `{"is_active":false}`).Is(200)
	g.Admin.API("POST", path, `{"amount":5}`).Refuses(409, "would_not_help", "")
	g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Ada, held), `{"is_active":true}`).Is(200)
	// A raise that lasts longer is not ended by a grant.
	var line webtest.Object
	for _, b := range webtest.Objects(webtest.Objects(held["provider_configs"])[0]["budgets"]) {
		line = b
	}
	g.Admin.API("PUT", webtest.OverridePath(g.Ada, held, line), `{"amount":1,"mode":"forever"}`).Is(200)
	g.Admin.API("POST", path, `{"amount":5}`).Refuses(409, "already_raised", "")
	g.Admin.API("PUT", webtest.OverridePath(g.Ada, held, line), `{"amount":1,"mode":"window"}`).Is(200)
	granted := g.Admin.API("POST", path, `{"amount":0.51,"note":"Until the release"}`).Is(200).Object("access_request")
	webtest.Same(t, "granted", []any{granted["state"], granted["granted_amount"], granted["note"]}, []any{"granted", 0.51, "Until the release"})
	g.Admin.WithinASecond(webtest.Model(g.Key), "allowed")
}

// Users do not decide their own requests, by no door; and only approvers decide.
func TestOwnRequestIsDecidedByAnother(t *testing.T) {
	g, _, _ := asking(t)
	g.Exec("UPDATE users SET role_id = (SELECT id FROM roles WHERE name = 'Admin') WHERE id = ?", g.Ada)
	ada := g.Login(webtest.Ada)
	provider := webtest.Objects(g.Copies(g.Ada)[0]["provider_configs"])[0]
	budget := webtest.Objects(provider["budgets"])[0]["id"].(string)
	id := requestOf(ada.API("POST", "/api/access-requests", webtest.Object{"budget_id": budget, "reason": "More"}))
	key := ada.API("POST", "/api/api-keys", webtest.Object{"name": "mine", "scopes": []string{"AccessRequests:Update", "AccessProfiles:Update", "AccessProfiles:Create", "AccessRequests:View"}}).Is(201).JSON()["key"].(string)
	service := ada.API("POST", "/api/api-keys", webtest.Object{"name": "service", "service": true, "scopes": permission.AllPermissions()}).Is(201).JSON()["key"].(string)
	for name, v := range map[string]webtest.Client{
		"session": ada, "password": g.Anonymous().With("Authorization", webtest.Basic(webtest.Ada, webtest.Password)),
		"own API key": g.Anonymous().With("Authorization", "Bearer "+key), "own service key": g.Anonymous().With("Authorization", "Bearer "+service),
	} {
		t.Run(name, func(t *testing.T) {
			v.T = t
			v.API("POST", "/api/access-requests/"+id+"/grant", `{"amount":5}`).Refuses(403, "self_approval", "")
			v.API("POST", "/api/access-requests/"+id+"/decline", `{"note":"x"}`).Refuses(403, "self_approval", "")
		})
	}
	g.T = t
	ada.Post("/access-requests/"+id+"/grant", url.Values{"amount": {"5"}}).Refuses(403, "self_approval", "")
	g.Anonymous().With("Authorization", "Bearer "+g.Key).API("POST", "/api/access-requests/"+id+"/grant", `{"amount":5}`).Refuses(403, "forbidden", "")
	g.Login(webtest.Viewer).Get("/access-requests").Refuses(403, "forbidden", "")
	if words := webtest.Text(ada.Get("/access-requests").Is(200).One("main")); !strings.Contains(words, "another user decides it") {
		t.Errorf("own inbox: %s", words)
	}
	// An approver who may not change access cannot grant, and no one grants to a user who may do more.
	g.APIKey("AccessRequests:Update").API("POST", "/api/access-requests/"+id+"/grant", `{"amount":5}`).Refuses(403, "forbidden", "")
	g.Lesser().API("POST", "/api/access-requests/"+id+"/grant", `{"amount":5}`).Refuses(403, "forbidden", "")
	g.Admin.API("POST", "/api/access-requests/"+id+"/grant", `{"amount":5}`).Is(200)
}

// What is sent to ask for more is checked alike by form and API; open requests and those of a day are bounded.
func TestRequestsRefused(t *testing.T) {
	g, ada, budget := asking(t)
	const path = "/api/access-requests"
	for body, want := range map[string][2]string{
		`{"reason":"x"}`: {"required", "model"}, `{"budget_id":"` + budget + `"}`: {"required", "reason"},
		`{"budget_id":"` + budget + `","reason":" "}`:                                 {"required", "reason"},
		`{"budget_id":"` + budget + `","reason":"` + strings.Repeat("x", 2001) + `"}`: {"too_long", "reason"},
		`{"budget_id":"` + budget + `","reason":"a\u0007"}`:                           {"invalid_characters", "reason"},
		`{"budget_id":"` + budget + `","reason":"x","amount":0}`:                      {"number_out_of_range", "amount"},
		`{"budget_id":"` + budget + `","reason":"x","amount":1.0000000001}`:           {"too_many_decimals", "amount"},
		`{"budget_id":"` + budget + `","model":"openai/x","reason":"x"}`:              {"ambiguous_request", "model"},
		`{"model":"gpt-5","reason":"x"}`:                                              {"invalid_model", "model"},
		`{"model":"openai/*","reason":"x"}`:                                           {"invalid_model", "model"},
		`{"model":"groq/x","reason":"x","amount":5}`:                                  {"amount_not_allowed", "amount"},
		`{"model":"groq/x","reason":"x","user_id":"` + g.Bob + `"}`:                   {"unknown_field", "user_id"},
	} {
		ada.API("POST", path, body).Refuses(400, want[0], want[1])
	}
	ada.API("POST", path, `{"budget_id":"`+g.Bob+`","reason":"x"}`).Refuses(404, "not_found", "")
	ada.API("POST", path, `{"budget_id":"x","reason":"x"}`).Refuses(404, "not_found", "")
	ada.API("POST", path, `{"model":"openai/gpt-4o","reason":"x"}`).Refuses(409, "already_granted", "model")
	form := ada.Post("/me/requests", url.Values{"budget_id": {budget}, "amount": {"7"}, "reason": {""}}).Refuses(422, "required", "reason")
	webtest.Same(t, "kept", webtest.Attribute(form.One("input", "id", "amount"), "value"), "7")
	g.Admin.API("POST", path, `{"model":"groq/x","reason":"x"}`).Refuses(403, "forbidden", "")
	ada.Get("/me/requests/new?budget_id=" + g.Bob).Is(404)

	requestOf(ada.API("POST", path, webtest.Object{"budget_id": budget, "reason": "<script>alert(1)</script>"}))
	ada.API("POST", path, webtest.Object{"budget_id": budget, "reason": "again"}).Refuses(409, "already_open", "")
	if body := string(g.Login(webtest.Admin).Get("/access-requests").Is(200).Body); strings.Contains(body, "<script>alert") {
		t.Error("a reason is not text")
	}
	second := ""
	for i := range 4 {
		second = requestOf(ada.API("POST", path, webtest.Object{"model": fmt.Sprint("groq/m", i), "reason": "x"}))
	}
	a := ada.API("POST", path, webtest.Object{"model": "groq/last", "reason": "x"}).Refuses(429, "too_many_requests", "")
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	g.Login(webtest.Bob).API("POST", path+"/"+second+"/withdraw", nil).Refuses(404, "not_found", "")
	ada.API("POST", path+"/"+second+"/withdraw", nil).Is(200)
	ada.API("POST", path+"/"+second+"/withdraw", nil).Refuses(409, "already_decided", "")
	g.Admin.API("POST", path+"/"+second+"/grant", `{"access_profile_id":1}`).Refuses(409, "already_decided", "")
	for i := range 15 {
		id := requestOf(ada.API("POST", path, webtest.Object{"model": fmt.Sprint("groq/n", i), "reason": "x"}))
		g.Admin.API("POST", path+"/"+id+"/decline", `{"note":"no"}`).Is(200)
	}
	ada.API("POST", path, webtest.Object{"model": "groq/last", "reason": "x"}).Refuses(429, "too_many_requests", "")
	// What is open for a week is over, and makes room.
	g.Exec("UPDATE access_requests SET expires_at = now(), created_at = now() - interval '8 days'")
	webtest.Same(t, "open", g.Admin.Get(path + "?state=open").Is(200).JSON()["total_count"], 0.0)
	g.Admin.API("POST", path+"/1/grant", `{"amount":5}`).Refuses(409, "already_decided", "")
	requestOf(ada.API("POST", path, webtest.Object{"budget_id": budget, "reason": "again"}))
	for query, code := range map[string]string{"state=x": "invalid_state", "user_id=x": "invalid_user_id", "limit=0": "number_out_of_range", "x=1": "unknown_parameter"} {
		g.Admin.Get(path+"?"+query).Refuses(400, code, strings.Split(query, "=")[0])
	}
	few := string(g.APIKey("AccessRequests:View").Get(path).Is(200).Body)
	if strings.Contains(few, webtest.Ada) || strings.Contains(few, "user_name") {
		t.Error("names are shown to a key that may not see users")
	}
}

// A missing model is given by a profile that has it; a copy that was paused is not resumed by a grant.
func TestRequestForAModel(t *testing.T) {
	g, ada, _ := asking(t)
	g.Exec("INSERT INTO providers (name, models) VALUES ('groq', '{}')")
	fast := g.ProfileNaming("Fast", `"provider_configs":[{"provider_name":"groq","all_models_allowed":true}]`)
	path := "/api/access-requests/" + requestOf(ada.API("POST", "/api/access-requests", `{"model":"groq/llama","reason":"Tests"}`)) + "/grant"
	inbox := webtest.Text(g.Login(webtest.Admin).Get("/access-requests").Is(200).One("main"))
	if !strings.Contains(inbox, "asks for groq/llama") || !strings.Contains(inbox, "They hold Work.") || !strings.Contains(inbox, "Give Fast until Sunday") {
		t.Errorf("inbox: %s", inbox)
	}
	g.Admin.API("POST", path, `{}`).Refuses(400, "required", "access_profile_id")
	g.Admin.API("POST", path, `{"access_profile_id":999}`).Refuses(409, "would_not_help", "access_profile_id")
	g.Admin.API("POST", path, webtest.Object{"access_profile_id": g.Work}).Refuses(409, "would_not_help", "access_profile_id")
	g.Admin.API("POST", path, webtest.Object{"access_profile_id": fast, "amount": 5}).Refuses(400, "amount_not_allowed", "amount")
	keys := g.Count("virtual_keys")
	granted := g.Admin.API("POST", path, webtest.Object{"access_profile_id": fast}).Is(200).Object("access_request")
	webtest.Same(t, "granted", granted["granted_access_profile"], any("Fast"))
	webtest.Same(t, "keys", g.Count("virtual_keys"), keys)
	g.Admin.WithinASecond(webtest.Object{"virtual_key": g.Key, "model": "groq/llama"}, "allowed")
	g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Ada, g.Copies(g.Ada)[1]), `{"is_active":false}`).Is(200)
	g.Admin.WithinASecond(webtest.Object{"virtual_key": g.Key, "model": "groq/llama"}, "provider_blocked")
	again := "/api/access-requests/" + requestOf(ada.API("POST", "/api/access-requests", `{"model":"groq/llama","reason":"Tests"}`)) + "/grant"
	g.Admin.API("POST", again, webtest.Object{"access_profile_id": fast}).Refuses(409, "would_not_help", "access_profile_id")
	g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Ada, g.Copies(g.Ada)[1]), `{"is_active":true}`).Is(200)
	g.Admin.API("POST", again, webtest.Object{"access_profile_id": fast}).Refuses(409, "already_held", "access_profile_id")
}

// Of many who decide at once, one does.
func TestRequestIsDecidedOnce(t *testing.T) {
	g, ada, budget := asking(t)
	id := requestOf(ada.API("POST", "/api/access-requests", webtest.Object{"budget_id": budget, "reason": "More"}))
	got := webtest.Parallel(8, func() int {
		return g.Admin.API("POST", "/api/access-requests/"+id+"/grant", `{"amount":5}`).StatusCode
	})
	webtest.Same(t, "answers", fmt.Sprint(got), "map[200:1 409:7]")
	webtest.Same(t, "overrides", g.Count("audit_logs WHERE action = 'override_set'"), 1)
	g.Admin.API("DELETE", fmt.Sprint("/api/users/", g.Ada), nil).Is(200)
	webtest.Same(t, "requests of a deleted user", g.Count("access_requests"), 0)
}

// A user reads their own requests only, by page and API.
func TestRequestsAreTheUsersOwn(t *testing.T) {
	g, ada, budget := asking(t)
	requestOf(ada.API("POST", "/api/access-requests", webtest.Object{"budget_id": budget, "reason": "Release week"}))
	webtest.Same(t, "of ada", len(webtest.Objects(ada.Get("/api/me").Is(200).JSON()["access_requests"])), 1)
	for _, user := range []string{webtest.Viewer, webtest.Admin} {
		other := g.Login(user)
		webtest.Same(t, "of "+user, len(webtest.Objects(other.Get("/api/me").Is(200).JSON()["access_requests"])), 0)
		if strings.Contains(string(other.Get("/me").Is(200).Body), "Release week") {
			t.Errorf("%s reads ada's request on their own page", user)
		}
	}
}
