package e2e

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

const shared = `{"name": "NAME", "description": "As it was.", "tags": ["first"],
	"provider_configs": [{"provider_name": "openai", "allowed_models": ["gpt-5"], "budgets": [{"max_limit": 20, "reset_duration": "1d"}]}],
	"budgets": [{"max_limit": 900, "reset_duration": "1M"}]}`

// TestStaleEdit edits a profile in two tabs. The second is shown the first's changes, chooses field by field, and
// nothing is lost.
func TestStaleEdit(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			first := open(t, visit{plain: way.plain})
			second := first.newTab()
			path := first.console.create(t, strings.ReplaceAll(shared, "NAME", "Stale "+way.name))
			first.to(path + "/edit")
			second.to(path + "/edit")

			first.fill("Description optional", "The first tab's words.")
			first.fill("Tags optional", "theirs")
			first.click(first.button("Save"))
			first.sees(first.text("Stale " + way.name + " was saved as version 2."))

			second.fill("Name", "Stale no more "+way.name)
			second.fill("Tags optional", "mine")
			second.fill("Amount of budget 1 for openai", "35")
			second.click(second.button("Save"))
			second.comparesVersions(way.name)
			if now := second.console.profile(t, "Stale "+way.name); now == nil || now["version"] != 2.0 {
				t.Errorf("the late save changed the profile: %v", now)
			}

			// Adding a row keeps the choices.
			second.must(second.side("Keep yours: Tags").Check())
			second.addBudget("", "5000", "per year")
			second.must(expect(second.side("Keep yours: Tags")).ToBeChecked())
			second.must(expect(second.side("Take the saved one: Description")).ToBeChecked())
			second.must(second.side("Take the saved one: Tags").Check())
			second.click(second.button("Save"))
			second.sees(second.text("Stale no more " + way.name + " was saved as version 3."))
			second.sees(second.text("The first tab's words."))
			second.sees(second.link("theirs"))
			second.gone(second.link("mine"))
			second.sees(second.text("On openai they may spend at most $35.00 a day."))
			second.sees(second.text("Overall they may spend at most $900.00 a month and $5,000.00 a year."))
		})
	}
}

func (s *screen) side(name string) playwright.Locator { return s.role("radio", name) }

// comparesVersions checks both versions side by side: a field that only one changed is already chosen.
func (s *screen) comparesVersions(name string) {
	s.t.Helper()
	s.focused(s.Locator("#problems"))
	table := s.role("table", "Fields that differ")
	for _, row := range []struct{ field, who, yours, saved, chosen string }{
		{"Name", "you changed it", "no more", "Stale " + name, "Keep yours"},
		{"Description", "they changed it", "As it was.", "The first tab's words.", "Take the saved one"},
		{"Tags", "you both changed it", "mine", "theirs", "Keep yours"},
		{"Providers", "you changed it", "$35.00 / day", "$20.00 / day", "Keep yours"},
	} {
		line := table.GetByRole("row").Filter(playwright.LocatorFilterOptions{
			Has: s.GetByRole("rowheader", playwright.PageGetByRoleOptions{Name: row.field + " " + row.who}),
		})
		s.says(line.GetByRole("cell").Nth(0), row.yours)
		s.says(line.GetByRole("cell").Nth(1), row.saved)
		s.must(expect(s.side(row.chosen + ": " + row.field)).ToBeChecked())
	}
	s.must(expect(table.GetByRole("row")).ToHaveCount(5))
}
