package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

const quarantine = "/api/usage/quarantine"

// stray reports an event of an unknown user, and returns its row in the quarantine.
func (g gateway) stray(more ...any) object {
	g.t.Helper()
	event := with(event("sk-bf-unknown", "cost", 2), more...)
	same(g.t, "status", g.admin.report(event).is(200).json()["status"], any("quarantined"))
	for _, row := range objects(g.admin.get(quarantine + "?limit=100").is(200).json()["quarantined_events"]) {
		if row["event_id"] == event["event_id"] {
			return row
		}
	}
	g.t.Fatal("the event is not in the quarantine")
	return nil
}

func settle(row object, how string) string { return fmt.Sprint(quarantine, "/", row["id"], "/", how) }

// The quarantine suggests users: by the end of the key, or by what was sent as the user.
func TestQuarantineSuggestsUsers(t *testing.T) {
	g := newGateway(t)
	g.exec("UPDATE users SET name = 'Ada Lovelace' WHERE id = ?", g.ada)
	gone := g.member("gone@example.com", "Viewer")
	g.exec("UPDATE users SET name = 'Grace Gone' WHERE id = ?", gone)
	g.admin.api("DELETE", "/api/users/"+gone, nil).is(200)
	byUser := func(said string) object { return g.stray("virtual_key", nil, "user_id", said) }
	for _, row := range []struct {
		name string
		row  object
		want string
	}{
		{"the end of a key", g.stray("virtual_key", "sk-bf-other"+g.key[len(g.key)-4:]), "Ada Lovelace false"},
		{"an email", byUser("ADA@example.com"), "Ada Lovelace false"},
		{"a name", byUser("ada lovelace"), "Ada Lovelace false"},
		{"the beginning of an email", byUser("ada"), "Ada Lovelace false"},
		{"a user who left", byUser(gone), "Grace Gone true"},
		{"nothing", byUser("x"), ""},
	} {
		var got []string
		for _, candidate := range objects(row.row["candidates"]) {
			got = append(got, fmt.Sprint(candidate["name"], " ", candidate["left"]))
		}
		same(t, row.name, strings.Join(got, ", "), row.want)
	}
	list := g.admin.get("/api/governance/usage/quarantine?limit=2&offset=1").is(200).json()
	same(t, "counts", []any{list["count"], list["total_count"]}, []any{2.0, 6.0})
	lost := g.admin.get(quarantine+"?outcome=lost").refuses(400, "invalid_outcome", "outcome").json()["error"].(object)
	same(t, "said", lost["message"], any("Choose open, assigned or dismissed."))
	g.admin.get(quarantine+"/"+uuid.NewString()).refuses(404, "not_found", "")
	g.admin.get(quarantine+"/x").refuses(404, "not_found", "")

	page := g.session.get("/usage").is(200)
	link := page.one("a", "href", "/usage/quarantine")
	same(t, "link", text(link), "Quarantined usage: 6 calls without a user")
	rows := g.session.get("/usage/quarantine").is(200)
	same(t, "rows", len(rows.all("th", "scope", "row")), 6)
	if strings.Contains(string(rows.body), g.key) {
		t.Error("a key is on the page")
	}
}

