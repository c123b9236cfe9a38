package e2e

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestSessionOverInAForm signs in over a form that was sent too late, and carries on.
func TestSessionOverInAForm(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	s.to("/access-profiles/new")
	s.fill("Name", "Sent too late")
	s.must(s.context.ClearCookies())
	s.click(s.button("Create profile"))
	dialog := s.GetByRole("dialog", playwright.PageGetByRoleOptions{Name: "Sign in again"})
	s.sees(dialog)
	s.inspect("sign-in-again")
	s.focused(dialog.GetByLabel("Your password"))
	s.write("wrong")
	s.press("Enter")
	s.says(dialog.GetByRole("alert"), "email")
	s.must(dialog.GetByLabel("Your password").Fill(password))
	s.press("Enter")
	s.sees(s.text("Sent too late was created."))
}

// TestSessionWarnsBeforeItEnds shows the warning, stays, and is asked to sign in when it is over.
func TestSessionWarnsBeforeItEnds(t *testing.T) {
	t.Parallel()
	s := open(t, visit{out: true}) // a session of its own: signing in again ends it
	s.to("/login")
	s.fill("Email", admin)
	s.fill("Password", password)
	s.must(s.field("Password").Press("Enter"))
	s.arrives("/access-profiles")
	s.must(s.Clock().Install())
	s.to("/settings/api-keys/new")
	warning := s.Locator("#session-warning")
	s.must(s.Clock().FastForward("27:00"))
	s.must(expect(warning).ToBeHidden())
	s.must(s.Clock().FastForward("01:30"))
	s.says(warning, "You will be signed out in two minutes.")
	s.inspect("session-warning")
	s.click(s.button("Stay signed in"))
	s.must(expect(warning).ToBeHidden())

	s.fill("Name", "Typed before the end")
	s.tick("Profiles: View")
	s.must(s.Clock().FastForward("30:01"))
	dialog := s.GetByRole("dialog", playwright.PageGetByRoleOptions{Name: "Sign in again"})
	s.must(dialog.GetByLabel("Your password").Fill(password))
	s.click(dialog.GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Sign in"}))
	s.holds("Name", "Typed before the end")
	s.click(s.button("Create key"))
	s.sees(s.heading("Copy the key now"))
}

// TestDrafts keeps what was typed into the editor until it is saved or discarded, for the same user only.
func TestDrafts(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	asked := make(chan string, 4)
	s.OnDialog(func(d playwright.Dialog) {
		asked <- d.Type()
		d.Accept()
	})
	path := s.console.create(t, strings.ReplaceAll(shared, "NAME", "Drafted"))
	s.to(path + "/edit")
	s.must(s.field("Description optional").Focus())
	s.press("ControlOrMeta+A")
	s.write("Not saved yet.")
	s.addProvider("groq")
	s.to("/roles")
	if got := <-asked; got != "beforeunload" {
		t.Errorf("leaving asks by %s", got)
	}

	s.to(path + "/edit")
	s.says(s.Locator("#draft"), "There is a draft that was not saved")
	s.inspect("draft")
	s.click(s.button("Go on with it"))
	s.holds("Description optional", "Not saved yet.")
	s.sees(s.field("Requests for groq"))
	s.click(s.button("Save"))
	s.arrives(path)
	s.sees(s.text("Not saved yet."))
	s.to(path + "/edit")
	s.must(expect(s.Locator("#draft")).ToBeHidden())

	s.must(s.field("Description optional").Focus())
	s.write("Thrown away. ")
	s.to(path + "/edit")
	s.click(s.button("Discard it"))
	s.to(path + "/edit")
	s.must(expect(s.Locator("#draft")).ToBeHidden())

	s.must(s.field("Description optional").Focus())
	s.write("Of Ada. ")
	s.must(s.context.ClearCookies())
	s.setCookie(s.console.session(t, viewer))
	s.to("/access-profiles")
	drafts, err := s.Evaluate("() => Object.keys(localStorage).filter((key) => key.startsWith('draft:')).length")
	s.must(err)
	if drafts != 0 {
		t.Errorf("%v drafts of another user are left", drafts)
	}
}
