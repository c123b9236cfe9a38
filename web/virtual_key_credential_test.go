package web_test

import (
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web"
	"tollgate/web/webtest"
)

func TestKeyAsCredential(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec("UPDATE users SET role_id = ? WHERE id = ?", s.RoleID("Admin"), s.Ada)
	_, key := s.Assign(s.Ada, webtest.Research)
	holder := s.Bearer(key["value"])
	for _, prefix := range []string{"/api", "/api/governance"} {
		webtest.Same(t, "permissions", holder.Get(prefix+"/users/me/permissions").Is(200).JSON(), s.Login(webtest.Ada).Get(prefix+"/users/me/permissions").Is(200).JSON())
		webtest.Same(t, "policy", holder.Get(prefix+"/users/me/vk-creation-policy").Is(200).JSON(), webtest.Object{"has_access_profile": true, "profile_name": "Research"})
		holder.Get(prefix + "/virtual-keys/quota").Is(200)
	}
	webtest.Same(t, "policy of a user without a copy", s.Login(webtest.Bob).Get("/api/users/me/vk-creation-policy").Is(200).JSON(), webtest.Object{"has_access_profile": false})
	own := []string{"users/me/permissions", "users/me/vk-creation-policy", "virtual-keys/quota"}
	s.Unchanged(func() {
		webtest.EachRoute(t, s.Console, func(t *testing.T, r web.Route, path string) {
			s.T = t
			a := s.Bearer(key["value"]).Send(r.Method, path, "", nil)
			rest, isAPI := strings.CutPrefix(webtest.ShortPath.Replace(path), "/api/")
			switch {
			case isAPI && r.Method == "GET" && slices.Contains(own, rest):
				a.Is(200)
			case isAPI || strings.HasPrefix(path, "/access/v1/") || path == "/metrics":
				a.Refuses(403, "forbidden", "")
			default:
				// Pages accept only the cookie, so a client with just a key is signed out there.
				if out := s.Anonymous().Send(r.Method, path, "", nil); a.StatusCode != out.StatusCode || a.Header.Get("Location") != out.Header.Get("Location") {
					t.Errorf("status %d, leads to %q", a.StatusCode, a.Header.Get("Location"))
				}
			}
		})
	})
	// The header decides, even beside the cookie of an admin.
	s.Login(webtest.Admin).With("Authorization", "Bearer "+key["value"].(string)).API("GET", "/api/users", nil).Refuses(403, "forbidden", "")
}

func TestRejectedKeys(t *testing.T) {
	s := webtest.NewStage(t)
	_, key := s.Assign(s.Ada, webtest.Research)
	value := key["value"].(string)
	other := webtest.NewStage(t)
	_, foreign := other.Assign(other.Ada, webtest.Research)
	deleted := s.Admin.API("POST", "/api/users/"+s.Ada+"/virtual-keys", nil).Is(200).Object("virtual_key")
	s.Admin.API("DELETE", webtest.KeyPath(s.Ada, deleted), nil).Is(200)
	expired := s.Admin.API("POST", "/api/users/"+s.Ada+"/virtual-keys", `{"expires_at":"2099-01-01T00:00:00Z"}`).Is(200).Object("virtual_key")
	s.Bearer(expired["value"]).Get(webtest.Quota).Is(200)
	s.Exec("UPDATE virtual_keys SET expires_at = now() - interval '1 second' WHERE id = ?", expired["id"])
	mistyped := []byte(value)
	if mistyped[20]++; mistyped[20] == '9'+1 || mistyped[20] == 'Z'+1 || mistyped[20] == 'z'+1 {
		mistyped[20] = 'a'
	}
	masked := s.Keys(s.Ada)[0]["value"]
	for name, credential := range map[string]any{
		"of another console": foreign["value"], "deleted": deleted["value"], "expired": expired["value"], "mistyped": string(mistyped),
		"cut off":          value[:len(value)-1],
		"with more behind": value + "0", "capitals": strings.ToUpper(value), "no prefix": value[len("sk-bf-"):], "prefix alone": "sk-bf-", "masked": masked,
		"its id": key["id"], "quote": "sk-bf-' OR '1'='1", "long": "sk-bf-" + strings.Repeat("a", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			s.T = t
			for _, path := range []string{webtest.Quota, "/api/virtual-keys/quota", "/api/users/me/permissions", "/api/users/me/vk-creation-policy", "/api/users"} {
				a := s.Bearer(credential).Get(path).Refuses(401, "unauthenticated", "")
				if len(a.Header.Values("WWW-Authenticate")) == 0 {
					t.Error("no WWW-Authenticate")
				}
			}
		})
	}
	s.T = t
	s.Bearer(value).Get(webtest.Quota).Is(200)
	s.Bearer(value).Get(webtest.Quota+"?x=1").Refuses(400, "unknown_parameter", "x")
	// Only the key itself can request its quota.
	for name, v := range map[string]webtest.Client{
		"API key": s.Admin, "session": s.Login(webtest.Ada), "password": s.Anonymous().With("Authorization", webtest.Basic(webtest.Ada, webtest.Password)), "anonymous": s.Anonymous(),
		"a key as a password": s.Anonymous().With("Authorization", webtest.Basic(webtest.Ada, value)),
	} {
		t.Run(name, func(t *testing.T) {
			v.T = t
			for _, path := range []string{webtest.Quota, "/api/virtual-keys/quota"} {
				v.API("GET", path, nil).Is(401)
			}
		})
	}
}

