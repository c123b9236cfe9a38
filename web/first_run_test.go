package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/models/account"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/sample"
	"tollgate/web/webtest"
)

func TestFirstRunJourney(t *testing.T) {
	c := webtest.EmptyConsole(t)
	c.Anonymous().Get("/login").Is(200).One("div", "class", "callout callout-info")
	c.Anonymous().Get("/first-run").Refuses(404, "not_found", "")
	c.Anonymous().Get("/first-run?token=").Refuses(404, "not_found", "")
	for _, cut := range []string{"", "?token=", "?token=x"} {
		page := webtest.Text(c.Anonymous().Get("/first-run" + cut).Is(404).One("main"))
		if !strings.Contains(page, "This link is cut, or it does not work any more.") || !strings.Contains(page, "start the console again for another one") {
			t.Errorf("/first-run%s says %s", cut, page)
		}
	}

	dead := c.FirstRunLink()
	link := c.FirstRunLink()
	c.Anonymous().Get(dead).Refuses(404, "not_found", "")
	page := c.Anonymous().Get(link).Is(200)
	if got := webtest.Attribute(page.One("form"), "action"); got != link {
		t.Errorf("the form goes to %q", got)
	}
	page.One("input", "name", "sample", "checked", "")

	form := url.Values{"email": {"no address"}, "password": {"short"}, "name": {"A\u200bda"}}
	problems := c.Anonymous().Post(link, form).Refuses(422, "invalid_email", "email").All("a")
	for i, field := range []string{"#email", "#name", "#password"} { // in the order of the page
		if i >= len(problems) || webtest.Attribute(problems[i], "href") != field {
			t.Errorf("problem %d does not lead to %s", i, field)
		}
	}
	form.Set("name", "Ada")
	refused := c.Anonymous().Post(link, form).Refuses(422, "invalid_email", "email")
	refused.One("input", "name", "name", "value", "Ada")
	refused.One("input", "name", "email", "value", "no address")
	refused.One("a", "href", "#password")
	if len(refused.All("input", "name", "sample", "checked", "")) != 0 {
		t.Error("the sample data was ticked again")
	}
	form = url.Values{"email": {"Ada@Example.com"}, "password": {webtest.Password}, "sample": {"true"}}
	c.Anonymous().Post(dead, form).Refuses(404, "not_found", "")
	cookie, set := c.Anonymous().Post(link, form).Redirects("/").Cookie("session")
	if !set {
		t.Fatal("not signed in")
	}
	ada := c.Anonymous().With("Cookie", "session="+cookie.Value)
	ada.Get("/settings/api-keys").Is(200)
	c.Anonymous().SignIn("ada@example.com", webtest.Password)

	var found struct{ Providers, Users, Links int }
	c.Scan(&found, `SELECT (SELECT count(*) FROM providers) AS providers, (SELECT count(*) FROM users WHERE name = 'Ada') AS users,
		(SELECT count(*) FROM first_run_links) AS links`)
	if found.Providers == 0 || found.Users != 1 || found.Links != 0 {
		t.Errorf("found: %+v", found)
	}
	c.Anonymous().Get(link).Refuses(404, "not_found", "")
	c.Anonymous().Post(link, form).Refuses(404, "not_found", "")
	if c.FirstRunLink() != "" {
		t.Error("a new link beside an admin")
	}
	if strings.Contains(c.Dump(), strings.TrimPrefix(link, "/first-run?token=")) {
		t.Error("the link is in the database")
	}
}

func TestFirstRunWithoutSampleData(t *testing.T) {
	c := webtest.EmptyConsole(t)
	c.Anonymous().Post(c.FirstRunLink(), webtest.Credentials(webtest.Admin, webtest.Password)).Redirects("/")
	var providers int
	if c.Scan(&providers, "SELECT count(*) FROM providers"); providers != 0 {
		t.Errorf("%d providers", providers)
	}
}

