package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

func TestFurtherKeys(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	var got webtest.Answer
	for i, prefix := range []string{"/api", "/api/governance"} {
		path := prefix + "/users/" + s.Ada + "/virtual-keys"
		for j, body := range []any{nil, `{}`} {
			s.Audits(func() { got = s.Admin.API("POST", path, body).Is(200) }, "create - "+s.Ada+" cli")
			key := got.Object("virtual_key")
			want := "ada@example.com - key"
			if n := 2*i + j; n > 0 {
				want += fmt.Sprintf(" (%d)", n+1)
			}
			if key["name"] != want || !webtest.VirtualKeyForm.MatchString(key["value"].(string)) || got.Header.Get("Cache-Control") != "no-store" || key["id"] == "" {
				t.Errorf("key %v, want the name %q", key, want)
			}
			s.Bearer(key["value"]).Get(webtest.Quota).Is(200)
		}
		name := fmt.Sprintf("Job %d", i)
		body := webtest.Object{"name": "  " + name + " ", "description": "One\r\ntwo", "expires_at": "2099-01-01T00:00:00+01:00"}
		key := s.Admin.API("POST", path, body).Is(200).Object("virtual_key")
		webtest.Same(t, "key", []any{key["name"], key["description"], key["expires_at"], key["is_access_profile_managed"]}, []any{name, "One\ntwo", "2098-12-31T23:00:00Z", true})
	}
	page := "/users/" + s.Ada + "/virtual-keys"
	s.Audits(func() {
		got = s.Session.Post(page, url.Values{"name": {"By form"}, "description": {""}, "expires_at": {"2099-01-01T00:00"}}).Is(303)
	}, "create - "+s.Ada+" "+webtest.Admin)
	got = s.Session.Follow(got)
	value := webtest.Text(got.One("code", "id", "secret"))
	if !webtest.VirtualKeyForm.MatchString(value) || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("key %q, headers %v", value, got.Header)
	}
	s.Bearer(value).Get(webtest.Quota).Is(200)
	s.Session.Post(page, url.Values{"name": {""}, "description": {""}, "expires_at": {""}}).Is(303)
	// The lists show what identifies keys, and no value.
	keys := s.Keys(s.Ada)
	webtest.Same(t, "keys", len(keys), 9)
	webtest.Same(t, "the other prefix", webtest.Objects(s.Admin.Get("/api/governance/users/" + s.Ada + "/virtual-keys").JSON()["virtual_keys"]), keys)
	for _, key := range append(keys, webtest.Objects(s.Admin.Get("/api/virtual-keys?search=ADA@&limit=100").Is(200).JSON()["virtual_keys"])...) {
		if want := "created_at description expires_at id is_access_profile_managed name previous_value_until updated_at user_id value"; webtest.KeysOf(key) != want {
			t.Errorf("fields %s", webtest.KeysOf(key))
		}
		if value := key["value"].(string); len(value) != len("sk-bf-****0000") || !strings.HasPrefix(value, "sk-bf-****") {
			t.Errorf("value %q", value)
		}
	}
	byForm := keys[7]
	webtest.Same(t, "by form", []any{byForm["name"], byForm["value"], byForm["expires_at"]}, []any{"By form", "sk-bf-****" + value[len(value)-4:], "2099-01-01T00:00:00Z"})
}

