package e2e

import (
	"path/filepath"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestReadmePictures takes the pictures of the README, of a company that no other test changes.
func TestReadmePictures(t *testing.T) {
	t.Parallel()
	if !everySight {
		t.Skip("pictures are taken by make shots and make soak")
	}
	c, err := newCompany()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, visit{console: c})
	s.must(s.SetViewportSize(1280, 800))

	s.to("/access-profiles/3/edit")
	s.fill("Amount of overall budget 1", "8")
	s.click(s.card("anthropic").GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Remove anthropic"}))
	s.sees(s.Locator("#blast").GetByText("Over at once"))
	s.must(s.text("A provider that is not listed here is refused.").ScrollIntoViewIfNeeded())
	s.picture("editor")

	s.to("/usage")
	s.sees(s.heading("Needs you"))
	s.picture("usage")

	s.to("/access-profiles/3/propagate")
	preview(s)
	s.sees(s.heading("24 holders change"))
	s.picture("preview")
}

// picture saves what the window shows for the README; make shots puts it into docs/pictures.
func (s *screen) picture(name string) {
	s.t.Helper()
	_, err := s.Screenshot(playwright.PageScreenshotOptions{
		Path: playwright.String(filepath.Join(artefacts, "readme", name+".png")), Animations: playwright.ScreenshotAnimationsDisabled,
		Caret: playwright.ScreenshotCaretHide,
	})
	s.must(err)
}
