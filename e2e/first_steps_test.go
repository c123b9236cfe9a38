package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// counting is a screen that counts what a user does: clicks, choices, and fields typed into.
type counting struct {
	*screen
	acts int
}

func (s *counting) click(l playwright.Locator)  { s.acts++; s.screen.click(l) }
func (s *counting) fill(label, value string)    { s.acts++; s.screen.fill(label, value) }
func (s *counting) choose(label, option string) { s.acts++; s.screen.choose(label, option) }

// TestFirstSteps goes from the first-run link to a decision, and on to calls that a gateway asks for and reports. The
// checklist leads on, and is gone when all is done.
func TestFirstSteps(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(map[bool]string{false: "with JavaScript", true: "without JavaScript"}[plain], func(t *testing.T) {
			t.Parallel()
			empty, err := newConsole()
			if err != nil {
				t.Fatal(err)
			}
			s := &counting{screen: open(t, visit{console: empty, out: true, plain: plain})}
			s.to(empty.firstRun)
			s.fill("Email", admin)
			s.fill("Password", password)
			s.click(s.button("Create admin"))

			s.arrives("/access-profiles")
			steps := s.role("region", "First steps").GetByRole("listitem")
			s.says(steps.Nth(0), "Make a profile done")
			s.says(steps.Nth(1), "Give it to a user on their page")
			s.click(steps.Nth(1).GetByRole("link"))
			s.click(s.link("Amara Abara"))
			s.click(s.link("Assign a profile"))
			s.choose("Profile", "Engineering")
			s.click(s.button("Assign"))
			key, err := s.Locator("#secret").TextContent()
			s.must(err)
			s.click(s.link("Amara Abara"))
			s.click(s.link("Try it"))
			s.fill("Model", "gpt-5")
			s.click(s.button("Try model"))
			s.answered("gpt-5", "Allowed")
			if s.acts > 20 {
				t.Errorf("%d clicks from the first run to a decision", s.acts)
			}

			empty.calls(t, key)
			s.to("/access-profiles")
			s.sees(s.link("Engineering"))
			s.gone(s.heading("First steps"))
		})
	}
}

// calls asks for a decision as a gateway does, and reports what was used.
func (c *console) calls(t *testing.T, key string) {
	t.Helper()
	for path, body := range map[string]string{
		"/api/decisions": `{"virtual_key": %q, "model": "openai/gpt-5"}`,
		"/api/usage":     `{"event_id": "call-1", "virtual_key": %q, "model": "openai/gpt-5", "cost": 0.02}`,
	} {
		if status, answer := c.api(t, "POST", path, fmt.Sprintf(body, key)); status != http.StatusOK || !json.Valid(answer) {
			t.Fatalf("POST %s: %d %s", path, status, answer)
		}
	}
}
