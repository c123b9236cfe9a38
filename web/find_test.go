package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestFindsEverythingByAFewLetters(t *testing.T) {
	g := webtest.NewGateway(t)
	key := webtest.Objects(g.Admin.Get("/api/users/" + g.Ada + "/virtual-keys").JSON()["virtual_keys"])[0]
	four := g.Key[len(g.Key)-4:]
	keyLine := fmt.Sprintf("virtual_key: %s (Viewer · %s) [] /users/%s#keys", key["name"], four, g.Ada)
	user := "user: Viewer (" + webtest.Ada + ") [%s] /users/" + g.Ada
	g.Admin.Found("ada@ex", fmt.Sprintf(user, ""), keyLine)
	g.Admin.Found("BOB@", "user: Viewer ("+webtest.Bob+") [no active profile] /users/"+g.Bob)
	g.Admin.Found(four, keyLine)
	g.Admin.Found("sk-bf-****"+four, keyLine)
	g.Admin.Found("work", fmt.Sprintf("access_profile: Work () [held by 1 user] /access-profiles/%d", g.Work))
	g.Admin.Found("admin", "role: Admin () [1 user] /roles/1")
	g.Admin.Found("Who may call gpt-4o-mini?", "model: gpt-4o-mini (openai) [1 profile, 1 user may call it] /find/callers?model=gpt-4o-mini&provider=openai")
	g.Admin.Found("github", "mcp_server: github (github) [2 tools] /mcp/clients/github")
	if got := g.Admin.Finds("#1"); !strings.HasPrefix(got, "audit_log: create (cli) [") || !strings.HasSuffix(got, "] /audit?id=1") {
		t.Errorf("#1 finds %s", got)
	}
	g.Admin.Found("new pro", "action: New profile () [] /access-profiles/new", "action: New provider () [] /providers/new")
	g.Admin.Found("usage", "page: Usage () [] /usage")
	g.Admin.Found("nothing is called so")
	g.Admin.Found("%")
	g.Admin.Found("_d_@")

	raise := "action: Raise Viewer (" + webtest.Ada + ") [%s] /users/" + g.Ada + "/access-profiles/" + fmt.Sprint(g.Held["id"]) + "/budgets/%s/override"
	month := webtest.Objects(g.Held["budgets"])[0]["id"].(string)
	day := webtest.Objects(webtest.Objects(g.Held["provider_configs"])[0]["budgets"])[0]["id"].(string)
	g.Admin.Found("raise ada@", fmt.Sprintf(raise, "$10.00 per month of Work", month), fmt.Sprintf(raise, "$8.00 per day on openai of Work", day))
	g.Admin.Report(webtest.Event(g.Key, "cost", 8)).Is(200)
	g.Admin.Found("ada@", fmt.Sprintf(user, "used up: $8.00 per day on openai"))
	g.Admin.Report(webtest.Event(g.Key, "cost", 2)).Is(200)
	g.Admin.Found("ada@", fmt.Sprintf(user, "blocked: $10.00 per month"))
}

