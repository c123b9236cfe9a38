package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestFurtherKeys(t *testing.T) {
	s := newStage(t)
	s.assign(s.ada, research)
	var got answer
	for i, prefix := range []string{"/api", "/api/governance"} {
		path := prefix + "/users/" + s.ada + "/virtual-keys"
		for j, body := range []any{nil, `{}`} {
			s.audits(func() { got = s.admin.api("POST", path, body).is(200) }, "create - "+s.ada+" cli")
			key := got.object("virtual_key")
			want := "ada@example.com - key"
			if n := 2*i + j; n > 0 {
				want += fmt.Sprintf(" (%d)", n+1)
			}
			if key["name"] != want || !virtualKeyForm.MatchString(key["value"].(string)) || got.Header.Get("Cache-Control") != "no-store" || key["id"] == "" {
				t.Errorf("key %v, want the name %q", key, want)
			}
			s.bearer(key["value"]).get(quota).is(200)
		}
		name := fmt.Sprintf("Job %d", i)
		body := object{"name": "  " + name + " ", "description": "One\r\ntwo", "expires_at": "2099-01-01T00:00:00+01:00"}
		key := s.admin.api("POST", path, body).is(200).object("virtual_key")
		same(t, "key", []any{key["name"], key["description"], key["expires_at"], key["is_access_profile_managed"]}, []any{name, "One\ntwo", "2098-12-31T23:00:00Z", true})
	}
	page := "/users/" + s.ada + "/virtual-keys"
	s.audits(func() {
		got = s.session.post(page, url.Values{"name": {"By form"}, "description": {""}, "expires_at": {"2099-01-01T00:00"}}).is(303)
	}, "create - "+s.ada+" "+admin)
	got = s.session.follow(got)
	value := text(got.one("code", "id", "secret"))
	if !virtualKeyForm.MatchString(value) || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("key %q, headers %v", value, got.Header)
	}
	s.bearer(value).get(quota).is(200)
	s.session.post(page, url.Values{"name": {""}, "description": {""}, "expires_at": {""}}).is(303)
	// The lists show what identifies keys, and no value.
	keys := s.keys(s.ada)
	same(t, "keys", len(keys), 9)
	same(t, "the other prefix", objects(s.admin.get("/api/governance/users/" + s.ada + "/virtual-keys").json()["virtual_keys"]), keys)
	for _, key := range append(keys, objects(s.admin.get("/api/virtual-keys?search=ADA@&limit=100").is(200).json()["virtual_keys"])...) {
		if want := "created_at description expires_at id is_access_profile_managed name previous_value_until updated_at user_id value"; keysOf(key) != want {
			t.Errorf("fields %s", keysOf(key))
		}
		if value := key["value"].(string); len(value) != len("sk-bf-****0000") || !strings.HasPrefix(value, "sk-bf-****") {
			t.Errorf("value %q", value)
		}
	}
	byForm := keys[7]
	same(t, "by form", []any{byForm["name"], byForm["value"], byForm["expires_at"]}, []any{"By form", "sk-bf-****" + value[len(value)-4:], "2099-01-01T00:00:00Z"})
}

