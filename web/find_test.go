package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// finds are the hits of a search by the API, each in a line: type, name, detail, state and path.
func (v client) finds(text string) string {
	v.t.Helper()
	var lines []string
	for _, hit := range objects(v.get("/api/find?" + url.Values{"q": {text}}.Encode()).is(200).json()["results"]) {
		lines = append(lines, fmt.Sprintf("%s: %s (%s) [%s] %s", hit["type"], hit["name"], hit["detail"], hit["state"], hit["path"]))
	}
	return strings.Join(lines, "\n")
}

// found fails the test unless the hits of a search contain the lines.
func (v client) found(search string, lines ...string) {
	v.t.Helper()
	got := v.finds(search)
	for _, line := range lines {
		if !strings.Contains("\n"+got+"\n", "\n"+line+"\n") {
			v.t.Errorf("%q finds\n%s\nwithout\n%s", search, got, line)
		}
	}
	if len(lines) == 0 && got != "" {
		v.t.Errorf("%q finds\n%s", search, got)
	}
}

func TestFindsEverythingByAFewLetters(t *testing.T) {
	g := newGateway(t)
	key := objects(g.admin.get("/api/users/" + g.ada + "/virtual-keys").json()["virtual_keys"])[0]
	four := g.key[len(g.key)-4:]
	keyLine := fmt.Sprintf("virtual_key: %s (Viewer · %s) [] /users/%s#keys", key["name"], four, g.ada)
	user := "user: Viewer (" + ada + ") [%s] /users/" + g.ada
	g.admin.found("ada@ex", fmt.Sprintf(user, ""), keyLine)
	g.admin.found("BOB@", "user: Viewer ("+bob+") [no active profile] /users/"+g.bob)
	g.admin.found(four, keyLine)
	g.admin.found("sk-bf-****"+four, keyLine)
	g.admin.found("work", fmt.Sprintf("access_profile: Work () [held by 1 user] /access-profiles/%d", g.work))
	g.admin.found("admin", "role: Admin () [1 user] /roles/1")
	g.admin.found("Who may call gpt-4o-mini?", "model: gpt-4o-mini (openai) [1 profile, 1 user may call it] /find/callers?model=gpt-4o-mini&provider=openai")
	g.admin.found("github", "mcp_server: github (github) [2 tools] /mcp/clients/github")
	if got := g.admin.finds("#1"); !strings.HasPrefix(got, "audit_log: create (cli) [") || !strings.HasSuffix(got, "] /audit?id=1") {
		t.Errorf("#1 finds %s", got)
	}
	g.admin.found("new pro", "action: New profile () [] /access-profiles/new", "action: New provider () [] /providers/new")
	g.admin.found("usage", "page: Usage () [] /usage")
	g.admin.found("nothing is called so")
	g.admin.found("%")
	g.admin.found("_d_@")

	raise := "action: Raise Viewer (" + ada + ") [%s] /users/" + g.ada + "/access-profiles/" + fmt.Sprint(g.held["id"]) + "/budgets/%s/override"
	month := objects(g.held["budgets"])[0]["id"].(string)
	day := objects(objects(g.held["provider_configs"])[0]["budgets"])[0]["id"].(string)
	g.admin.found("raise ada@", fmt.Sprintf(raise, "$10.00 per month of Work", month), fmt.Sprintf(raise, "$8.00 per day on openai of Work", day))
	g.admin.report(event(g.key, "cost", 8)).is(200)
	g.admin.found("ada@", fmt.Sprintf(user, "used up: $8.00 per day on openai"))
	g.admin.report(event(g.key, "cost", 2)).is(200)
	g.admin.found("ada@", fmt.Sprintf(user, "blocked: $10.00 per month"))
}

// What an actor may not see is not found, whatever it is called.
func TestFindsOnlyWhatTheActorMaySee(t *testing.T) {
	g := newGateway(t)
	for _, search := range []string{"a", "e", "o", "github", "gpt", "work", "ada", "1", "#1", "new", "raise ada", g.key[len(g.key)-4:]} {
		g.apiKey("Settings:View").found(search)
		for _, line := range strings.Split(g.apiKey("Users:View").finds(search), "\n") {
			if line != "" && !strings.HasPrefix(line, "user: ") && !strings.HasPrefix(line, "page: ") || strings.Contains(line, "blocked") {
				t.Errorf("%q finds %s", search, line)
			}
		}
	}
	g.admin.report(event(g.key, "cost", 10)).is(200)
	if got := g.apiKey("Users:View").finds("ada@"); !strings.Contains(got, "(ada@example.com) []") {
		t.Errorf("a limit is shown to an actor who may not see profiles: %s", got)
	}
	g.apiKey("VirtualKeys:View").found(g.key[len(g.key)-4:],
		fmt.Sprintf("virtual_key: %s - Work (Viewer · %s) [] /virtual-keys?search=%s", ada, g.key[len(g.key)-4:], url.QueryEscape(ada+" - Work")))
	g.anonymous().get("/api/find?q=a").refuses(401, "unauthenticated", "")
	g.anonymous().with("Authorization", "Bearer "+g.key).get("/api/find?q=a").refuses(403, "forbidden", "")
	g.anonymous().with("Authorization", "Bearer "+g.key).api("POST", "/api/find", object{"q": g.key}).refuses(403, "forbidden", "")
}

