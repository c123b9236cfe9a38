package e2e

import (
	"bufio"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// guarded is a console of its own, and the identity provider that knows it.
type guarded struct {
	*console
	issuer string
}

var withProvider = sync.OnceValues(func() (guarded, error) {
	c, err := newConsole("TOLLGATE_ADMIN_EMAIL="+admin, "TOLLGATE_ADMIN_PASSWORD="+password)
	if err != nil {
		return guarded{}, err
	}
	command := exec.Command("node", "identity_provider.mjs", c.url)
	said := &strings.Builder{}
	command.Stderr = said
	output, err := command.StdoutPipe()
	if err != nil {
		return guarded{}, err
	}
	if err := command.Start(); err != nil {
		return guarded{}, err
	}
	atEnd(func() { command.Process.Kill(); command.Wait() })
	issuer, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return guarded{}, fmt.Errorf("start the identity provider: %w: %s", err, said)
	}
	return guarded{c, strings.TrimSpace(issuer)}, nil
})

// TestSignInByProvider lets an admin add a real identity provider on the console's pages; then users sign in by it, each
// in a browser of their own.
func TestSignInByProvider(t *testing.T) {
	t.Parallel()
	g, err := withProvider()
	if err != nil {
		t.Fatal(err)
	}
	g.addProvider(t)
	for name, journey := range map[string]func(*testing.T, guarded){
		"first sign-in": firstSignIn, "no role": noRole, "try": tryIt, "method": ownMethod, "sign out there": signOutThere,
		"back-channel": signedOutThere, "two tabs": twoTabs, "without scripts": withoutScripts,
		"preview of rules": previewOfRules,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			journey(t, g)
		})
	}
}

// addProvider adds the provider, and rules for two groups: the second is moved before the first.
func (g guarded) addProvider(t *testing.T) {
	s := open(t, visit{console: g.console})
	s.to("/settings/sign-in")
	s.click(s.link("New provider").First())
	s.fill("Name", "Company")
	s.fill("Short name", "company")
	s.fill("Issuer", g.issuer+"/")
	s.fill("Client id", "console")
	s.fill("Client secret optional", "a client secret")
	s.fill("Trusted domains optional", "example.com")
	s.fill("Groups claim optional", "groups")
	s.tick("Add users who have no account yet")
	s.click(s.button("Add provider"))
	s.says(s.GetByRole("alert"), "a slash at the end counts")
	s.fill("Issuer", g.issuer)
	s.fill("Client secret optional", "a client secret")
	s.click(s.button("Add provider"))
	s.sees(s.heading("Company"))
	s.sees(s.text(g.url + "/login/company/callback"))

	s.click(s.link("Change rules"))
	for n, rule := range [][2]string{{"everyone", "Viewer"}, {"engineering", "Developer"}} {
		s.click(s.button("Add rule"))
		s.fill(fmt.Sprint("Group of rule ", n+1), rule[0])
		s.choose(fmt.Sprint("Role of rule ", n+1), rule[1])
	}
	s.click(s.button("Move rule 2 up"))
	s.holds("Group of rule 1", "engineering")
	s.inspect("identity-provider-rules")
	s.click(s.button("Review and save…"))
	s.sees(s.text("By the groups at their last sign-in, no user gets another role."))
	s.inspect("identity-provider-rules-preview")
	s.click(s.button("Save rules"))
	s.sees(s.text("The rules were saved. They apply from the next sign-in on."))
}

// agrees signs in at the provider.
func (s *screen) agrees(account string) {
	s.t.Helper()
	s.sees(s.heading("Sign in to the company"))
	s.fill("Account", account)
	s.click(s.button("Continue"))
}

// enters signs in by the provider, from the page that asks for it.
func (s *screen) enters(account string) {
	s.t.Helper()
	s.to("/login")
	s.click(s.link("Sign in with Company"))
	s.agrees(account)
	s.arrives("/access-profiles")
}