func TestFurtherKeysRefused(t *testing.T) {
	s := newStage(t)
	s.assign(s.ada, research)
	path := "/users/" + s.ada + "/virtual-keys"
	s.admin.api("POST", "/api"+path, `{"name":"Straße"}`).is(200)
	long := strings.Repeat("é", 256)
	name := func(value string) url.Values { return url.Values{"name": {value}} }
	s.refuseAll(t, path, []badRow{
		{"blank name", name(" \t"), `{"name":" "}`, "required", "name"},
		{"empty name", nil, `{"name":""}`, "required", "name"},
		{"null name", nil, `{"name":null}`, "null_not_allowed", "name"},
		{"number as name", nil, `{"name":7}`, "wrong_type", "name"},
		{"long name", name(long), `{"name":"` + long + `"}`, "too_long", "name"},
		{"invisible name", name("a\u200bb"), `{"name":"a\u200bb"}`, "invalid_characters", "name"},
		{"long description", url.Values{"description": {strings.Repeat("x", 2001)}}, `{"description":"` + strings.Repeat("x", 2001) + `"}`, "too_long", "description"},
		{"list as description", nil, `{"description":["x"]}`, "wrong_type", "description"},
		{"past", url.Values{"expires_at": {"2020-01-01T00:00"}}, `{"expires_at":"2020-01-01T00:00:00Z"}`, "timestamp_in_past", "expires_at"},
		{"no moment", url.Values{"expires_at": {"soon"}}, `{"expires_at":"soon"}`, "invalid_timestamp", "expires_at"},
		{"unknown field", url.Values{"value": {"sk-bf-mine"}}, `{"value":"sk-bf-mine"}`, "unknown_field", "value"},
		{"another holder", url.Values{"user_id": {s.bob}}, `{"user_id":"` + s.bob + `"}`, "unknown_field", "user_id"},
	})
	s.t = t
	s.unchanged(func() {
		s.admin.api("POST", "/api"+path, `null`).refuses(400, "expected_object", "")
		s.admin.api("POST", "/api"+path, `[]`).refuses(400, "expected_object", "")
		for _, taken := range []string{"STRASSE", "straße"} {
			s.admin.api("POST", "/api"+path, object{"name": taken}).refuses(409, "name_taken", "name")
			s.session.post(path, name(taken)).refuses(409, "name_taken", "name")
		}
		// A user without a copy gets no key; that is reported before problems of the key.
		for _, user := range []string{s.bob, "00000000-0000-0000-0000-000000000000", "999"} {
			for _, prefix := range []string{"/api", "/api/governance"} {
				s.admin.api("POST", prefix+"/users/"+user+"/virtual-keys", nil).refuses(404, "not_found", "")
				s.admin.api("POST", prefix+"/users/"+user+"/virtual-keys", `{"name":""}`).refuses(404, "not_found", "")
			}
			s.session.post("/users/"+user+"/virtual-keys", nil).refuses(404, "not_found", "")
		}
		s.admin.get("/api/users/999/virtual-keys").refuses(404, "not_found", "")
	})
	// Names are unique across users.
	s.assign(s.bob, research)
	s.admin.api("POST", "/api/users/"+s.bob+"/virtual-keys", `{"name":"Straße"}`).refuses(409, "name_taken", "name")
}

func TestRotateKey(t *testing.T) {
	s := newStage(t)
	s.assign(s.bob, research)
	_, first := s.assign(s.ada, research)
	works := func(value any, works bool) {
		t.Helper()
		if got := s.bearer(value).get(quota).StatusCode; got != map[bool]int{true: 200, false: 401}[works] {
			t.Errorf("status %d, works is to be %v", got, works)
		}
	}
	value := first["value"]
	rotate := func(path string, body any) (old, next any) {
		t.Helper()
		var got answer
		s.audits(func() { got = s.admin.api("POST", path, body).is(200) }, "update - "+s.ada+" cli")
		key := got.object("virtual_key")
		if got.Header.Get("Cache-Control") != "no-store" || !virtualKeyForm.MatchString(key["value"].(string)) || key["value"] == value {
			t.Errorf("key %v, headers %v", key, got.Header)
		}
		same(t, "key", []any{key["id"], key["name"], key["created_at"]}, []any{first["id"], first["name"], first["created_at"]})
		old, value = value, key["value"]
		works(value, true)
		return old, value
	}
	for _, body := range []any{nil, `{}`, `{"grace_period_seconds":0}`} {
		old, _ := rotate(rotatePath(first), body)
		works(old, false)
	}
	older, old := rotate("/api/virtual-keys/"+first["id"].(string)+"/rotate", `{"grace_period_seconds":2592000}`)
	works(older, true)
	// Rotated once more, the value before the last one ends at once, also within its period.
	rotate(rotatePath(first), `{"grace_period_seconds":60}`)
	works(older, false)
	works(old, true)
	shown := s.keys(s.ada)[0]
	same(t, "masked", shown["value"], "sk-bf-****"+value.(string)[len(value.(string))-4:])
	s.exec("UPDATE virtual_keys SET previous_until = now() - interval '1 second' WHERE previous_until IS NOT NULL")
	works(old, false)
	works(value, true)
	// Without a period, a value that is still in its period ends too.
	old, _ = rotate(rotatePath(first), `{"grace_period_seconds":60}`)
	rotate(rotatePath(first), nil)
	works(old, false)
	page := "/users/" + s.ada + "/virtual-keys/" + first["id"].(string) + "/rotate"
	s.session.get(page).is(200).one("form", "action", page)
	var made answer
	s.audits(func() { made = s.session.post(page, url.Values{"grace_period_seconds": {"3600"}}).is(303) }, "update - "+s.ada+" "+admin)
	works(value, true)
	works(text(s.session.follow(made).one("code", "id", "secret")), true)
}