func TestQuota(t *testing.T) {
	s := webtest.NewStage(t)
	held, key := s.Assign(s.Ada, webtest.Research)
	s.Assign(s.Ada, 1)
	s.Assign(s.Bob, webtest.Research)
	total, provider := webtest.Objects(held["budgets"])[0], webtest.Objects(held["provider_configs"])[0]
	s.Spend(total, 3) // more than its limit of one nano-dollar
	s.Spend(webtest.Objects(provider["budgets"])[0], 20_250_000_001)
	s.Exec(`INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used)
SELECT id, 'tokens', '1h', window_start('1h', 0, 'UTC', created_at, NULL, NULL, now()), 99999 FROM limit_lines WHERE id = ? AND kind = 'tokens'`, held["rate_limit"].(webtest.Object)["id"])
	s.Admin.API("PUT", webtest.OverridePath(s.Ada, held, webtest.Objects(provider["budgets"])[1]), `{"amount":2.5,"mode":"forever"}`).Is(200)
	a := s.Bearer(key["value"]).Get(webtest.Quota).Is(200)
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.Header)
	}
	profiles := webtest.Objects(a.JSON()["access_profiles"])
	if len(profiles) != 2 || profiles[0]["name"] != "Research" || profiles[1]["name"] != "Engineering" || profiles[0]["is_active"] != true {
		t.Fatalf("profiles %v", profiles)
	}
	left := map[string][]any{}
	for _, line := range append(webtest.Objects(profiles[0]["budgets"]), webtest.Objects(profiles[0]["rate_limits"])...) {
		name := line["scope"].(string) + " " + line["reset_duration"].(string)
		left[name] = []any{line["limit"], line["used"], line["remaining"]}
		if ends, _ := line["resets_at"].(string); !strings.HasSuffix(ends, "Z") {
			t.Errorf("%s resets at %q", name, ends)
		}
	}
	webtest.Same(t, "left", left, map[string][]any{
		"total 1M": {0.000000001, 0.000000003, 0.0}, "total 1h": {100000.0, 99999.0, 1.0}, "provider:openai 1h": {60.0, 0.0, 60.0},
		"provider:openai 1d": {20.5, 20.250000001, 0.249999999}, "provider:openai 1Q": {2.5, 0.0, 2.5},
	})
	if shown := a.Object("virtual_key"); shown["id"] != key["id"] || strings.Contains(string(a.Body), key["value"].(string)[10:30]) {
		t.Errorf("key %v", shown)
	}
	// With the key one can read the role's permissions, but use none of them.
	permissions := s.Bearer(key["value"]).Get("/api/users/me/permissions").Is(200).Object("permissions")
	for _, p := range permission.AllPermissions() {
		resource, operation, _ := strings.Cut(string(p), ":")
		if permissions[resource].(webtest.Object)[operation] != webtest.Permitted("Viewer", p) {
			t.Errorf("%s: %v", p, permissions[resource])
		}
	}
}
