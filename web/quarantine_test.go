package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// The quarantine suggests users: by the end of the key, or by what was sent as the user.
func TestQuarantineSuggestsUsers(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Exec("UPDATE users SET name = 'Ada Lovelace' WHERE id = ?", g.Ada)
	gone := g.Member("gone@example.com", "Viewer")
	g.Exec("UPDATE users SET name = 'Grace Gone' WHERE id = ?", gone)
	g.Admin.API("DELETE", "/api/users/"+gone, nil).Is(200)
	byUser := func(said string) webtest.Object { return g.Stray("virtual_key", nil, "user_id", said) }
	for _, row := range []struct {
		name string
		row  webtest.Object
		want string
	}{
		{"the end of a key", g.Stray("virtual_key", "sk-bf-other"+g.Key[len(g.Key)-4:]), "Ada Lovelace false"},
		{"an email", byUser("ADA@example.com"), "Ada Lovelace false"},
		{"a name", byUser("ada lovelace"), "Ada Lovelace false"},
		{"the beginning of an email", byUser("ada"), "Ada Lovelace false"},
		{"a user who left", byUser(gone), "Grace Gone true"},
		{"nothing", byUser("x"), ""},
	} {
		var got []string
		for _, candidate := range webtest.Objects(row.row["candidates"]) {
			got = append(got, fmt.Sprint(candidate["name"], " ", candidate["left"]))
		}
		webtest.Same(t, row.name, strings.Join(got, ", "), row.want)
	}
	list := g.Admin.Get("/api/governance/usage/quarantine?limit=2&offset=1").Is(200).JSON()
	webtest.Same(t, "counts", []any{list["count"], list["total_count"]}, []any{2.0, 6.0})
	lost := g.Admin.Get(webtest.Quarantine+"?outcome=lost").Refuses(400, "invalid_outcome", "outcome").JSON()["error"].(webtest.Object)
	webtest.Same(t, "said", lost["message"], any("Choose open, assigned or dismissed."))
	g.Admin.Get(webtest.Quarantine+"/"+uuid.NewString()).Refuses(404, "not_found", "")
	g.Admin.Get(webtest.Quarantine+"/x").Refuses(404, "not_found", "")

	page := g.Session.Get("/usage").Is(200)
	link := page.One("a", "href", "/usage/quarantine")
	webtest.Same(t, "link", webtest.Text(link), "Quarantined usage: 6 calls without a user")
	rows := g.Session.Get("/usage/quarantine").Is(200)
	webtest.Same(t, "rows", len(rows.All("th", "scope", "row")), 6)
	if strings.Contains(string(rows.Body), g.Key) {
		t.Error("a key is on the page")
	}
}