// An event that is assigned is charged once, as if it had been reported for the user, by form and by JSON; it is in the
// report, and audited.
func TestAssignQuarantinedUsage(t *testing.T) {
	g := newGateway(t)
	yesterday := time.Now().UTC().AddDate(0, 0, -1).Format(time.RFC3339)
	byAPI := g.stray("occurred_at", yesterday)
	byForm := g.stray("event_id", "chatcmpl-9x2", "virtual_key", nil, "user_id", "ada@example.com")
	g.audits(func() {
		done := g.admin.api("POST", settle(byAPI, "assign"), object{"user_id": g.ada}).is(200).json()
		row := done["quarantined_event"].(object)
		same(t, "outcome", []any{row["outcome"], row["charged_user_id"], done["settled"]}, []any{"assigned", g.ada, 1.0})
	}, fmt.Sprintf("assign - %s %s", g.ada, actorOf(g)))
	path := fmt.Sprint("/usage/quarantine/", byForm["id"])
	form := g.session.get(path).is(200)
	says(form, "candidates", "Assign to Viewer (ada@example.com)")
	same(t, "candidate", attribute(form.one("input", "name", "user_id"), "value"), g.ada)
	g.session.post(path+"/assign", url.Values{"email": {"nobody@example.com"}}).refuses(422, "unknown_user", "email")
	g.session.post(path+"/assign", url.Values{"email": {""}}).refuses(422, "required", "email")
	g.session.post(path+"/assign", url.Values{"email": {" Ada@example.com "}}).redirects("/usage/quarantine")
	want := afterCalls(4)
	want["tokens 1h total"], want["requests 1d total"] = 20, 2
	same(t, "used", g.used(g.ada), want)
	g.balanced()
	same(t, "reported", g.admin.get("/api/usage?user_id=" + g.ada).is(200).json()["total"].(object)["cost"], any(4.0))

	// Only once, by any further request.
	for _, row := range []object{byAPI, byForm} {
		g.admin.api("POST", settle(row, "assign"), object{"user_id": g.ada}).refuses(409, "already_settled", "")
		g.admin.api("POST", settle(row, "assign"), object{"user_id": g.bob}).refuses(409, "already_settled", "")
		g.admin.api("POST", settle(row, "dismiss"), object{"reason": "late"}).refuses(409, "already_settled", "")
	}
	g.session.post(path+"/assign", url.Values{"email": {"ada@example.com"}}).refuses(409, "already_settled", "")
	same(t, "used still", g.used(g.ada), want)
	same(t, "bob", g.used(g.bob), afterCalls(0))
	settled := g.session.get(path).is(200)
	if !strings.Contains(string(settled.body), "Charged to") || len(settled.all("input", "name", "user_id")) > 0 {
		t.Error("the page of a settled event")
	}
	same(t, "assigned", len(objects(g.admin.get(quarantine + "?outcome=assigned").is(200).json()["quarantined_events"])), 2)
}

// A stored key has the prefix of one only when it was sent with it, and a call without a provider is shown as it was
// sent.
func TestQuarantineShowsWhatWasSent(t *testing.T) {
	g := newGateway(t)
	for sent, kept := range map[string]string{"not-a-key": "****-key", "sk-bf-unknown": "sk-bf-****nown", "other" + g.key[len(g.key)-4:]: "****" + g.key[len(g.key)-4:]} {
		row := g.stray("virtual_key", sent, "provider", nil, "model", "regex:x")
		same(t, "kept of "+sent, row["virtual_key"], any(kept))
		same(t, "candidates of "+sent, len(row["candidates"].([]any)), strings.Count(kept, g.key[len(g.key)-4:]))
		page := g.session.get(fmt.Sprint("/usage/quarantine/", row["id"])).is(200)
		same(t, "call", page.facts()["Call"], "regex:x")
	}
}

// Concurrent assignments of the same event charge it once.
func TestQuarantinedUsageIsChargedOnce(t *testing.T) {
	g := newGateway(t)
	row := g.stray()
	var all []func() answer
	for n := range 12 {
		user := []string{g.ada, g.bob}[n%2]
		all = append(all, func() answer { return g.admin.api("POST", settle(row, "assign"), object{"user_id": user}) })
		if n%4 == 0 {
			all = append(all, func() answer { return g.admin.api("POST", settle(row, "dismiss"), object{"reason": "unknown"}) })
		}
	}
	done := 0
	for _, a := range concurrently(all...) {
		if a.StatusCode == 200 {
			done++
		} else {
			a.refuses(409, "already_settled", "")
		}
	}
	same(t, "settled", done, 1)
	if n := g.count("usage_events WHERE event_id = ?::uuid", row["id"]); n > 1 {
		t.Errorf("%d events", n)
	}
	g.balanced()
}

// An event that was reported again with a known key was counted then.
func TestQuarantinedUsageReportedAgain(t *testing.T) {
	g := newGateway(t)
	row := g.stray()
	g.admin.report(event(g.key, "event_id", row["event_id"])).is(200)
	g.admin.api("POST", settle(row, "assign"), object{"user_id": g.bob}).refuses(409, "already_counted", "")
	g.admin.api("POST", settle(row, "dismiss"), object{"reason": "It came again."}).is(200)
	same(t, "used", g.used(g.ada), afterCalls(1))
	// A settled event is not reopened when it is reported again.
	g.admin.report(event("sk-bf-unknown", "event_id", row["event_id"], "cost", 2)).is(200)
	same(t, "open", g.admin.get(quarantine).is(200).json()["total_count"], any(0.0))
}

