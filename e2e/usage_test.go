package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestUsedUp follows a budget that is used up: the user's page, the denied call, the override, the report and its
// exports.
func TestUsedUp(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			person := "Spent out " + way.name
			home, _ := s.console.spender(t, person)
			s.spends(home, "12.50", "$12.50 of $20.00 / day")
			s.gone(s.text("Used up"))
			s.spends(home, "7.50", "$20.00 of $20.00 / day")
			s.sees(s.text("Used up"))

			s.isRefused(person)
			s.raises(home, person)
			s.isAllowed(home, person)
			s.reportShows(home, person)
			s.holderSees(home, person)
		})
	}
}

// spends reports a call twice, like a gateway that got no answer: it counts once.
func (s *screen) spends(home, dollars, used string) {
	s.t.Helper()
	event := uuid.NewString()
	same(s.t, "first report", s.console.spend(s.t, home, event, dollars), "counted")
	same(s.t, "repeated report", s.console.spend(s.t, home, event, dollars), "duplicate")
	s.to(home)
	s.sees(s.GetByText(used))
}

// isRefused follows a denied call to the profile that sets the limit.
func (s *screen) isRefused(person string) {
	s.t.Helper()
	s.click(s.link("Try it"))
	s.sees(s.heading("What may " + person + " call?"))
	s.tries("openai/gpt-5", "Refused with 402")
	s.says(s.GetByRole("status"), "Used up: $20.00 / day overall.")
	s.says(s.GetByRole("status"), "$20.00 of $20.00")
	s.says(s.GetByRole("status"), "It is set in Spending of "+person)
	s.holds("Model", "openai/gpt-5")
	s.triesTool("github", "create_issue", "Refused with 402")
	s.click(s.link("Spending of " + person))
	s.arrives(`/access-profiles/\d+`)
	s.sees(s.text("Overall they may spend at most $20.00 a day."))
	_, err := s.GoBack()
	s.must(err)
	s.click(s.link(person + " holds it"))
	s.arrives(`/users/[0-9a-f-]+`)
}

func (s *screen) raises(home, person string) {
	s.t.Helper()
	s.click(s.link("Raise Overall, $20.00 / day of Spending of " + person))
	s.fill("Add", "10")
	s.tick("For good")
	s.click(s.button("Raise the limit"))
	s.arrives(home)
	s.sees(s.GetByText("$20.00 of $30.00 / day"))
	s.gone(s.text("Used up"))
}

func (s *screen) isAllowed(home, person string) {
	s.t.Helper()
	s.to(home + "/try")
	s.tries("openai/gpt-5", "Allowed")
	s.says(s.GetByRole("status"), "It is paid by Spending of "+person)
	s.says(s.GetByRole("status"), "$20.00 of $30.00")
	s.triesTool("github", "create_issue", "Allowed")
	s.tries("openai/o3", "Refused with 403")
	s.says(s.GetByRole("status"), "The model o3 is not in Spending of "+person+".")
	s.tries("anthropic/claude-sonnet-4-5", "Refused with 403")
	s.says(s.GetByRole("status"), "The provider anthropic is not in Spending of "+person+".")
}

// reportShows narrows the report of all users to one, and exports what it shows.
func (s *screen) reportShows(home, person string) {
	s.t.Helper()
	of := s.role("table", "Usage by profile").GetByRole("link", buttonNamed("Spending of "+person))
	for offset := 0; ; offset += 25 { // other tests spend more
		s.to("/usage?group_by=profile&offset=" + strconv.Itoa(offset))
		n, err := of.Count()
		s.must(err)
		if n > 0 {
			break
		}
		if offset > 500 {
			s.t.Fatal("the profile is on no page of the report")
		}
	}
	s.click(of)
	s.click(s.role("navigation", "Group by").GetByRole("link", buttonNamed("User")))
	s.click(s.role("table", "Usage by user").GetByRole("link", buttonNamed(person)))
	chip := s.role("form", "Choose days").GetByRole("link", buttonNamed(person))
	s.must(expect(chip).ToHaveAttribute("aria-current", "true"))
	s.click(s.role("navigation", "Group by").GetByRole("link", buttonNamed("Model")))
	row := s.role("table", "Usage by model").GetByRole("row").Nth(1)
	s.must(expect(row.GetByRole("rowheader")).ToHaveText("openai/gpt-5"))
	for i, cell := range []string{"$20.00", "100 %", "200,000", "2"} {
		s.must(expect(row.GetByRole("cell").Nth(i)).ToHaveText(cell))
	}
	near := s.role("table", "Budgets nearest to their limit, in the window under way").GetByRole("row")
	s.must(expect(near).ToHaveCount(2))
	s.says(near.Nth(1), person)
	s.says(near.Nth(1), "$20.00 of $30.00 / day")
	same(s.t, "CSV", s.exported("CSV"), "\ufeffmodel,name,cost_usd,tokens,requests,unpriced_events\nopenai/gpt-5,openai/gpt-5,20,200000,2,0\n")
	focus := strings.Split(s.exported("FOCUS columns"), "\n")
	if len(focus) != 3 || !strings.HasPrefix(focus[1], "20,20,20,20,USD,") || !strings.Contains(focus[1], person) {
		s.t.Errorf("FOCUS: %q", focus)
	}
	s.click(chip)
	s.gone(chip)
	s.to("/usage?user_id=" + strings.TrimPrefix(home, "/users/"))
	s.sees(s.link("openai"))
}

// exported is the table behind a link.
func (s *screen) exported(link string) string {
	s.t.Helper()
	href, err := s.link(link).GetAttribute("href")
	s.must(err)
	answer, err := s.context.Request().Get(s.console.url + href)
	s.must(err)
	same(s.t, "type of "+link, answer.Headers()["content-type"], "text/csv; charset=utf-8")
	text, err := answer.Text()
	s.must(err)
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// holderSees reads what is left, as the user themselves.
func (s *screen) holderSees(home, person string) {
	s.t.Helper()
	holder := open(s.t, visit{out: true, plain: !s.scripted()})
	holder.becomes(home)
	holder.to("/quota")
	holder.arrives("/me")
	holder.sees(holder.heading("Spending of " + person))
	holder.sees(holder.GetByText("$10.00 left of $30.00 / day"))
}
