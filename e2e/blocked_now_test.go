package e2e

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/playwright-community/playwright-go"
)

// TestWhoIsBlockedNow sees who is blocked one click from any page, with and without scripts, and finds all of them in
// the list of users, with the limit that blocks each.
func TestWhoIsBlockedNow(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]visit{"with scripts": {}, "without scripts": {plain: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, how)
			user := "Blocked " + name
			home, _ := s.console.spender(t, user)
			same(t, "usage", s.console.spend(t, home, uuid.NewString(), "9000"), "counted")
			// Of many, only the first few are shown until the list is opened.
			named := s.role("region", "Needs you").Locator("a", playwright.LocatorLocatorOptions{HasText: user}).First()
			s.to("/usage")
			s.reloadsUntil(named)
			for _, from := range []string{"/access-profiles", "/providers/new", "/audit", "/settings", home, "/nowhere"} {
				s.to(from)
				clicks := 0
				click := func(l playwright.Locator) {
					s.click(l)
					clicks++
				}
				click(s.GetByRole("navigation", playwright.PageGetByRoleOptions{Name: "Main"}).
					GetByRole("link", playwright.LocatorGetByRoleOptions{Name: "Usage", Exact: playwright.Bool(true)}))
				s.arrives("/usage")
				s.reloadsUntil(named) // the page leaves them out when reading them takes too long
				if clicks > 1 {
					t.Errorf("%d clicks from %s", clicks, from)
				}
			}
			s.click(s.link("All blocked users"))
			s.arrives(`/users\?blocked=true`)
			row := s.GetByRole("row").Filter(playwright.LocatorFilterOptions{HasText: user})
			s.reloadsUntil(row)
			s.says(row, "Blocked")
			s.says(row, "$20.00 per day")
			s.must(s.field("Search users").Fill(user))
			s.click(s.button("Filter"))
			s.arrives(`/users\?.*blocked=true.*`)
			s.sees(s.link(user))
		})
	}
}

// reloadsUntil asks for the page again until something is there: a list that took long to read is shown again for half
// a minute, and one that took too long is left out.
func (s *screen) reloadsUntil(there playwright.Locator) {
	s.t.Helper()
	for begun := time.Now(); ; {
		n, err := there.Count()
		s.must(err)
		if n > 0 {
			return
		}
		if time.Since(begun) > 2*time.Minute {
			s.t.Fatal("those who are blocked are not shown")
		}
		_, err = s.Reload()
		s.must(err)
	}
}
