package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

const okta = `{"kind": "identity_provider", "slug": "okta", "name": "Okta", "issuer": "https://example.okta.com", "client_id": "0oa1",
	"auth_style": "post", "scopes": ["openid", "groups"], "groups_claim": "groups", "email_domains": ["example.com"], "create_users": true,
	"default_role": "member", "max_session": 8, "sign_out_there": false,
	"token_audience": "https://llm.example.com", "token_scope": "llm.call", "token_clients": ["chat"],
	"rules": [{"value": "admins", "role": "Admin", "administrative": true}, {"value": "all", "role": "Viewer"}]}`

func signInDocument(t *testing.T) object {
	t.Helper()
	var d object
	if err := json.Unmarshal([]byte(okta), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Identity providers go into documents with their rules and without their secrets, and make the same ones elsewhere.
func TestConfigSignIn(t *testing.T) {
	s := webtest.NewStage(t)
	d := signInDocument(t)
	body := object{"set": "sign-in", "documents": []any{d, object{
		"kind": "identity_provider", "slug": "entra", "name": "Entra",
		"issuer": "https://login.example.com/t/v2.0", "client_id": "e", "auth_style": "basic", "max_session": 12, "is_enabled": true,
	}}}
	s.Admin.API("POST", "/api/config/apply", body).Is(200)
	all := documentsOf(t, s.Admin, "?set=sign-in")
	d["default_role"] = "Member"
	if got := compact(t, all[1]); got != compact(t, d) {
		t.Errorf("exported %s\nwant     %s", got, compact(t, d))
	}
	want := `{"client_id":"e","issuer":"https://login.example.com/t/v2.0","kind":"identity_provider","name":"Entra","scopes":["openid","profile","email"],"slug":"entra"}`
	if got := compact(t, all[0]); got != want {
		t.Errorf("exported %s\nwant     %s", got, want)
	}
	// A secret that was entered in the console stays through an apply.
	s.Exec("UPDATE identity_providers SET client_secret = 'sealed' WHERE slug = 'okta'")
	d["name"], d["rules"] = "Okta 2", []object{{"value": "all", "role": "Member"}}
	s.Admin.API("POST", "/api/config/apply", body).Is(200)
	if n := s.Count("identity_providers WHERE name = 'Okta 2' AND client_secret = 'sealed'"); n != 1 {
		t.Error("the secret is gone")
	}
	var id int64
	s.Scan(&id, "SELECT id FROM identity_providers WHERE slug = 'okta'")
	if form := s.Session.Get(fmt.Sprintf("/settings/sign-in/%d/edit", id)).Is(200); !strings.Contains(string(form.Body), "Managed by set sign-in") {
		t.Errorf("the form of a provider does not name its set:\n%s", form.Body)
	}
	other := webtest.NewConsole(t)
	admin := other.APIKey(permission.AllPermissions()...)
	all = documentsOf(t, s.Admin, "?set=sign-in")
	admin.API("POST", "/api/config/apply", object{"set": "sign-in", "documents": all}).Is(200)
	if got := documentsOf(t, admin, "?set=sign-in"); compact(t, got) != compact(t, all) {
		t.Errorf("exported again:\n%s\nwant\n%s", compact(t, got), compact(t, all))
	}
	body["documents"], body["prune"] = []any{object{"kind": "access_profile", "name": "Left"}}, true
	s.Admin.API("POST", "/api/config/apply", body).Is(200)
	if n := s.Count("identity_providers"); n > 0 {
		t.Errorf("%d providers are left after a prune", n)
	}
}

// A file gives no role that its actor could not give, and has the problems of fields at their places.
func TestConfigSignInGuards(t *testing.T) {
	s := webtest.NewStage(t)
	for _, test := range []struct {
		field       string
		value       any
		code, place string
	}{
		{"default_role", "Admin", "administrative_role", "documents[0].default_role"},
		{"default_role", "Nothing", "unknown_role", "documents[0].default_role"},
		{"rules", []object{{"value": "x", "role": "Admin"}}, "administrative_role", "documents[0].rules[0].role"},
		{"rules", []object{{"value": "x", "role": "Nothing"}}, "unknown_role", "documents[0].rules[0].role"},
		{"rules", []object{{"value": "x", "role": "Viewer"}, {"value": "x", "role": "Member"}}, "duplicate_value", "documents[0].rules[1].value"},
		{"client_secret", "x", "unknown_field", "documents[0].client_secret"},
		{"issuer", "ftp://x", "invalid_url", "documents[0].issuer"},
		{"slug", "A b", "invalid_name", "documents[0].slug"},
		{"token_audience", "0oa1", "invalid_field", "documents[0].token_audience"},
		{"email_domains", []string{}, "required", "documents[0].email_domains"},
	} {
		d := signInDocument(t)
		d[test.field] = test.value
		s.Admin.API("POST", "/api/config/apply", object{"set": "sign-in", "documents": []any{d}}).Refuses(400, test.code, test.place)
	}
	d := signInDocument(t)
	d["rules"] = d["rules"].([]any)[:1]
	body := object{"set": "sign-in", "documents": []any{d}}
	s.APIKey(permission.ViewSettings).API("POST", "/api/config/plan", body).Is(200)
	s.APIKey(permission.ViewSettings).API("POST", "/api/config/apply", body).Refuses(403, "forbidden", "")
	s.APIKey(permission.ViewSettings, permission.UpdateSettings).API("POST", "/api/config/apply", body).Refuses(403, "forbidden", "documents[0].rules[0].role")
	s.APIKey(permission.ViewRoles).API("POST", "/api/config/plan", body).Refuses(403, "forbidden", "")
}
