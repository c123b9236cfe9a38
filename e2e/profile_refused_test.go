package e2e

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestNothingTypedIsLost saves a form full of oddities and mistakes: it comes back as it was sent, with every mistake
// named and linked.
func TestNothingTypedIsLost(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			s.to("/access-profiles/new")
			s.fill("Description optional", "\n  <b>\"quoted\"</b> & more  ")
			s.fill("Tags optional", "one, two, ")
			s.addProvider("openai")
			s.must(s.card("openai").GetByLabel("o3", exactly).Check())
			s.must(s.card("openai").GetByLabel("Other models optional").Fill("unheard-of\nand-another"))
			s.addBudget("openai", "1e3 dollars", "per week")
			s.addBudget("", "-0.5", "per …")
			s.fill("Overall tokens", "12 000 000 000 000 000 000 000")
			s.click(s.button("Include or exclude a tool"))
			s.focused(s.field("Server of tool 1"))
			s.fill("Tool 1", "no such tool")
			before := s.entries()
			s.click(s.button("Create profile"))
			s.focused(s.Locator("#problems"))
			s.must(playwright.NewPlaywrightAssertions(patience).Page(s.Page).ToHaveTitle("Error: New profile – Tollgate"))
			same(t, "the form after it was refused", s.entries(), before)
			s.linksLeadToFields()

			s.sees(s.Locator("#problems a[href='#name']"))
			s.fill("Name", "Refused "+way.name)
			s.click(s.button("Create profile"))
			s.gone(s.Locator("#problems a[href='#name']"))
			s.focused(s.Locator("#problems"))
			s.holds("Name", "Refused "+way.name)
		})
	}
}

// entries are what the form would send, without the console's own hidden fields.
func (s *screen) entries() string {
	s.t.Helper()
	sent, err := s.Locator("#profile-form").Evaluate(`form => [...new FormData(form)]
		.filter(([name]) => !["checked", "new_provider"].includes(name)).map(([name, value]) => name + " = " + JSON.stringify(value)).join("\n")`, nil)
	s.must(err)
	return sent.(string)
}

// linksLeadToFields follows every link of the summary: each leads to an input, or to the group around it, that is
// described by the problem.
func (s *screen) linksLeadToFields() {
	s.t.Helper()
	links := s.Locator("#problems").GetByRole("link")
	count, err := links.Count()
	s.must(err)
	if items, err := s.Locator("#problems li").Count(); err != nil || count != items || count < 6 {
		s.t.Errorf("%d of %d problems are linked", count, items)
	}
	for i := range count {
		words, err := links.Nth(i).TextContent()
		s.must(err)
		href, err := links.Nth(i).GetAttribute("href")
		s.must(err)
		target := s.Locator("[id=" + strconv.Quote(href[1:]) + "]")
		s.must(expect(target).ToHaveCount(1))
		s.click(links.Nth(i))
		if tag, err := target.Evaluate("e => e.localName", nil); err == nil && (tag == "input" || tag == "select" || tag == "textarea") {
			s.focused(target)
			s.must(expect(target).ToHaveAttribute("aria-invalid", "true"))
			s.must(expect(target).ToHaveAccessibleDescription(wordsIn(words)))
		} else {
			s.says(target, words)
		}
	}
}

func wordsIn(words string) *regexp.Regexp { return regexp.MustCompile(regexp.QuoteMeta(words)) }

// TestDoubleClickSavesOnce double-clicks as fast as possible.
func TestDoubleClickSavesOnce(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.to("/access-profiles/new")
	s.fill("Name", "Impatience")
	s.must(s.button("Create profile").Dblclick())
	s.arrives(`/access-profiles/\d+`)
	s.sees(s.text("Impatience was created."))
	if made := s.console.profiles(t, "Impatience"); len(made) != 1 {
		t.Errorf("%d profiles were made", len(made))
	}
}

// A link to a whole section, which takes no focus by itself, brings the focus there.
func TestSummaryLeadsToSections(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.to("/access-profiles/new")
	s.click(s.button("Create profile"))
	link := s.Locator("#problems a").First()
	_, err := link.Evaluate("link => link.setAttribute('href', '#mcp')", nil)
	s.must(err)
	s.click(link)
	s.focused(s.Locator("#mcp"))
}
