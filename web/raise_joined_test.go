package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// A budget has one raise: what a grant makes of an earlier one is said before and after, on the page and in the API.
func TestGrantSaysWhatItMakesOfAnEarlierRaise(t *testing.T) {
	g, ada, budget := asking(t)
	held := g.Copies(g.Ada)[0]
	line := webtest.OverridePath(g.Ada, held, webtest.Object{"id": budget})
	end := time.Now().UTC().Add(3 * time.Hour).Truncate(time.Second)
	earlier := webtest.Object{"amount": 1, "mode": "until", "expires_at": end.Format(time.RFC3339)}
	g.Admin.API("PUT", line, earlier).Is(200)
	ask := func() string {
		return requestOf(ada.API("POST", "/api/access-requests", webtest.Object{"budget_id": budget, "amount": 5, "reason": "x"}))
	}
	admin := g.Login(webtest.Admin)

	id := ask()
	words := webtest.Text(admin.Get("/access-requests").Is(200).One("main"))
	if !strings.Contains(words, "It is raised by $1.00 until ") || !strings.Contains(words, "raise it by $6.00 in all, and the $1.00 end on Sunday too") {
		t.Errorf("before: %s", words)
	}
	done := admin.Follow(admin.Post("/access-requests/"+id+"/grant", url.Values{"amount": {"5"}}).Is(303))
	if said := string(done.Body); !strings.Contains(said, "It is raised by $6.00 in all until ") || !strings.Contains(said, "the $1.00 that would have ended ") {
		t.Errorf("after: %s", webtest.Text(done.One("main")))
	}

	g.Admin.API("PUT", line, earlier).Is(200)
	granted := g.Admin.API("POST", "/api/access-requests/"+ask()+"/grant", webtest.Object{"amount": 5}).Is(200).Object("access_request")
	joined := granted["joined_raise"].(webtest.Object)
	if joined["amount"] != 1.0 || joined["total_amount"] != 6.0 || joined["would_have_ended_at"] != end.Format(time.RFC3339) {
		t.Errorf("joined: %v", joined)
	}

	// A raise replaces the one before, and says so.
	page := "/users/" + strings.TrimPrefix(line, "/api/users/")
	if words := webtest.Text(admin.Get(page).Is(200).One("main")); !strings.Contains(words, "Another amount replaces that.") {
		t.Errorf("the form: %s", words)
	}
	replaced := admin.Follow(admin.Post(page, url.Values{"amount": {"9"}, "mode": {"window"}}).Is(303))
	if said := string(replaced.Body); !strings.Contains(said, "Before it was raised by $6.00 until ") {
		t.Errorf("after a raise: %s", webtest.Text(replaced.One("main")))
	}
}

// A refusal whose budget allows more by now says so, in the list and on the user's page; one whose raise is over does not.
func TestRefusalSaysThatItsBudgetWasRaised(t *testing.T) {
	g, _, budget := asking(t)
	g.RefusedRows("")
	admin := g.Login(webtest.Admin)
	shown := func(want bool) {
		t.Helper()
		for _, path := range []string{"/refusals", "/users/" + g.Ada} {
			words := webtest.Text(admin.Get(path).Is(200).One("main"))
			if strings.Contains(words, "raised since, to $18.00 / day") != want {
				t.Errorf("%s says that it was raised: %v, want %v: %s", path, !want, want, words)
			}
		}
	}
	shown(false)
	line := webtest.OverridePath(g.Ada, g.Copies(g.Ada)[0], webtest.Object{"id": budget})
	g.Admin.API("PUT", line, webtest.Object{"amount": 10, "mode": "window"}).Is(200)
	shown(true)
	g.Admin.API("DELETE", line, nil).Is(200)
	shown(false)
}