func TestFurtherKeysRefused(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	path := "/users/" + s.Ada + "/virtual-keys"
	s.Admin.API("POST", "/api"+path, `{"name":"Straße"}`).Is(200)
	long := strings.Repeat("é", 256)
	name := func(value string) url.Values { return url.Values{"name": {value}} }
	s.RefuseAll(t, path, []webtest.BadRow{
		{Name: "blank name", Form: name(" \t"), Body: `{"name":" "}`, Code: "required", Param: "name"},
		{Name: "empty name", Form: nil, Body: `{"name":""}`, Code: "required", Param: "name"},
		{Name: "null name", Form: nil, Body: `{"name":null}`, Code: "null_not_allowed", Param: "name"},
		{Name: "number as name", Form: nil, Body: `{"name":7}`, Code: "wrong_type", Param: "name"},
		{Name: "long name", Form: name(long), Body: `{"name":"` + long + `"}`, Code: "too_long", Param: "name"},
		{Name: "invisible name", Form: name("a\u200bb"), Body: `{"name":"a\u200bb"}`, Code: "invalid_characters", Param: "name"},
		{Name: "long description", Form: url.Values{"description": {strings.Repeat("x", 2001)}}, Body: `{"description":"` + strings.Repeat("x", 2001) + `"}`, Code: "too_long", Param: "description"},
		{Name: "list as description", Form: nil, Body: `{"description":["x"]}`, Code: "wrong_type", Param: "description"},
		{Name: "past", Form: url.Values{"expires_at": {"2020-01-01T00:00"}}, Body: `{"expires_at":"2020-01-01T00:00:00Z"}`, Code: "timestamp_in_past", Param: "expires_at"},
		{Name: "no moment", Form: url.Values{"expires_at": {"soon"}}, Body: `{"expires_at":"soon"}`, Code: "invalid_timestamp", Param: "expires_at"},
		{Name: "unknown field", Form: url.Values{"value": {"sk-bf-mine"}}, Body: `{"value":"sk-bf-mine"}`, Code: "unknown_field", Param: "value"},
		{Name: "another holder", Form: url.Values{"user_id": {s.Bob}}, Body: `{"user_id":"` + s.Bob + `"}`, Code: "unknown_field", Param: "user_id"},
	})
	s.T = t
	s.Unchanged(func() {
		s.Admin.API("POST", "/api"+path, `null`).Refuses(400, "expected_object", "")
		s.Admin.API("POST", "/api"+path, `[]`).Refuses(400, "expected_object", "")
		for _, taken := range []string{"STRASSE", "straße"} {
			s.Admin.API("POST", "/api"+path, webtest.Object{"name": taken}).Refuses(409, "name_taken", "name")
			s.Session.Post(path, name(taken)).Refuses(409, "name_taken", "name")
		}
		// A user without a copy gets no key; that is reported before problems of the key.
		for _, user := range []string{s.Bob, "00000000-0000-0000-0000-000000000000", "999"} {
			for _, prefix := range []string{"/api", "/api/governance"} {
				s.Admin.API("POST", prefix+"/users/"+user+"/virtual-keys", nil).Refuses(404, "not_found", "")
				s.Admin.API("POST", prefix+"/users/"+user+"/virtual-keys", `{"name":""}`).Refuses(404, "not_found", "")
			}
			s.Session.Post("/users/"+user+"/virtual-keys", nil).Refuses(404, "not_found", "")
		}
		s.Admin.Get("/api/users/999/virtual-keys").Refuses(404, "not_found", "")
	})
	// Names are unique across users.
	s.Assign(s.Bob, webtest.Research)
	s.Admin.API("POST", "/api/users/"+s.Bob+"/virtual-keys", `{"name":"Straße"}`).Refuses(409, "name_taken", "name")
}

