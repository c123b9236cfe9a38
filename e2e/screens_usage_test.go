package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
)

// usageScreens are those of usage, of a user's access, and of the quota of a key.
var usageScreens = []scene{
	{name: "usage", path: "/usage", act: func(s *screen) { s.reloadsUntil(s.heading("Budgets nearest to their limit now")) }},
	{name: "usage-by-model", path: "/usage?group_by=model"},
	{name: "usage-by-user", path: "/usage?group_by=user"},
	{name: "usage-by-profile", path: "/usage?group_by=profile"},
	{name: "usage-by-day", path: "/usage?group_by=day"},
	{name: "usage-of-provider", path: "/usage?group_by=model", act: func(s *screen) {
		s.click(s.link("Provider"))
		s.click(s.link("openai"))
		s.arrives(`/usage\?.*provider=openai.*`)
		s.must(expect(s.link("openai").First()).ToHaveAttribute("aria-current", "true"))
	}},
	{name: "usage-one-day", path: "/usage", act: func(s *screen) {
		today, err := s.field("Until").InputValue()
		s.must(err)
		s.fill("Since", today)
		s.click(s.button("Show"))
		s.arrives(`/usage\?.*since=` + today + `.*`)
	}},
	{name: "usage-of-a-year", path: "/usage?group_by=day", act: func(s *screen) {
		s.fill("Since", time.Now().UTC().AddDate(-1, 0, 2).Format(time.DateOnly))
		s.click(s.button("Show"))
		s.arrives(`/usage\?.*`)
	}},
	{name: "usage-empty", path: "/usage?since=2001-02-03&until=2001-02-04", act: func(s *screen) {
		s.sees(s.text("Nothing was reported in these days."))
	}},
	{name: "usage-bad-range", path: "/usage?since=2026-02-04&until=2026-02-03", status: http.StatusBadRequest},
	{name: "usage-of-zone", path: "/usage?group_by=day&time_zone=Asia%2FKolkata"},
	{name: "quarantine", place: strays("stray")},
	{name: "quarantine-empty", path: "/usage/quarantine?outcome=assigned"},
	{name: "quarantine-dismissed", place: strays("gone"), act: func(s *screen) {
		s.click(s.link("groq/gone").First())
		s.arrives(`/usage/quarantine/[0-9a-f-]+`)
		s.fill("Reason", "Came from a machine that is gone.")
		s.click(s.button("Dismiss"))
		s.arrives("/usage/quarantine")
		s.click(s.link("Dismissed"))
		s.sees(s.text("Came from a machine that is gone.").First())
	}},
	{name: "quarantined-call", place: strays("astray"), act: func(s *screen) {
		s.click(s.link("groq/astray").First())
		s.arrives(`/usage/quarantine/[0-9a-f-]+`)
		s.sees(s.heading("Who it might be"))
	}},
	{name: "quarantined-call-refused", place: strays("unknown"), act: func(s *screen) {
		s.click(s.link("groq/unknown").First())
		s.arrives(`/usage/quarantine/[0-9a-f-]+`)
		s.fill("Email of the user", "nobody@example.com")
		s.click(s.button("Assign and charge"))
		s.sees(s.text("Choose a user of this console; there is none with nobody@example.com.").First())
	}},
	{name: "usage-as-viewer", visit: visit{as: viewer}, path: "/usage?group_by=user"},

	{name: "refusals", place: refused("Ruth Refused", "/refusals?days=1")},
	{name: "refusals-empty", path: "/refusals?model=none"},
	{name: "user-with-refusals", place: refused("Uma Refused", "~")},
	{name: "user-used-up", place: spent("Una Used", "20", ""), act: func(s *screen) {
		s.sees(s.text("Used up"))
		s.sees(s.heading("What they may call"))
	}},
	{name: "try", place: spent("Tess Tries", "1", "/try")},
	{name: "try-as-viewer", visit: visit{as: viewer}, place: spent("Tess Seen", "1", "/try")},
	{name: "try-model-allowed", place: spent("Tess Allowed", "17.25", "/try"), act: func(s *screen) { s.tries("openai/gpt-5", "Allowed") }},
	{name: "try-model-refused", place: spent("Tess Refused", "1", "/try"), act: func(s *screen) { s.tries("openai/o3", "Refused with 403") }},
	{name: "try-used-up", place: spent("Tess Usedup", "20", "/try"), act: func(s *screen) { s.tries("openai/gpt-5", "Refused with 402") }},
	{name: "try-tool-allowed", place: spent("Tess Handy", "1", "/try"), act: func(s *screen) { s.triesTool("github", "create_issue", "Allowed") }},
	{name: "try-tool-refused", place: spent("Tess Unhandy", "1", "/try"), act: func(s *screen) {
		s.triesTool("postgres", "execute_sql", "Refused with 403")
	}},
}

// tries asks whether the user of the page may call a model, and checks the answer.
func (s *screen) tries(model, answer string) {
	s.t.Helper()
	s.fill("Model", model)
	s.click(s.button("Try model"))
	s.answered(model, answer)
}

func (s *screen) triesTool(server, tool, answer string) {
	s.t.Helper()
	s.fill("Tool", server+"/"+tool)
	s.click(s.button("Try tool"))
	s.answered(server+"/"+tool, answer)
}

func (s *screen) answered(call, answer string) {
	s.t.Helper()
	s.arrives(`/(users/[0-9a-f-]+|me)/try\?.*`)
	s.sees(s.GetByRole("status").GetByRole("heading", buttonNamed(answer+" "+call)))
}

// strays reports two calls of an unknown user to a model.
func strays(model string) place {
	return func(t *testing.T, c *console) string {
		for range 2 {
			body := fmt.Sprintf(`{"event_id": %q, "user_id": "stray@example.com", "provider": "groq", "model": %q, "cost": 0.25, "tokens": 900}`, uuid.NewString(), model)
			if status, answer := c.api(t, "POST", "/api/usage", body); status != http.StatusOK {
				t.Fatalf("report usage: %d %s", status, answer)
			}
		}
		return "/usage/quarantine"
	}
}
