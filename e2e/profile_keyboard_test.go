package e2e

import (
	"testing"

	"github.com/playwright-community/playwright-go"
)

func TestProfileByKeyboard(t *testing.T) {
	t.Parallel()
	s := open(t, visit{out: true})
	s.signInByKeyboard()
	s.goes("/providers", "g", "m")
	s.goes("/access-profiles", "g", "p")
	s.press("?")
	s.sees(s.role("dialog", "Keyboard shortcuts"))
	s.press("Escape")
	s.must(expect(s.Locator("dialog[open]")).ToHaveCount(0))
	s.press("n")
	s.arrives("/access-profiles/new")

	s.focused(s.field("Name"))
	s.write("Keyboard crew")
	s.next("Description optional", "Nobody here has a mouse.")
	s.next("Tags optional", "keyboard, nested")
	s.addAnthropicByKeyboard()
	s.addOpenAIByKeyboard()
	s.setLimitsByKeyboard()
	s.grantToolsByKeyboard()
	s.refusedByKeyboard()

	s.tabBack(s.field("Overall requests"))
	s.press("Enter")
	s.arrives(`/access-profiles/\d+`)
	s.sees(s.text("Keyboard crew was created."))
	s.readsBackWhole()
	s.changeByKeyboard()
	s.copyAndDeleteByKeyboard()
}

func (s *screen) signInByKeyboard() {
	s.t.Helper()
	s.to("/login")
	s.focused(s.field("Email"))
	s.write(admin)
	s.next("Password", password)
	s.press("Enter")
	s.arrives("/access-profiles")
}

// card is the part of the editor for one provider.
func (s *screen) card(provider string) playwright.Locator { return s.role("group", provider) }

// models are the checkboxes of the models that a card offers.
func (s *screen) models(provider string) playwright.Locator {
	return s.card(provider).GetByRole("list", playwright.LocatorGetByRoleOptions{Name: "Models of " + provider}).GetByRole("checkbox")
}

func (s *screen) addProviderByKeyboard(name string) {
	s.t.Helper()
	s.tabTo(s.field("Provider to add"))
	s.pick("Provider to add", name)
	s.enter(s.button("Add provider"))
	s.focused(s.card(name).GetByLabel("Provider", playwright.LocatorGetByLabelOptions{Exact: playwright.Bool(true)}))
}

func (s *screen) addAnthropicByKeyboard() {
	s.t.Helper()
	s.addProviderByKeyboard("anthropic")
	s.press("Tab")
	s.press("ArrowUp")
	s.must(expect(s.card("anthropic").GetByLabel("Every model, including future models")).ToBeChecked())
	s.enter(s.button("Add a budget for anthropic"))
	s.focused(s.field("Amount of budget 1 for anthropic"))
	s.write("50")
	s.nextPick("Budget 1 for anthropic resets", "per day")
	s.enter(s.button("Add a budget for anthropic"))
	s.focused(s.field("Amount of budget 2 for anthropic"))
	s.write("1200.5")
	s.nextPick("Budget 2 for anthropic resets", "per quarter")
	s.sees(s.field("First month of the quarters of budget 2 for anthropic"))
	s.nextPick("First month of the quarters of budget 2 for anthropic", "from February")
	s.holds("Amount of budget 1 for anthropic", "50")

	// Adding and removing a third limit returns the focus to the section and renames no other limit.
	s.enter(s.button("Add a budget for anthropic"))
	s.focused(s.field("Amount of budget 3 for anthropic"))
	s.tabBack(s.button("Remove budget 1 for anthropic"))
	s.press("Enter")
	s.gone(s.field("Amount of budget 3 for anthropic"))
	s.holds("Amount of budget 1 for anthropic", "1200.5")
	s.tabTo(s.field("Amount of budget 2 for anthropic"))
	s.write("50")
	s.nextPick("Budget 2 for anthropic resets", "per day")

	s.tabTo(s.field("Requests for anthropic"))
	s.write("600")
	s.nextPick("Requests for anthropic reset", "per hour")
	s.next("Tokens for anthropic", "2000000")
	s.nextPick("Tokens for anthropic reset", "per day")
}

func (s *screen) addOpenAIByKeyboard() {
	s.t.Helper()
	s.addProviderByKeyboard("openai")
	s.tabTo(s.field("Filter models of openai"))
	s.write("gpt-5")
	s.sees(s.text("4 matching, 0 of 18"))
	s.must(expect(s.models("openai")).ToHaveCount(4))
	for _, model := range []string{"gpt-5", "gpt-5-mini", "gpt-5-codex"} {
		s.tabTo(s.role("checkbox", model))
		s.press("Space")
	}
	s.sees(s.text("4 matching, 3 of 18"))
	s.tabBack(s.field("Filter models of openai"))
	s.press("Enter") // must not send the form
	s.press("Escape")
	s.sees(s.text("3 of 18"))
	s.must(expect(s.models("openai")).ToHaveCount(18))
}

func (s *screen) setLimitsByKeyboard() {
	s.t.Helper()
	s.enter(s.button("Add an overall budget"))
	s.focused(s.field("Amount of overall budget 1"))
	s.write("900")
	s.nextPick("Overall budget 1 resets", "per month")
	s.tabTo(s.field("Overall requests"))
	s.write("1200")
	s.nextPick("Overall requests reset", "per hour")
	s.tabTo(s.field("Align windows to the calendar"))
	s.press("Space")
	s.sees(s.text("Windows follow the calendar in UTC; an hour runs from when a holder got the profile."))
}

const conflict = "All tools of github are granted, so none can be excluded. Untick the server and include the tools wanted, or remove this row."