// A whole key finds its user, and stands in no address and no log.
func TestFindsTheUserOfAPastedKey(t *testing.T) {
	g := newGateway(t)
	line := func(a answer) string {
		hits := objects(a.is(200).json()["results"])
		if len(hits) != 1 {
			return fmt.Sprint(hits)
		}
		return fmt.Sprint(hits[0]["detail"], hits[0]["state"], hits[0]["path"])
	}
	at := "Viewer · " + g.key[len(g.key)-4:]
	if got := line(g.admin.api("POST", "/api/find", object{"q": " " + g.key + "\n"})); got != at+"/users/"+g.ada+"#keys" {
		t.Errorf("the key finds %s", got)
	}
	page := g.session.post("/find", url.Values{"q": {g.key}}).is(200)
	if strings.Contains(string(page.body), g.key) || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page shows the key, or may be kept: %s", page.Header.Get("Cache-Control"))
	}
	page.one("a", "href", "/users/"+g.ada+"#keys")
	mistyped := g.key[:len(g.key)-1] + "!"
	for _, secret := range []string{g.key, mistyped, "tg_" + strings.Repeat("x", 49)} {
		for _, path := range []string{"/find?q=", "/api/find?q="} {
			got := g.admin.get(path + secret)
			if strings.HasPrefix(path, "/find") {
				got = g.session.get(path + secret)
			}
			if got.refuses(400, "secret_in_address", "q"); strings.Contains(string(got.body), secret) {
				t.Errorf("the answer repeats %s", secret)
			}
		}
	}
	g.admin.api("POST", "/api/find", object{"q": mistyped}).is(200)
	if strings.Contains(g.log.String(), g.key) || strings.Contains(g.log.String(), mistyped) {
		t.Error("the log has the key")
	}

	key := objects(g.admin.get("/api/users/" + g.ada + "/virtual-keys").json()["virtual_keys"])[0]
	g.admin.api("DELETE", "/api/users/"+g.ada+"/access-profiles/virtual-keys/"+key["id"].(string), nil).is(200)
	if got := line(g.admin.api("POST", "/api/find", object{"q": g.key})); got != "Viewerreplaced or deleted/users/"+g.ada+"#keys" {
		t.Errorf("the deleted key finds %s", got)
	}
	if got := line(g.apiKey("Users:View").api("POST", "/api/find", object{"q": g.key})); got != "[]" {
		t.Errorf("an actor who may not see keys finds %s", got)
	}
}

// The page, the part that htmx asks for, and the way from the form to an address.
func TestFindPages(t *testing.T) {
	g := newGateway(t)
	g.session.post("/find", url.Values{"q": {" ada@ "}}).redirects("/find?q=ada%40")
	page := g.session.get("/find?q=ada%40").is(200)
	page.one("a", "href", "/users/"+g.ada)
	part := g.session.with("HX-Request", "true").post("/find", url.Values{"q": {"ada@"}}).is(200)
	part.one("a", "href", "/users/"+g.ada)
	if len(part.all("main")) != 0 {
		t.Error("the part is a whole page")
	}
	if got := text(g.session.get("/find").is(200).one("main")); !strings.Contains(got, "raise ada") {
		t.Errorf("an empty search says %s", got)
	}
	for n := range 7 {
		g.admin.api("POST", "/api/access-profiles", object{"name": fmt.Sprint("Many ", n)}).is(http.StatusCreated)
	}
	many := g.session.get("/find?q=many").is(200)
	many.one("a", "href", "/access-profiles?search=many")
	if hits := len(many.all("a", "class", "found-all")); hits != 1 {
		t.Errorf("%d links to a whole list", hits)
	}
	callers := g.session.get("/find/callers?provider=openai&model=gpt-4o").is(200)
	if got := text(callers.one("main")); !strings.Contains(got, "1 user may call gpt-4o of openai") || !strings.Contains(got, "Work") {
		t.Errorf("the callers are %s", got)
	}
	if rows := g.session.get("/audit?id=1").is(200).all("th", "scope", "row", "class", "nowrap"); len(rows) != 1 {
		t.Errorf("%d rows of the audit log have the id 1", len(rows))
	}
	for _, bad := range []string{"q=a&q=b", "kind=nothing", "x=1", "q=" + strings.Repeat("a", 256)} {
		g.admin.get("/api/find?" + bad).is(400)
	}
}
