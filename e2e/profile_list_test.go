package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestProfileLife finds a profile, duplicates it, deactivates and activates it, and deletes it.
func TestProfileLife(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			name := "Life " + way.name
			path := s.console.create(t, strings.ReplaceAll(shared, "NAME", name))

			s.to("/")
			s.arrives("/access-profiles")
			s.fill("Search profiles", name)
			s.must(s.field("Search profiles").Press("Enter"))
			s.sees(s.text("1–1 of 1 profile"))
			s.click(s.GetByLabel("Actions for "+name, exactName))
			s.click(s.link("Duplicate"))
			s.fill("Name", "engineering")
			s.click(s.button("Create copy"))
			s.focused(s.Locator("#problems"))
			s.holds("Name", "engineering")
			s.fill("Name", name+" again")
			s.click(s.button("Create copy"))
			s.sees(s.text(name + " again was created as a copy."))
			same(t, "the copy", policyOf(t, s.console.profile(t, name+" again")), policyOf(t, s.console.profile(t, name)))

			s.click(s.GetByLabel("More actions"))
			s.click(s.button("Archive"))
			s.sees(s.text("Archived").First())
			s.to("/access-profiles?is_active=false")
			s.sees(s.link(name + " again"))
			s.click(s.GetByLabel("Actions for "+name+" again", exactName))
			s.click(s.button("Unarchive"))
			s.sees(s.text(name + " again is active now."))

			s.to(path)
			s.click(s.GetByLabel("More actions"))
			s.click(s.link("Delete…"))
			s.sees(s.text("No user holds a copy of it."))
			s.click(s.button("Delete " + name))
			s.sees(s.text("The profile was deleted."))
			if status := s.to(path); status != http.StatusNotFound {
				t.Errorf("the deleted profile answers %d", status)
			}
			if s.console.profile(t, name+" again") == nil {
				t.Error("the copy went with it")
			}
		})
	}
}

var exactName = playwright.PageGetByLabelOptions{Exact: playwright.Bool(true)}

// TestEveryStateIsAURL goes back, reloads, and follows a link from outside.
func TestEveryStateIsAURL(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			s.to("/access-profiles")
			s.click(s.role("link", "regulated").First())
			s.click(s.link("Active"))
			s.click(s.link("Name"))
			const list = `/access-profiles\?is_active=true&sort=-name&tags=regulated`
			s.arrives(list)
			names := []string{"Legal", "Finance"}
			s.must(expect(s.Locator(".row-name")).ToHaveText(names))
			s.click(s.link("Finance"))
			s.sees(s.heading("Finance"))
			s.back()
			s.arrives(list)
			s.must(expect(s.Locator(".row-name")).ToHaveText(names))
			_, err := s.Reload()
			s.must(err)
			s.must(expect(s.Locator(".row-name")).ToHaveText(names))

			s.to("/access-profiles/new")
			s.fill("Name", "Back and forth "+way.name)
			s.click(s.button("Create profile"))
			s.arrives(`/access-profiles/\d+`)
			_, err = s.Reload()
			s.must(err)
			s.sees(s.heading("Back and forth " + way.name))
			s.back()
			s.arrives("/access-profiles/new")
			if made := s.console.profiles(t, "Back and forth "+way.name); len(made) != 1 {
				t.Errorf("going back made %d profiles", len(made))
			}
		})
	}
}

func (s *screen) back() {
	s.t.Helper()
	_, err := s.GoBack()
	s.must(err)
}

// TestBulk ticks rows and applies actions to them.
func TestBulk(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			names := []string{"Bulk one " + way.name, "Bulk two " + way.name, "Bulk three " + way.name}
			for _, name := range names {
				s.console.create(t, strings.ReplaceAll(shared, "NAME", name))
			}
			s.to("/access-profiles?search=Bulk&sort=-name")
			for _, name := range names[:2] {
				s.must(s.role("checkbox", "Select "+name).Check())
			}
			s.fill("Tag to add", "swept")
			s.must(s.field("Tag to add").Press("Enter"))
			s.sees(s.GetByRole("status").First())
			for i, name := range names {
				tags := s.console.profile(t, name)["tags"].([]any)
				if swept := len(tags) == 2 && tags[1] == "swept"; swept != (i < 2) {
					t.Errorf("%s is tagged %v", name, tags)
				}
			}
		})
	}
}