func TestRotateKey(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Bob, webtest.Research)
	_, first := s.Assign(s.Ada, webtest.Research)
	works := func(value any, works bool) {
		t.Helper()
		if got := s.Bearer(value).Get(webtest.Quota).StatusCode; got != map[bool]int{true: 200, false: 401}[works] {
			t.Errorf("status %d, works is to be %v", got, works)
		}
	}
	value := first["value"]
	rotate := func(path string, body any) (old, next any) {
		t.Helper()
		var got webtest.Answer
		s.Audits(func() { got = s.Admin.API("POST", path, body).Is(200) }, "update - "+s.Ada+" cli")
		key := got.Object("virtual_key")
		if got.Header.Get("Cache-Control") != "no-store" || !webtest.VirtualKeyForm.MatchString(key["value"].(string)) || key["value"] == value {
			t.Errorf("key %v, headers %v", key, got.Header)
		}
		webtest.Same(t, "key", []any{key["id"], key["name"], key["created_at"]}, []any{first["id"], first["name"], first["created_at"]})
		old, value = value, key["value"]
		works(value, true)
		return old, value
	}
	for _, body := range []any{nil, `{}`, `{"grace_period_seconds":0}`} {
		old, _ := rotate(webtest.RotatePath(first), body)
		works(old, false)
	}
	older, old := rotate("/api/virtual-keys/"+first["id"].(string)+"/rotate", `{"grace_period_seconds":2592000}`)
	works(older, true)
	// Rotated once more, the value before the last one ends at once, also within its period.
	rotate(webtest.RotatePath(first), `{"grace_period_seconds":60}`)
	works(older, false)
	works(old, true)
	shown := s.Keys(s.Ada)[0]
	webtest.Same(t, "masked", shown["value"], "sk-bf-****"+value.(string)[len(value.(string))-4:])
	s.Exec("UPDATE virtual_keys SET previous_until = now() - interval '1 second' WHERE previous_until IS NOT NULL")
	works(old, false)
	works(value, true)
	// Without a period, a value that is still in its period ends too.
	old, _ = rotate(webtest.RotatePath(first), `{"grace_period_seconds":60}`)
	rotate(webtest.RotatePath(first), nil)
	works(old, false)
	page := "/users/" + s.Ada + "/virtual-keys/" + first["id"].(string) + "/rotate"
	s.Session.Get(page).Is(200).One("form", "action", page)
	var made webtest.Answer
	s.Audits(func() { made = s.Session.Post(page, url.Values{"grace_period_seconds": {"3600"}}).Is(303) }, "update - "+s.Ada+" "+webtest.Admin)
	works(value, true)
	works(webtest.Text(s.Session.Follow(made).One("code", "id", "secret")), true)
}

// A value that was valid until the key was rotated once more, or deleted, is retired then, not at the first rotation.
func TestValuesAreRetiredWhenTheyEnd(t *testing.T) {
	for name, end := range map[string]func(g webtest.Gateway, key webtest.Object){
		"rotated": func(g webtest.Gateway, key webtest.Object) {
			g.Admin.API("POST", webtest.RotatePath(key), nil).Is(200)
		},
		"deleted": func(g webtest.Gateway, key webtest.Object) {
			g.Admin.API("DELETE", webtest.KeyPath(g.Ada, key), nil).Is(200)
		},
		"without copies": func(g webtest.Gateway, _ webtest.Object) {
			g.Admin.API("DELETE", "/api"+webtest.CopyPath(g.Ada, g.Held), nil).Is(200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := webtest.NewGateway(t)
			key := g.Keys(g.Ada)[0]
			g.Admin.API("POST", webtest.RotatePath(key), `{"grace_period_seconds":2592000}`).Is(200)
			g.Exec("UPDATE retired_keys SET retired_at = now() - interval '25 days'")
			end(g, key)
			webtest.Same(t, "values that ended just now",
				g.Count("retired_keys WHERE retired_at > now() - interval '1 day'"), 2)
		})
	}
}

func TestRotateKeyRefused(t *testing.T) {
	s := webtest.NewStage(t)
	_, key := s.Assign(s.Ada, webtest.Research)
	s.Assign(s.Bob, webtest.Research)
	page := "/users/" + s.Ada + "/virtual-keys/" + key["id"].(string) + "/rotate"
	s.Unchanged(func() {
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
			for _, path := range []string{webtest.RotatePath(key), strings.Replace(webtest.RotatePath(key), "/governance", "", 1)} {
				s.Admin.API("POST", path, `{"grace_period_seconds":`+bad.value+`}`).Refuses(400, bad.code, "grace_period_seconds")
			}
			if bad.typed != "" {
				s.Session.Post(page, url.Values{"grace_period_seconds": {bad.typed}}).Refuses(422, bad.code, "grace_period_seconds")
			}
		}
		s.Admin.API("POST", webtest.RotatePath(key), `{"grace_period":60}`).Refuses(400, "unknown_field", "grace_period")
		s.Admin.API("POST", webtest.RotatePath(key), `[]`).Refuses(400, "expected_object", "")
		for _, id := range []string{"00000000-0000-0000-0000-000000000000", "999", strings.ToUpper(key["id"].(string)), "quota"} {
			s.Admin.API("POST", "/api/governance/virtual-keys/"+id+"/rotate", `{"grace_period_seconds":-1}`).Refuses(404, "not_found", "")
		}
	})
	s.Bearer(key["value"]).Get(webtest.Quota).Is(200)
}

