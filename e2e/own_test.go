package e2e

import (
	"encoding/json"
	"net/http"
	"testing"
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
