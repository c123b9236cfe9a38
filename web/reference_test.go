package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tollgate/models/migrations"
	"tollgate/web/webtest"
)

// Fields that newer clients of the reference send without using them are accepted and ignored; fields that they use are
// refused by name.
func TestFieldsOfNewerReferenceSchemas(t *testing.T) {
	c := webtest.NewCast(t)
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
			made := c.Admin.API("POST", webtest.Prefixes(webtest.Profiles)[i%2], body).Is(http.StatusCreated)
			if strings.Contains(string(made.Body), `"`+row.field+`"`) {
				t.Errorf("%s is kept: %s", row.field, made.Body)
			}
			address := fmt.Sprint(webtest.Profiles, "/", made.Object("access_profile")["id"])
			c.Unchanged(func() { c.Admin.API("PUT", address, "{"+member(value)+"}").Is(http.StatusOK) })
		}
		for _, value := range row.refused {
			c.Admin.API("POST", webtest.Profiles, `{"name":"x",`+member(value)+`}`).Refuses(http.StatusBadRequest, "unsupported_field", row.param+row.field)
			a := c.Admin.API("PUT", webtest.Profiles+"/1", "{"+member(value)+"}").Refuses(http.StatusBadRequest, "unsupported_field", row.param+row.field)
			if said := a.Object("error")["message"].(string); !strings.HasPrefix(said, "Leave out "+row.param+row.field+"; ") || !strings.HasSuffix(said, " instead.") {
				t.Errorf("it says %q", said)
			}
		}
	}
	c.Admin.API("POST", webtest.Profiles, `{"name":"x","weight":null}`).Refuses(http.StatusBadRequest, "unknown_field", "weight")
	c.Admin.API("POST", "/api/roles", `{"name":"r","dac":"all-data"}`).Is(http.StatusCreated)
	c.Admin.API("POST", "/api/roles", `{"name":"s","dac":"own-data"}`).Refuses(http.StatusBadRequest, "unsupported_field", "dac")
}

