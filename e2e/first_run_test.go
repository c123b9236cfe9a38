package e2e

import (
	"net/http"
	"testing"
)

func TestFirstRun(t *testing.T) {
	t.Parallel()
	empty, err := newConsole()
	if err != nil {
		t.Fatal(err)
	}
	if empty.firstRun == "" {
		t.Fatal("the terminal shows no link")
	}
	s := open(t, visit{console: empty, out: true})

	s.to("/")
	s.arrives(`/login(\?.*)?`)
	s.sees(s.text("No user can sign in yet"))

	s.inspect("sign-in-before-first-run")
	s.to(empty.firstRun)
	s.focused(s.field("Email"))
	s.inspect("first-run")
	s.fill("Email", admin)
	s.fill("Name optional", "Ada Lovelace")
	s.fill("Password", "too short")
	s.must(expect(s.field("Add sample data")).ToBeChecked())
	s.click(s.button("Create admin"))
	s.focused(s.GetByRole("alert"))
	s.holds("Email", admin)
	s.holds("Name optional", "Ada Lovelace")
	s.fill("Password", password)
	s.click(s.button("Create admin"))

	s.arrives("/access-profiles")
	s.sees(s.GetByText("Ada Lovelace").First())
	s.sees(s.link("Engineering"))
	s.inspect("first-steps")
	for link, sample := range map[string]string{"Providers": "anthropic", "MCP servers": "GitHub", "Tool groups": "Code review"} {
		s.click(s.link(link))
		s.sees(s.link(sample))
	}

	later := open(t, visit{console: empty, out: true})
	if status := later.to(empty.firstRun); status == http.StatusOK {
		t.Error("the link still works")
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	s := open(t, visit{out: true})
	s.to("/access-profiles?search=Legal")
	s.arrives(`/login\?next=.*`)
	s.fill("Email", admin)
	s.fill("Password", "not the password")
	s.click(s.button("Sign in"))
	s.focused(s.GetByRole("alert"))
	s.holds("Email", admin)
	s.fill("Password", password)
	s.must(s.field("Password").Press("Enter"))
	s.arrives(`/access-profiles\?search=Legal`)

	cookies, err := s.context.Cookies()
	s.must(err)
	s.click(s.link("Legal"))
	s.sees(s.heading("Legal"))
	s.click(s.Locator(".user-menu > summary"))
	s.click(s.button("Sign out"))
	s.arrives(`/login(\?.*)?`)

	_, err = s.GoBack()
	s.must(err)
	s.sees(s.heading("Sign in"))
	for _, cookie := range cookies {
		s.setCookie(cookie.Name + "=" + cookie.Value)
	}
	s.to("/access-profiles")
	s.arrives(`/login\?next=.*`)
}

// TestEmptyConsole creates the first admin without sample data: every list says how to begin.
func TestEmptyConsole(t *testing.T) {
	t.Parallel()
	empty, err := newConsole()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, visit{console: empty, out: true})
	s.to(empty.firstRun)
	s.fill("Email", admin)
	s.fill("Password", password)
	s.must(s.field("Add sample data").Uncheck())
	s.click(s.button("Create admin"))
	s.arrives("/access-profiles")
	for _, list := range []struct{ name, path, begin string }{
		{"providers-empty", "/providers", "New provider"},
		{"servers-empty", "/mcp/clients", "New MCP server"},
		{"groups-empty", "/mcp/tool-groups", "New tool group"},
		{"keys-empty", "/settings/api-keys", "New API key"},
	} {
		s.to(list.path)
		s.sees(s.GetByRole("main").GetByRole("link", buttonNamed(list.begin)).Last())
		s.inspect(list.name)
	}
	s.to("/access-profiles/new")
	s.must(expect(s.link("Add the first")).ToHaveCount(2))
	s.inspect("profile-new-empty")
	s.fill("Name", "Nothing yet")
	s.click(s.button("Create profile"))
	s.sees(s.text("Anyone holding Nothing yet may call no model at all."))
}
