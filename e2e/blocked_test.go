package e2e

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestNewlyBlockedComeFirst previews a propagation that blocks some users: they are listed before users who are blocked
// already.
func TestNewlyBlockedComeFirst(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	profile := s.console.create(t, strings.ReplaceAll(daily, "NAME", "Tightening"))
	crew := s.console.crew(t, "Tightened", 3)
	s.console.attach(t, profile, crew)
	for person, dollars := range map[string]string{"Tightened 1": "25", "Tightened 2": "12", "Tightened 3": "1"} {
		s.console.spend(t, at("users", person, "")(t, s.console), uuid.NewString(), dollars)
	}

	s.console.change(t, profile, `{"budgets": [{"max_limit": 10, "reset_duration": "1d"}]}`)
	s.to(profile + "/propagate")
	preview(s)
	s.sees(s.heading("1 holder is blocked the moment it applies"))
	s.blocked("Tightened 2", "not blocked", "Tightened 1", "blocked already")

	s.console.change(t, profile, `{"budgets": [{"max_limit": 15, "reset_duration": "1d"}]}`)
	s.to(profile + "/propagate")
	preview(s)
	s.sees(s.heading("Blocked already"))
	s.blocked("Tightened 1", "blocked already")
}

// blocked checks the users in the table of those over a limit, each with their present state.
func (s *screen) blocked(people ...string) {
	s.t.Helper()
	rows := s.role("table", "Holders who have used up a limit that is pushed").GetByRole("row")
	s.must(expect(rows).ToHaveCount(1 + len(people)/2))
	for i := 0; i < len(people); i += 2 {
		row := rows.Nth(1 + i/2)
		s.must(expect(row.GetByRole("link", buttonNamed(people[i]))).ToBeVisible())
		s.must(expect(row.GetByRole("cell").Last()).ToHaveText(people[i+1]))
	}
}

// TestAssignedProfileLinksToItsHolders follows the link from a deletion that is not possible to the copies that prevent
// it, and back to the deletion.
func TestAssignedProfileLinksToItsHolders(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.console.spender(t, "Holly Holds")
	const profile = "Spending of Holly Holds"
	s.to(at("access-profiles", profile, "/delete")(t, s.console))
	s.sees(s.text("1 user holds a copy, so it cannot be deleted: detach them first."))
	s.gone(s.button("Delete " + profile))
	s.click(s.link("Users of " + profile))
	s.arrives(`/access-profiles/\d+/users`)
	s.tickRows(1)
	s.click(s.button("Detach…"))
	s.click(s.button("Detach from 1 user"))
	s.to(at("access-profiles", profile, "/delete")(t, s.console))
	s.click(s.button("Delete " + profile))
	s.sees(s.text("The profile was deleted."))
}
