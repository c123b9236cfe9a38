package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestFormAndAPIStoreTheSameProfile(t *testing.T) {
	c := webtest.NewCast(t)
	created := c.Admin.API("POST", "/api/access-profiles", webtest.Nested).Is(http.StatusCreated)
	fromJSON := created.JSON()["access_profile"].(map[string]any)
	if created.Header.Get("Location") != "/api/access-profiles/4" || created.Header.Get("ETag") != `"1"` {
		t.Errorf("headers are %v", created.Header)
	}
	want := `{"name":"Research","description":"Line one\nline two","is_active":true,"version":1,"tags":["emea","R&D"],
"provider_configs":[{"provider_name":"openai","all_models_allowed":false,"allowed_models":["gpt-4o","ft:custom"],
 "budgets":[{"max_limit":20.5,"reset_duration":"1d","scope":"provider:openai","current_usage":0},
  {"max_limit":0,"reset_duration":"1Q","reset_config":{"quarter_start_month":2},"scope":"provider:openai","current_usage":0}],
 "rate_limit":{"request_max_limit":60,"request_reset_duration":"1h","token_current_usage":0,"request_current_usage":0}}],
"budgets":[{"max_limit":1e-9,"reset_duration":"1M","scope":"total","current_usage":0}],
"rate_limit":{"token_max_limit":100000,"token_reset_duration":"1h","token_current_usage":0,"request_current_usage":0},
"calendar_aligned":true,"mcp_tool_groups":[{"tool_group_id":1}],"mcp_servers":[{"mcp_server_id":"github"}],
"mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"include"}]}`
	var expected any
	c.Must(json.Unmarshal([]byte(want), &expected))
	if got := webtest.Ignoring(fromJSON); !reflect.DeepEqual(got, expected) {
		t.Errorf("stored %v\nwant %v", got, expected)
	}
	c.Admin.API("PUT", "/api/access-profiles/4", `{"name":"Elsewhere"}`).Is(http.StatusOK)
	c.Session.Post("/access-profiles", webtest.NestedForm()).Redirects("/access-profiles/5")
	fromForm := c.Admin.Profile(5)
	if got := webtest.Ignoring(fromForm); !reflect.DeepEqual(got, expected) {
		t.Errorf("the form stored %v\nwant %v", got, expected)
	}
}

// The body of an answer can be sent back as a form or as JSON, and changes nothing.
func TestRoundTripChangesNothing(t *testing.T) {
	c := webtest.NewCast(t)
	c.Admin.API("POST", "/api/access-profiles", webtest.Nested).Is(http.StatusCreated)
	before := c.Admin.Profile(4)
	again := c.Admin.API("PUT", "/api/access-profiles/4", before).Is(http.StatusOK)
	if again.Header.Get("ETag") != `"1"` {
		t.Errorf("an empty change made version %s", again.Header.Get("ETag"))
	}
	form := c.Session.Get("/access-profiles/4/edit").Is(http.StatusOK).Fields("profile-form")
	form.Set("op", "save")
	c.Session.Post("/access-profiles/4", form).Redirects("/access-profiles/4")
	if after := c.Admin.Profile(4); !reflect.DeepEqual(before, after) {
		t.Errorf("was %v\nis  %v", before, after)
	}
}

