package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// refused makes calls of a user who has spent 20 dollars of 20 a day, and waits until the log has them. It returns a
// path, below the user's when it starts with "~".
func refused(name, path string) place {
	return func(t *testing.T, c *console) string {
		t.Helper()
		home := spent(name, "20", "")(t, c)
		id := strings.TrimPrefix(home, "/users/")
		for _, model := range []string{"openai/gpt-5", "openai/gpt-5", "anthropic/claude-opus-4-1"} {
			status, answer := c.api(t, "POST", "/api/decisions", fmt.Sprintf(`{"user_id": %q, "model": %q}`, id, model))
			if status != http.StatusOK || strings.Contains(string(answer), `"decision":true`) {
				t.Fatalf("decide: %d %s", status, answer)
			}
		}
		ticks, patience := time.NewTicker(100*time.Millisecond), time.After(30*time.Second)
		defer ticks.Stop()
		for {
			if _, answer := c.api(t, "GET", "/api/refusals?reason=budget_exceeded&user_id="+id, ""); strings.Contains(string(answer), `"calls":2`) {
				break
			}
			select {
			case <-ticks.C:
			case <-patience:
				t.Fatal("the refusals are not in the log")
			}
		}
		if below, ok := strings.CutPrefix(path, "~"); ok {
			return home + below
		}
		return path
	}
}

// A budget that refused a call is raised in four clicks from where a sign-in leads, with and without JavaScript, and
// the form comes back to the list.
func TestRaiseAfterRefusal(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			person := "Rosa Raised " + way.name
			home := refused(person, "~")(t, s.console)
			s.to("/access-profiles")
			s.click(s.link("Refusals").First())
			s.arrives("/refusals")
			s.click(s.link("Raise… $20.00 per day of " + person))
			s.fill("Add", "10")
			s.tick("For good")
			s.click(s.button("Raise the limit"))
			s.arrives("/refusals")
			s.to(home)
			s.sees(s.heading("Refused in the last 7 days"))
			s.sees(s.GetByText("$20.00 per day used up"))
			s.click(s.GetByRole("link", playwright.PageGetByRoleOptions{Name: "Try openai/gpt-5 as of"}).First())
			s.sees(s.heading("What may " + person + " call?"))
		})
	}
}
