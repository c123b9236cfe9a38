package e2e

import (
	"net/http"
	"time"

	"github.com/google/uuid"
)

// usageScreens are those of what was used, what somebody may call, and what the holder of a key has left.
var usageScreens = []scene{
	{name: "usage", path: "/usage", act: func(s *screen) { s.sees(s.heading("Budgets nearest to their limit now")) }},
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
	{name: "usage-as-viewer", visit: visit{as: viewer}, path: "/usage?group_by=user"},

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

	{name: "quota", visit: visit{out: true}, path: "/quota"},
	{name: "quota-refused", visit: visit{out: true}, path: "/quota", act: func(s *screen) {
		s.fill("Virtual key", "sk-nobody-has-this")
		refuse("Show what is left")(s)
	}},
	{name: "quota-left", visit: visit{out: true}, path: "/quota", act: func(s *screen) {
		home, key := s.console.spender(s.t, "Quentin Quota")
		s.console.spend(s.t, home, uuid.NewString(), "17.25")
		s.fill("Virtual key", key)
		s.click(s.button("Show what is left"))
		s.sees(s.heading("Spending of Quentin Quota"))
		s.sees(s.text("Near limit"))
	}},
}

// tries asks whether the user of the page may call a model, and expects an answer.
func (s *screen) tries(model, answer string) {
	s.t.Helper()
	s.fill("Model", model)
	s.click(s.button("Try model"))
	s.answered(model, answer)
}

func (s *screen) triesTool(server, tool, answer string) {
	s.t.Helper()
	s.choose("MCP server", server)
	s.fill("Tool", tool)
	s.click(s.button("Try tool"))
	s.answered(server+"/"+tool, answer)
}

func (s *screen) answered(call, answer string) {
	s.t.Helper()
	s.arrives(`/users/[0-9a-f-]+/try\?.*`)
	s.sees(s.GetByRole("status").GetByRole("heading", buttonNamed(answer+" "+call)))
}