func TestFirstRunEndsWithAnyUser(t *testing.T) {
	c := webtest.EmptyConsole(t)
	link := c.FirstRunLink()
	_, err := account.CreateUser(t.Context(), c.DB, &c.H.Passwords, permission.CLI, identity.UserInput{
		Email: input.FormValue(webtest.Viewer), Password: input.FormValue(webtest.Password), Role: input.FormValue("viewer"),
	})
	c.Must(err)
	c.Anonymous().Get(link).Refuses(404, "not_found", "")
	c.Anonymous().Post(link, webtest.Credentials(webtest.Admin, webtest.Password)).Refuses(404, "not_found", "")
}

// Programs may work with a console before its first admin: those whom they add cannot sign in.
func TestFirstRunAfterUsersWhoCannotSignIn(t *testing.T) {
	c := webtest.EmptyConsole(t)
	link := c.FirstRunLink()
	c.Must(sample.First(t.Context(), c.DB, permission.CLI))
	taken := "taken@example.com"
	c.APIKey().API("POST", "/api/users", map[string]string{"name": "Tess", "email": taken}).Is(201)
	c.Anonymous().Get("/login").Is(200).One("div", "class", "callout callout-info")

	if created, err := sample.CreateEnvAdmin(t.Context(), c.DB, &c.H.Passwords, taken, webtest.Password); created || err == nil {
		t.Errorf("the address of a user: created %v, %v", created, err)
	}
	form := webtest.Credentials(taken, webtest.Password)
	form.Set("sample", "true")
	c.Anonymous().Post(link, form).Refuses(409, "email_taken", "email")
	form.Set("email", webtest.Admin)
	c.Anonymous().Post(link, form).Redirects("/")
	c.Anonymous().SignIn(webtest.Admin, webtest.Password).Get("/settings/api-keys").Is(200)
	c.Anonymous().Get(link).Refuses(404, "not_found", "")
	if c.FirstRunLink() != "" {
		t.Error("a new link beside an admin")
	}
}

func TestFirstRunOnce(t *testing.T) {
	c := webtest.EmptyConsole(t)
	link := c.FirstRunLink()
	// A lock on the users' table holds all back until all four wait, or until the first would be refused soon.
	hold, err := c.Owner().BeginTx(t.Context(), nil)
	c.Must(err)
	defer hold.Rollback()
	_, err = hold.ExecContext(t.Context(), "LOCK TABLE users IN SHARE MODE")
	c.Must(err)
	var number atomic.Int64
	answers := make(chan map[int]int)
	go func() {
		answers <- webtest.Parallel(4, func() int {
			email := "admin" + strconv.FormatInt(number.Add(1), 10) + "@example.com"
			return c.Anonymous().Post(link, webtest.Credentials(email, webtest.Password)).StatusCode
		})
	}()
	deadline := time.Now().Add(3 * time.Second)
	for waiting := 0; waiting < 4 && time.Now().Before(deadline); {
		c.Scan(&waiting, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
	}
	c.Must(hold.Rollback())
	got := <-answers
	var users int
	if c.Scan(&users, "SELECT count(*) FROM users"); users != 1 || got[http.StatusSeeOther] != 1 || got[http.StatusNotFound] != 3 {
		t.Errorf("%d users, answers: %v", users, got)
	}
}

func TestAdminFromTheEnvironment(t *testing.T) {
	c := webtest.EmptyConsole(t)
	link := c.FirstRunLink()
	make := func(email, password string) (bool, error) {
		return sample.CreateEnvAdmin(t.Context(), c.DB, &c.H.Passwords, email, password)
	}
	for _, wrong := range [][2]string{{"", webtest.Password}, {"no address", webtest.Password}, {webtest.Admin, ""}, {webtest.Admin, "short"}} {
		if created, err := make(wrong[0], wrong[1]); created || err == nil {
			t.Errorf("%q: created %v, %v", wrong, created, err)
		}
	}
	if created, err := make(webtest.Admin, webtest.Password); !created || err != nil {
		t.Fatalf("created %v, %v", created, err)
	}
	if created, err := make("other@example.com", webtest.Password); created || err != nil {
		t.Errorf("beside an admin: created %v, %v", created, err)
	}
	c.Anonymous().Get(link).Refuses(404, "not_found", "")
	c.Anonymous().SignIn(webtest.Admin, webtest.Password).Get("/settings/api-keys").Is(200)
}
