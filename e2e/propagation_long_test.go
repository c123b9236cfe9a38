package e2e

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestLongPropagation propagates to more holders than a request waits for. The page shows progress, may be left, and
// ends with the result.
func TestLongPropagation(t *testing.T) {
	t.Parallel()
	c, err := company()
	if err != nil {
		t.Fatal(err)
	}
	crew := c.crew(t, "Long crew", 250)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			name := "Held by many " + way.name
			path := c.create(t, strings.ReplaceAll(daily, "NAME", name))
			c.attach(t, path, crew)
			c.change(t, path, `{"budgets": [{"max_limit": 10, "reset_duration": "1d"}]}`)
			goOn := c.lockCopies(t, path)

			s.to(path + "/propagate")
			s.click(s.button("Preview"))
			s.sees(s.heading("250 holders change"))
			s.click(s.text("Who they are"))
			s.sees(s.text("and 150 more"))
			s.click(s.button("Apply to 250 holders"))
			s.arrives(path + `/propagate/\d+`)
			job := s.URL()
			s.sees(s.text("Pushing version 2. You may leave this page: it goes on, and this address shows how far it is."))
			s.to(path + "/propagate")
			s.click(s.link("One is running now"))
			s.must(playwright.NewPlaywrightAssertions(patience).Page(s.Page).ToHaveURL(job))
			if way.plain {
				goOn()
			} else {
				s.watchesItRun(goOn)
			}
			result := "250 holders of " + name + " have the providers, overall budgets, overall rate limit, tool groups, MCP servers and single tools of version 2."
			s.must(playwright.NewPlaywrightAssertions(lease).Locator(s.text(result)).ToBeVisible())
			s.gone(s.GetByText("Pushing version 2."))
			s.click(s.link("Holders of " + name))
			s.sees(s.text("1–25 of 250 holders"))
			s.click(s.link("Behind"))
			s.sees(s.text("No holder matches."))
		})
	}
}

// lease is longer than a worker that has failed keeps its work, in milliseconds.
const lease = 60_000

// watchesItRun looks at the page while its polls are blocked, and then lets it update itself without a reload.
func (s *screen) watchesItRun(goOn func()) {
	s.t.Helper()
	looked := make(chan bool)
	s.must(s.Route("**/propagate/*", func(route playwright.Route) {
		<-looked
		route.Continue()
	}))
	s.sees(s.GetByText("Pushing version 2.").First())
	s.says(s.Locator("#propagation"), "0 of 250 holders")
	goOn()
	s.inspect("propagation-running")
	loads := s.countLoads()
	close(looked)
	s.must(playwright.NewPlaywrightAssertions(lease).Locator(s.link("Holders of Held by many with JavaScript")).ToBeVisible())
	if *loads != 0 {
		s.t.Errorf("%d pages were loaded", *loads)
	}
}
