package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// ways are how the console is used: enhanced, and without JavaScript.
var ways = []struct {
	name  string
	plain bool
}{{"with JavaScript", false}, {"without JavaScript", true}}

// contractors is what the form below is filled in with, as the API accepts it.
const contractors = `{
	"description": "Two lines\nof text & <signs>.", "tags": ["outside", "hired"], "calendar_aligned": true,
	"provider_configs": [
		{"provider_name": "anthropic", "all_models_allowed": true, "budgets": [
			{"max_limit": 50, "reset_duration": "1d"},
			{"max_limit": 1200.5, "reset_duration": "1Q", "reset_config": {"quarter_start_month": 2}}],
			"rate_limit": {"request_max_limit": 600, "request_reset_duration": "1h", "token_max_limit": 2000000, "token_reset_duration": "1d"}},
		{"provider_name": "openai", "allowed_models": ["gpt-5", "gpt-5-mini", "house-model"]}],
	"budgets": [{"max_limit": 900, "reset_duration": "1M"}],
	"rate_limit": {"request_max_limit": 1200, "request_reset_duration": "1h"},
	"mcp_tool_groups": [{"tool_group_id": 1}], "mcp_servers": [{"mcp_server_id": "filesystem"}],
	"mcp_tool_overrides": [{"mcp_client_id": "github", "tool_name": "merge_pull_request", "action": "exclude"}],
	"name": `

// TestProfileForm builds the same nested profile by the form, by the curl command that the form shows, and by the API.
func TestProfileForm(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			loads := s.countLoads()
			name := "Contractors' crew " + way.name
			s.to("/access-profiles/new")
			s.fillContractors(name)
			if want := map[bool]int{false: 1, true: 9}[way.plain]; *loads != want {
				t.Errorf("%d page loads, want %d", *loads, want)
			}
			request, body := s.shownCurl()
			s.fill("Name", name+" by form")
			s.click(s.button("Create profile"))
			s.arrives(`/access-profiles/\d+`)
			s.sees(s.text(name + " by form was created."))
			s.console.create(t, contractors+`"`+name+` by API"}`)

			if request != "POST "+s.console.url+"/api/access-profiles" {
				t.Errorf("the curl says %s", request)
			}
			status, answer := s.console.api(t, "POST", "/api/access-profiles", body)
			if status != http.StatusCreated {
				t.Fatalf("the curl's body is answered %d %s", status, answer)
			}
			want := policyOf(t, s.console.profile(t, name+" by API"))
			same(t, "by form", policyOf(t, s.console.profile(t, name+" by form")), want)
			same(t, "by curl", policyOf(t, s.console.profile(t, name)), want)
		})
	}
}

// countLoads counts the pages that this tab loads from now on.
func (s *screen) countLoads() *int {
	loads := 0
	s.OnRequest(func(r playwright.Request) {
		if r.IsNavigationRequest() {
			loads++
		}
	})
	return &loads
}

func (s *screen) addProvider(name string) {
	s.t.Helper()
	s.choose("Provider to add", name)
	s.click(s.button("Add provider"))
	s.focused(s.card(name).GetByLabel("Provider", playwright.LocatorGetByLabelOptions{Exact: playwright.Bool(true)}))
}

// unfold opens the card of a provider.
func (s *screen) unfold(provider string) {
	s.t.Helper()
	if details := s.card(provider).Locator("details"); !s.isOpen(details) {
		s.click(details.Locator("summary"))
	}
}

func (s *screen) isOpen(details playwright.Locator) bool {
	s.t.Helper()
	open, err := details.Evaluate("details => details.open", nil)
	s.must(err)
	return open == true
}

