package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

const daily = `{"name": "NAME", "provider_configs": [{"provider_name": "openai", "allowed_models": ["gpt-5"]}],
	"budgets": [{"max_limit": 20, "reset_duration": "1d"}]}`

// TestCopy assigns a profile to a user, whose first key is shown once, raises a budget for a while, rotates and deletes
// keys, and detaches the profile.
func TestCopy(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			profile, person := "Held alone "+way.name, "Solo "+way.name
			s.console.create(t, strings.ReplaceAll(daily, "NAME", profile))
			home := s.console.hire(t, person, "Viewer")
			s.to(home)
			s.sees(s.text(person + " holds no profile, so every gateway refuses them."))
			first := s.assignsFirst(profile, person)

			s.to(home)
			s.gone(s.GetByText(first))
			s.raisesForTwoWindows(profile)
			s.takesBack(profile)
			second := s.rotates(person, first)
			s.further(home)

			s.to(home)
			s.click(s.GetByLabel("Actions for "+profile, exactName))
			s.click(s.link("Detach…"))
			s.sees(s.text("It is their last profile, so their key is deleted with it: programs that send it are refused."))
			s.click(s.button("Detach " + profile))
			s.sees(s.text(profile + " was detached. It was the last profile, so 1 key went with it."))
			s.sees(s.text(person + " holds no profile, so every gateway refuses them."))
			s.keyAnswers(second, http.StatusUnauthorized)
		})
	}
}

// assignsFirst assigns a user their first profile and returns the value of the key that comes with it.
func (s *screen) assignsFirst(profile, person string) (value string) {
	s.t.Helper()
	s.click(s.link("Assign a profile"))
	s.click(s.button("Assign"))
	s.focused(s.Locator("#problems"))
	s.choose("Profile", profile)
	s.click(s.button("Assign"))
	s.sees(s.text(person + " holds " + profile + " now, and has a first key."))
	value = s.shownValue()
	s.keyAnswers(value, http.StatusOK)
	_, err := s.Reload() // the page survives it, and nothing is assigned twice
	s.must(err)
	s.must(expect(s.Locator("#secret")).ToHaveText(value))
	s.click(s.link("Done"))
	s.gone(s.GetByText(value))
	return value
}

// shownValue is that of a new key; with JavaScript it is copied by its button.
func (s *screen) shownValue() string {
	s.t.Helper()
	s.sees(s.heading("Copy the key now"))
	shown, err := s.Locator("#secret").TextContent()
	s.must(err)
	if s.scripted() {
		s.copies(s.role("region", "Copy the key now").GetByRole("button"), shown)
	}
	return shown
}

// keyAnswers asks for the quota of a key.
func (s *screen) keyAnswers(value string, status int) {
	s.t.Helper()
	if got := s.console.ask(s.t, value, "/api/virtual-keys/quota"); got != status {
		s.t.Errorf("the key is answered %d, want %d", got, status)
	}
}

func (s *screen) raisesForTwoWindows(profile string) {
	s.t.Helper()
	s.click(s.link("Raise Overall, $20.00 / day of " + profile))
	hint, err := s.GetByText("counts as the first").TextContent()
	s.must(err)
	found := regexp.MustCompile(`which ends (.*), counts`).FindStringSubmatch(hint)
	const moment = "2 Jan 2006, 15:04 MST"
	ends, err := time.Parse(moment, found[1])
	s.must(err)
	s.fill("Add", "5.50")
	s.tick("For a number of windows")
	s.fill("How many", "2")
	s.click(s.button("Raise the limit"))
	until := "raised by $5.50 until " + ends.AddDate(0, 0, 1).Format(moment)
	s.sees(s.text("The limit of $20.00 a day is " + until + "."))
	s.sees(s.text(until))
	s.sees(s.GetByText("$0.00 of $25.50 / day"))
}

func (s *screen) takesBack(profile string) {
	s.t.Helper()
	s.click(s.link("Change Overall, $20.00 / day of " + profile))
	s.click(s.button("Remove the raise"))
	s.sees(s.text("The raise was removed."))
	s.sees(s.GetByText("$0.00 of $20.00 / day"))
	s.sees(s.link("Raise Overall, $20.00 / day of " + profile))
}

// rotates replaces the value of the only key; the old value keeps working for an hour.
func (s *screen) rotates(person, before string) (value string) {
	s.t.Helper()
	s.click(s.GetByLabel(regexp.MustCompile("^Actions for solo")))
	s.click(s.link("Rotate…"))
	s.choose("Old value stops working", "in an hour")
	s.click(s.button("Rotate"))
	value = s.shownValue()
	if value == before {
		s.t.Error("the value stayed")
	}
	s.keyAnswers(before, http.StatusOK)
	s.keyAnswers(value, http.StatusOK)
	s.click(s.link("Done"))
	s.sees(s.GetByText("Old value until "))
	s.gone(s.GetByText(value))
	s.sees(s.GetByText(fmt.Sprintf("****%s", value[len(value)-4:])))
	s.sees(s.heading(person))
	return value
}

// further creates another key and deletes it.
func (s *screen) further(home string) {
	s.t.Helper()
	s.click(s.link("New key"))
	s.fill("Name optional", "Night shift of "+home)
	s.click(s.button("Create key"))
	value := s.shownValue()
	s.keyAnswers(value, http.StatusOK)
	s.to("/virtual-keys?search=" + value[len(value)-4:])
	s.click(s.GetByLabel("Actions for Night shift of "+home, exactName))
	s.click(s.link("Delete…"))
	s.click(s.button("Delete Night shift of " + home))
	s.sees(s.text("Night shift of " + home + " was deleted. Gateways refuse it from now on."))
	s.keyAnswers(value, http.StatusUnauthorized)
}