// Unset limits are absent from every answer, also for profiles that an earlier release stored.
func TestUnsetLimitsAreLeftOut(t *testing.T) {
	s := webtest.NewStage(t)
	body := `{"name":"Half set","description":"it has \"rate_limit\":null,","rate_limit":{"request_max_limit":5,"request_reset_duration":"1h"},
"provider_configs":[{"provider_name":"openai","rate_limit":{"token_max_limit":5,"token_reset_duration":"1h"}},{"provider_name":"azure"}]}`
	s.Exec("INSERT INTO providers (name, models) VALUES ('azure', '{}')")
	made := s.Admin.API("POST", webtest.Profiles, body).Is(http.StatusCreated)
	id := webtest.Int64ID(made.Object("access_profile"))
	held, key := s.Assign(s.Ada, id)
	path := fmt.Sprint(webtest.Profiles, "/", id)
	check := func() {
		t.Helper()
		version := s.Admin.Get(path + "/versions/1").Is(http.StatusOK).Object("version")["snapshot"].(string)
		for _, answer := range []string{
			string(s.Admin.Get(path).Is(http.StatusOK).Body), string(s.Admin.Get(webtest.Profiles + "?search=half").Is(http.StatusOK).Body),
			string(s.Admin.Get("/api/users/" + s.Ada + "/access-profiles").Is(http.StatusOK).Body), version,
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
	webtest.Same(t, "copied", webtest.Objects(held["provider_configs"])[1]["rate_limit"], any(nil))
	s.Bearer(key["value"]).Get(webtest.Quota).Is(http.StatusOK)

	// As an earlier release stored it.
	var now, back string
	s.Scan(&now, "SELECT snapshot FROM access_profile_versions WHERE access_profile_id = ?", id)
	old := strings.NewReplacer(
		`"token_current_usage"`, `"X":null,"token_current_usage"`,
		`"budgets":[]}`, `"budgets":[],"rate_limit":null}`,
	).Replace(now)
	old = strings.Replace(old, `"X":null`, `"request_max_limit":null,"request_reset_duration":null`, 1) // the provider's
	old = strings.Replace(old, `"X":null`, `"token_max_limit":null,"token_reset_duration":null`, 1)
	owner := s.Owner()
	_, err := owner.NewRaw("UPDATE access_profile_versions SET snapshot = ? WHERE access_profile_id = ?", old, id).Exec(t.Context())
	s.Must(err)
	if !strings.Contains(old, `"request_max_limit":null`) || !strings.Contains(old, `"rate_limit":null}`) {
		t.Fatalf("not as it was stored: %s", old)
	}
	migration, err := migrations.Files.ReadFile("20260702000000_unset_limits.tx.up.sql")
	s.Must(err)
	_, err = owner.NewRaw(string(migration)).Exec(t.Context())
	s.Must(err)
	s.Scan(&back, "SELECT snapshot FROM access_profile_versions WHERE access_profile_id = ?", id)
	webtest.Same(t, "migrated", back, now)
	check()
}

// Clients of the reference use these paths too.
func TestPathsOfTheReference(t *testing.T) {
	s := webtest.NewStage(t)
	const rbac = "/api/governance/rbac"
	role := s.Admin.API("POST", rbac+"/roles", `{"name":"Auditor"}`).Is(http.StatusCreated).Object("role")
	path := fmt.Sprint("/roles/", role["id"])
	s.Admin.API("PUT", rbac+path, `{"description":"Looks"}`).Is(http.StatusOK)
	s.Admin.API("PUT", rbac+path+"/permissions", `{"permission_ids":["AuditLogs:View"]}`).Is(http.StatusOK)
	s.Admin.API("PUT", rbac+"/users/"+s.Ada+"/role", webtest.Object{"role_id": role["id"]}).Is(http.StatusOK)
	for _, of := range []string{"/roles", path, path + "/permissions", "/permissions"} {
		webtest.Same(t, of, s.Admin.Get(rbac+of).Is(http.StatusOK).JSON(), s.Admin.Get("/api"+of).Is(http.StatusOK).JSON())
	}
	s.Viewer.Get(rbac+"/roles").Refuses(http.StatusForbidden, "forbidden", "")
	s.Anonymous().Get(rbac+"/roles").Refuses(http.StatusUnauthorized, "unauthenticated", "")
	s.Admin.Get(rbac+"/api-keys").Refuses(http.StatusNotFound, "not_found", "")
	s.Admin.API("PUT", rbac+"/users/"+s.Ada+"/role", `{"role_id":3}`).Is(http.StatusOK)
	s.Admin.API("DELETE", rbac+path, nil).Is(http.StatusOK)

	// The key is created for the user; the copy's id in the path is ignored.
	held, _ := s.Assign(s.Ada, webtest.Research)
	for i, prefix := range []string{"/api", "/api/governance"} {
		for _, copied := range []any{held["id"], "anything"} {
			at := fmt.Sprint(prefix, "/users/", s.Ada, "/access-profiles/", copied, "/virtual-keys")
			key := s.Admin.API("POST", at, fmt.Sprintf(`{"name":"Job %d %v","auto_rotation_interval":"","next_rotation_at":null}`, i, copied)).Is(http.StatusOK).Object("virtual_key")
			s.Bearer(key["value"]).Get(webtest.Quota).Is(http.StatusOK)
			s.Admin.API("POST", at, `{"auto_rotation_interval":"30d"}`).Refuses(http.StatusBadRequest, "unsupported_field", "auto_rotation_interval")
			s.Viewer.API("POST", at, nil).Refuses(http.StatusForbidden, "forbidden", "")
		}
	}
	s.Admin.API("POST", "/api/users/"+s.Bob+"/access-profiles/1/virtual-keys", nil).Is(http.StatusNotFound) // bob has no copy
}

// The id of a request is the caller's when it is valid in a header and on a line of the log.
func TestRequestIDComesBack(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, id := range []string{"x", "abc/def=ghi+jkl", "{\"a\":\"<b>\"}", strings.Repeat("~", 200)} {
		for _, send := range []func(v webtest.Client) webtest.Answer{
			func(v webtest.Client) webtest.Answer { return v.Get("/healthz") },
			func(v webtest.Client) webtest.Answer { return v.Get("/login") },
			func(v webtest.Client) webtest.Answer { return v.Get("/nowhere") },
			func(v webtest.Client) webtest.Answer { return v.Get("/static/nothing.css") },
			func(v webtest.Client) webtest.Answer { return v.API("POST", "/api/decisions", webtest.Model(g.Key)) },
			func(v webtest.Client) webtest.Answer { return v.API("POST", "/access/v1/evaluation", `{}`) },
			func(v webtest.Client) webtest.Answer {
				return v.With("X-Bf-Vk", g.Key).Get("/authz/nginx?model=openai/gpt-4o")
			},
			func(v webtest.Client) webtest.Answer { return v.With("Host", "elsewhere.example").Get("/healthz") },
			func(v webtest.Client) webtest.Answer { return v.With("Host", "elsewhere.example").Get("/login") },
		} {
			if a := send(g.Admin.With("X-Request-ID", id)); a.Header.Get("X-Request-ID") != id || len(a.Header.Values("X-Request-ID")) != 1 {
				t.Errorf("%s %s: %q came back as %q", a.Request.Method, a.Request.URL.Path, id, a.Header.Values("X-Request-ID"))
			}
		}
		a := g.Anonymous().With("X-Request-ID", id).API("GET", webtest.Profiles, nil).Is(http.StatusUnauthorized)
		webtest.Same(t, "event_id", a.JSON()["event_id"], any(id))
		quoted, err := json.Marshal(id)
		g.Must(err)
		plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(quoted))
		if !strings.Contains(g.Log.String(), `"request_id":`+plain) {
			t.Errorf("%s is not in the log", plain)
		}
	}
	for _, id := range []string{strings.Repeat("x", 201), "two words", "tab\there", "é", " "} {
		a := g.Anonymous().With("X-Request-ID", id).API("GET", webtest.Profiles, nil).Is(http.StatusUnauthorized)
		if own := a.Header.Get("X-Request-ID"); own == id || own == "" || a.JSON()["event_id"] != own {
			t.Errorf("%q came back as %q", id, own)
		}
	}
}

func TestGroupsNamedAsText(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	for ids, want := range map[string]int{`["3"]`: 1, `[3]`: 1, `["1","3"]`: 1, `["1"]`: 0} {
		a := s.Admin.API("POST", "/api/access-profiles/4/propagate", `{"fields":["budgets"],"dry_run":true,"group_ids":`+ids+`}`).Is(http.StatusOK)
		webtest.Same(t, ids, len(a.JSON()["user_ids"].([]any)), want)
	}
	for id, code := range map[string]string{`"999"`: "unknown_group", `"x"`: "wrong_type", `""`: "wrong_type", `" 3"`: "wrong_type", `"0"`: "number_out_of_range", `"1.0"`: "wrong_type", `null`: "null_not_allowed"} {
		s.Admin.API("POST", "/api/access-profiles/4/propagate", `{"fields":["budgets"],"group_ids":[`+id+`]}`).Refuses(http.StatusBadRequest, code, "group_ids[0]")
	}
}

// A virtual key can request its own quota with any header in which clients of gateways send it.
func TestQuotaByTheHeadersOfClients(t *testing.T) {
	s := webtest.NewStage(t)
	_, first := s.Assign(s.Ada, webtest.Research)
	_, second := s.Assign(s.Bob, webtest.Research)
	key, other := first["value"].(string), second["value"].(string)
	send := func(headers ...string) webtest.Answer {
		v := s.Anonymous()
		for i := 0; i < len(headers); i += 2 {
			v = v.With(headers[i], headers[i+1])
		}
		return v.Get(webtest.Quota)
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
		{"x-bf-vk", key, "Authorization", webtest.Basic(webtest.Admin, webtest.Password)},
	} {
		got := send(headers...).Is(http.StatusOK).Object("virtual_key")
		webtest.Same(t, fmt.Sprint(headers), got["id"], first["id"])
	}
	send("x-bf-vk", key, "Authorization", "Bearer "+other).Refuses(http.StatusForbidden, "ambiguous_key", "")
	send("x-api-key", key, "api-key", other).Refuses(http.StatusForbidden, "ambiguous_key", "")
	for _, headers := range [][]string{{}, {"x-bf-vk", ""}, {"x-bf-vk", "x"}, {"x-bf-vk", key + "0"}, {"x-bf-vk", strings.ToUpper(key)}, {"Authorization", webtest.Basic(webtest.Admin, webtest.Password)}} {
		send(headers...).Refuses(http.StatusUnauthorized, "unauthenticated", "")
	}
	s.Admin.Get(webtest.Quota).Refuses(http.StatusUnauthorized, "unauthenticated", "") // an API key is not a virtual key
	s.Anonymous().With("x-bf-vk", key).Get("/api/users").Refuses(http.StatusUnauthorized, "unauthenticated", "")
}
