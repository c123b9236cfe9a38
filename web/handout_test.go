package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A profile is given to known and new users at once; each line says what came of it, and the rest is given.
func TestHandout(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Bob, webtest.Research)
	gone := s.Member("gone@example.com", "Viewer")
	s.Admin.API("DELETE", "/api/users/"+gone, nil).Is(200)
	sent := "Mia Muster <mia@example.com>; MAX@example.com,\r\nbroken\nada@example.com\nbob@example.com\nmax@example.com\ngone@example.com\n\n"
	path := fmt.Sprint("/api/access-profiles/", webtest.Research, "/give")
	outcomes := func(a webtest.Answer) (all []string) {
		for _, line := range webtest.Objects(a.Is(200).JSON()["lines"]) {
			all = append(all, fmt.Sprint(line["email"], " ", line["outcome"], " ", line["virtual_key"] != nil))
		}
		return all
	}
	before := s.State()
	preview := []string{
		"mia@example.com new_user false", "MAX@example.com new_user false", "<nil> invalid_email false", "ada@example.com given false",
		"bob@example.com already_held false", "max@example.com duplicate false", "gone@example.com left false",
	}
	webtest.Same(t, "preview", outcomes(s.Admin.API("POST", path, webtest.Object{"emails": sent, "dry_run": true})), preview)
	if s.State() != before {
		t.Error("a preview has changed something")
	}
	given := s.Admin.API("POST", path, webtest.Object{"emails": sent, "expires_at": "2037-01-01T00:00:00Z"}).Is(200)
	webtest.Same(t, "given", outcomes(given), []string{
		"mia@example.com new_user true", "MAX@example.com new_user true", "<nil> invalid_email false", "ada@example.com given true",
		"bob@example.com already_held false", "max@example.com duplicate false", "gone@example.com left false",
	})
	body := given.JSON()
	webtest.Same(t, "counts", []any{body["applied"], body["new_users"], body["given"], body["already_held"]}, []any{true, 2.0, 1.0, 1.0})
	key := webtest.Objects(body["lines"])[0]["virtual_key"].(webtest.Object)["value"].(string)
	s.Anonymous().With("Authorization", "Bearer "+key).Get("/api/governance/virtual-keys/quota").Is(200)
	var mia string
	s.Scan(&mia, "SELECT concat_ws(' ', u.name, r.name, c.expires_at AT TIME ZONE 'UTC') FROM users AS u JOIN roles AS r ON r.id = u.role_id JOIN user_access_profiles AS c ON c.user_id = u.id WHERE u.email = 'mia@example.com'")
	webtest.Same(t, "mia", mia, "Mia Muster Member 2037-01-01 00:00:00")
	if again := outcomes(s.Admin.API("POST", path, webtest.Object{"emails": sent})); again[0] != "mia@example.com already_held false" {
		t.Errorf("again: %q", again)
	}
	for body, want := range map[string][2]string{
		`{}`: {"required", "emails"}, `{"emails":" "}`: {"required", "emails"}, `{"emails":";,"}`: {"required", "emails"}, `{"emails":["a@example.com"]}`: {"wrong_type", "emails"},
		`{"emails":"` + strings.Repeat("a@b.c,", 201) + `"}`:     {"too_many_items", "emails"},
		`{"emails":"a@b.c","expires_at":"2001-01-01T00:00:00Z"}`: {"timestamp_in_past", "expires_at"},
		`{"emails":"a@b.c","token":"x"}`:                         {"unknown_field", "token"},
	} {
		s.Admin.API("POST", path, body).Refuses(400, want[0], want[1])
	}
	s.Admin.API("POST", "/api/access-profiles/999/give", `{"emails":"a@b.c"}`).Refuses(404, "not_found", "")
}

