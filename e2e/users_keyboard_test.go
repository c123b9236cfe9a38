package e2e

import (
	"strings"
	"testing"
)

// TestUsersByKeyboard assigns a user a profile and raises a budget of it without a mouse.
func TestUsersByKeyboard(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.console.create(t, strings.ReplaceAll(daily, "NAME", "Typed for one"))
	s.console.hire(t, "Handless Harry", "Viewer")

	s.to("/access-profiles")
	for _, shortcut := range []struct{ key, path string }{{"k", "/virtual-keys"}, {"r", "/roles"}, {"u", "/users"}} {
		s.goes(shortcut.path, "g", shortcut.key)
	}
	s.tabTo(s.field("Search users"))
	s.write("handless")
	s.press("Enter")
	s.arrives(`/users\?search=handless&.*`)
	s.enter(s.link("Handless Harry"))
	s.enter(s.link("Assign a profile"))
	s.arrives(`/users/[0-9a-f-]+/access-profiles/new`)
	s.focused(s.field("Profile"))
	s.pick("Profile", "Typed for one")
	s.tabTo(s.field("Ends optional"))
	s.write("01022003")
	s.press("Tab") // to the hour
	s.write("0405AM")
	s.holds("Ends optional", "2003-01-02T04:05")
	s.enter(s.button("Assign"))
	s.focused(s.Locator("#problems"))
	s.enter(s.link("Choose a time in the future."))
	s.focused(s.field("Ends optional"))
	s.must(s.field("Ends optional").Fill(""))
	s.enter(s.button("Assign"))
	s.sees(s.text("Handless Harry holds Typed for one now, and has a first key."))
	s.enter(s.link("Done"))

	s.enter(s.link("Raise Overall, $20.00 / day of Typed for one"))
	s.arrives(`/users/.*/override`)
	s.focused(s.field("Add"))
	s.write("many")
	s.press("Enter")
	s.focused(s.Locator("#problems"))
	s.enter(s.Locator("#problems").GetByRole("link").First())
	s.focused(s.field("Add"))
	s.press("ControlOrMeta+A")
	s.write("7")
	s.press("Tab")
	s.focused(s.Locator("input[name=mode][value=window]"))
	s.press("ArrowUp")
	s.must(expect(s.field("For good")).ToBeChecked())
	s.enter(s.button("Raise the limit"))
	s.sees(s.text("The limit of $20.00 a day is raised by $7.00 for good."))

	s.enter(s.GetByLabel("Actions for Typed for one", exactName))
	s.enter(s.link("Pause, resume or end…"))
	s.tabTo(s.field("Active"))
	s.press("Space")
	s.enter(s.button("Save"))
	s.sees(s.text("Typed for one of Handless Harry was changed."))
	s.sees(s.text("Paused"))
}
