package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestAssignToRole assigns a profile to every member of a role, changes it, propagates the change after a preview, and
// detaches it.
func TestAssignToRole(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			members := map[bool]int{false: 25, true: 3}[way.plain]
			s := open(t, visit{plain: way.plain})
			name, role := "Handed out "+way.name, "Crew "+way.name
			s.console.crew(t, role, members)

			s.to("/access-profiles/new")
			s.fill("Name", name)
			s.addProvider("openai")
			s.must(s.card("openai").GetByLabel("gpt-5", exactly).Check())
			s.addBudget("", "900", "per month")
			s.click(s.button("Create profile"))
			s.sees(s.text(name + " was created."))
			s.attachesToRole(name, role, members)
			s.holdersHave(name, members, "current", "$0.00 of $900.00 / month")

			s.propagatesLess(name, role, members)
			s.holdersHave(name, members, "current", "$0.00 of $700.00 / month")
			s.restoresFirstVersion(name)
			s.holdersHave(name, members, "1 behind", "$0.00 of $700.00 / month")
			s.click(s.link("Behind"))
			s.sees(s.text(fmt.Sprintf("1–%d of %d holders", members, members)))
			s.auditSays(name, "restored an earlier version of "+name, "pushed version 2 of "+name, "changed the ", "attached "+name+" to the role "+role)

			s.joinsRole("Newest of "+role, role)
			s.sees(s.heading(name))
			s.sees(s.GetByText("$0.00 of $900.00 / month"))
			s.tab(name, fmt.Sprintf("Users %d", members+1))
			s.fill("Search holders", "newest")
			s.must(s.field("Search holders").Press("Enter"))
			s.sees(s.text("1–1 of 1 holder"))
			s.sees(s.link("Newest of " + role))
		})
	}
}

// tab goes from any page to a tab of a profile.
func (s *screen) tab(profile, tab string) {
	s.t.Helper()
	s.to(at("access-profiles", profile, "")(s.t, s.console))
	s.click(s.role("navigation", profile).GetByRole("link", playwright.LocatorGetByRoleOptions{Name: tab, Exact: playwright.Bool(true)}))
}

func (s *screen) attachesToRole(profile, role string, members int) {
	s.t.Helper()
	s.tab(profile, "Roles 0")
	s.tick(role)
	s.tick("Default")
	s.tick("Apply to existing members")
	s.click(s.button("Attach"))
	s.sees(s.text(fmt.Sprintf("%s assigns %s now, and new members get it. %d users got a copy. %d users have no key yet. A key is made on the user's page.",
		role, profile, members, members)))
	row := s.role("table", "Roles that assign "+profile).GetByRole("row").Nth(1)
	for i, cell := range []string{"all users who gain the role", fmt.Sprint(members), fmt.Sprint(members)} {
		s.must(expect(row.GetByRole("cell").Nth(i)).ToContainText(cell))
	}
}

// holdersHave checks every holder's version and usage.
func (s *screen) holdersHave(profile string, holders int, version, used string) {
	s.t.Helper()
	s.tab(profile, fmt.Sprintf("Users %d", holders))
	rows := s.role("table", "Holders of "+profile).GetByRole("row")
	s.must(expect(rows).ToHaveCount(holders + 1))
	s.must(expect(rows.Filter(filterText(version))).ToHaveCount(holders))
	s.must(expect(rows.Filter(filterText(used))).ToHaveCount(holders))
}

// propagatesLess lowers the budget and propagates it.
func (s *screen) propagatesLess(profile, role string, members int) {
	s.t.Helper()
	s.click(s.link("Edit"))
	s.fill("Amount of overall budget 1", "700")
	s.click(s.button(fmt.Sprintf("Save and push to %d…", members)))
	s.arrives(`/access-profiles/\d+/propagate`)
	s.sees(s.text(profile + " has version 2 now."))
	s.click(s.button("Preview"))
	s.sees(s.heading(fmt.Sprintf("%d holders change", members)))
	s.lineDiffers("Overall budgets", "$900.00 / month", "$700.00 / month")
	s.must(expect(s.role("table", "Fields that differ").GetByRole("row")).ToHaveCount(2))
	for n := range members {
		s.sees(s.link(fmt.Sprintf("%s %d", role, n+1)))
	}
	s.click(s.button(fmt.Sprintf("Apply to %d holders", members)))
	s.arrives(`/access-profiles/\d+/propagate/\d+`)
	s.says(s.GetByRole("status"), fmt.Sprintf("%d holders of %s have the providers, overall budgets", members, profile))
	s.click(s.link("Holders of " + profile))
	s.arrives(`/access-profiles/\d+/users`)
}

func (s *screen) lineDiffers(field, before, after string) {
	s.t.Helper()
	row := s.role("table", "Fields that differ").GetByRole("row").Filter(playwright.LocatorFilterOptions{
		Has: s.role("rowheader", field),
	})
	s.must(expect(row.GetByRole("cell").First()).ToHaveText("removed: " + before))
	s.must(expect(row.GetByRole("cell").Last()).ToHaveText("added: " + after))
}

func (s *screen) restoresFirstVersion(profile string) {
	s.t.Helper()
	s.tab(profile, "Versions 2")
	s.click(s.button("Compare"))
	s.lineDiffers("Overall budgets", "$900.00 / month", "$700.00 / month")
	s.click(s.button("Restore version 1"))
	s.arrives(`/access-profiles/\d+`)
	s.sees(s.text("Overall they may spend at most $900.00 a month."))
}

// auditSays reads the newest rows of a profile's audit log.
func (s *screen) auditSays(profile string, changes ...string) {
	s.t.Helper()
	s.tab(profile, "Audit")
	rows := s.role("table", "Changes, newest first").Locator("> tbody > tr")
	for i, change := range changes {
		said := rows.Nth(i).GetByRole("cell")
		s.says(said, admin+" "+change)
		s.says(said, "by the console")
	}
}

// joinsRole creates a user with a role by the form.
func (s *screen) joinsRole(name, role string) {
	s.t.Helper()
	s.to("/users")
	s.click(s.link("New user"))
	s.fill("Name", name)
	s.fill("Email", strings.ReplaceAll(strings.ToLower(name), " ", ".")+"@example.com")
	s.choose("Role", role)
	s.click(s.button("Create user"))
	s.arrives(`/users/[0-9a-f-]+`)
	s.sees(s.text(name + " was added."))
	s.sees(s.text("No key yet. Make one for a program of theirs; its value is shown once."))
}
