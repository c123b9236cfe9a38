package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestHalfDates types a day without a time in fields for an end: the browser would send it as empty, and the end would
// be lost.
func TestHalfDates(t *testing.T) {
	t.Parallel()
	c, err := company()
	if err != nil {
		t.Fatal(err)
	}
	home, _ := c.spender(t, "Hal Fdate")
	c.create(t, strings.ReplaceAll(daily, "NAME", "Until some day"))
	for _, form := range []struct {
		name, field, button string
		place               place
		fill                func(s *screen)
		stored              string // shown once it is stored
	}{
		{
			"assign", "Ends optional", "Assign", under(home + "/access-profiles/new"), func(s *screen) { s.choose("Profile", "Until some day") },
			"Hal Fdate holds Until some day now.",
		},
		{"copy", "Ends optional", "Save", ofCopy("Hal Fdate", "Spending of Hal Fdate", "/edit"), nil, "ends 23 Nov 2099, 10:30 UTC"},
		{
			"virtual key", "Expires optional", "Create key", under(home + "/virtual-keys/new"), func(s *screen) { s.fill("Name optional", "Half") },
			"Half was made.",
		},
		{"API key", "Expires optional", "Create key", under("/settings/api-keys/new"), func(s *screen) {
			s.fill("Name", "Half")
			s.tick("Profiles: View")
		}, "Copy the key now"},
	} {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{})
			path := form.place(t, c)
			s.to(path)
			if form.fill != nil {
				form.fill(s)
			}
			loads := s.countLoads()
			s.must(s.field(form.field).Focus())
			s.write("11232099")
			s.click(s.button(form.button))
			s.isHalf(s.field(form.field))
			if *loads != 0 || !strings.HasSuffix(s.URL(), path) {
				t.Errorf("the form was sent: %s", s.URL())
			}
			s.fill(form.field, "2099-11-23T10:30")
			s.click(s.button(form.button))
			s.sees(s.GetByText(form.stored).First())
		})
	}
}

// TestRequiredIsLeftToTheConsole sends the same forms without their required fields: the console reports it, in its own
// words.
func TestRequiredIsLeftToTheConsole(t *testing.T) {
	t.Parallel()
	s := open(t, visit{})
	for path, form := range map[string]struct{ field, button string }{
		at("users", holder, "/access-profiles/new")(t, s.console): {"Profile", "Assign"},
		"/settings/api-keys/new":                                  {"Name", "Create key"},
	} {
		if status := s.to(path); status != http.StatusOK {
			t.Fatalf("%s: %d", path, status)
		}
		s.must(expect(s.field(form.field)).ToHaveAttribute("aria-required", "true"))
		refuse(form.button)(s)
		s.must(expect(s.field(form.field)).ToHaveAttribute("aria-invalid", "true"))
	}
}

func under(path string) place { return func(*testing.T, *console) string { return path } }

// isHalf checks that the browser reports a field as half filled in.
func (s *screen) isHalf(field playwright.Locator) {
	s.t.Helper()
	s.focused(field)
	half, err := field.Evaluate("field => field.validity.badInput && field.value === ''", nil)
	s.must(err)
	if half != true {
		s.t.Error("the field is not half filled in")
	}
}
