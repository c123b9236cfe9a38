package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tollgate/models/migrations"
)

// Fields that newer clients of the reference send without using them are accepted and ignored; fields that they use are
// refused by name.
func TestFieldsOfNewerReferenceSchemas(t *testing.T) {
	c := newCast(t)
	inConfig := func(member string) string { return `"provider_configs":[{"provider_name":"openai",` + member + `}]` }
	atTop := func(member string) string { return member }
	for _, row := range []struct {
		field           string
		unused, refused []string
		param           string
		place           func(member string) string
	}{
		{"allow_all_providers", []string{"false", "null"}, []string{"true", `"false"`, "0", "[]", "{}"}, "", atTop},
		{"mcp_configs", []string{"[]", "null"}, []string{`[{"mcp_client_name":"github"}]`, "{}", `""`, "false", "[null]"}, "", atTop},
		{"virtual_mcps", []string{"[]", "null"}, []string{`[1]`}, "", atTop},
		{"relay_grants", []string{"[]", "null"}, []string{`["x"]`}, "", atTop},
		{"model_budgets", []string{"[]", "null"}, []string{`[{}]`}, "", atTop},
		{"auto_rotation_interval", []string{`""`, "0", "null"}, []string{`"30d"`, "1", `"0"`, "false"}, "", atTop},
		{"next_rotation_at", []string{"null"}, []string{`"2027-01-01T00:00:00Z"`, `""`}, "", atTop},
		{"blacklisted_models", []string{"[]", "null"}, []string{`["gpt-4o"]`, `["*"]`, `""`}, "provider_configs[0].", inConfig},
		{"key_ids", []string{"[]", "null"}, []string{`["*"]`, `["x"]`}, "provider_configs[0].", inConfig},
		{"model_budgets", []string{"[]", "null"}, []string{`[{}]`}, "provider_configs[0].", inConfig},
		{"weight", []string{"null"}, []string{"1", "0", `""`}, "provider_configs[0].", inConfig},
	} {
		member := func(value string) string { return row.place(`"` + row.field + `":` + value) }
		for i, value := range row.unused {
			body := fmt.Sprintf(`{"name":"%s%s %d",%s}`, row.param, row.field, i, member(value))
			made := c.admin.api("POST", prefixes(profiles)[i%2], body).is(http.StatusCreated)
			if strings.Contains(string(made.body), `"`+row.field+`"`) {
				t.Errorf("%s is kept: %s", row.field, made.body)
			}
			address := fmt.Sprint(profiles, "/", made.object("access_profile")["id"])
			c.unchanged(func() { c.admin.api("PUT", address, "{"+member(value)+"}").is(http.StatusOK) })
		}
		for _, value := range row.refused {
			c.admin.api("POST", profiles, `{"name":"x",`+member(value)+`}`).refuses(http.StatusBadRequest, "unsupported_field", row.param+row.field)
			a := c.admin.api("PUT", profiles+"/1", "{"+member(value)+"}").refuses(http.StatusBadRequest, "unsupported_field", row.param+row.field)
			if said := a.object("error")["message"].(string); !strings.HasPrefix(said, "Leave out "+row.param+row.field+"; ") || !strings.HasSuffix(said, " instead.") {
				t.Errorf("it says %q", said)
			}
		}
	}
	c.admin.api("POST", profiles, `{"name":"x","weight":null}`).refuses(http.StatusBadRequest, "unknown_field", "weight")
	c.admin.api("POST", "/api/roles", `{"name":"r","dac":"all-data"}`).is(http.StatusCreated)
	c.admin.api("POST", "/api/roles", `{"name":"s","dac":"own-data"}`).refuses(http.StatusBadRequest, "unsupported_field", "dac")
}