// The users who may call a tool are those whom decisions allow: by a whole server, by a group, by an
// include, and never when it is excluded.
func TestFindsWhoMayCallATool(t *testing.T) {
	g := webtest.NewGateway(t)
	group := g.AddGroup("Everything of GitHub", `[{"mcp_client_id":"github","tool_names":["*"]}]`)
	grouped := g.ProfileNaming("Grouped", fmt.Sprintf(`"mcp_tool_groups":[{"tool_group_id":%d}],
"mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"delete_repo","action":"exclude"},{"mcp_client_id":"jira","tool_name":"t","action":"include"}]`, group))
	_, bob := g.Give(g.Bob, grouped)
	at := func(server, tool string) string {
		return "/find/callers?mcp_client_id=" + server + "&tool_name=" + tool
	}
	for _, tool := range []struct {
		server, name, state, page string
		bobs                      bool
	}{
		{"github", "create_issue", "3 profiles, 2 users may call it", "2 users may call create_issue of github", true},
		{"github", "delete_repo", "2 profiles, 1 user may call it", "1 user may call delete_repo of github", false},
		{"jira", "t", "3 profiles, 2 users may call it", "2 users may call t of jira", true},
	} {
		line := "tool: " + tool.name + " (" + tool.server + ") [" + tool.state + "] " + at(tool.server, tool.name)
		if got := g.Admin.Finds("who may use " + tool.server + "/" + tool.name); got != line {
			t.Errorf("%s is found as\n%s", line, got)
		}
		page := g.Session.Get(at(tool.server, tool.name)).Is(200)
		webtest.Says(page, "", tool.page)
		page.One("a", "href", "/mcp/clients/"+tool.server)
		webtest.Same(t, "Grouped grants "+tool.name, strings.Contains(webtest.Text(page.One("main")), "Grouped"), tool.bobs)
		g.Admin.Decides(webtest.Tool(g.Key, tool.server, tool.name), "allowed", 200)
		webtest.Same(t, "the decision about "+tool.name, g.Admin.Ask(webtest.Tool(bob, tool.server, tool.name))["decision"], tool.bobs)
	}
	webtest.Says(g.Session.Get(at("jira", "gone")).Is(200), "", "No profile grants gone of jira.")
	g.APIKey("MCPServers:View").Found("delete_repo", "tool: delete_repo (github) [] /mcp/clients/github")
}

// What an actor may not see is not found under any name.
func TestFindsOnlyWhatTheActorMaySee(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, search := range []string{"a", "e", "o", "github", "gpt", "work", "ada", "1", "#1", "new", "raise ada", g.Key[len(g.Key)-4:]} {
		g.APIKey("Settings:View").Found(search)
		for _, line := range strings.Split(g.APIKey("Users:View").Finds(search), "\n") {
			if line != "" && !strings.HasPrefix(line, "user: ") && !strings.HasPrefix(line, "page: ") || strings.Contains(line, "blocked") {
				t.Errorf("%q finds %s", search, line)
			}
		}
	}
	g.Admin.Report(webtest.Event(g.Key, "cost", 10)).Is(200)
	if got := g.APIKey("Users:View").Finds("ada@"); !strings.Contains(got, "(ada@example.com) []") {
		t.Errorf("a limit is shown to an actor who may not see profiles: %s", got)
	}
	g.APIKey("VirtualKeys:View").Found(g.Key[len(g.Key)-4:],
		fmt.Sprintf("virtual_key: %s - Work (Viewer · %s) [] /virtual-keys?search=%s", webtest.Ada, g.Key[len(g.Key)-4:], url.QueryEscape(webtest.Ada+" - Work")))
	g.Anonymous().Get("/api/find?q=a").Refuses(401, "unauthenticated", "")
	g.Anonymous().With("Authorization", "Bearer "+g.Key).Get("/api/find?q=a").Refuses(403, "forbidden", "")
	g.Anonymous().With("Authorization", "Bearer "+g.Key).API("POST", "/api/find", webtest.Object{"q": g.Key}).Refuses(403, "forbidden", "")
}

