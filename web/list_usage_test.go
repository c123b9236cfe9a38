package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// inRows are the email addresses in the rows of a list, in order.
func inRows(a webtest.Answer) string {
	var rows []string
	for _, row := range a.All("th", "scope", "row") {
		for _, word := range strings.Fields(webtest.Text(row)) {
			if strings.Contains(word, "@") {
				rows = append(rows, word)
				break
			}
		}
	}
	return strings.Join(rows, " ")
}

// The list of users says what each spent this month, of how much, whether they are blocked and by what, and when they
// were used last; it is narrowed by role, profile and state, and sorted by each.
func TestUsersWithTheirUsage(t *testing.T) {
	hook := &webtest.Statements{}
	g := webtest.NewGateway(t)
	g.H.DB = g.H.DB.WithQueryHook(hook)
	strict := g.ProfileNaming("Strict", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],
		"budgets":[{"max_limit":3,"reset_duration":"1M"}]`)
	_, key := g.Give(g.Bob, strict)
	g.Admin.Counted(webtest.Event(key, "cost", 3))
	g.Admin.Counted(webtest.Event(key, "cost", 8, "occurred_at", time.Now().UTC().AddDate(0, 0, -32).Format(time.RFC3339)))
	g.Admin.Counted(webtest.Event(g.Key, "cost", 1.25))
	// A console's idea of the database's time may step back a little between two calls.
	g.Admin.Counted(webtest.Event(g.Key, "cost", 0.5, "occurred_at", time.Now().UTC().Add(time.Second).Format(time.RFC3339Nano)))

	page := g.Session.Get("/users").Is(http.StatusOK)
	webtest.Same(t, "spend", webtest.Cell(page, "bob@", "Spend this month"), "$3.00 of $3.00")
	webtest.Same(t, "spend of two calls", strings.Fields(webtest.Cell(page, "ada@", "Spend this month"))[0], "$1.75")
	webtest.Same(t, "state", webtest.Cell(page, "bob@", "State"), "Blocked $3.00 per month")
	webtest.Same(t, "state of who has room", webtest.Cell(page, "ada@", "State"), "Within limits")
	webtest.Same(t, "state without a profile", webtest.Cell(page, "viewer@", "State"), "no active profile")
	webtest.Same(t, "last used", webtest.Cell(page, "bob@", "Last used"), "just now")
	webtest.Same(t, "never used", webtest.Cell(page, "viewer@", "Last used"), "never")
	for query, want := range map[string]string{
		"?sort=-spend&search=example": "bob@example.com ada@example.com", "?sort=-last_used": "ada@example.com bob@example.com",
	} {
		if got := inRows(g.Session.Get("/users" + query).Is(http.StatusOK)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
	up := strings.Fields(inRows(g.Session.Get("/users?sort=last_used").Is(http.StatusOK)))
	webtest.Same(t, "longest unused first", strings.Join(up[len(up)-2:], " "), "bob@example.com ada@example.com")
	names := strings.Fields(inRows(page))
	back := strings.Fields(inRows(g.Session.Get("/users?sort=-name").Is(http.StatusOK)))
	webtest.Same(t, "backwards", back[0], names[len(names)-1])
	for query, want := range map[string]string{
		"?blocked=true": "bob@example.com", fmt.Sprint("?access_profile_id=", strict): "bob@example.com",
		fmt.Sprint("?blocked=true&access_profile_id=", g.Work): "", "?role_id=1&search=admin@": "admin@example.com",
		"?role_id=3&blocked=true&sort=-spend&utm_source=mail": "bob@example.com",
	} {
		webtest.Same(t, query, inRows(g.Session.Get("/users"+query).Is(http.StatusOK)), want)
	}
	one := g.Session.Get("/users?sort=-spend&limit=1").Is(http.StatusOK)
	second := g.Session.Get("/users" + webtest.Attribute(one.One("a", "rel", "next"), "href")).Is(http.StatusOK)
	webtest.Same(t, "pages", inRows(one)+" "+inRows(second), "bob@example.com ada@example.com")
	webtest.Same(t, "the filters stay", webtest.Attribute(g.Session.Get("/users?blocked=true&sort=-spend").One("input", "name", "sort"), "value"), "-spend")
	for _, query := range []string{"role_id=x", "blocked=maybe", "access_profile_id=0", "sort=age"} {
		g.Session.Get("/users?" + query).Is(http.StatusBadRequest)
	}
	g.Admin.Get("/api/users?blocked=true").Refuses(http.StatusBadRequest, "unknown_parameter", "blocked")
	for _, path := range []string{"/users?blocked=true&sort=-spend&search=example", "/users?sort=-last_used", "/virtual-keys?sort=-spend", "/virtual-keys?unused=true"} {
		hook.N.Store(0)
		g.Session.Get(path).Is(http.StatusOK)
		if n := hook.N.Load(); n > 8 || n == 0 {
			t.Errorf("%s took %d statements", path, n)
		}
	}

	// A raise ends it.
	g.Exec("UPDATE limit_lines SET max_limit = max_limit * 2 WHERE kind = 'spend'")
	other, _ := g.Another(g.AppURL()) // this one shows a list that took long to read again for some time
	webtest.Same(t, "no longer", inRows(g.Session.At(other).Get("/users?blocked=true").Is(http.StatusOK)), "")
	// An actor who may not see copies or usage learns nothing from filters and orders.
	g.Exec("DELETE FROM role_permissions WHERE role_id = 3 AND permission IN ('Usage:View', 'AccessProfiles:View')")
	narrow := g.Login(webtest.Viewer).Get("/users?blocked=true&sort=-spend").Is(http.StatusOK)
	webtest.Same(t, "all of them", inRows(narrow), inRows(page))
	webtest.Same(t, "columns", len(narrow.All("td", "data-label", "State"))+len(narrow.All("td", "data-label", "Last used")), 0)
}

// The list of keys says what each spent and when it was used last, and finds those that were not for 30 days.
func TestKeysWithTheirUsage(t *testing.T) {
	g := webtest.NewGateway(t)
	_, key := g.Give(g.Bob, webtest.Research)
	g.Admin.Counted(webtest.Event(key, "event_id", "guess", "cost", 5, "estimated", true))
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "first", "cost", 2))
	g.Admin.Counted(webtest.Event(g.Key, "cost", 1))
	spent := func(of string) string {
		return webtest.Cell(g.Session.Get("/virtual-keys").Is(http.StatusOK), of, "Spend this month")
	}
	webtest.Same(t, "spend", spent("ada@")+" "+spent("bob@"), "$3.00 $5.00")
	g.Admin.API("POST", "/api/usage/adjustments", `{"event_id":"first","amount":-0.5,"reason":"r"}`).Is(http.StatusCreated)
	g.Admin.Counted(webtest.Event(key, "event_id", "guess", "cost", 4))
	webtest.Same(t, "after a refund, and the exact cost", spent("ada@")+" "+spent("bob@"), "$2.50 $4.00")
	page := g.Session.Get("/virtual-keys?sort=-spend").Is(http.StatusOK)
	webtest.Same(t, "by spend", inRows(page), "bob@example.com ada@example.com")
	webtest.Same(t, "by last use", inRows(g.Session.Get("/virtual-keys?sort=-last_used").Is(http.StatusOK)), "ada@example.com bob@example.com")
	webtest.Same(t, "last used", webtest.Cell(page, "bob@", "Last used"), "just now")
	unused := func() string { return inRows(g.Session.Get("/virtual-keys?unused=true").Is(http.StatusOK)) }
	webtest.Same(t, "all are used", unused(), "")
	g.Exec("UPDATE virtual_keys SET created_at = created_at - interval '31 days'")
	webtest.Same(t, "old ones that are used", unused(), "")
	g.Exec("DELETE FROM usage_latest WHERE id = (SELECT id FROM virtual_keys WHERE user_id = ?)", g.Ada)
	webtest.Same(t, "never used", unused(), "ada@example.com")
	g.Exec("UPDATE usage_latest SET last_used_at = last_used_at - interval '31 days', month = month - interval '1 month' WHERE id IN (SELECT id FROM virtual_keys)")
	webtest.Same(t, "used long ago", unused(), "ada@example.com bob@example.com")
	webtest.Same(t, "nothing of this month", spent("bob@"), "$0.00")
	g.Exec("UPDATE virtual_keys SET expires_at = now() - interval '1 day' WHERE user_id = ?", g.Bob)
	webtest.Same(t, "expired", webtest.Cell(g.Session.Get("/virtual-keys"), "bob@", "Expires"), "Expired")
	g.Session.Get("/virtual-keys?unused=1").Is(http.StatusBadRequest)
	g.Session.Get("/virtual-keys?sort=age&utm_source=mail").Is(http.StatusBadRequest)
}