// Unset limits are absent from every answer, also for profiles that an earlier release stored.
func TestUnsetLimitsAreLeftOut(t *testing.T) {
	s := newStage(t)
	body := `{"name":"Half set","description":"it has \"rate_limit\":null,","rate_limit":{"request_max_limit":5,"request_reset_duration":"1h"},
"provider_configs":[{"provider_name":"openai","rate_limit":{"token_max_limit":5,"token_reset_duration":"1h"}},{"provider_name":"azure"}]}`
	s.exec("INSERT INTO providers (name, models) VALUES ('azure', '{}')")
	made := s.admin.api("POST", profiles, body).is(http.StatusCreated)
	id := id64(made.object("access_profile"))
	held, key := s.assign(s.ada, id)
	path := fmt.Sprint(profiles, "/", id)
	check := func() {
		t.Helper()
		version := s.admin.get(path + "/versions/1").is(http.StatusOK).object("version")["snapshot"].(string)
		for _, answer := range []string{
			string(s.admin.get(path).is(http.StatusOK).body), string(s.admin.get(profiles + "?search=half").is(http.StatusOK).body),
			string(s.admin.get("/api/users/" + s.ada + "/access-profiles").is(http.StatusOK).body), version,
		} {
			for _, member := range []string{"rate_limit", "token_max_limit", "token_reset_duration", "request_max_limit", "request_reset_duration"} {
				if strings.Contains(answer, `"`+member+`":null`) {
					t.Errorf("%s is null in %s", member, answer)
				}
			}
			if n := strings.Count(answer, `"rate_limit":{`); n != 2 || strings.Count(answer, `"token_max_limit"`) != 1 || strings.Count(answer, `"request_max_limit"`) != 1 {
				t.Errorf("%d limits in %s", n, answer)
			}
		}
	}
	check()
	same(t, "copied", objects(held["provider_configs"])[1]["rate_limit"], any(nil))
	s.bearer(key["value"]).get(quota).is(http.StatusOK)

	// As an earlier release stored it.
	var now, back string
	s.scan(&now, "SELECT snapshot FROM access_profile_versions WHERE access_profile_id = ?", id)
	old := strings.NewReplacer(
		`"token_current_usage"`, `"X":null,"token_current_usage"`,
		`"budgets":[]}`, `"budgets":[],"rate_limit":null}`,
	).Replace(now)
	old = strings.Replace(old, `"X":null`, `"request_max_limit":null,"request_reset_duration":null`, 1) // the provider's
	old = strings.Replace(old, `"X":null`, `"token_max_limit":null,"token_reset_duration":null`, 1)
	owner := s.owner()
	_, err := owner.NewRaw("UPDATE access_profile_versions SET snapshot = ? WHERE access_profile_id = ?", old, id).Exec(t.Context())
	s.must(err)
	if !strings.Contains(old, `"request_max_limit":null`) || !strings.Contains(old, `"rate_limit":null}`) {
		t.Fatalf("not as it was stored: %s", old)
	}
	migration, err := migrations.Files.ReadFile("20260702000000_unset_limits.tx.up.sql")
	s.must(err)
	_, err = owner.NewRaw(string(migration)).Exec(t.Context())
	s.must(err)
	s.scan(&back, "SELECT snapshot FROM access_profile_versions WHERE access_profile_id = ?", id)
	same(t, "migrated", back, now)
	check()
}

// Clients of the reference use these paths too.
func TestPathsOfTheReference(t *testing.T) {
	s := newStage(t)
	const rbac = "/api/governance/rbac"
	role := s.admin.api("POST", rbac+"/roles", `{"name":"Auditor"}`).is(http.StatusCreated).object("role")
	path := fmt.Sprint("/roles/", role["id"])
	s.admin.api("PUT", rbac+path, `{"description":"Looks"}`).is(http.StatusOK)
	s.admin.api("PUT", rbac+path+"/permissions", `{"permission_ids":["AuditLogs:View"]}`).is(http.StatusOK)
	s.admin.api("PUT", rbac+"/users/"+s.ada+"/role", object{"role_id": role["id"]}).is(http.StatusOK)
	for _, of := range []string{"/roles", path, path + "/permissions", "/permissions"} {
		same(t, of, s.admin.get(rbac+of).is(http.StatusOK).json(), s.admin.get("/api"+of).is(http.StatusOK).json())
	}
	s.viewer.get(rbac+"/roles").refuses(http.StatusForbidden, "forbidden", "")
	s.anonymous().get(rbac+"/roles").refuses(http.StatusUnauthorized, "unauthenticated", "")
	s.admin.get(rbac+"/api-keys").refuses(http.StatusNotFound, "not_found", "")
	s.admin.api("PUT", rbac+"/users/"+s.ada+"/role", `{"role_id":3}`).is(http.StatusOK)
	s.admin.api("DELETE", rbac+path, nil).is(http.StatusOK)

	// The key is created for the user; the copy's id in the path is ignored.
	held, _ := s.assign(s.ada, research)
	for i, prefix := range []string{"/api", "/api/governance"} {
		for _, copied := range []any{held["id"], "anything"} {
			at := fmt.Sprint(prefix, "/users/", s.ada, "/access-profiles/", copied, "/virtual-keys")
			key := s.admin.api("POST", at, fmt.Sprintf(`{"name":"Job %d %v","auto_rotation_interval":"","next_rotation_at":null}`, i, copied)).is(http.StatusOK).object("virtual_key")
			s.bearer(key["value"]).get(quota).is(http.StatusOK)
			s.admin.api("POST", at, `{"auto_rotation_interval":"30d"}`).refuses(http.StatusBadRequest, "unsupported_field", "auto_rotation_interval")
			s.viewer.api("POST", at, nil).refuses(http.StatusForbidden, "forbidden", "")
		}
	}
	s.admin.api("POST", "/api/users/"+s.bob+"/access-profiles/1/virtual-keys", nil).is(http.StatusNotFound) // bob has no copy
}

