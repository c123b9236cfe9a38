package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// becomes signs in as the user of a path, by a link that an admin made.
func (s *screen) becomes(home string) {
	s.t.Helper()
	status, answer := s.console.api(s.t, "POST", "/api"+home+"/sign-in-link", "")
	var made struct {
		Link struct {
			URL string `json:"url"`
		} `json:"sign_in_link"`
	}
	if err := json.Unmarshal(answer, &made); err != nil || status != http.StatusCreated {
		s.t.Fatalf("make a link: %d %s", status, answer)
	}
	if s.scripted() {
		_, err := s.Goto(made.Link.URL)
		s.must(err)
	} else {
		s.to("/sign-in-link")
		s.fill("Link", made.Link.URL)
	}
	s.click(s.button("Sign in"))
	s.arrives("/me")
}

// own is a screen of a user who has spent dollars of 20, below their own page.
func own(name, dollars, path string) func(s *screen) {
	return func(s *screen) {
		s.t.Helper()
		s.becomes(spent(name, dollars, "")(s.t, s.console))
		if path != "" {
			s.to(path)
		}
	}
}

// asks asks for more of the first budget that is used up, in two clicks.
func (s *screen) asks(why string) {
	s.t.Helper()
	s.click(s.GetByText("Ask for more").First())
	s.fill("Why", why)
	s.click(s.button("Send request"))
	s.arrives("/me")
	s.says(s.role("table", "My requests"), "Open")
}

// ownScreens are those of users about themselves.
var ownScreens = []scene{
	{name: "sign-in-link", visit: visit{out: true}, path: "/sign-in-link"},
	{name: "sign-in-link-refused", visit: visit{out: true}, path: "/sign-in-link", act: refuse("Sign in")},
	{name: "sign-in-link-made", place: at("users", noHolder, ""), act: func(s *screen) {
		s.click(s.button("Make a link"))
		s.sees(s.heading("Copy the link now"))
	}},
	{name: "me-without-profile", path: "/me"},
	{name: "me", visit: visit{out: true}, path: "/login", act: own("Mona Mine", "17.25", "")},
	{name: "me-used-up", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		s.becomes(refused("Rufus Refused", "~")(s.t, s.console))
		s.sees(s.text("Used up"))
	}},
	{name: "me-key-new", visit: visit{out: true}, path: "/login", act: own("Nina New", "1", "/me/keys/new")},
	{name: "me-key-value", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		own("Vic Value", "1", "/me/keys/new")(s)
		s.click(s.button("Create key"))
		s.sees(s.heading("Copy the key now"))
	}},
	{name: "me-key-rotate", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		own("Rita Rotates", "1", "")(s)
		s.click(s.GetByText("Rotate…"))
		s.sees(s.button("Rotate"))
	}},
	{name: "me-try", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		own("Theo Tries", "17.25", "/me/try")(s)
		s.tries("openai/gpt-5", "Allowed")
	}},
	{name: "me-ask", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		own("Alma Asks", "20", "")(s)
		s.click(s.GetByText("Ask for more").First())
		s.click(s.button("Send request"))
		s.sees(s.Locator("#problems"))
	}},
	{name: "me-ask-model", visit: visit{out: true}, path: "/login", act: own("Ben Model", "1", "/me/requests/new")},
	{name: "me-asked", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		own("Cleo Asked", "20", "")(s)
		s.asks("Release week: the nightly evaluations need more than the day has.")
	}},
	{name: "requests", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		own("Dora Waits", "20", "")(s)
		s.asks("Release week")
		s.to("/me/requests/new?model=anthropic/claude-opus-4-1")
		s.fill("Why", "To compare answers with those of gpt-5.")
		s.click(s.button("Send request"))
		s.arrives("/me")
		s.setCookie(s.console.session(s.t, admin))
		s.to("/access-requests")
		s.sees(s.text("To compare answers with those of gpt-5."))
	}},
	{name: "requests-refused", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		own("Emil Refused", "20", "")(s)
		s.asks("Emil needs it")
		s.setCookie(s.console.session(s.t, admin))
		s.to("/access-requests")
		s.click(s.Locator(".card", playwright.PageLocatorOptions{HasText: "Emil needs it"}).GetByRole("button", buttonNamed("Decline the request of Emil Refused")))
		s.sees(s.Locator("#problems"))
	}},
	{name: "requests-all", path: "/access-requests?state=all"},
	{name: "requests-none", path: "/access-requests?state=declined&user_id=00000000-0000-0000-0000-000000000000"},
	{name: "give", path: "/access-profiles/1/give"},
	{name: "give-refused", path: "/access-profiles/1/give", act: refuse("Preview")},
	{name: "give-preview", path: "/access-profiles/1/give", act: func(s *screen) {
		s.fill("Addresses", "Pia Preview <pia.preview@example.com>\nbroken\n"+admin+"\npia.preview@example.com\nno.body@example.com")
		s.click(s.button("Preview"))
		s.sees(s.button("Give to 3 users"))
	}},
	{name: "given", path: "/access-profiles/1/give", act: func(s *screen) {
		s.fill("Addresses", "gil.given@example.com, gwen.given@example.com; broken")
		s.click(s.button("Preview"))
		s.click(s.button("Give to 2 users"))
		s.sees(s.link("Keys as CSV"))
	}},
	{name: "settings-gateway-refused", path: "/settings", act: func(s *screen) {
		s.fill("Address optional", "not an address")
		refuse("Save address")(s)
	}},
	{name: "me-not-allowed", visit: visit{out: true}, path: "/login", act: func(s *screen) {
		own("Noa Not", "1", "/users")(s)
		s.sees(s.heading("Not allowed"))
	}},
}

