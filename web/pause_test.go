package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Pausing a profile pauses its copies and nothing else; resuming leaves those that were paused alone.
func TestPauseCopies(t *testing.T) {
	g := webtest.NewGateway(t)
	bobs, key := g.Give(g.Bob, g.Work)
	cleo := g.Member("cleo@example.com", "Viewer")
	cleos, _ := g.Give(cleo, g.Work)
	g.Admin.API("PUT", "/api"+webtest.CopyPath(cleo, cleos), `{"is_active":false}`).Is(200)
	api := fmt.Sprint("/api/access-profiles/", g.Work)
	page := strings.TrimPrefix(api, "/api")
	g.Admin.Decides(webtest.Model(key), "allowed", 200)

	asked := g.Session.Get(page + "/pause").Is(200)
	text := webtest.Text(asked.One("main"))
	for _, words := range []string{
		"Pause access of 2 holders of Work?", "ada@example.com", "bob@example.com", "refused within a second", "Keys stay",
		"1 more copy was paused one by one, and stays paused",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("the page lacks %q: %s", words, text)
		}
	}
	if strings.Contains(text, "cleo@") {
		t.Error("a copy that was paused before is named")
	}
	var done webtest.Object
	g.Audits(func() { done = g.Admin.API("POST", api+"/pause", nil).Is(200).JSON() }, fmt.Sprint("pause ", g.Work, " - cli"))
	if done["affected_users"] != 2.0 || done["skipped_users"] != 1.0 || len(webtest.List(done["user_ids"])) != 2 {
		t.Errorf("paused: %v", done)
	}
	g.Admin.WithinASecond(webtest.Model(key), "access_blocked")
	refused := g.Admin.Decides(webtest.Model(g.Key), "access_blocked", 403)
	webtest.Same(t, "why", refused["message"], "The user has no active access profile: Work is paused.")
	g.Unchanged(func() { g.Admin.API("POST", api+"/pause", nil).Is(200) })
	if got := g.Admin.API("GET", api, nil).Is(200).Object("access_profile")["version"]; got != 1.0 {
		t.Errorf("the version is %v", got)
	}
	if len(g.Keys(g.Bob)) != 1 {
		t.Error("a key is gone")
	}
	for _, tab := range []string{"", "/users", "/roles", "/versions", "/audit"} {
		g.Session.Get(page+tab).Is(200).One("a", "href", page+"/resume")
	}
	if text := webtest.Text(g.Session.Get(page + "/pause").Is(200).One("main")); !strings.Contains(text, "is paused already") {
		t.Errorf("paused twice: %s", text)
	}
	// A user who is paused alone afterwards is not resumed with the others.
	for _, active := range []string{"true", "false"} {
		g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Bob, bobs), `{"is_active":`+active+`}`).Is(200)
	}
	if text := webtest.Text(g.Session.Get(page + "/resume").Is(200).One("main")); !strings.Contains(text, "Resume access of 1 holder of Work?") {
		t.Errorf("resume: %s", text)
	}
	g.Session.Post(page+"/resume", nil).Redirects(page)
	g.Admin.WithinASecond(webtest.Model(g.Key), "allowed")
	g.Admin.Decides(webtest.Model(key), "access_blocked", 403)
	webtest.Same(t, "resumed again", g.Admin.API("POST", api+"/resume", nil).Is(200).JSON()["affected_users"], 0.0)
	if text := webtest.Text(g.Session.Get("/audit").Is(200).One("main")); !strings.Contains(text, "paused the access of 2 users by Work") {
		t.Errorf("the log: %s", text)
	}
	g.Admin.API("POST", "/api/access-profiles/999/pause", nil).Refuses(404, "not_found", "")
	g.Admin.API("POST", api+"/pause", `{"user_ids":[]}`).Refuses(400, "unknown_field", "user_ids")
	g.APIKey("AccessProfiles:View").API("POST", api+"/pause", nil).Refuses(403, "forbidden", "")
}

// A copy whose end is changed while its profile is paused is resumed with it.
func TestEndOfPausedCopyIsChanged(t *testing.T) {
	g := webtest.NewGateway(t)
	bobs, key := g.Give(g.Bob, g.Work)
	api := fmt.Sprint("/api/access-profiles/", g.Work)
	g.Admin.API("POST", api+"/pause", nil).Is(200)
	g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Ada, g.Held), `{"expires_at":"2099-01-01T00:00:00Z"}`).Is(200)
	g.Session.Save(webtest.CopyPath(g.Bob, bobs), url.Values{"expires_at": {"2099-01-01T00:00:00"}}).Redirects("/users/" + g.Bob)
	webtest.Same(t, "resumed", g.Admin.API("POST", api+"/resume", nil).Is(200).JSON()["affected_users"], 2.0)
	for _, held := range []any{g.Key, key} {
		g.Admin.WithinASecond(webtest.Model(held), "allowed")
	}
}

// A profile is not paused by an actor who may do less than one of its holders.
func TestPauseOfTheStronger(t *testing.T) {
	g := webtest.NewGateway(t)
	admin := g.UserID(webtest.Admin)
	g.Assign(admin, g.Work)
	page := fmt.Sprint("/access-profiles/", g.Work)
	lesser := g.Lesser()
	g.Unchanged(func() { lesser.Post(page+"/pause", nil).Refuses(403, "forbidden", "") })
}

// An archived profile says that archiving stops nothing, and leads to what does.
func TestArchiveLeadsToPause(t *testing.T) {
	g := webtest.NewGateway(t)
	page := fmt.Sprint("/access-profiles/", g.Work)
	g.Session.Post(page+"/deactivate", nil).Redirects(page)
	shown := g.Session.Get(page).Is(200)
	if text := webtest.Text(shown.One("main")); !strings.Contains(text, "Archived, which stops nothing: 1 holder keeps access") {
		t.Errorf("archived: %s", text)
	}
	if len(shown.All("a", "href", page+"/pause")) == 0 {
		t.Error("nothing leads to pausing")
	}
}