func TestRotateKeyRefused(t *testing.T) {
	s := newStage(t)
	_, key := s.assign(s.ada, research)
	s.assign(s.bob, research)
	page := "/users/" + s.ada + "/virtual-keys/" + key["id"].(string) + "/rotate"
	s.unchanged(func() {
		for _, bad := range []struct{ value, typed, code string }{
			{"-1", "-1", "number_out_of_range"},
			{"2592001", "2592001", "number_out_of_range"},
			{"99999999999999999999", "99999999999999999999", "number_out_of_range"},
			{"1.5", "1.5", "not_an_integer"},
			{"1e3", "1e3", "not_an_integer"},
			{`"60"`, "soon", "wrong_type"},
			{"true", "", "wrong_type"},
			{"[]", "", "wrong_type"},
			{`""`, "", "wrong_type"},
			{"null", "", "null_not_allowed"},
		} {
			for _, path := range []string{rotatePath(key), strings.Replace(rotatePath(key), "/governance", "", 1)} {
				s.admin.api("POST", path, `{"grace_period_seconds":`+bad.value+`}`).refuses(400, bad.code, "grace_period_seconds")
			}
			if bad.typed != "" {
				s.session.post(page, url.Values{"grace_period_seconds": {bad.typed}}).refuses(422, bad.code, "grace_period_seconds")
			}
		}
		s.admin.api("POST", rotatePath(key), `{"grace_period":60}`).refuses(400, "unknown_field", "grace_period")
		s.admin.api("POST", rotatePath(key), `[]`).refuses(400, "expected_object", "")
		for _, id := range []string{"00000000-0000-0000-0000-000000000000", "999", strings.ToUpper(key["id"].(string)), "quota"} {
			s.admin.api("POST", "/api/governance/virtual-keys/"+id+"/rotate", `{"grace_period_seconds":-1}`).refuses(404, "not_found", "")
		}
	})
	s.bearer(key["value"]).get(quota).is(200)
}

// The page of one user cannot act on the key of another.
func TestKeysOfOthers(t *testing.T) {
	s := newStage(t)
	_, key := s.assign(s.ada, research)
	s.assign(s.bob, research)
	below := "/users/" + s.bob + "/virtual-keys/" + key["id"].(string)
	for name, ask := range map[string]func() answer{
		"confirm rotation": func() answer { return s.session.get(below + "/rotate") },
		"rotate":           func() answer { return s.session.post(below+"/rotate", nil) },
		"confirm deletion": func() answer { return s.session.get(below + "/delete") },
		"delete":           func() answer { return s.session.post(below+"/delete", nil) },
		"delete by JSON":   func() answer { return s.admin.api("DELETE", keyPath(s.bob, key), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.unchanged(func() { ask().refuses(404, "not_found", "") })
		})
	}
	s.t = t
	unknown := object{"id": "00000000-0000-0000-0000-000000000000"}
	same(t, "answer", s.admin.api("DELETE", keyPath(s.bob, key), nil).refusal(), s.admin.api("DELETE", keyPath(s.bob, unknown), nil).refusal())
}

func TestDeleteKey(t *testing.T) {
	s := newStage(t)
	for _, name := range []string{"/api/", "/api/governance/", "form"} {
		if len(s.copies(s.ada)) == 0 {
			s.assign(s.ada, research)
		}
		key := s.admin.api("POST", "/api/users/"+s.ada+"/virtual-keys", object{"name": name}).is(200).object("virtual_key")
		path := strings.Replace(keyPath(s.ada, key), "/api/", name, 1)
		if name == "form" {
			page := "/users/" + s.ada + "/virtual-keys/" + key["id"].(string) + "/delete"
			s.session.get(page).is(200).one("form", "action", page)
			s.audits(func() { s.session.post(page, nil).redirects("/users/" + s.ada) }, "delete - "+s.ada+" "+admin)
			s.session.post(page, nil).refuses(404, "not_found", "")
		} else {
			s.audits(func() {
				got := s.admin.api("DELETE", path, nil).is(200).json()
				if said, _ := got["message"].(string); said == "" || keysOf(got) != "message" {
					t.Errorf("got %v", got)
				}
			}, "delete - "+s.ada+" cli")
			s.unchanged(func() { s.admin.api("DELETE", path, nil).refuses(404, "not_found", "") })
		}
		s.bearer(key["value"]).get(quota).refuses(401, "unauthenticated", "")
		same(t, "keys", len(s.keys(s.ada)), 1)
		same(t, "held", s.held(s.ada), "Research direct")
	}
}