// A user signs in by a link, sees why calls are refused, tries one, and rotates their key; the link works once.
func TestOwnAccess(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"Scripted": false, "Plain": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{out: true, plain: plain})
			person := name + " Own"
			s.becomes(refused(person, "~")(t, s.console))
			s.sees(s.heading("Spending of " + person))
			s.says(s.role("table", "Refused calls"), "$20.00 per day used up")
			s.click(s.link("Try it"))
			s.tries("openai/gpt-5", "Refused with 402")
			s.to("/me")
			s.click(s.GetByText("Rotate…"))
			s.click(s.button("Rotate"))
			s.sees(s.heading("Copy the key now"))
			_, err := s.Reload()
			s.must(err)
			s.sees(s.heading("Copy the key now"))
			s.click(s.link("Done"))
			s.arrives("/me")
			s.click(s.Locator(".user-menu > summary"))
			s.click(s.button("Sign out"))
			s.arrives("/login")
		})
	}
}

// A refused user asks in two clicks, an admin grants it in two, and the user reads the answer and may call again.
func TestAskAndGrant(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"Scripted": false, "Plain": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			person := name + " Asking"
			user := open(t, visit{out: true, plain: plain})
			user.becomes(refused(person, "~")(t, user.console))
			user.asks("For " + person)

			approver := open(t, visit{plain: plain})
			approver.to("/access-profiles")
			approver.click(approver.Locator("nav[aria-label=Main] a[href='/access-requests']"))
			approver.arrives("/access-requests")
			card := approver.Locator(".card", playwright.PageLocatorOptions{HasText: "For " + person})
			approver.says(card, "$20.00 of $20.00 / day")
			approver.click(card.GetByRole("button", buttonNamed("Grant $20.00 until Sunday to "+person)))
			approver.sees(approver.GetByText("Granted: "))
			approver.gone(card)

			user.to("/me")
			user.says(user.role("table", "My requests"), "$20.00 more until")
			user.sees(user.GetByText("$20.00 left of $40.00 / day"))
			user.click(user.link("Try it"))
			user.tries("openai/gpt-5", "Allowed")
		})
	}
}

// From a profile to 20 users with keys are four clicks; their keys are shown, and come as a file.
func TestGiveToTwenty(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"Scripted": false, "Plain": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: plain})
			var addresses []string
			for n := range 20 {
				addresses = append(addresses, fmt.Sprintf("%s.twenty%d@example.com", strings.ToLower(name), n))
			}
			s.to("/access-profiles?search=engineering")
			s.click(s.link("Engineering"))
			s.click(s.link("Give to…"))
			s.fill("Addresses", strings.Join(addresses, "\n"))
			s.click(s.button("Preview"))
			s.sees(s.text("20 new users."))
			s.click(s.button("Give to 20 users"))
			s.sees(s.text("20 users got Engineering, 20 keys issued."))
			s.must(expect(s.Locator("code.handout-key")).ToHaveCount(20))
			_, err := s.Reload()
			s.must(err)
			s.must(expect(s.Locator("code.handout-key")).ToHaveCount(20))
			same(t, "rows of the file", fmt.Sprint(strings.Count(s.exported("Keys as CSV"), "\n")), "21")
		})
	}
}

// A user who came by a link sets a password on their page, and signs in with it afterwards.
func TestFirstPassword(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"Scripted": false, "Plain": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{out: true, plain: plain})
			own(name+" Password", "1", "")(s)
			s.fill("New password", "short")
			s.click(s.button("Set password"))
			s.focused(s.Locator("#problems"))
			s.fill("New password", "a sentence that is easy to keep")
			s.click(s.button("Set password"))
			s.sees(s.GetByText("Your password is set"))
			s.sees(s.button("Change password"))
			s.click(s.Locator(".user-menu > summary"))
			s.click(s.button("Sign out"))
			s.fill("Email", strings.ToLower(name)+".password@example.com")
			s.fill("Password", "a sentence that is easy to keep")
			s.click(s.button("Sign in"))
			s.arrives("/access-profiles")
		})
	}
}