// The page previews, gives once, and shows the keys to the session that gave; no key stands in the log or the database.
func TestHandoutPages(t *testing.T) {
	s := webtest.NewStage(t)
	page := fmt.Sprint("/access-profiles/", webtest.Research, "/give")
	s.Session.Get(page[:len(page)-5]).Is(200).One("a", "href", page)
	s.Session.Post(page+"/preview", url.Values{"emails": {""}, "expires_at": {""}}).Refuses(422, "required", "emails")
	var emails []string
	for i := range 50 {
		emails = append(emails, fmt.Sprintf("many%d@example.com", i))
	}
	form := url.Values{"emails": {strings.Join(emails, "\n")}, "expires_at": {""}}
	preview := s.Session.Post(page+"/preview", form).Is(200)
	if words := webtest.Text(preview.One("main")); !strings.Contains(words, "50 new users.") || !strings.Contains(words, "Give to 50 users") {
		t.Errorf("preview: %s", words)
	}
	form.Set("token", webtest.Attribute(preview.One("input", "name", "token"), "value"))
	form.Del("expires_at")
	given := s.Session.Post(page, form).Is(303)
	result := given.Header.Get("Location")
	shown := s.Session.Get(result).Is(200)
	keys := shown.All("code", "class", "handout-key")
	webtest.Same(t, "keys", len(keys), 50)
	webtest.Same(t, "again", len(s.Session.Get(result).Is(200).All("code", "class", "handout-key")), 50)
	csv := s.Session.Get(result + "/keys.csv").Is(200)
	if lines := strings.Count(string(csv.Body), "\r\n"); lines != 51 || !strings.Contains(string(csv.Body), webtest.Text(keys[0])) {
		t.Errorf("CSV of %d lines", lines)
	}
	s.Session.Post(page, form).Refuses(409, "already_given", "")
	webtest.Same(t, "users", s.Count("users WHERE email LIKE 'many%'"), 50)
	other := s.Login(webtest.Admin)
	other.Get(result).Redirects(page[:len(page)-5] + "/users")
	other.Get(result + "/keys.csv").Is(404)
	if text := s.Log.String() + s.Dump(); strings.Contains(text, webtest.Text(keys[0])) {
		t.Error("a key is in the log or the database")
	}
	s.Login(webtest.Viewer).Get(page).Refuses(403, "forbidden", "")
}

// Nobody gives to a user who may do more, adds users without the permission, or gives an archived profile.
func TestHandoutByLesser(t *testing.T) {
	s := webtest.NewStage(t)
	path := fmt.Sprint("/api/access-profiles/", webtest.Research, "/give")
	lines := webtest.Objects(s.Lesser().API("POST", path, `{"emails":"admin@example.com ada@example.com"}`).Is(200).JSON()["lines"])
	webtest.Same(t, "no separator", lines[0]["outcome"], any("invalid_email"))
	lines = webtest.Objects(s.Login("lesser@example.com").API("POST", path, `{"emails":"admin@example.com,ada@example.com"}`).Is(200).JSON()["lines"])
	webtest.Same(t, "outcomes", []any{lines[0]["outcome"], lines[1]["outcome"]}, []any{"forbidden", "given"})
	s.AddRole("Giver", "AccessProfiles:Create", "AccessProfiles:View")
	s.AddUser("giver@example.com", "Giver")
	lines = webtest.Objects(s.Login("giver@example.com").API("POST", path, `{"emails":"new@example.com"}`).Is(200).JSON()["lines"])
	webtest.Same(t, "without Users:Create", lines[0]["outcome"], any("forbidden"))
	webtest.Same(t, "users", s.Count("users WHERE email = 'new@example.com'"), 0)
	s.Admin.API("PUT", strings.TrimSuffix(path, "/give")+"/deactivate", nil).Is(200)
	s.Admin.API("POST", path, `{"emails":"new@example.com"}`).Refuses(409, "profile_inactive", "")
}

// The gateway's address is checked alike by form and API, and stands in the snippets beside keys.
func TestGatewayAddress(t *testing.T) {
	s := webtest.NewStage(t)
	for _, bad := range []string{"ftp://x", "llm.example.com", "https://", "https://u:p@x", "https://x/?a=1", "https://x/#a", "https://x/'$(id)", "javascript:alert(1)", "https://x y"} {
		s.Session.Post("/settings/gateway", url.Values{"gateway_address": {bad}}).Refuses(422, "invalid_url", "gateway_address")
		s.Admin.API("PUT", "/api/settings", webtest.Object{"gateway_address": bad}).Refuses(400, "invalid_url", "gateway_address")
	}
	s.Admin.API("PUT", "/api/settings", `{}`).Refuses(400, "required", "gateway_address")
	s.Session.Post("/settings/gateway", url.Values{"gateway_address": {"https://llm.example.com/v1/"}}).Redirects("/settings")
	webtest.Same(t, "address", s.Admin.Get("/api/settings").Is(200).Object("settings")["gateway_address"], any("https://llm.example.com/v1"))
	page := fmt.Sprint("/access-profiles/", webtest.Research, "/give")
	result := s.Session.Follow(s.Session.Post(page, url.Values{"emails": {"one@example.com"}, "token": {"t"}}))
	for _, id := range []string{"openai", "claude", "curl"} {
		if text := webtest.Text(result.One("code", "id", id)); !strings.Contains(text, "https://llm.example.com/v1") {
			t.Errorf("%s: %s", id, text)
		}
	}
	s.Session.Post("/settings/gateway", url.Values{"gateway_address": {""}}).Redirects("/settings")
	webtest.Same(t, "removed", s.Admin.Get("/api/settings").Is(200).Object("settings")["gateway_address"], nil)
	s.Login(webtest.Viewer).Post("/settings/gateway", url.Values{"gateway_address": {""}}).Refuses(403, "forbidden", "")
}