func TestUpdateIsPartialAndKeepsIDs(t *testing.T) {
	c := webtest.NewCast(t)
	c.Admin.API("POST", "/api/access-profiles", webtest.Nested).Is(http.StatusCreated)
	before := c.Admin.Profile(4)
	body := `{"budgets":[{"max_limit":7,"reset_duration":"1w"},{"max_limit":3,"reset_duration":"1M"}],"rate_limit":null,"description":null,
		"provider_configs":[{"provider_name":"openai","budgets":[{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":5}}]}]}`
	c.Admin.With("If-Match", `"1"`).API("PUT", "/api/governance/access-profiles/4", body).Is(http.StatusOK)
	after := c.Admin.Profile(4)
	provider := func(p map[string]any) map[string]any { return p["provider_configs"].([]any)[0].(map[string]any) }
	line := func(list any, i int) map[string]any { return list.([]any)[i].(map[string]any) }
	switch {
	case after["name"] != "Research", after["description"] != nil, after["rate_limit"] != nil, after["version"] != 2.0:
		t.Errorf("is %v", after)
	case line(after["budgets"], 1)["id"] != line(before["budgets"], 0)["id"], line(after["budgets"], 1)["last_reset"] != line(before["budgets"], 0)["last_reset"]:
		t.Error("the month's budget lost its id")
	case provider(after)["id"] != provider(before)["id"]:
		t.Error("the provider lost its id")
	case line(provider(after)["budgets"], 0)["id"] != line(provider(before)["budgets"], 1)["id"]:
		t.Error("February and May quarters are the same limit, and it lost its id")
	case len(provider(after)["allowed_models"].([]any)) != 0, provider(after)["rate_limit"] != nil:
		t.Error("a field left out inside a list element kept its value")
	}
	c.Admin.With("If-Match", `"1"`).API("PUT", "/api/access-profiles/4", `{"name":"x"}`).Refuses(http.StatusPreconditionFailed, "version_mismatch", "")
	c.Admin.With("If-Match", "*").API("PUT", "/api/access-profiles/4", `{"tags":[]}`).Is(http.StatusOK)
	c.Admin.With("If-Match", `"2"`).API("DELETE", "/api/access-profiles/4", nil).Refuses(http.StatusPreconditionFailed, "version_mismatch", "")
	c.Admin.With("If-Match", `"3"`).API("PUT", "/api/access-profiles/4/deactivate", nil).Is(http.StatusOK)
	c.Admin.API("PUT", "/api/access-profiles/4/deactivate", nil).Is(http.StatusOK)
	if p := c.Admin.Profile(4); p["is_active"] != false || p["version"] != 4.0 {
		t.Errorf("is %v", p)
	}
	c.Admin.API("PUT", "/api/access-profiles/4", `{"is_active":true}`).Refuses(http.StatusBadRequest, "read_only", "is_active")
	c.Admin.API("DELETE", "/api/access-profiles/4", nil).Is(http.StatusOK)
	c.Admin.API("GET", "/api/access-profiles/4", nil).Refuses(http.StatusNotFound, "not_found", "")
	var left, audited int
	c.Scan(&left, "SELECT (SELECT count(*) FROM limit_lines) + (SELECT count(*) FROM provider_configs) + (SELECT count(*) FROM access_profile_versions WHERE access_profile_id = 4)")
	c.Scan(&audited, "SELECT count(*) FROM audit_logs WHERE access_profile_id = 4")
	if left != 0 || audited != 5 {
		t.Errorf("%d rows are left, %d audit rows", left, audited)
	}
}

func TestCloneIsACopyWithItsOwnIDs(t *testing.T) {
	c := webtest.NewCast(t)
	c.Admin.API("POST", "/api/access-profiles", webtest.Nested).Is(http.StatusCreated)
	c.Admin.API("PUT", "/api/access-profiles/4/deactivate", nil).Is(http.StatusOK)
	c.Admin.API("POST", "/api/access-profiles/4/clone", `{"name":"Twin"}`).Is(http.StatusCreated)
	c.Session.Post("/access-profiles/4/clone", url.Values{"name": {"Triplet"}, "description": {"Line one\r\nline two"}}).Redirects("/access-profiles/6")
	source := c.Admin.Profile(4)
	for i, name := range []string{"Twin", "Triplet"} {
		twin := c.Admin.Profile(int64(5 + i))
		if line := func(p map[string]any) any { return p["budgets"].([]any)[0].(map[string]any)["id"] }; line(twin) == line(source) {
			t.Error("a budget's id was copied")
		}
		want := webtest.Ignoring(source).(map[string]any)
		want["name"], want["version"], want["is_active"] = name, 1.0, true
		if got := webtest.Ignoring(twin); !reflect.DeepEqual(got, want) {
			t.Errorf("is %v\nwant %v", got, want)
		}
	}
	c.Admin.API("POST", "/api/access-profiles/4/clone", `{}`).Refuses(http.StatusBadRequest, "required", "name")
	c.Admin.API("POST", "/api/access-profiles/4/clone", `{"name":"TWIN"}`).Refuses(http.StatusConflict, "name_taken", "name")
	c.Admin.API("POST", "/api/access-profiles/99/clone", `{"name":"Nobody"}`).Refuses(http.StatusNotFound, "not_found", "")
	page := c.Session.Post("/access-profiles/4/clone", url.Values{"name": {"twin"}, "description": {"typed"}}).Refuses(http.StatusConflict, "name_taken", "name")
	if webtest.Attribute(page.One("input", "name", "name"), "value") != "twin" {
		t.Error("the name typed is lost")
	}
}

