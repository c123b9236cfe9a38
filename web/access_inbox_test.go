package web_test

import (
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A decision that is not accepted comes back in the card of its request, however many requests are open before it, with
// what was typed.
func TestInboxKeepsARefusedDecision(t *testing.T) {
	g, ada, budget := asking(t)
	g.Exec(`INSERT INTO access_requests (user_id, kind, asked, reason, state, expires_at, created_at)
SELECT ?, 'access', 'groq/m' || n, 'x', 'open', now() + interval '7 days', now() FROM generate_series(1, 130) AS n`, g.Bob)
	id := requestOf(ada.API("POST", "/api/access-requests", webtest.Object{"budget_id": budget, "reason": "More", "amount": 1}))
	admin := g.Login(webtest.Admin)
	long := strings.Repeat("n", 2001)
	page := admin.Post("/access-requests/"+id+"/decline", url.Values{"note": {long}}).Refuses(422, "too_long", "note")
	webtest.Same(t, "cards", len(page.All("section", "class", "card")), 26)
	webtest.Same(t, "note", webtest.Attribute(page.One("input", "id", "note-"+id), "value"), long)
	webtest.Same(t, "pager", webtest.Text(page.One("nav", "aria-label", "Pages")), "1–25 of 131 requests Previous Next")
	next := webtest.Attribute(page.One("a", "rel", "next"), "href")
	webtest.Same(t, "next page", next, "/access-requests?offset=25")
	webtest.Says(admin.Get(next).Is(200), "", "26–50 of 131 requests")

	// The amount was cleared, and the end is over.
	page = admin.Post("/access-requests/"+id+"/grant", url.Values{"amount": {""}, "expires_at": {"2001-01-01T00:00"}}).
		Refuses(422, "timestamp_in_past", "expires_at")
	webtest.Same(t, "amount", webtest.Attribute(page.One("input", "id", "amount-"+id), "value"), "")
	webtest.Same(t, "end", webtest.Attribute(page.One("input", "id", "expires_at-"+id), "value"), "2001-01-01T00:00")
	open := 0
	for _, details := range page.All("details", "class", "disclosure", "open", "") {
		if strings.Contains(webtest.Text(details), "Another amount or end") {
			open++
		}
	}
	webtest.Same(t, "open forms", open, 1)

	// The last open request was decided by another meanwhile.
	g.Exec("DELETE FROM access_requests WHERE user_id = ?", g.Bob)
	admin.Post("/access-requests/"+id+"/decline", url.Values{"note": {"no"}}).Redirects("/access-requests")
	page = admin.Post("/access-requests/"+id+"/grant", url.Values{"amount": {"5"}}).Refuses(409, "already_decided", "")
	webtest.Same(t, "cards", len(page.All("section", "class", "card")), 1)
	webtest.Same(t, "pagers", len(page.All("nav", "aria-label", "Pages")), 0)
}