// An event that is assigned is charged once, as if it had been reported for the user, by form and by JSON; it is in the
// report, and audited.
func TestAssignQuarantinedUsage(t *testing.T) {
	g := webtest.NewGateway(t)
	yesterday := time.Now().UTC().AddDate(0, 0, -1).Format(time.RFC3339)
	byAPI := g.Stray("occurred_at", yesterday)
	byForm := g.Stray("event_id", "chatcmpl-9x2", "virtual_key", nil, "user_id", "ada@example.com")
	g.Audits(func() {
		done := g.Admin.API("POST", webtest.Settle(byAPI, "assign"), webtest.Object{"user_id": g.Ada}).Is(200).JSON()
		row := done["quarantined_event"].(webtest.Object)
		webtest.Same(t, "outcome", []any{row["outcome"], row["charged_user_id"], done["settled"]}, []any{"assigned", g.Ada, 1.0})
	}, fmt.Sprintf("assign - %s %s", g.Ada, webtest.ActorOf(g)))
	path := fmt.Sprint("/usage/quarantine/", byForm["id"])
	form := g.Session.Get(path).Is(200)
	webtest.Says(form, "candidates", "Assign to Viewer (ada@example.com)")
	webtest.Same(t, "candidate", webtest.Attribute(form.One("input", "name", "user_id"), "value"), g.Ada)
	g.Session.Post(path+"/assign", url.Values{"email": {"nobody@example.com"}}).Refuses(422, "unknown_user", "email")
	g.Session.Post(path+"/assign", url.Values{"email": {""}}).Refuses(422, "required", "email")
	g.Session.Post(path+"/assign", url.Values{"email": {" Ada@example.com "}}).Redirects("/usage/quarantine")
	want := webtest.AfterCalls(4)
	want["tokens 1h total"], want["requests 1d total"] = 20, 2
	webtest.Same(t, "used", g.Used(g.Ada), want)
	g.Balanced()
	webtest.Same(t, "reported", g.Admin.Get("/api/usage?user_id=" + g.Ada).Is(200).JSON()["total"].(webtest.Object)["cost"], any(4.0))

	// Only once, by any further request.
	for _, row := range []webtest.Object{byAPI, byForm} {
		g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Ada}).Refuses(409, "already_settled", "")
		g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Bob}).Refuses(409, "already_settled", "")
		g.Admin.API("POST", webtest.Settle(row, "dismiss"), webtest.Object{"reason": "late"}).Refuses(409, "already_settled", "")
	}
	g.Session.Post(path+"/assign", url.Values{"email": {"ada@example.com"}}).Refuses(409, "already_settled", "")
	webtest.Same(t, "used still", g.Used(g.Ada), want)
	webtest.Same(t, "bob", g.Used(g.Bob), webtest.AfterCalls(0))
	settled := g.Session.Get(path).Is(200)
	if !strings.Contains(string(settled.Body), "Charged to") || len(settled.All("input", "name", "user_id")) > 0 {
		t.Error("the page of a settled event")
	}
	webtest.Same(t, "assigned", len(webtest.Objects(g.Admin.Get(webtest.Quarantine + "?outcome=assigned").Is(200).JSON()["quarantined_events"])), 2)
}

// A stored key has the prefix of one only when it was sent with it, and a call without a provider is shown as it was
// sent.
func TestQuarantineShowsWhatWasSent(t *testing.T) {
	g := webtest.NewGateway(t)
	for sent, kept := range map[string]string{"not-a-key": "****-key", "sk-bf-unknown": "sk-bf-****nown", "other" + g.Key[len(g.Key)-4:]: "****" + g.Key[len(g.Key)-4:]} {
		row := g.Stray("virtual_key", sent, "provider", nil, "model", "regex:x")
		webtest.Same(t, "kept of "+sent, row["virtual_key"], any(kept))
		webtest.Same(t, "candidates of "+sent, len(row["candidates"].([]any)), strings.Count(kept, g.Key[len(g.Key)-4:]))
		page := g.Session.Get(fmt.Sprint("/usage/quarantine/", row["id"])).Is(200)
		webtest.Same(t, "call", page.Facts()["Call"], "regex:x")
	}
}

// Concurrent assignments of the same event charge it once.
func TestQuarantinedUsageIsChargedOnce(t *testing.T) {
	g := webtest.NewGateway(t)
	row := g.Stray()
	var all []func() webtest.Answer
	for n := range 12 {
		user := []string{g.Ada, g.Bob}[n%2]
		all = append(all, func() webtest.Answer {
			return g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": user})
		})
		if n%4 == 0 {
			all = append(all, func() webtest.Answer {
				return g.Admin.API("POST", webtest.Settle(row, "dismiss"), webtest.Object{"reason": "unknown"})
			})
		}
	}
	done := 0
	for _, a := range webtest.Concurrently(all...) {
		if a.StatusCode == 200 {
			done++
		} else {
			a.Refuses(409, "already_settled", "")
		}
	}
	webtest.Same(t, "settled", done, 1)
	if n := g.Count("counted_events WHERE event_id = ?::uuid", row["id"]); n > 1 {
		t.Errorf("%d events", n)
	}
	g.Balanced()
}