// The page of one user cannot act on the key of another.
func TestKeysOfOthers(t *testing.T) {
	s := webtest.NewStage(t)
	_, key := s.Assign(s.Ada, webtest.Research)
	s.Assign(s.Bob, webtest.Research)
	below := "/users/" + s.Bob + "/virtual-keys/" + key["id"].(string)
	for name, ask := range map[string]func() webtest.Answer{
		"confirm rotation": func() webtest.Answer { return s.Session.Get(below + "/rotate") },
		"rotate":           func() webtest.Answer { return s.Session.Post(below+"/rotate", nil) },
		"confirm deletion": func() webtest.Answer { return s.Session.Get(below + "/delete") },
		"delete":           func() webtest.Answer { return s.Session.Post(below+"/delete", nil) },
		"delete by JSON":   func() webtest.Answer { return s.Admin.API("DELETE", webtest.KeyPath(s.Bob, key), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			s.T = t
			s.Unchanged(func() { ask().Refuses(404, "not_found", "") })
		})
	}
	s.T = t
	unknown := webtest.Object{"id": "00000000-0000-0000-0000-000000000000"}
	webtest.Same(t, "answer", s.Admin.API("DELETE", webtest.KeyPath(s.Bob, key), nil).Refusal(), s.Admin.API("DELETE", webtest.KeyPath(s.Bob, unknown), nil).Refusal())
}

func TestDeleteKey(t *testing.T) {
	s := webtest.NewStage(t)
	for _, name := range []string{"/api/", "/api/governance/", "form"} {
		if len(s.Copies(s.Ada)) == 0 {
			s.Assign(s.Ada, webtest.Research)
		}
		key := s.Admin.API("POST", "/api/users/"+s.Ada+"/virtual-keys", webtest.Object{"name": name}).Is(200).Object("virtual_key")
		path := strings.Replace(webtest.KeyPath(s.Ada, key), "/api/", name, 1)
		if name == "form" {
			page := "/users/" + s.Ada + "/virtual-keys/" + key["id"].(string) + "/delete"
			s.Session.Get(page).Is(200).One("form", "action", page)
			s.Audits(func() { s.Session.Post(page, nil).Redirects("/users/" + s.Ada) }, "delete - "+s.Ada+" "+webtest.Admin)
			s.Session.Post(page, nil).Refuses(404, "not_found", "")
		} else {
			s.Audits(func() {
				got := s.Admin.API("DELETE", path, nil).Is(200).JSON()
				if said, _ := got["message"].(string); said == "" || webtest.KeysOf(got) != "message" {
					t.Errorf("got %v", got)
				}
			}, "delete - "+s.Ada+" cli")
			s.Unchanged(func() { s.Admin.API("DELETE", path, nil).Refuses(404, "not_found", "") })
		}
		s.Bearer(key["value"]).Get(webtest.Quota).Refuses(401, "unauthenticated", "")
		webtest.Same(t, "keys", len(s.Keys(s.Ada)), 1)
		webtest.Same(t, "held", s.Held(s.Ada), "Research direct")
	}
}

// A key under the path of another user is unknown there, also to those who may not change its owner.
func TestKeyOfAnotherUserIsUnknown(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	s.Assign(s.UserID(webtest.Admin), webtest.Research)
	admins := s.Keys(s.UserID(webtest.Admin))[0]["id"]
	lesser := s.Lesser()
	of := func(user, key any) string {
		return fmt.Sprint("/api/users/", user, "/access-profiles/virtual-keys/", key)
	}
	s.Unchanged(func() {
		answer := func(key any) webtest.Object {
			return lesser.API("DELETE", of(s.Ada, key), nil).Refuses(404, "not_found", "").Object("error")
		}
		webtest.Same(t, "the answer", answer(admins), answer(uuid.NewString()))
		lesser.API("DELETE", of(s.UserID(webtest.Admin), admins), nil).Refuses(403, "forbidden", "")
	})
}
