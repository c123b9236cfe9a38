package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// directories are two connections, and a provider that finds its users by the first.
const directories = `[
	{"kind": "scim_connection", "name": "Okta: all", "default_role": "member", "email_domains": ["Example.com"], "retention_days": 7, "is_enabled": false},
	{"kind": "scim_connection", "name": "Entra", "default_role": "Viewer", "retention_days": 30, "is_enabled": true},
	{"kind": "identity_provider", "slug": "okta", "name": "Okta", "issuer": "https://example.okta.com", "client_id": "0oa1",
		"connection": "okta: ALL", "match_claim": "uid"}]`

// written are the same documents as they are exported.
const written = `[` +
	`{"default_role":"Viewer","kind":"scim_connection","name":"Entra"},` +
	`{"default_role":"Member","email_domains":["example.com"],"is_enabled":false,"kind":"scim_connection","name":"Okta: all","retention_days":7},` +
	`{"client_id":"0oa1","connection":"Okta: all","issuer":"https://example.okta.com","kind":"identity_provider","match_claim":"uid","name":"Okta",` +
	`"scopes":["openid","profile","email"],"slug":"okta"}]`

func directoryBody(t *testing.T) object {
	t.Helper()
	var documents []any
	if err := json.Unmarshal([]byte(directories), &documents); err != nil {
		t.Fatal(err)
	}
	return object{"set": "directories", "documents": documents}
}

// documentsText are exported documents, byte for byte.
func documentsText(a webtest.Answer) string {
	text, _, _ := strings.Cut(string(a.Is(200).Body), `,"state":`)
	return text
}

// Connections go into documents without their tokens and rules, and make the same ones elsewhere, with the providers
// that name them.
func TestConfigDirectories(t *testing.T) {
	s := webtest.NewStage(t)
	body := directoryBody(t)
	s.Admin.API("POST", "/api/config/apply", body).Is(200)
	exported := documentsText(s.Admin.Get("/api/config?set=directories"))
	all := documentsOf(t, s.Admin, "?set=directories")
	webtest.Same(t, "exported", compact(t, all), written)
	if n := s.Count("identity_providers AS p JOIN scim_connections AS c ON c.id = p.connection_id WHERE c.name = 'Okta: all' AND match_claim = 'uid'"); n != 1 {
		t.Error("the provider has no connection")
	}
	other := webtest.NewConsole(t)
	admin := other.APIKey(permission.AllPermissions()...)
	planned := admin.API("POST", "/api/config/plan", object{"set": "directories", "documents": all}).Is(200).JSON()
	admin.API("POST", "/api/config/apply", object{"set": "directories", "documents": all, "plan": planned["plan"]}).Is(200)
	webtest.Same(t, "exported again", documentsText(admin.Get("/api/config")), exported)
	unchanged := admin.API("POST", "/api/config/plan", object{"set": "directories", "documents": all}).Is(200).JSON()
	if len(unchanged["changes"].([]any)) > 0 || unchanged["unchanged"] != 3.0 {
		t.Errorf("planned again: %v", unchanged)
	}
	// A provider whose document says neither has neither.
	provider := documentOf(body, "identity_provider")
	delete(provider, "connection")
	delete(provider, "match_claim")
	s.Admin.API("POST", "/api/config/apply", body).Is(200)
	if n := s.Count("identity_providers WHERE connection_id IS NULL AND match_claim = 'sub'"); n != 1 {
		t.Error("the provider has kept its connection")
	}
}