// leaves signs out by the menu.
func (s *screen) leaves() {
	s.t.Helper()
	s.click(s.Locator(".user-menu > summary"))
	s.click(s.button("Sign out"))
}

// userOf is the user with an address, nil when there is none.
func (g guarded) userOf(t *testing.T, email string) object {
	t.Helper()
	for _, user := range g.rows(t, "users", email) {
		if user["email"] == email {
			return user
		}
	}
	return nil
}

// firstSignIn leads to the page that was asked for, with the role of the first rule that fits, and an admin sees by what
// the user signs in.
func firstSignIn(t *testing.T, g guarded) {
	s := open(t, visit{console: g.console, out: true})
	s.to("/roles?search=Dev")
	s.arrives(`/login\?next=.*`)
	s.inspect("sign-in-by-provider")
	s.click(s.link("Sign in with Company"))
	s.agrees("grace")
	s.arrives(`/roles\?search=Dev`)
	grace := g.userOf(t, "grace@example.com")
	same(t, "role", fmt.Sprint(grace["name"], ", ", grace["role"]), "Grace of the company, Developer")
	linked := g.listed(t, "users/"+id(grace)+"/identities", "identities")
	same(t, "identities", fmt.Sprint(len(linked), linked[0]["slug"], linked[0]["subject"]), "1companygrace")
	s = open(t, visit{console: g.console})
	s.to("/users/" + id(grace))
	s.sees(s.role("table", "Identity providers by which Grace of the company signs in"))
	s.inspect("user-identities")
}

// noRole is refused with a sentence, and an admin finds the refusal by its event.
func noRole(t *testing.T, g guarded) {
	s := open(t, visit{console: g.console, out: true})
	s.to("/login")
	s.click(s.link("Sign in with Company"))
	s.agrees("ivan")
	s.sees(s.GetByText("None of your groups gives you a role here."))
	s.inspect("sign-in-by-provider-refused")
	event, err := s.Locator(".request-id code").TextContent()
	s.must(err)
	if g.userOf(t, "ivan@example.com") != nil {
		t.Error("the user was added")
	}
	s = open(t, visit{console: g.console})
	s.to("/settings/sign-in")
	s.click(s.link("Company"))
	s.sees(s.GetByRole("row").Filter(playwright.LocatorFilterOptions{HasText: event}).GetByText("no_role"))
	s.inspect("identity-provider")
}

// tryIt shows what a sign-in would lead to, and adds no user.
func tryIt(t *testing.T, g guarded) {
	s := open(t, visit{console: g.console})
	s.to("/settings/sign-in")
	s.inspect("identity-providers")
	s.click(s.link("Company"))
	s.click(s.link("Try it"))
	s.agrees("judy")
	s.sees(s.GetByText("The rule for the group engineering is the first that fits."))
	s.inspect("identity-provider-tried")
	if g.userOf(t, "judy@example.com") != nil {
		t.Error("the user was added")
	}
}

// ownMethod is connected by a user with a password, used, and disconnected.
func ownMethod(t *testing.T, g guarded) {
	if _, err := g.command(password, "user", "create", "--email", "lena@example.com", "--role", "Viewer"); err != nil {
		t.Fatal(err)
	}
	s := open(t, visit{console: g.console, out: true})
	const linkFirst = "There is an account with your address. Sign in to it with your password, then connect this provider under Sign-in methods."
	s.to("/login")
	s.click(s.link("Sign in with Company"))
	s.agrees("lena")
	s.sees(s.text(linkFirst))
	s.setCookie(g.session(t, "lena@example.com"))
	s.to("/me")
	s.click(s.link("Sign-in methods"))
	s.click(s.link("Connect… Company"))
	s.must(s.Locator("#current_password").Fill(password))
	s.click(s.button("Connect Company"))
	s.agrees("lena")
	s.arrives("/settings/methods")
	s.sees(s.text("Company is connected. You can sign in with it from now on."))
	s.inspect("sign-in-methods-connected")

	other := open(t, visit{console: g.console, out: true})
	other.enters("lena")
	s.click(s.link("Disconnect… Company"))
	s.must(s.Locator("#current_password").Fill(password))
	s.click(s.button("Disconnect Company"))
	s.sees(s.text("Company was disconnected. Sessions that began there ended."))
	other.to("/me")
	other.arrives(`/login\?next=.*`)
	other.click(other.link("Sign in with Company"))
	other.sees(other.text(linkFirst))
}