func TestListFindsFiltersSortsAndPages(t *testing.T) {
	c := webtest.NewConsole(t)
	v := c.APIKey()
	for i, name := range []string{"beta 100%", "Alpha", "gamma_x", "Straße"} {
		v.API("POST", "/api/access-profiles", map[string]any{
			"name": name, "description": "about " + strings.Repeat("x", i), "tags": []string{"all", fmt.Sprint("T", i%2)},
		}).Is(http.StatusCreated)
	}
	v.API("PUT", "/api/access-profiles/2/deactivate", nil).Is(http.StatusOK)
	cases := []struct {
		query string
		names []string
		total float64
	}{
		{"", []string{"Alpha", "beta 100%", "gamma_x", "Straße"}, 4},
		{"?sort=-name", []string{"Straße", "gamma_x", "beta 100%", "Alpha"}, 4},
		{"?sort=created_at&limit=2", []string{"beta 100%", "Alpha"}, 4},
		{"?sort=-created_at&limit=2&offset=3", []string{"beta 100%"}, 4},
		{"?sort=-updated_at&limit=1", []string{"Alpha"}, 4},
		{"?offset=9", nil, 4},
		{"?search=ALPHA", []string{"Alpha"}, 1},
		{"?search=strasse", []string{"Straße"}, 1},
		{"?search=ABOUT%20xx", []string{"gamma_x", "Straße"}, 2},
		{"?search=%25", []string{"beta 100%"}, 1},
		{"?search=_", []string{"gamma_x"}, 1},
		{"?search=%5C", nil, 0},
		{"?tags=t1", []string{"Alpha", "Straße"}, 2},
		{"?tags=T1,ALL&is_active=true", []string{"Straße"}, 1},
		{"?tags=t0,t1", nil, 0},
		{"?is_active=false", []string{"Alpha"}, 1},
		{"?search=&tags=&is_active=&sort=&limit=&offset=", []string{"Alpha", "beta 100%", "gamma_x", "Straße"}, 4},
	}
	for _, test := range cases {
		answer := v.API("GET", "/api/access-profiles"+test.query, nil).Is(http.StatusOK).JSON()
		var names []string
		for _, profile := range answer["access_profiles"].([]any) {
			names = append(names, profile.(map[string]any)["name"].(string))
		}
		if !reflect.DeepEqual(names, test.names) || answer["total_count"] != test.total || answer["count"] != float64(len(names)) {
			t.Errorf("%s: %v, %v of %v", test.query, names, answer["count"], answer["total_count"])
		}
		page := c.Login(webtest.Viewer).Get("/access-profiles" + test.query)
		if page.StatusCode == http.StatusSeeOther && len(names) == 0 && test.total != 0.0 {
			continue // a page past the end redirects to the last one
		}
		page.Is(http.StatusOK)
		var shown []string
		for _, link := range page.All("a", "class", "row-name") {
			shown = append(shown, webtest.Text(link))
		}
		if !reflect.DeepEqual(shown, test.names) {
			t.Errorf("%s: the page shows %v", test.query, shown)
		}
	}
	v.API("GET", "/api/access-profiles?limit=0&offset=x&sort=no&colour=red", nil).Refuses(http.StatusBadRequest, "unknown_parameter", "colour")
}

// Archiving on a page says what keeps working.
func TestArchiveSaysWhatKeepsWorking(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	for path, said := range map[string]string{
		"/access-profiles/4": "is archived: it is offered to no further user. The 1 copy of it keeps working.",
		"/access-profiles/1": "is archived: it is offered to no further user. ",
	} {
		shown := s.Session.Get(path).Is(http.StatusOK)
		webtest.Same(t, "button", webtest.Text(shown.One("form", "action", path+"/deactivate")), "Archive")
		answer := s.Session.Post(path+"/deactivate", nil).Is(http.StatusSeeOther)
		with := s.Session.With("Cookie", s.Session.Header.Get("Cookie")+"; "+webtest.CookieOf(answer, "flash"))
		body := webtest.Text(with.Get(answer.Header.Get("Location")).Is(http.StatusOK).One("body"))
		if !strings.Contains(body, said) || !strings.Contains(body, "Archived") {
			t.Errorf("%s does not say %q", path, said)
		}
	}
}