// A whole key finds its user, and stands in no address and no log.
func TestFindsTheUserOfAPastedKey(t *testing.T) {
	g := webtest.NewGateway(t)
	line := func(a webtest.Answer) string {
		hits := webtest.Objects(a.Is(200).JSON()["results"])
		if len(hits) != 1 {
			return fmt.Sprint(hits)
		}
		return fmt.Sprint(hits[0]["detail"], hits[0]["state"], hits[0]["path"])
	}
	at := "Viewer · " + g.Key[len(g.Key)-4:]
	if got := line(g.Admin.API("POST", "/api/find", webtest.Object{"q": " " + g.Key + "\n"})); got != at+"/users/"+g.Ada+"#keys" {
		t.Errorf("the key finds %s", got)
	}
	page := g.Session.Post("/find", url.Values{"q": {g.Key}}).Is(200)
	if strings.Contains(string(page.Body), g.Key) || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page shows the key, or may be kept: %s", page.Header.Get("Cache-Control"))
	}
	page.One("a", "href", "/users/"+g.Ada+"#keys")
	mistyped := g.Key[:len(g.Key)-1] + "!"
	for _, secret := range []string{g.Key, mistyped, "tg_" + strings.Repeat("x", 49)} {
		for _, path := range []string{"/find?q=", "/api/find?q="} {
			got := g.Admin.Get(path + secret)
			if strings.HasPrefix(path, "/find") {
				got = g.Session.Get(path + secret)
			}
			if got.Refuses(400, "secret_in_address", "q"); strings.Contains(string(got.Body), secret) {
				t.Errorf("the answer repeats %s", secret)
			}
		}
	}
	g.Admin.API("POST", "/api/find", webtest.Object{"q": mistyped}).Is(200)
	if strings.Contains(g.Log.String(), g.Key) || strings.Contains(g.Log.String(), mistyped) {
		t.Error("the log has the key")
	}

	key := webtest.Objects(g.Admin.Get("/api/users/" + g.Ada + "/virtual-keys").JSON()["virtual_keys"])[0]
	g.Admin.API("DELETE", "/api/users/"+g.Ada+"/access-profiles/virtual-keys/"+key["id"].(string), nil).Is(200)
	if got := line(g.Admin.API("POST", "/api/find", webtest.Object{"q": g.Key})); got != "Viewerreplaced or deleted/users/"+g.Ada+"#keys" {
		t.Errorf("the deleted key finds %s", got)
	}
	if got := line(g.APIKey("Users:View").API("POST", "/api/find", webtest.Object{"q": g.Key})); got != "[]" {
		t.Errorf("an actor who may not see keys finds %s", got)
	}
}

// The page, the part that htmx asks for, and the way from the form to an address.
func TestFindPages(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Session.Post("/find", url.Values{"q": {" ada@ "}}).Redirects("/find?q=ada%40")
	page := g.Session.Get("/find?q=ada%40").Is(200)
	page.One("a", "href", "/users/"+g.Ada)
	part := g.Session.With("HX-Request", "true").Post("/find", url.Values{"q": {"ada@"}}).Is(200)
	part.One("a", "href", "/users/"+g.Ada)
	if len(part.All("main")) != 0 {
		t.Error("the part is a whole page")
	}
	if got := webtest.Text(g.Session.Get("/find").Is(200).One("main")); !strings.Contains(got, "raise ada") {
		t.Errorf("an empty search says %s", got)
	}
	for n := range 7 {
		g.Admin.API("POST", "/api/access-profiles", webtest.Object{"name": fmt.Sprint("Many ", n)}).Is(http.StatusCreated)
	}
	many := g.Session.Get("/find?q=many").Is(200)
	many.One("a", "href", "/access-profiles?search=many")
	if hits := len(many.All("a", "class", "found-all")); hits != 1 {
		t.Errorf("%d links to a whole list", hits)
	}
	callers := g.Session.Get("/find/callers?provider=openai&model=gpt-4o").Is(200)
	if got := webtest.Text(callers.One("main")); !strings.Contains(got, "1 user may call gpt-4o of openai") || !strings.Contains(got, "Work") {
		t.Errorf("the callers are %s", got)
	}
	if rows := g.Session.Get("/audit?id=1").Is(200).All("th", "scope", "row", "class", "nowrap"); len(rows) != 1 {
		t.Errorf("%d rows of the audit log have the id 1", len(rows))
	}
	for _, bad := range []string{"q=a&q=b", "kind=nothing", "x=1", "q=" + strings.Repeat("a", 256)} {
		g.Admin.Get("/api/find?" + bad).Is(400)
	}
}