// signOutThere ends the session here and at the provider, and comes back.
func signOutThere(t *testing.T, g guarded) {
	s := open(t, visit{console: g.console, out: true})
	s.enters("ken")
	s.leaves()
	s.sees(s.heading("Sign out of the company?"))
	s.click(s.button("Sign out everywhere"))
	s.arrives(`/login(\?.*)?`)
	s.click(s.link("Sign in with Company"))
	s.sees(s.heading("Sign in to the company")) // it asks who it is again
}

// signedOutThere ends the session here when the user signs out at the provider, in this browser alone.
func signedOutThere(t *testing.T, g guarded) {
	s, elsewhere := open(t, visit{console: g.console, out: true}), open(t, visit{console: g.console, out: true})
	s.enters("heidi")
	elsewhere.enters("heidi")
	there := s.newTab()
	_, err := there.Goto(g.issuer + "/session/end")
	s.must(err)
	there.click(there.button("Sign out everywhere"))
	there.sees(there.heading("Signed out of the company"))
	s.to("/me")
	s.arrives(`/login\?next=.*`)
	elsewhere.to("/me")
	elsewhere.arrives("/me")
}

// twoTabs sign in at once, and neither spoils the other.
func twoTabs(t *testing.T, g guarded) {
	first := open(t, visit{console: g.console, out: true})
	second := first.newTab()
	for _, tab := range []*screen{first, second} {
		tab.to("/login")
		tab.click(tab.link("Sign in with Company"))
		tab.sees(tab.heading("Sign in to the company"))
	}
	for _, tab := range []*screen{first, second} {
		tab.agrees("mia")
		tab.arrives("/access-profiles")
	}
}

// withoutScripts signs in and out.
func withoutScripts(t *testing.T, g guarded) {
	s := open(t, visit{console: g.console, out: true, plain: true})
	s.enters("nick")
	s.leaves()
	s.click(s.button("Sign out everywhere"))
	s.arrives(`/login(\?.*)?`)
}

// previewOfRules says before rules are stored who would get another role, with and without scripts.
func previewOfRules(t *testing.T, g guarded) {
	open(t, visit{console: g.console, out: true}).enters("olga")
	for _, plain := range []bool{false, true} {
		s := open(t, visit{console: g.console, plain: plain})
		s.to("/settings/sign-in")
		s.click(s.link("Company"))
		s.click(s.link("Change rules"))
		s.click(s.button("Add rule"))
		s.fill("Group of rule 3", "pilots")
		s.choose("Role of rule 3", "Admin")
		s.must(s.Locator("tr:last-child input[type=checkbox]").Check())
		s.click(s.button("Move rule 3 up"))
		s.holds("Group of rule 2", "pilots")
		s.click(s.button("Review and save…"))
		s.sees(s.heading("Save the rules of Company?"))
		s.sees(s.text("1 to Admin, which may change users, roles, API keys or settings"))
		s.sees(s.GetByRole("row").Filter(playwright.LocatorFilterOptions{HasText: "olga@example.com"}).GetByText("Admin"))
		if !plain {
			s.inspect("identity-provider-rules-moves")
		}
		s.click(s.button("Back"))
		s.holds("Group of rule 2", "pilots")
	}
	same(t, "role", fmt.Sprint(g.userOf(t, "olga@example.com")["role"]), "Viewer")
}