// A change in files changes the roles of users as the console does, keeps tokens, and meets edits made there.
func TestConfigDirectoryChanges(t *testing.T) {
	s := webtest.NewStage(t)
	d := s.Directory("Entra", "Viewer")
	grace := d.Provision("grace@example.org")
	body := object{"set": "directories", "documents": []any{
		object{"kind": "scim_connection", "name": "Microsoft", "renamed_from": "entra", "default_role": "Developer"},
	}}
	s.Admin.API("POST", "/api/config/apply", body).Is(200)
	var role string
	s.Scan(&role, "SELECT r.name FROM users AS u JOIN roles AS r ON r.id = u.role_id WHERE u.id = ?", grace)
	webtest.Same(t, "role", role, "Developer")
	d.SCIM("GET", "/Users/"+grace, nil).Is(200)
	for _, path := range []string{"", "/edit"} {
		page := s.Session.Get(fmt.Sprint("/settings/provisioning/", d.Connection, path)).Is(200)
		if !strings.Contains(webtest.Text(page.One("main")), "Managed by set directories") {
			t.Errorf("the page %q of the connection does not name its set", path)
		}
	}
	s.Admin.API("PUT", fmt.Sprint("/api/scim-connections/", d.Connection), object{"retention_days": 9}).Is(200)
	drift := s.Admin.Get("/api/config/drift").Is(200).JSON()["drift"].([]any)
	if len(drift) != 1 || compact(t, drift[0].(object)["fields"]) != `[{"after":9,"before":null,"field":"retention_days"}]` {
		t.Errorf("drift: %s", compact(t, drift))
	}
	s.Admin.API("POST", "/api/config/apply", body).Refuses(409, "drift", "documents[0]")
	s.Admin.API("POST", "/api/config/apply", with(body, "on_drift", "revert")).Is(200)
	if n := s.Count("scim_connections WHERE name = 'Microsoft' AND retention_days = 30"); n != 1 {
		t.Error("the edit is not undone")
	}
	// A connection that a provider of another set names stays; with the provider, both go, and the user stays.
	s.Admin.API("POST", "/api/config/apply", object{"set": "sign-in", "documents": []any{object{
		"kind": "identity_provider", "slug": "okta", "name": "Okta", "issuer": "https://example.okta.com", "client_id": "0oa1", "connection": "Microsoft",
	}}}).Is(200)
	prune := func(set string) webtest.Answer {
		left := object{"kind": "access_profile", "name": "Left of " + set}
		return s.Admin.API("POST", "/api/config/apply", object{"set": set, "prune": true, "documents": []any{left}})
	}
	s.Unchanged(func() { prune("directories").Refuses(400, "in_use", "") })
	prune("sign-in").Is(200)
	prune("directories").Is(200)
	if n := s.Count("users WHERE connection_id IS NULL AND id = ?", grace); n != 1 || s.Count("scim_connections") > 0 {
		t.Error("the connection is not deleted, or its user is not the console's")
	}
}

// A file gives no role that its actor could not give, and has the problems of fields at their places.
func TestConfigDirectoryGuards(t *testing.T) {
	s := webtest.NewStage(t)
	for _, test := range []struct {
		kind, field string
		value       any
		code, place string
	}{
		{"scim_connection", "name", nil, "null_not_allowed", "documents[0].name"},
		{"scim_connection", "name", "entra", "duplicate_document", "documents[1].name"},
		{"scim_connection", "default_role", nil, "null_not_allowed", "documents[0].default_role"},
		{"scim_connection", "default_role", 7, "wrong_type", "documents[0].default_role"},
		{"scim_connection", "default_role", "Nothing", "unknown_role", "documents[0].default_role"},
		{"scim_connection", "default_role", "Admin", "administrative_role", "documents[0].default_role"},
		{"scim_connection", "default_role_id", 1, "unknown_field", "documents[0].default_role_id"},
		{"scim_connection", "email_domains", "example.com", "wrong_type", "documents[0].email_domains"},
		{"scim_connection", "email_domains", []string{"a b"}, "invalid_domain", "documents[0].email_domains[0]"},
		{"scim_connection", "retention_days", 0, "number_out_of_range", "documents[0].retention_days"},
		{"scim_connection", "is_enabled", "no", "wrong_type", "documents[0].is_enabled"},
		{"scim_connection", "tokens", []string{"x"}, "unknown_field", "documents[0].tokens"},
		{"scim_connection", "rules", []string{"x"}, "unknown_field", "documents[0].rules"},
		{"identity_provider", "connection", "Nothing", "unknown_connection", "documents[2].connection"},
		{"identity_provider", "connection", 7, "wrong_type", "documents[2].connection"},
		{"identity_provider", "connection_id", 1, "unknown_field", "documents[2].connection_id"},
		{"identity_provider", "match_claim", 7, "wrong_type", "documents[2].match_claim"},
		{"identity_provider", "email_domains", "example.com", "wrong_type", "documents[2].email_domains"},
		{"identity_provider", "scopes", "openid", "wrong_type", "documents[2].scopes"},
		{"identity_provider", "token_clients", "chat", "wrong_type", "documents[2].token_clients"},
		{"identity_provider", "enforce_sso", true, "unknown_field", "documents[2].enforce_sso"},
	} {
		body := directoryBody(t)
		documentOf(body, test.kind)[test.field] = test.value
		s.Unchanged(func() { s.Admin.API("POST", "/api/config/apply", body).Refuses(400, test.code, test.place) })
	}
	body := directoryBody(t)
	delete(documentOf(body, "scim_connection"), "default_role")
	s.Admin.API("POST", "/api/config/apply", body).Refuses(400, "required", "documents[0].default_role")
	documentOf(body, "scim_connection")["default_role"] = "Developer"
	looks, sets := s.APIKey(permission.ViewSettings), s.APIKey(permission.ViewSettings, permission.UpdateSettings)
	other := s.APIKey(permission.ViewRoles)
	looks.API("POST", "/api/config/plan", body).Is(200)
	s.Unchanged(func() {
		looks.API("POST", "/api/config/apply", body).Refuses(403, "forbidden", "")
		sets.API("POST", "/api/config/apply", body).Refuses(403, "forbidden", "documents[0].default_role")
		other.API("POST", "/api/config/plan", body).Refuses(403, "forbidden", "")
	})
}