// An event that was reported again with a known key was counted then.
func TestQuarantinedUsageReportedAgain(t *testing.T) {
	g := webtest.NewGateway(t)
	row := g.Stray()
	g.Admin.Report(webtest.Event(g.Key, "event_id", row["event_id"])).Is(200)
	g.Admin.API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Bob}).Refuses(409, "already_counted", "")
	g.Admin.API("POST", webtest.Settle(row, "dismiss"), webtest.Object{"reason": "It came again."}).Is(200)
	webtest.Same(t, "used", g.Used(g.Ada), webtest.AfterCalls(1))
	// A settled event is not reopened when it is reported again.
	g.Admin.Report(webtest.Event("sk-bf-unknown", "event_id", row["event_id"], "cost", 2)).Is(200)
	webtest.Same(t, "open", g.Admin.Get(webtest.Quarantine).Is(200).JSON()["total_count"], any(0.0))
}

// Events of one sender can be settled in one request; those of others stay.
func TestSettleQuarantinedUsageOfOneCredential(t *testing.T) {
	g := webtest.NewGateway(t)
	first, other := g.Stray(), g.Stray("virtual_key", "sk-bf-another")
	for range 3 {
		g.Stray()
	}
	webtest.Same(t, "alike", g.Admin.Get(fmt.Sprint(webtest.Quarantine, "/", first["id"])).Is(200).Object("quarantined_event")["alike"], any(4.0))
	g.Audits(func() {
		webtest.Same(t, "settled", g.Admin.API("POST", webtest.Settle(first, "assign"), webtest.Object{"email": "ada@example.com", "alike": true}).Is(200).JSON()["settled"], any(4.0))
	}, fmt.Sprintf("assign - %s %s", g.Ada, webtest.ActorOf(g)))
	webtest.Same(t, "spent", g.Used(g.Ada)["spend 1M total"], int64(8_000_000_000))
	g.Balanced()
	path := fmt.Sprint("/usage/quarantine/", other["id"])
	g.Session.Post(path+"/dismiss", url.Values{"alike": {"true"}}).Refuses(422, "required", "reason")
	g.Session.Post(path+"/dismiss", url.Values{"reason": {"A test key."}, "alike": {"true"}}).Redirects("/usage/quarantine")
	row := g.Admin.Get(fmt.Sprint(webtest.Quarantine, "/", other["id"])).Is(200).Object("quarantined_event")
	audit := g.Session.Get("/audit?limit=3").Is(200)
	log := audit.All("tbody")[0]
	for _, words := range []string{"assigned usage of an unknown key to", "by the API", "dismissed usage of an unknown key", "by the console"} {
		if !strings.Contains(webtest.Text(log), words) {
			t.Errorf("the audit page does not say %q: %s", words, webtest.Text(log))
		}
	}
	for _, event := range []any{first["id"], other["id"]} {
		if len(audit.All("a", "href", fmt.Sprint("/usage/quarantine/", event))) != 1 {
			t.Error("the audit page does not lead to", event)
		}
	}
	g.Session.Get("/usage/quarantine?outcome=assigned&limit=2&offset=90").Redirects("/usage/quarantine?limit=2&offset=2&outcome=assigned")
	for outcome, words := range map[string][]string{
		"assigned": {"Charged to", "Viewer", "cli", "just now"}, "dismissed": {"Reason", "A test key.", webtest.Admin, "just now"},
	} {
		table := webtest.Text(g.Session.Get("/usage/quarantine?outcome=" + outcome).Is(200).One("table"))
		for _, word := range words {
			if !strings.Contains(table, word) {
				t.Errorf("the list of what was %s does not say %q: %s", outcome, word, table)
			}
		}
	}
	webtest.Same(t, "dismissed", []any{row["outcome"], row["reason"], row["charged_user_id"]}, []any{"dismissed", "A test key.", nil})
	webtest.Same(t, "open", g.Admin.Get(webtest.Quarantine).Is(200).JSON()["total_count"], any(0.0))
	webtest.Same(t, "counted", g.Count("counted_events"), 4)
}