// The id of a request is the caller's when it is valid in a header and on a line of the log.
func TestRequestIDComesBack(t *testing.T) {
	g := newGateway(t)
	for _, id := range []string{"x", "abc/def=ghi+jkl", "{\"a\":\"<b>\"}", strings.Repeat("~", 200)} {
		for _, send := range []func(v client) answer{
			func(v client) answer { return v.get("/healthz") },
			func(v client) answer { return v.get("/login") },
			func(v client) answer { return v.get("/nowhere") },
			func(v client) answer { return v.get("/static/nothing.css") },
			func(v client) answer { return v.api("POST", "/api/decisions", model(g.key)) },
			func(v client) answer { return v.api("POST", "/access/v1/evaluation", `{}`) },
			func(v client) answer { return v.with("X-Bf-Vk", g.key).get("/authz/nginx?model=openai/gpt-4o") },
			func(v client) answer { return v.with("Host", "elsewhere.example").get("/healthz") },
			func(v client) answer { return v.with("Host", "elsewhere.example").get("/login") },
		} {
			if a := send(g.admin.with("X-Request-ID", id)); a.Header.Get("X-Request-ID") != id || len(a.Header.Values("X-Request-ID")) != 1 {
				t.Errorf("%s %s: %q came back as %q", a.Request.Method, a.Request.URL.Path, id, a.Header.Values("X-Request-ID"))
			}
		}
		a := g.anonymous().with("X-Request-ID", id).api("GET", profiles, nil).is(http.StatusUnauthorized)
		same(t, "event_id", a.json()["event_id"], any(id))
		quoted, err := json.Marshal(id)
		g.must(err)
		plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(quoted))
		if !strings.Contains(g.log.String(), `"request_id":`+plain) {
			t.Errorf("%s is not in the log", plain)
		}
	}
	for _, id := range []string{strings.Repeat("x", 201), "two words", "tab\there", "é", " "} {
		a := g.anonymous().with("X-Request-ID", id).api("GET", profiles, nil).is(http.StatusUnauthorized)
		if own := a.Header.Get("X-Request-ID"); own == id || own == "" || a.json()["event_id"] != own {
			t.Errorf("%q came back as %q", id, own)
		}
	}
}

func TestGroupsNamedAsText(t *testing.T) {
	s := newStage(t)
	s.assign(s.ada, research)
	for ids, want := range map[string]int{`["3"]`: 1, `[3]`: 1, `["1","3"]`: 1, `["1"]`: 0} {
		a := s.admin.api("POST", "/api/access-profiles/4/propagate", `{"fields":["budgets"],"dry_run":true,"group_ids":`+ids+`}`).is(http.StatusOK)
		same(t, ids, len(a.json()["user_ids"].([]any)), want)
	}
	for id, code := range map[string]string{`"999"`: "unknown_group", `"x"`: "wrong_type", `""`: "wrong_type", `" 3"`: "wrong_type", `"0"`: "number_out_of_range", `"1.0"`: "wrong_type", `null`: "null_not_allowed"} {
		s.admin.api("POST", "/api/access-profiles/4/propagate", `{"fields":["budgets"],"group_ids":[`+id+`]}`).refuses(http.StatusBadRequest, code, "group_ids[0]")
	}
}

// A virtual key can request its own quota with any header in which clients of gateways send it.
func TestQuotaByTheHeadersOfClients(t *testing.T) {
	s := newStage(t)
	_, first := s.assign(s.ada, research)
	_, second := s.assign(s.bob, research)
	key, other := first["value"].(string), second["value"].(string)
	send := func(headers ...string) answer {
		v := s.anonymous()
		for i := 0; i < len(headers); i += 2 {
			v = v.with(headers[i], headers[i+1])
		}
		return v.get(quota)
	}
	for _, headers := range [][]string{
		{"x-bf-vk", key},
		{"X-BF-VK", "Bearer " + key},
		{"x-bf-vk", "bearer  " + key + " "},
		{"Authorization", "Bearer " + key},
		{"x-api-key", key},
		{"x-goog-api-key", key},
		{"api-key", key},
		{"x-bf-vk", key, "Authorization", "Bearer " + key},
		{"x-bf-vk", key, "Authorization", "Bearer sk-ant-oat01-of-the-provider"},
		{"x-bf-vk", "sk-of-something-else", "x-api-key", key},
		{"x-bf-vk", key, "Authorization", basic(admin, password)},
	} {
		got := send(headers...).is(http.StatusOK).object("virtual_key")
		same(t, fmt.Sprint(headers), got["id"], first["id"])
	}
	send("x-bf-vk", key, "Authorization", "Bearer "+other).refuses(http.StatusForbidden, "ambiguous_key", "")
	send("x-api-key", key, "api-key", other).refuses(http.StatusForbidden, "ambiguous_key", "")
	for _, headers := range [][]string{{}, {"x-bf-vk", ""}, {"x-bf-vk", "x"}, {"x-bf-vk", key + "0"}, {"x-bf-vk", strings.ToUpper(key)}, {"Authorization", basic(admin, password)}} {
		send(headers...).refuses(http.StatusUnauthorized, "unauthenticated", "")
	}
	s.admin.get(quota).refuses(http.StatusUnauthorized, "unauthenticated", "") // an API key is not a virtual key
	s.anonymous().with("x-bf-vk", key).get("/api/users").refuses(http.StatusUnauthorized, "unauthenticated", "")
}
