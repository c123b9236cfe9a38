package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// inRows are the email addresses in the rows of a list, in order.
func inRows(a answer) string {
	var rows []string
	for _, row := range a.all("th", "scope", "row") {
		for _, word := range strings.Fields(text(row)) {
			if strings.Contains(word, "@") {
				rows = append(rows, word)
				break
			}
		}
	}
	return strings.Join(rows, " ")
}

// cell is what a row of a list says under a heading.
func cell(a answer, row, label string) string {
	for _, at := range a.all("td", "data-label", label) {
		if first := at.Parent.FirstChild; strings.Contains(text(at.Parent), row) && first != nil {
			return text(at)
		}
	}
	return "no such row"
}

// The list of users says what each spent this month, of how much, whether they are blocked and by what, and when they
// were used last; it is narrowed by role, profile and state, and sorted by each.
func TestUsersWithTheirUsage(t *testing.T) {
	hook := &statements{}
	g := newGateway(t)
	g.h.DB = g.h.DB.WithQueryHook(hook)
	strict := g.profileNaming("Strict", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],
		"budgets":[{"max_limit":3,"reset_duration":"1M"}]`)
	_, key := g.give(g.bob, strict)
	g.admin.counted(event(key, "cost", 3))
	g.admin.counted(event(key, "cost", 8, "occurred_at", time.Now().UTC().AddDate(0, 0, -32).Format(time.RFC3339)))
	g.admin.counted(event(g.key, "cost", 1.25))
	g.admin.counted(event(g.key, "cost", 0.5))

	page := g.session.get("/users").is(http.StatusOK)
	same(t, "spend", cell(page, "bob@", "Spend this month"), "$3.00 of $3.00")
	same(t, "spend of two calls", strings.Fields(cell(page, "ada@", "Spend this month"))[0], "$1.75")
	same(t, "state", cell(page, "bob@", "State"), "Blocked $3.00 per month")
	same(t, "state of who has room", cell(page, "ada@", "State"), "Within limits")
	same(t, "state without a profile", cell(page, "viewer@", "State"), "no active profile")
	same(t, "last used", cell(page, "bob@", "Last used"), "just now")
	same(t, "never used", cell(page, "viewer@", "Last used"), "never")
	for query, want := range map[string]string{
		"?sort=-spend&search=example": "bob@example.com ada@example.com", "?sort=-last_used": "ada@example.com bob@example.com",
	} {
		if got := inRows(g.session.get("/users" + query).is(http.StatusOK)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
	up := strings.Fields(inRows(g.session.get("/users?sort=last_used").is(http.StatusOK)))
	same(t, "longest unused first", strings.Join(up[len(up)-2:], " "), "bob@example.com ada@example.com")
	names := strings.Fields(inRows(page))
	back := strings.Fields(inRows(g.session.get("/users?sort=-name").is(http.StatusOK)))
	same(t, "backwards", back[0], names[len(names)-1])
	for query, want := range map[string]string{
		"?blocked=true": "bob@example.com", fmt.Sprint("?access_profile_id=", strict): "bob@example.com",
		fmt.Sprint("?blocked=true&access_profile_id=", g.work): "", "?role_id=1&search=admin@": "admin@example.com",
		"?role_id=3&blocked=true&sort=-spend&utm_source=mail": "bob@example.com",
	} {
		same(t, query, inRows(g.session.get("/users"+query).is(http.StatusOK)), want)
	}
	one := g.session.get("/users?sort=-spend&limit=1").is(http.StatusOK)
	second := g.session.get("/users" + attribute(one.one("a", "rel", "next"), "href")).is(http.StatusOK)
	same(t, "pages", inRows(one)+" "+inRows(second), "bob@example.com ada@example.com")
	same(t, "the filters stay", attribute(g.session.get("/users?blocked=true&sort=-spend").one("input", "name", "sort"), "value"), "-spend")
	for _, query := range []string{"role_id=x", "blocked=maybe", "access_profile_id=0", "sort=age"} {
		g.session.get("/users?" + query).is(http.StatusBadRequest)
	}
	g.admin.get("/api/users?blocked=true").refuses(http.StatusBadRequest, "unknown_parameter", "blocked")
	for _, path := range []string{"/users?blocked=true&sort=-spend&search=example", "/users?sort=-last_used", "/virtual-keys?sort=-spend", "/virtual-keys?unused=true"} {
		hook.n.Store(0)
		g.session.get(path).is(http.StatusOK)
		if n := hook.n.Load(); n > 8 || n == 0 {
			t.Errorf("%s took %d statements", path, n)
		}
	}

	// A raise ends it at once.
	g.exec("UPDATE limit_lines SET max_limit = max_limit * 2 WHERE kind = 'spend'")
	same(t, "no longer", inRows(g.session.get("/users?blocked=true").is(http.StatusOK)), "")
	// Who may not see copies or usage learns nothing from filters and orders.
	g.exec("DELETE FROM role_permissions WHERE role_id = 3 AND permission IN ('Usage:View', 'AccessProfiles:View')")
	narrow := g.login(viewer).get("/users?blocked=true&sort=-spend").is(http.StatusOK)
	same(t, "all of them", inRows(narrow), inRows(page))
	same(t, "columns", len(narrow.all("td", "data-label", "State"))+len(narrow.all("td", "data-label", "Last used")), 0)
}

// The list of keys says what each spent and when it was used last, and finds those that were not for 30 days.
func TestKeysWithTheirUsage(t *testing.T) {
	g := newGateway(t)
	_, key := g.give(g.bob, research)
	g.admin.counted(event(key, "event_id", "guess", "cost", 5, "estimated", true))
	g.admin.counted(event(g.key, "event_id", "first", "cost", 2))
	g.admin.counted(event(g.key, "cost", 1))
	spent := func(of string) string {
		return cell(g.session.get("/virtual-keys").is(http.StatusOK), of, "Spend this month")
	}
	same(t, "spend", spent("ada@")+" "+spent("bob@"), "$3.00 $5.00")
	g.admin.api("POST", "/api/usage/adjustments", `{"event_id":"first","amount":-0.5,"reason":"r"}`).is(http.StatusCreated)
	g.admin.counted(event(key, "event_id", "guess", "cost", 4))
	same(t, "after a refund, and the exact cost", spent("ada@")+" "+spent("bob@"), "$2.50 $4.00")
	page := g.session.get("/virtual-keys?sort=-spend").is(http.StatusOK)
	same(t, "by spend", inRows(page), "bob@example.com ada@example.com")
	same(t, "by last use", inRows(g.session.get("/virtual-keys?sort=-last_used").is(http.StatusOK)), "ada@example.com bob@example.com")
	same(t, "last used", cell(page, "bob@", "Last used"), "just now")
	unused := func() string { return inRows(g.session.get("/virtual-keys?unused=true").is(http.StatusOK)) }
	same(t, "all are used", unused(), "")
	g.exec("UPDATE virtual_keys SET created_at = created_at - interval '31 days'")
	same(t, "old ones that are used", unused(), "")
	g.exec("DELETE FROM usage_latest WHERE id = (SELECT id FROM virtual_keys WHERE user_id = ?)", g.ada)
	same(t, "never used", unused(), "ada@example.com")
	g.exec("UPDATE usage_latest SET last_used_at = last_used_at - interval '31 days', month = month - interval '1 month' WHERE id IN (SELECT id FROM virtual_keys)")
	same(t, "used long ago", unused(), "ada@example.com bob@example.com")
	same(t, "nothing of this month", spent("bob@"), "$0.00")
	g.exec("UPDATE virtual_keys SET expires_at = now() - interval '1 day' WHERE user_id = ?", g.bob)
	same(t, "expired", cell(g.session.get("/virtual-keys"), "bob@", "Expires"), "Expired")
	g.session.get("/virtual-keys?unused=1").is(http.StatusBadRequest)
	g.session.get("/virtual-keys?sort=age&utm_source=mail").is(http.StatusBadRequest)
}