// Users who may see usage see the quarantine; settling needs more, and a permission that covers the user who is
// charged.
func TestPermissionToSettleQuarantinedUsage(t *testing.T) {
	g := webtest.NewGateway(t)
	row := g.Stray()
	page := g.Login(webtest.Viewer).Get(fmt.Sprint("/usage/quarantine/", row["id"])).Is(200)
	webtest.Same(t, "forms", len(page.All("form", "method", "post")), len(g.Login(webtest.Viewer).Get("/usage").Is(200).All("form", "method", "post")))
	g.APIKey("Usage:View").API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.Ada}).Refuses(403, "forbidden", "")
	g.APIKey("Usage:View").API("POST", webtest.Settle(row, "dismiss"), webtest.Object{"reason": "x"}).Refuses(403, "forbidden", "")
	g.APIKey("Usage:View", "Usage:Update").API("POST", webtest.Settle(row, "assign"), webtest.Object{"user_id": g.UserID(webtest.Admin)}).Refuses(403, "forbidden", "")
	for _, bad := range []struct {
		body        webtest.Object
		code, param string
	}{
		{webtest.Object{}, "required", "user_id"},
		{webtest.Object{"user_id": g.Ada, "email": "ada@example.com"}, "ambiguous_user", "email"},
		{webtest.Object{"user_id": uuid.NewString()}, "unknown_user", "user_id"},
		{webtest.Object{"email": "x@example.com"}, "unknown_user", "email"},
		{webtest.Object{"email": "x"}, "invalid_email", "email"},
		{webtest.Object{"user_id": 7}, "wrong_type", "user_id"},
		{webtest.Object{"user_id": g.Ada, "alike": "yes"}, "wrong_type", "alike"},
		{webtest.Object{"user_id": g.Ada, "amount": 1}, "unknown_field", "amount"},
	} {
		g.Admin.API("POST", webtest.Settle(row, "assign"), bad.body).Refuses(400, bad.code, bad.param)
	}
	g.Admin.API("POST", webtest.Settle(row, "dismiss"), webtest.Object{"reason": strings.Repeat("x", 501)}).Refuses(400, "too_long", "reason")
	webtest.Same(t, "open", g.Admin.Get(webtest.Quarantine).Is(200).JSON()["total_count"], any(1.0))
}

// An event can be sent to ask who has an address: the answer is only for callers who may see users.
func TestQuarantineNamesNoUsers(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Exec("UPDATE users SET name = 'Ada Lovelace' WHERE id = ?", g.Ada)
	row := g.Stray("virtual_key", nil, "user_id", "ada@example.com")
	path := webtest.Quarantine + "/" + fmt.Sprint(row["id"])
	for _, scopes := range [][]permission.Permission{{"Usage:View"}, {"Usage:View", "Users:View"}} {
		v, want := g.APIKey(scopes...), len(scopes)-1
		webtest.Same(t, "candidates", len(webtest.Objects(v.Get(path).Is(200).Object("quarantined_event")["candidates"])), want)
		webtest.Same(t, "candidates in the list", len(webtest.Objects(webtest.Objects(v.Get(webtest.Quarantine).Is(200).JSON()["quarantined_events"])[0]["candidates"])), want)
	}
	g.Admin.API("POST", path+"/assign", webtest.Object{"user_id": g.Ada}).Is(200)
	g.AddRole("Accounts", "Usage:View")
	g.AddUser("accounts@example.com", "Accounts")
	page := strings.TrimPrefix(path, "/api")
	page = strings.Replace(page, "/governance", "", 1)
	for _, address := range []string{page, "/usage/quarantine?outcome=assigned"} {
		for email, want := range map[string]bool{"accounts@example.com": false, webtest.Admin: true} {
			if shown := strings.Contains(string(g.Login(email).Get(address).Is(200).Body), "Ada Lovelace"); shown != want {
				t.Errorf("%s for %s names the user: %v", address, email, shown)
			}
		}
	}
}