func (s *screen) addBudget(scope, amount, window string) {
	s.t.Helper()
	add, budget, provider := "Add an overall budget", `[Oo]verall budget \d+`, ""
	if scope != "" {
		add, budget, provider = "Add a budget for "+scope, `[Bb]udget \d+`, " for "+scope
		s.unfold(scope)
	}
	s.click(s.button(add))
	last := s.GetByRole("textbox", playwright.PageGetByRoleOptions{Name: regexp.MustCompile(`^Amount of ` + budget + provider + `$`)}).Last()
	s.focused(last)
	s.must(last.Fill(amount))
	last = s.GetByRole("combobox", playwright.PageGetByRoleOptions{Name: regexp.MustCompile(`^` + budget + provider + ` resets$`)}).Last()
	_, err := last.SelectOption(playwright.SelectOptionValues{Labels: &[]string{window}})
	s.must(err)
}

// fillContractors fills in the form without saving it.
func (s *screen) fillContractors(name string) {
	s.t.Helper()
	s.fill("Name", name)
	s.fill("Description optional", "Two lines\nof text & <signs>.")
	s.fill("Tags optional", "outside, hired")
	s.addProvider("anthropic")
	s.must(s.card("anthropic").GetByLabel("Every model, including future models").Check())
	s.addBudget("anthropic", "50", "per day")
	s.addBudget("anthropic", "1200.5", "per quarter")
	s.fill("Requests for anthropic", "600")
	s.choose("Requests for anthropic reset", "per hour")
	s.fill("Tokens for anthropic", "2000000")
	s.choose("Tokens for anthropic reset", "per day")
	s.addProvider("openai")
	s.choose("First month of the quarters of budget 2 for anthropic", "from February")
	s.must(s.card("openai").GetByLabel("gpt-5", exactly).Check())
	s.must(s.card("openai").GetByLabel("gpt-5-mini", exactly).Check())
	s.must(s.card("openai").GetByLabel("Other models optional").Fill("house-model"))
	s.addBudget("", "900", "per month")
	s.fill("Overall requests", "1200")
	s.choose("Overall requests reset", "per hour")
	s.tick("Align windows to the calendar")
	s.tick("Code review")
	s.tick("github")
	s.click(s.button("Include or exclude a tool"))
	s.focused(s.field("Server of tool 1"))
	s.choose("Server of tool 1", "github")
	s.fill("Tool 1", "merge_pull_request")
	s.choose("Include or exclude tool 1", "exclude")
	s.click(s.button("Check and update review"))
	s.must(expect(s.field("Include or exclude tool 1")).ToHaveAccessibleDescription(conflict))
	s.must(s.field("github").Uncheck())
	s.tick("filesystem")
	s.click(s.button("Check and update review"))
	s.gone(s.text(conflict))
}

var exactly = playwright.LocatorGetByLabelOptions{Exact: playwright.Bool(true)}

// shownCurl is the request and the body of the command under View as JSON; with JavaScript it is copied by its button.
func (s *screen) shownCurl() (request, body string) {
	s.t.Helper()
	s.click(s.text("View as JSON"))
	line, err := s.Locator("#curl-line").TextContent()
	s.must(err)
	if s.scripted() {
		s.copies(s.button("Copy curl"), line)
	}
	found := regexp.MustCompile(`(?s)^curl -X (\S+) (\S+) .* -d '(.*)'$`).FindStringSubmatch(line)
	if found == nil {
		s.t.Fatalf("no curl: %s", line)
	}
	return found[1] + " " + found[2], strings.ReplaceAll(found[3], `'\''`, `'`)
}

// scripted reports whether the console's scripts ran on this page.
func (s *screen) scripted() bool {
	s.t.Helper()
	count, err := s.Locator("html.scripted-page").Count()
	s.must(err)
	return count == 1
}

// TestContentsOnAPhone goes to a section of the editor by its table of contents.
func TestContentsOnAPhone(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain, width: 390})
			s.to("/access-profiles/1/edit")
			section := s.GetByLabel("On this page").GetByRole("link", playwright.LocatorGetByRoleOptions{Name: "MCP"})
			s.must(expect(section).ToBeHidden())
			s.click(s.button("On this page"))
			s.click(section)
			s.must(expect(s.heading("MCP")).ToBeInViewport())
			s.sees(s.button("On this page"))
			if !way.plain {
				s.must(expect(section).ToBeHidden())
			}
		})
	}
}