// Events of one sender can be settled in one request; those of others stay.
func TestSettleQuarantinedUsageOfOneCredential(t *testing.T) {
	g := newGateway(t)
	first, other := g.stray(), g.stray("virtual_key", "sk-bf-another")
	for range 3 {
		g.stray()
	}
	same(t, "alike", g.admin.get(fmt.Sprint(quarantine, "/", first["id"])).is(200).object("quarantined_event")["alike"], any(4.0))
	g.audits(func() {
		same(t, "settled", g.admin.api("POST", settle(first, "assign"), object{"email": "ada@example.com", "alike": true}).is(200).json()["settled"], any(4.0))
	}, fmt.Sprintf("assign - %s %s", g.ada, actorOf(g)))
	same(t, "spent", g.used(g.ada)["spend 1M total"], int64(8_000_000_000))
	g.balanced()
	path := fmt.Sprint("/usage/quarantine/", other["id"])
	g.session.post(path+"/dismiss", url.Values{"alike": {"true"}}).refuses(422, "required", "reason")
	g.session.post(path+"/dismiss", url.Values{"reason": {"A test key."}, "alike": {"true"}}).redirects("/usage/quarantine")
	row := g.admin.get(fmt.Sprint(quarantine, "/", other["id"])).is(200).object("quarantined_event")
	audit := g.session.get("/audit?limit=3").is(200)
	log := audit.all("tbody")[0]
	for _, words := range []string{"assign usage", "by the API", "dismiss usage", "by the console"} {
		if !strings.Contains(text(log), words) {
			t.Errorf("the audit page does not say %q: %s", words, text(log))
		}
	}
	for _, event := range []any{first["id"], other["id"]} {
		if len(audit.all("a", "href", fmt.Sprint("/usage/quarantine/", event))) != 1 {
			t.Error("the audit page does not lead to", event)
		}
	}
	g.session.get("/usage/quarantine?outcome=assigned&limit=2&offset=90").redirects("/usage/quarantine?limit=2&offset=2&outcome=assigned")
	for outcome, words := range map[string][]string{
		"assigned": {"Charged to", "Viewer", "cli", "just now"}, "dismissed": {"Reason", "A test key.", admin, "just now"},
	} {
		table := text(g.session.get("/usage/quarantine?outcome=" + outcome).is(200).one("table"))
		for _, word := range words {
			if !strings.Contains(table, word) {
				t.Errorf("the list of what was %s does not say %q: %s", outcome, word, table)
			}
		}
	}
	same(t, "dismissed", []any{row["outcome"], row["reason"], row["charged_user_id"]}, []any{"dismissed", "A test key.", nil})
	same(t, "open", g.admin.get(quarantine).is(200).json()["total_count"], any(0.0))
	same(t, "counted", g.count("usage_events"), 4)
}

// Users who may see usage see the quarantine; settling needs more, and a permission that covers the user who is
// charged.
func TestPermissionToSettleQuarantinedUsage(t *testing.T) {
	g := newGateway(t)
	row := g.stray()
	page := g.login(viewer).get(fmt.Sprint("/usage/quarantine/", row["id"])).is(200)
	same(t, "forms", len(page.all("form", "method", "post")), len(g.login(viewer).get("/usage").is(200).all("form", "method", "post")))
	g.apiKey("Usage:View").api("POST", settle(row, "assign"), object{"user_id": g.ada}).refuses(403, "forbidden", "")
	g.apiKey("Usage:View").api("POST", settle(row, "dismiss"), object{"reason": "x"}).refuses(403, "forbidden", "")
	g.apiKey("Usage:View", "Usage:Update").api("POST", settle(row, "assign"), object{"user_id": g.userID(admin)}).refuses(403, "forbidden", "")
	for _, bad := range []struct {
		body        object
		code, param string
	}{
		{object{}, "required", "user_id"},
		{object{"user_id": g.ada, "email": "ada@example.com"}, "ambiguous_user", "email"},
		{object{"user_id": uuid.NewString()}, "unknown_user", "user_id"},
		{object{"email": "x@example.com"}, "unknown_user", "email"},
		{object{"email": "x"}, "invalid_email", "email"},
		{object{"user_id": 7}, "wrong_type", "user_id"},
		{object{"user_id": g.ada, "alike": "yes"}, "wrong_type", "alike"},
		{object{"user_id": g.ada, "amount": 1}, "unknown_field", "amount"},
	} {
		g.admin.api("POST", settle(row, "assign"), bad.body).refuses(400, bad.code, bad.param)
	}
	g.admin.api("POST", settle(row, "dismiss"), object{"reason": strings.Repeat("x", 501)}).refuses(400, "too_long", "reason")
	same(t, "open", g.admin.get(quarantine).is(200).json()["total_count"], any(1.0))
}