// A preview tells a caller who may not see users nothing of them but what was typed.
func TestHandoutPreviewNamesNoUsers(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec("UPDATE users SET name = 'Ada Lovelace'")
	path := fmt.Sprint("/api/access-profiles/", webtest.Research, "/give")
	sent := webtest.Object{"emails": "Typed <ADA@example.com>, admin@example.com", "dry_run": true}
	lines := webtest.Objects(s.APIKey("AccessProfiles:View", "AccessProfiles:Create").API("POST", path, sent).Is(200).JSON()["lines"])
	for i, want := range []string{"<nil> Typed ADA@example.com", "<nil> admin admin@example.com"} {
		webtest.Same(t, "told", fmt.Sprint(lines[i]["user_id"], " ", lines[i]["name"], " ", lines[i]["email"]), want)
	}
	lines = webtest.Objects(s.Admin.API("POST", path, sent).Is(200).JSON()["lines"])
	webtest.Same(t, "told one who may", lines[0]["user_id"], any(s.Ada))
}

// A profile that the role of new users hands out too is theirs directly, with its end; the preview says that the end
// does not count by the role. The log names the keys that were issued.
func TestHandoutOfWhatTheRoleGives(t *testing.T) {
	s := webtest.NewStage(t)
	s.AssignByRole(webtest.Research, "Member")
	page := fmt.Sprint("/access-profiles/", webtest.Research, "/give")
	sent := webtest.Object{"emails": "new@example.com, ada@example.com", "expires_at": "2037-01-01T00:00:00Z"}
	preview := s.Session.Post(page+"/preview", url.Values{"emails": {"new@example.com"}, "expires_at": {"2037-01-01T00:00"}}).Is(200)
	if words := webtest.Text(preview.One("table")); !strings.Contains(words, "The role Member gives it too, without an end") {
		t.Errorf("preview: %s", words)
	}
	s.Admin.API("POST", "/api"+page, sent).Is(200)
	user := s.UserID("new@example.com")
	source := func() any { return s.Copies(user)[0]["source"] }
	webtest.Same(t, "source", source(), any("direct"))
	issued := func(id string) any {
		rows := webtest.Objects(s.Admin.API("GET", "/api/access-profiles/audit-logs?action=assign&user_id="+id, nil).Is(200).JSON()["audit_logs"])
		webtest.Same(t, "assign rows", len(rows), 1)
		var metadata webtest.Object
		s.Must(json.Unmarshal([]byte(rows[0]["metadata"].(string)), &metadata))
		return metadata["keys"]
	}
	webtest.Same(t, "keys of the new user", issued(user), any([]any{"new@example.com - Research"}))
	webtest.Same(t, "keys of ada", issued(s.Ada), any([]any{"ada@example.com - Research"}))
	s.Assign(s.Bob, 1)
	s.Admin.API("POST", "/api/access-profiles/2/give", webtest.Object{"emails": "ada@example.com"}).Is(200)
	webtest.Same(t, "keys", s.Count("audit_logs WHERE user_id = ? AND action = 'assign' AND metadata LIKE '%\"keys\":[]%'", s.Ada), 1)

	s.AddRole("Bare")
	s.SetRole(user, "Bare")
	left := s.Copies(user)
	webtest.Same(t, "after another role", []any{len(left), left[0]["source"], left[0]["expires_at"]}, []any{1, "direct", "2037-01-01T00:00:00Z"})
}