// grantToolsByKeyboard creates a contradiction between a whole server and an excluded tool, sees it beside its row, and
// resolves it.
func (s *screen) grantToolsByKeyboard() {
	s.t.Helper()
	s.tabTo(s.field("Code review"))
	s.press("Space")
	s.tabTo(s.field("github"))
	s.press("Space")
	s.enter(s.button("Include or exclude a tool"))
	s.focused(s.field("Server of tool 1"))
	s.pick("Server of tool 1", "github")
	s.next("Tool 1", "merge_pull_request")
	s.nextPick("Include or exclude tool 1", "exclude")
	s.must(expect(s.field("Include or exclude tool 1")).ToHaveAccessibleDescription(conflict))
	s.must(expect(s.field("Include or exclude tool 1")).ToHaveAttribute("aria-invalid", "true"))
	s.focused(s.field("Include or exclude tool 1"))

	s.tabBack(s.field("github"))
	s.press("Space")
	s.tabBack(s.field("filesystem"))
	s.press("Space")
	s.gone(s.text(conflict))
	s.says(s.Locator("#review"), "Anyone holding Keyboard crew may call every model of anthropic and 3 models of openai.")
	s.says(s.Locator("#review"), "MCP: may use the tools of Code review and every tool of filesystem, but not github/merge_pull_request.")
}

// refusedByKeyboard saves with mistakes, follows the summary to them, and fixes them.
func (s *screen) refusedByKeyboard() {
	s.t.Helper()
	s.tabBack(s.field("Overall requests"))
	s.write("many")
	s.tabBack(s.field("Amount of overall budget 1"))
	s.write("-5")
	s.press("Enter")
	summary := s.Locator("#problems")
	s.focused(summary)
	s.arrives("/access-profiles/new")
	s.must(expect(summary.GetByRole("link")).ToHaveCount(2))
	s.tabTo(summary.GetByRole("link").First())
	s.press("Enter")
	s.focused(s.field("Amount of overall budget 1"))
	for i, right := range []struct{ label, value string }{{"Amount of overall budget 1", "900"}, {"Overall requests", "1200"}} {
		s.must(expect(s.field(right.label)).ToHaveAttribute("aria-invalid", "true"))
		s.press("ControlOrMeta+A")
		s.write(right.value)
		s.press("Tab")
		s.must(expect(summary.GetByRole("link")).ToHaveCount(1 - i))
		if i == 0 {
			s.tabTo(s.field("Overall requests"))
		}
	}
	s.holds("Description optional", "Nobody here has a mouse.")
	s.holds("Amount of budget 1 for anthropic", "1200.5")
	s.holds("Tool 1", "merge_pull_request")
}

// readsBackWhole checks that the page shows all that was typed.
func (s *screen) readsBackWhole() {
	s.t.Helper()
	for _, said := range []string{
		"Anyone holding Keyboard crew may call every model of anthropic and 3 models of openai.",
		"Overall they may spend at most $900.00 a month.",
		"Overall they may send at most 1,200 requests an hour.",
		"On anthropic they may spend at most $1,200.50 a quarter (quarters from February) and $50.00 a day.",
		"To anthropic they may send at most 600 requests an hour and 2,000,000 tokens a day.",
		"Windows follow the calendar in UTC; an hour runs from when a holder got the profile.",
		"MCP: may use the tools of Code review and every tool of filesystem, but not github/merge_pull_request.",
		"Nobody here has a mouse.",
	} {
		s.sees(s.text(said))
	}
	s.sees(s.link("nested"))
}

func (s *screen) changeByKeyboard() {
	s.t.Helper()
	s.goes("/access-profiles", "g", "p")
	s.press("/")
	s.focused(s.field("Search profiles"))
	s.write("keyboard cr")
	s.press("Enter")
	s.arrives(`/access-profiles\?search=keyboard\+cr`)
	s.enter(s.link("Keyboard crew"))
	s.arrives(`/access-profiles/\d+`)
	s.sees(s.heading("Keyboard crew"))
	s.press("e")
	s.arrives(`/access-profiles/\d+/edit`)
	s.tabTo(s.field("Description optional"))
	s.press("ControlOrMeta+End")
	s.write(" Not one.")
	s.next("Tags optional", ", changed")
	s.tabBack(s.button("Save"))
	s.press("Enter")
	s.arrives(`/access-profiles/\d+`)
	s.sees(s.text("Keyboard crew was saved as version 2."))
	s.sees(s.text("Nobody here has a mouse. Not one."))
}

func (s *screen) copyAndDeleteByKeyboard() {
	s.t.Helper()
	more := s.GetByLabel("More actions")
	s.enter(more)
	s.press("Escape")
	s.focused(more)
	s.press("Enter")
	s.enter(s.link("Duplicate"))
	s.arrives(`/access-profiles/\d+/clone`)
	s.holds("Name", "Keyboard crew copy")
	s.tabTo(s.field("Name"))
	s.press("Enter")
	s.sees(s.text("Keyboard crew copy was created as a copy."))
	s.sees(s.text("On anthropic they may spend at most $1,200.50 a quarter (quarters from February) and $50.00 a day."))

	s.enter(s.GetByLabel("More actions"))
	s.enter(s.button("Archive"))
	s.sees(s.text("Archived").First())
	s.enter(s.GetByLabel("More actions"))
	s.enter(s.link("Delete…"))
	s.sees(s.heading("Delete Keyboard crew copy?"))
	s.enter(s.button("Delete Keyboard crew copy"))
	s.arrives("/access-profiles")
	s.sees(s.text("The profile was deleted."))
	s.sees(s.link("Keyboard crew"))
	s.gone(s.link("Keyboard crew copy"))
}
