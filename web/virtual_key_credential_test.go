package web_test

import (
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web"
)

func TestKeyAsCredential(t *testing.T) {
	s := newStage(t)
	s.exec("UPDATE users SET role_id = ? WHERE id = ?", s.roleID("Admin"), s.ada)
	_, key := s.assign(s.ada, research)
	holder := s.bearer(key["value"])
	for _, prefix := range []string{"/api", "/api/governance"} {
		same(t, "permissions", holder.get(prefix+"/users/me/permissions").is(200).json(), s.login(ada).get(prefix+"/users/me/permissions").is(200).json())
		same(t, "policy", holder.get(prefix+"/users/me/vk-creation-policy").is(200).json(), object{"has_access_profile": true, "profile_name": "Research"})
		holder.get(prefix + "/virtual-keys/quota").is(200)
	}
	same(t, "policy of a user without a copy", s.login(bob).get("/api/users/me/vk-creation-policy").is(200).json(), object{"has_access_profile": false})
	own := []string{"users/me/permissions", "users/me/vk-creation-policy", "virtual-keys/quota"}
	s.unchanged(func() {
		eachRoute(t, s.console, func(t *testing.T, r web.Route, path string) {
			s.t = t
			a := s.bearer(key["value"]).send(r.Method, path, "", nil)
			rest, isAPI := strings.CutPrefix(shortPath.Replace(path), "/api/")
			switch {
			case isAPI && r.Method == "GET" && slices.Contains(own, rest):
				a.is(200)
			case isAPI || strings.HasPrefix(path, "/access/v1/") || path == "/metrics":
				a.refuses(403, "forbidden", "")
			default:
				// Pages accept only the cookie, so a client with just a key is signed out there.
				if out := s.anonymous().send(r.Method, path, "", nil); a.StatusCode != out.StatusCode || a.Header.Get("Location") != out.Header.Get("Location") {
					t.Errorf("status %d, leads to %q", a.StatusCode, a.Header.Get("Location"))
				}
			}
		})
	})
	// The header decides, even beside the cookie of an admin.
	s.login(admin).with("Authorization", "Bearer "+key["value"].(string)).api("GET", "/api/users", nil).refuses(403, "forbidden", "")
}

func TestRejectedKeys(t *testing.T) {
	s := newStage(t)
	_, key := s.assign(s.ada, research)
	value := key["value"].(string)
	other := newStage(t)
	_, foreign := other.assign(other.ada, research)
	deleted := s.admin.api("POST", "/api/users/"+s.ada+"/virtual-keys", nil).is(200).object("virtual_key")
	s.admin.api("DELETE", keyPath(s.ada, deleted), nil).is(200)
	expired := s.admin.api("POST", "/api/users/"+s.ada+"/virtual-keys", `{"expires_at":"2099-01-01T00:00:00Z"}`).is(200).object("virtual_key")
	s.bearer(expired["value"]).get(quota).is(200)
	s.exec("UPDATE virtual_keys SET expires_at = now() - interval '1 second' WHERE id = ?", expired["id"])
	mistyped := []byte(value)
	if mistyped[20]++; mistyped[20] == '9'+1 || mistyped[20] == 'Z'+1 || mistyped[20] == 'z'+1 {
		mistyped[20] = 'a'
	}
	masked := s.keys(s.ada)[0]["value"]
	for name, credential := range map[string]any{
		"of another console": foreign["value"], "deleted": deleted["value"], "expired": expired["value"], "mistyped": string(mistyped),
		"cut off":          value[:len(value)-1],
		"with more behind": value + "0", "capitals": strings.ToUpper(value), "no prefix": value[len("sk-bf-"):], "prefix alone": "sk-bf-", "masked": masked,
		"its id": key["id"], "quote": "sk-bf-' OR '1'='1", "long": "sk-bf-" + strings.Repeat("a", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			for _, path := range []string{quota, "/api/virtual-keys/quota", "/api/users/me/permissions", "/api/users/me/vk-creation-policy", "/api/users"} {
				a := s.bearer(credential).get(path).refuses(401, "unauthenticated", "")
				if len(a.Header.Values("WWW-Authenticate")) == 0 {
					t.Error("no WWW-Authenticate")
				}
			}
		})
	}
	s.t = t
	s.bearer(value).get(quota).is(200)
	s.bearer(value).get(quota+"?x=1").refuses(400, "unknown_parameter", "x")
	// Only the key itself can request its quota.
	for name, v := range map[string]client{
		"API key": s.admin, "session": s.login(ada), "password": s.anonymous().with("Authorization", basic(ada, password)), "anonymous": s.anonymous(),
		"a key as a password": s.anonymous().with("Authorization", basic(ada, value)),
	} {
		t.Run(name, func(t *testing.T) {
			v.t = t
			for _, path := range []string{quota, "/api/virtual-keys/quota"} {
				v.api("GET", path, nil).is(401)
			}
		})
	}
}

func TestQuota(t *testing.T) {
	s := newStage(t)
	held, key := s.assign(s.ada, research)
	s.assign(s.ada, 1)
	s.assign(s.bob, research)
	total, provider := objects(held["budgets"])[0], objects(held["provider_configs"])[0]
	s.spend(total, 3) // more than its limit of one nano-dollar
	s.spend(objects(provider["budgets"])[0], 20_250_000_001)
	s.exec(`INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used)
SELECT id, 'tokens', '1h', window_start('1h', 0, 'UTC', created_at, NULL, NULL, now()), 99999 FROM limit_lines WHERE id = ? AND kind = 'tokens'`, held["rate_limit"].(object)["id"])
	s.admin.api("PUT", overridePath(s.ada, held, objects(provider["budgets"])[1]), `{"amount":2.5,"mode":"forever"}`).is(200)
	a := s.bearer(key["value"]).get(quota).is(200)
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.Header)
	}
	profiles := objects(a.json()["access_profiles"])
	if len(profiles) != 2 || profiles[0]["name"] != "Research" || profiles[1]["name"] != "Engineering" || profiles[0]["is_active"] != true {
		t.Fatalf("profiles %v", profiles)
	}
	left := map[string][]any{}
	for _, line := range append(objects(profiles[0]["budgets"]), objects(profiles[0]["rate_limits"])...) {
		name := line["scope"].(string) + " " + line["reset_duration"].(string)
		left[name] = []any{line["limit"], line["used"], line["remaining"]}
		if ends, _ := line["resets_at"].(string); !strings.HasSuffix(ends, "Z") {
			t.Errorf("%s resets at %q", name, ends)
		}
	}
	same(t, "left", left, map[string][]any{
		"total 1M": {0.000000001, 0.000000003, 0.0}, "total 1h": {100000.0, 99999.0, 1.0}, "provider:openai 1h": {60.0, 0.0, 60.0},
		"provider:openai 1d": {20.5, 20.250000001, 0.249999999}, "provider:openai 1Q": {2.5, 0.0, 2.5},
	})
	if shown := a.object("virtual_key"); shown["id"] != key["id"] || strings.Contains(string(a.body), key["value"].(string)[10:30]) {
		t.Errorf("key %v", shown)
	}
	// With the key one can read the role's permissions, but use none of them.
	permissions := s.bearer(key["value"]).get("/api/users/me/permissions").is(200).object("permissions")
	for _, p := range permission.AllPermissions() {
		resource, operation, _ := strings.Cut(string(p), ":")
		if permissions[resource].(object)[operation] != permitted("Viewer", p) {
			t.Errorf("%s: %v", p, permissions[resource])
		}
	}
}
