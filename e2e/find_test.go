package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestFindFromAnyPage finds a user with three keys and the name, from a page and from within a field.
func TestFindFromAnyPage(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.console.hire(t, "Findable Fritz", "Viewer")
	for _, from := range []string{"/providers", "/access-profiles/new"} {
		s.to(from)
		if from == "/access-profiles/new" {
			s.must(s.field("Name").Focus())
		}
		s.press("Control+k")
		s.focused(s.field("Search"))
		s.fill("Search", "findable")
		s.says(s.Locator("#find-hits").GetByRole("link").First(), "Findable Fritz")
		s.press("ArrowDown", "Enter")
		s.arrives("/users/[0-9a-f-]+")
		s.sees(s.heading("Findable Fritz"))
	}

	s.to("/access-profiles/new")
	s.must(s.field("Name").Focus())
	s.press("Control+k")
	s.write("no such thing")
	s.says(s.Locator("#find-hits"), "Nothing found")
	s.press("Escape")
	s.focused(s.field("Name"))
	s.must(expect(s.Locator("#find-hits")).ToBeHidden())

	s.press("Control+k")
	s.write("new pro")
	s.sees(s.Locator("#find-hits").GetByRole("link", playwright.LocatorGetByRoleOptions{Name: "New profile"}))
	s.press("Enter")
	s.arrives(`/find\?q=new\+pro`)
	s.click(s.Locator("main").GetByRole("link", playwright.LocatorGetByRoleOptions{Name: "New provider"}))
	s.arrives("/providers/new")
}

// TestFindTypedEarly types before the scripts of the page are there, and before htmx listens: it is found when they are.
func TestFindTypedEarly(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	for _, late := range []string{"**/htmx.min.*.js", "**/find.*.js"} {
		held := make(chan playwright.Route, 1)
		s.must(s.Route(late, func(route playwright.Route) { held <- route }))
		_, err := s.Goto("/providers", playwright.PageGotoOptions{WaitUntil: playwright.WaitUntilStateCommit})
		s.must(err)
		s.must(s.field("Search").PressSequentially("admin"))
		s.must((<-held).Continue())
		s.sees(s.Locator("#find-hits").GetByRole("link").First())
		s.must(s.Unroute(late))
	}
}

// TestFindWithoutScripts finds a user, and the user of a pasted key, whose value stays out of the address.
func TestFindWithoutScripts(t *testing.T) {
	t.Parallel()
	s := open(t, visit{plain: true})
	_, key := s.console.spender(t, "Keyholder Kim")
	s.to("/settings")
	s.fill("Search", "keyholder")
	s.must(s.field("Search").Press("Enter"))
	s.arrives(`/find\?q=keyholder`)
	s.click(s.Locator("main").GetByRole("link", playwright.LocatorGetByRoleOptions{Name: "Keyholder Kim"}).First())
	s.arrives("/users/.*")

	s.fill("Search", key)
	s.must(s.field("Search").Press("Enter"))
	s.arrives("/find")
	s.click(s.Locator("main .found-hits a").First())
	s.arrives("/users/.*#keys")
	s.sees(s.heading("Keyholder Kim"))
}

// TestListsByKeyboard moves through a list, selects and opens rows, and finds the first row with few keys.
func TestListsByKeyboard(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	for _, list := range []string{
		"/access-profiles", "/users", "/roles", "/virtual-keys", "/providers", "/mcp/clients", "/mcp/tool-groups",
		"/audit?resource=role&action=create", // others add rows, some of which have nothing to open
		at("access-profiles", "Support", "/users")(t, s.console), strays("/usage/quarantine")(t, s.console),
		refused("Rita Refused", "/refusals")(t, s.console),
	} {
		s.to(list)
		first := "() => document.querySelector('#rows tr').contains(document.activeElement)"
		s.press("Tab", "Tab", "Enter")
		for n := 3; ; n++ {
			s.press("Tab")
			if there, err := s.Evaluate(first); err == nil && there == true {
				break
			}
			if n == 6 {
				t.Errorf("%s: the first row is more than 6 Tabs away", list)
				break
			}
		}
		s.to(list)
		s.press("j", "j", "k", "Enter")
		opened := playwright.NewPlaywrightAssertions(patience).Page(s.Page).Not().ToHaveURL(s.console.url + list)
		if opened != nil {
			t.Errorf("%s: Enter does not open the first row", list)
		}
	}

	s.to("/access-profiles")
	s.press("j", "j", "x", "k")
	s.must(expect(s.Locator("#rows tr").Nth(1).Locator("[data-select-row]")).ToBeChecked())
	s.focused(s.Locator("#rows tr").First().Locator(".row-name"))
	s.press("/")
	s.focused(s.field("Search profiles"))
	s.press("Escape")
	s.must(s.Locator("#rows tr").First().Locator(".row-name").Focus())
	s.press("Enter")
	s.arrives(`/access-profiles/\d+`)
	s.press("/")
	s.focused(s.field("Search"))
	s.press("Escape")

	// A modifier, or a key that means nothing, between the keys of a sequence or before it changes nothing.
	for _, keys := range [][]string{{"g", "Shift", "c"}, {"z", "g", "y", "u"}, {"Shift+G", "Shift+S"}} {
		s.goes(map[string]string{"c": "/usage", "u": "/users", "Shift+S": "/settings"}[keys[len(keys)-1]], keys...)
	}
	s.press("?")
	s.sees(s.heading("Keyboard shortcuts"))
	for _, does := range []string{"Next row of a list", "Go to Usage", "Save the form", "Search from anywhere"} {
		s.sees(s.text(does))
	}
	s.press("Escape")

	s.to("/access-profiles/new")
	s.must(s.field("Name").Focus())
	s.write("Saved by keys")
	s.press("Control+Enter")
	s.sees(s.text("Saved by keys was created."))
}
