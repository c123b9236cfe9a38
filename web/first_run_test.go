package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/models/account"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/sample"
)

// parallel does the same n times at once and counts the results.
func parallel(n int, do func() int) map[int]int {
	var group sync.WaitGroup
	results := make(chan int, n)
	start := make(chan struct{})
	for range n {
		group.Go(func() {
			<-start
			results <- do()
		})
	}
	close(start)
	group.Wait()
	close(results)
	count := map[int]int{}
	for result := range results {
		count[result]++
	}
	return count
}

func (c *console) firstRunLink() string {
	c.t.Helper()
	token, err := sample.NewFirstRunLink(c.t.Context(), c.db)
	c.must(err)
	if token == "" {
		return ""
	}
	return "/first-run?token=" + url.QueryEscape(token)
}

func TestFirstRunJourney(t *testing.T) {
	c := emptyConsole(t)
	c.anonymous().get("/login").is(200).one("div", "class", "callout callout-info")
	c.anonymous().get("/first-run").refuses(404, "not_found", "")
	c.anonymous().get("/first-run?token=").refuses(404, "not_found", "")

	dead := c.firstRunLink()
	link := c.firstRunLink()
	c.anonymous().get(dead).refuses(404, "not_found", "")
	page := c.anonymous().get(link).is(200)
	if got := attribute(page.one("form"), "action"); got != link {
		t.Errorf("the form goes to %q", got)
	}
	page.one("input", "name", "sample", "checked", "")

	form := url.Values{"email": {"no address"}, "password": {"short"}, "name": {"A\u200bda"}}
	problems := c.anonymous().post(link, form).refuses(422, "invalid_email", "email").all("a")
	for i, field := range []string{"#email", "#name", "#password"} { // in the order of the page
		if i >= len(problems) || attribute(problems[i], "href") != field {
			t.Errorf("problem %d does not lead to %s", i, field)
		}
	}
	form.Set("name", "Ada")
	refused := c.anonymous().post(link, form).refuses(422, "invalid_email", "email")
	refused.one("input", "name", "name", "value", "Ada")
	refused.one("input", "name", "email", "value", "no address")
	refused.one("a", "href", "#password")
	if len(refused.all("input", "name", "sample", "checked", "")) != 0 {
		t.Error("the sample data was ticked again")
	}
	form = url.Values{"email": {"Ada@Example.com"}, "password": {password}, "sample": {"true"}}
	c.anonymous().post(dead, form).refuses(404, "not_found", "")
	cookie, set := c.anonymous().post(link, form).redirects("/").cookie("session")
	if !set {
		t.Fatal("not signed in")
	}
	ada := c.anonymous().with("Cookie", "session="+cookie.Value)
	ada.get("/settings/api-keys").is(200)
	c.anonymous().signIn("ada@example.com", password)

	var found struct{ Providers, Users, Links int }
	c.scan(&found, `SELECT (SELECT count(*) FROM providers) AS providers, (SELECT count(*) FROM users WHERE name = 'Ada') AS users,
		(SELECT count(*) FROM first_run_links) AS links`)
	if found.Providers == 0 || found.Users != 1 || found.Links != 0 {
		t.Errorf("found: %+v", found)
	}
	c.anonymous().get(link).refuses(404, "not_found", "")
	c.anonymous().post(link, form).refuses(404, "not_found", "")
	if c.firstRunLink() != "" {
		t.Error("a new link beside an admin")
	}
	if strings.Contains(c.dump(), strings.TrimPrefix(link, "/first-run?token=")) {
		t.Error("the link is in the database")
	}
}

func TestFirstRunWithoutSampleData(t *testing.T) {
	c := emptyConsole(t)
	c.anonymous().post(c.firstRunLink(), credentials(admin, password)).redirects("/")
	var providers int
	if c.scan(&providers, "SELECT count(*) FROM providers"); providers != 0 {
		t.Errorf("%d providers", providers)
	}
}

func TestFirstRunEndsWithAnyUser(t *testing.T) {
	c := emptyConsole(t)
	link := c.firstRunLink()
	_, err := account.CreateUser(t.Context(), c.db, &c.h.Passwords, c.h.Keys, permission.CLI, identity.UserInput{
		Email: input.FormValue(viewer), Password: input.FormValue(password), Role: input.FormValue("viewer"),
	})
	c.must(err)
	c.anonymous().get(link).refuses(404, "not_found", "")
	c.anonymous().post(link, credentials(admin, password)).refuses(404, "not_found", "")
}

func TestFirstRunOnce(t *testing.T) {
	c := emptyConsole(t)
	link := c.firstRunLink()
	// A lock on the users' table holds all back until all four wait; more would not arrive in time on a slow machine.
	hold, err := c.db.BeginTx(t.Context(), nil)
	c.must(err)
	defer hold.Rollback()
	_, err = hold.ExecContext(t.Context(), "LOCK TABLE users IN SHARE MODE")
	c.must(err)
	var number atomic.Int64
	answers := make(chan map[int]int)
	go func() {
		answers <- parallel(4, func() int {
			email := "admin" + strconv.FormatInt(number.Add(1), 10) + "@example.com"
			return c.anonymous().post(link, credentials(email, password)).StatusCode
		})
	}()
	deadline := time.Now().Add(10 * time.Second)
	for waiting := 0; waiting < 4 && time.Now().Before(deadline); {
		c.scan(&waiting, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
	}
	c.must(hold.Rollback())
	got := <-answers
	var users int
	if c.scan(&users, "SELECT count(*) FROM users"); users != 1 || got[http.StatusSeeOther] != 1 || got[http.StatusNotFound] != 3 {
		t.Errorf("%d users, answers: %v", users, got)
	}
}

func TestAdminFromTheEnvironment(t *testing.T) {
	c := emptyConsole(t)
	link := c.firstRunLink()
	make := func(email, password string) (bool, error) {
		return sample.CreateEnvAdmin(t.Context(), c.db, &c.h.Passwords, email, password)
	}
	for _, wrong := range [][2]string{{"", password}, {"no address", password}, {admin, ""}, {admin, "short"}} {
		if created, err := make(wrong[0], wrong[1]); created || err == nil {
			t.Errorf("%q: created %v, %v", wrong, created, err)
		}
	}
	if created, err := make(admin, password); !created || err != nil {
		t.Fatalf("created %v, %v", created, err)
	}
	if created, err := make("other@example.com", password); created || err != nil {
		t.Errorf("beside an admin: created %v, %v", created, err)
	}
	c.anonymous().get(link).refuses(404, "not_found", "")
	c.anonymous().signIn(admin, password).get("/settings/api-keys").is(200)
}
