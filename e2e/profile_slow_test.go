package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestTypingOutlivesSlowAnswers keeps typing while the console still answers for what was typed before.
func TestTypingOutlivesSlowAnswers(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	asked, release := make(chan bool, 10), make(chan bool)
	s.to("/access-profiles/new")
	s.must(s.Route("**/access-profiles", func(route playwright.Route) {
		asked <- true
		<-release
		route.Continue()
	}))
	s.fill("Name", "Slow road")
	s.press("Tab") // requests the review
	s.write("Early words")
	<-asked
	s.write(" and late ones.")
	s.next("Tags optional", "one")
	s.tick("Align windows to the calendar")
	s.must(s.field("Tags optional").Focus())
	s.press("End")
	s.write(", two")
	close(release)
	s.says(s.Locator("#review"), "Anyone holding Slow road")
	<-asked // once more, for the newer text
	s.holds("Description optional", "Early words and late ones.")
	s.holds("Tags optional", "one, two")
	s.must(expect(s.field("Align windows to the calendar")).ToBeChecked())
	s.focused(s.field("Tags optional"))

	s.press("Enter")
	s.sees(s.text("Slow road was created."))
	s.sees(s.text("Early words and late ones."))
	s.sees(s.link("two"))
}
