package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestSaveThatDoesNotArrive loses the connection and gets errors instead of answers: the console says so where the form
// was sent from, keeps everything typed, and sends it again.
func TestSaveThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.to("/access-profiles/new")
	s.fill("Name", "Delivered late")
	s.must(s.context.SetOffline(true))
	s.click(s.button("Create profile"))
	alert := s.Locator(".save-bar").GetByRole("alert")
	s.says(alert, "Not saved. Everything you typed is still here. The console did not answer. Request ")
	s.holds("Name", "Delivered late")
	id, err := alert.Locator("code").TextContent()
	s.must(err)
	if len(id) != 24 {
		t.Errorf("the request is called %q", id)
	}
	s.must(s.context.SetOffline(false))

	answers := []playwright.RouteFulfillOptions{
		{
			Status: playwright.Int(503), ContentType: playwright.String("text/html"), Headers: map[string]string{"X-Request-Id": "of-the-answer"},
			Body: `<main><p class="error-message">The database is unavailable.</p></main>`,
		},
		{Status: playwright.Int(502), Body: "bad gateway"},
		{Status: playwright.Int(413), Headers: map[string]string{"HX-Reswap": "none"}, Body: "too large"},
	}
	s.must(s.Route("**/access-profiles", func(route playwright.Route) {
		if len(answers) == 0 {
			route.Continue()
			return
		}
		route.Fulfill(answers[0])
		answers = answers[1:]
	}))
	again := alert.GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Try again"})
	s.click(again)
	s.says(alert, "The database is unavailable. Request of-the-answer")
	s.click(again)
	s.says(alert, "The console could not answer.")
	s.press("Control+Enter")
	s.must(expect(s.Locator(".undelivered")).ToHaveCount(1))
	s.inspect("undelivered")
	s.holds("Name", "Delivered late")
	s.click(again)
	s.sees(s.text("Delivered late was created."))

	s.loaded() // what searches is there
	s.must(s.context.SetOffline(true))
	s.fill("Search", "anything")
	s.says(s.Locator("#undelivered").GetByRole("alert"), "Not searched. The console did not answer.")
	s.must(s.context.SetOffline(false))
	s.click(s.button("Try again"))
	s.gone(s.Locator(".undelivered"))
}

// TestSaveThatIsNotAnswered gives up after a while, says that nothing was saved, and saves when asked again.
func TestSaveThatIsNotAnswered(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.to("/access-profiles/new")
	s.fill("Name", "Answered late")
	_, err := s.Evaluate("() => { htmx.config.defaultTimeout = 500 }")
	s.must(err)
	s.must(s.Route("**/access-profiles", func(playwright.Route) {}))
	s.click(s.button("Create profile"))
	s.says(s.Locator(".save-bar").GetByRole("alert"), "Not saved. Everything you typed is still here. The console did not answer. Request ")
	s.holds("Name", "Answered late")
	s.must(s.Unroute("**/access-profiles"))
	_, err = s.Evaluate("() => { htmx.config.defaultTimeout = 30000 }")
	s.must(err)
	s.click(s.button("Try again"))
	s.sees(s.text("Answered late was created."))
}
