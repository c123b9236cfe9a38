package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// liteLLMServer answers the lists of LiteLLM's API in the shapes that its documents give. It is no LiteLLM, which was not
// run here.
type liteLLMServer struct {
	*httptest.Server
	lists map[string][]any // by path
	more  atomic.Int64     // users that the total says there are beside those that are listed
}

const (
	liteLLMKey   = "sk-admin-of-litellm"
	liteLLMToken = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"
)

type row = map[string]any

func newLiteLLM(t *testing.T) *liteLLMServer {
	s := &liteLLMServer{lists: map[string][]any{
		"/v1/model/info": {
			row{
				"model_name": "gpt-5-mini", "litellm_params": row{"model": "openai/gpt-5-mini", "api_key": "sk-of-openai"},
				"model_info": row{"id": "a1", "db_model": true, "input_cost_per_token": json.Number("2.5e-07"), "output_cost_per_token": json.Number("2e-06")},
			},
			row{"model_name": "claude", "litellm_params": row{"model": "anthropic/claude-haiku-4-5"}, "model_info": row{"id": "b2"}},
		},
		"/v1/mcp/server": {row{"server_id": "5f", "alias": "github", "url": "https://mcp.example.com/github", "transport": "http", "allowed_tools": []string{"get_commit"}}},
		"/v2/team/list":  {row{"team_id": "t1", "team_alias": "Research", "max_budget": 500.0, "budget_duration": "30d", "models": []string{}, "blocked": false}},
		"/key/list": {
			row{"token": liteLLMToken, "key_name": "sk-...abcd", "key_alias": "laptop", "user_id": "u1", "models": []string{}, "max_budget": 3.0, "spend": 1.25},
			row{"token": liteLLMToken, "key_name": "sk-...efgh", "key_alias": "robot", "user_id": nil, "models": []string{"gpt-5-mini"}},
		},
	}}
	for i := range 230 {
		user := row{
			"user_id": fmt.Sprint("u", i), "user_email": fmt.Sprintf("user%d@example.com", i), "user_alias": nil, "user_role": "internal_user",
			"models": []string{"gpt-5-mini"}, "max_budget": 10.0, "budget_duration": "1d", "tpm_limit": nil, "rpm_limit": 60, "spend": 0.0, "teams": []string{},
		}
		if i == 0 {
			user["user_role"], user["models"], user["max_budget"] = "proxy_admin", []string{}, nil
		}
		if i == 229 {
			user["user_email"] = nil
		}
		s.lists["/user/list"] = append(s.lists["/user/list"], user)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *liteLLMServer) answer(w http.ResponseWriter, r *http.Request) {
	rows, known := s.lists[r.URL.Path]
	switch {
	case r.Header.Get("Authorization") != "Bearer "+liteLLMKey:
		w.WriteHeader(http.StatusUnauthorized)
		return
	case !known:
		http.NotFound(w, r)
		return
	}
	page, _ := strconv.Atoi(r.FormValue("page"))
	cut := func(size string) []any {
		n, _ := strconv.Atoi(r.FormValue(size))
		from := min((page-1)*n, len(rows))
		return rows[from:min(from+n, len(rows))]
	}
	var body any
	switch r.URL.Path {
	case "/v1/model/info":
		body = row{"data": rows}
	case "/v1/mcp/server":
		body = rows
	case "/key/list":
		body = row{"keys": cut("size"), "total_count": len(rows), "current_page": page, "total_pages": 1}
	case "/user/list":
		body = row{"users": cut("page_size"), "total": len(rows) + int(s.more.Load()), "page": page, "page_size": 100, "total_pages": 3}
	default:
		body = row{"teams": cut("page_size"), "total": len(rows), "page": page, "page_size": 100, "total_pages": 1}
	}
	_ = json.NewEncoder(w).Encode(body)
}

// What LiteLLM's API lists becomes documents that a console takes: the users with a profile for those who may do the
// same, nothing left out, and no secret anywhere.
func TestImportFromLiteLLM(t *testing.T) {
	t.Parallel()
	s := newLiteLLM(t)
	data := migratedFolder(t)
	c := start(t, append(inFolder(data), "TOLLGATE_ADMIN_EMAIL=ada@example.com", "TOLLGATE_ADMIN_PASSWORD="+adminPassword))
	key := strings.TrimSpace(must(t, inFolder(data), "", "api-key", "create", "--name", "files"))
	r := repository{t, t.TempDir(), []string{"TOLLGATE_URL=" + c.address, "TOLLGATE_API_KEY=" + key, "LITELLM_API_KEY=" + liteLLMKey}}

	said := r.ends(2, "import litellm --url "+s.URL+"/ -o DIR/policy",
		s.URL+"/v1/model/info: LOST    [1]  LiteLLM takes the price from its own list; here its calls cost nothing until the document has one",
		s.URL+"/user/list: LOST    [229]  a user without an address",
		"/user/list: changed [0].user_role", "[0].models  no models are listed",
		"/v2/team/list: LOST    [0].max_budget  the team Research shares it",
		"/key/list: changed [0]  the key laptop is not carried", "/key/list: LOST    [0].max_budget  a key has nothing of its own",
		"/key/list: LOST    [1]  the key robot belongs to no user", "/key/list: secret  [1].token",
	)
	users := r.text("policy/users.yaml")
	if n := strings.Count(users, "kind: user\n"); n != 229 {
		t.Errorf("%d users were written", n)
	}
	if want := "kind: user\nemail: \"user1@example.com\"\nname: user1\naccess_profiles: [LiteLLM users 2]\n"; !strings.Contains(users, want) {
		t.Errorf("no\n%s\nin\n%.400s", want, users)
	}
	want := "kind: access_profile\nname: LiteLLM users 2\nprovider_configs:\n  - {provider_name: openai, allowed_models: [gpt-5-mini]}\n" +
		"budgets:\n  - {max_limit: 10, reset_duration: 1d}\nrate_limit: {request_max_limit: 60, request_reset_duration: 1m}\ncalendar_aligned: true\n"
	if profiles := r.text("policy/access-profiles.yaml"); !strings.Contains(profiles, want) {
		t.Errorf("no\n%s\nin\n%s", want, profiles)
	}
	written, err := filepath.Glob(r.file("policy/*"))
	if err != nil || len(written) != 5 {
		t.Errorf("%v: %v", written, err)
	}
	for _, path := range written {
		content, err := os.ReadFile(path)
		said += string(content)
		if err != nil {
			t.Error(err)
		}
	}
	for _, secret := range []string{liteLLMToken, liteLLMKey, "sk-of-openai", "sk-...abcd"} {
		if strings.Contains(said, secret) {
			t.Errorf("%s was written", secret)
		}
	}
	r.ends(0, "apply -f DIR/policy --yes", "234 to create")
	r.ends(0, "plan -f DIR/policy --exit-code", "234 unchanged")
	r.ends(0, "import litellm --url "+s.URL+" -o DIR/again --accept-loss")
}

// An import that cannot read everything writes nothing.
func TestImportFromLiteLLMThatFails(t *testing.T) {
	t.Parallel()
	s := newLiteLLM(t)
	r := repository{t, t.TempDir(), []string{"LITELLM_API_KEY=" + liteLLMKey}}
	s.more.Store(1)
	r.ends(1, "import litellm --url "+s.URL+" -o DIR/policy", "/user/list has 231 rows and lists 230: nothing was written")
	r.ends(64, "import litellm --url "+s.URL)
	r.ends(64, "import litellm --url "+s.URL+" -o DIR/policy config.yaml")
	r.ends(69, "import litellm --url http://127.0.0.1:9 -o DIR/policy", "does not answer")
	r.ends(69, "import litellm --url "+s.URL+"/elsewhere -o DIR/policy", "status 404")
	r.environment = []string{"LITELLM_API_KEY=sk-other"}
	r.ends(77, "import litellm --url "+s.URL+" -o DIR/policy", "status 401")
	r.environment = nil
	r.ends(64, "import litellm --url "+s.URL+" -o DIR/policy", "LITELLM_API_KEY")
	if _, err := os.Stat(r.file("policy")); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

// With --team-budget each or divide the members of a team get a profile with its budget or their part of it, and the
// import says what that means. What cannot be shared out is lost as before.
func TestImportTeamBudgets(t *testing.T) {
	t.Parallel()
	s := newLiteLLM(t)
	member := func(id string) row { return row{"user_id": id, "user_email": nil, "role": "user"} }
	s.lists["/v2/team/list"] = []any{
		row{
			"team_id": "t1", "team_alias": "Research", "max_budget": 500.0, "budget_duration": "30d", "models": []string{"gpt-5-mini"}, "tpm_limit": 100,
			"members_with_roles": []row{member("u1"), member("u2"), member("u3"), member("u229"), member("gone")},
		},
		row{"team_id": "t2", "team_alias": "research", "max_budget": 1.0, "budget_duration": "1d", "models": []string{}, "members": []string{"u1", "u1"}},
		row{"team_id": "t3", "team_alias": "Endless", "max_budget": 7.0, "budget_duration": nil, "members_with_roles": []row{member("u1")}},
		row{"team_id": "t4", "team_alias": "Nobody", "max_budget": 7.0, "budget_duration": "1d", "members_with_roles": []row{}},
		row{"team_id": "t5", "team_alias": "Free", "max_budget": nil, "budget_duration": nil, "members_with_roles": []row{member("u1")}},
	}
	data := migratedFolder(t)
	c := start(t, append(inFolder(data), "TOLLGATE_ADMIN_EMAIL=ada@example.com", "TOLLGATE_ADMIN_PASSWORD="+adminPassword))
	key := strings.TrimSpace(must(t, inFolder(data), "", "api-key", "create", "--name", "files"))
	r := repository{t, t.TempDir(), []string{"TOLLGATE_URL=" + c.address, "TOLLGATE_API_KEY=" + key, "LITELLM_API_KEY=" + liteLLMKey}}
	at := s.URL + "/v2/team/list: "
	lost := []string{
		at + "LOST    [0].tpm_limit  the team Research shares it", at + "LOST    [2].max_budget  it never resets there",
		at + "LOST    [3]  the team Nobody", at + "LOST    [4]  the team Free",
	}
	r.ends(2, "import litellm --url "+s.URL+" -o DIR/each --team-budget each", append(lost,
		at+"changed [0].max_budget  each of the 3 members gets it: together they can spend 3 times as much",
		at+"changed [1].max_budget  its one member gets it")...)
	r.ends(2, "import litellm --url "+s.URL+" -o DIR/divide --team-budget divide", append(lost,
		at+"changed [0].max_budget  each of the 3 members gets 166.666666666 of it, also those who need less")...)
	for folder, budget := range map[string]string{"each": "500", "divide": "166.666666666"} {
		want := "name: LiteLLM team Research\nprovider_configs:\n  - {provider_name: openai, allowed_models: [gpt-5-mini]}\nbudgets:\n  - {max_limit: " + budget + ", reset_duration: 1M}\n"
		if profiles := r.text(folder + "/access-profiles.yaml"); !strings.Contains(profiles, want) || strings.Contains(profiles, "Endless") {
			t.Errorf("no\n%s\nin\n%s", want, profiles)
		}
		want = "name: user1\naccess_profiles: [LiteLLM users 2, LiteLLM team Research, LiteLLM team research 2]\n"
		if users := r.text(folder + "/users.yaml"); !strings.Contains(users, want) || strings.Count(users, "LiteLLM team Research") != 3 {
			t.Errorf("no\n%s\nin\n%.600s", want, users)
		}
	}
	r.ends(0, "apply -f DIR/divide --yes", "+ access_profile LiteLLM team Research")
	r.ends(0, "plan -f DIR/divide --exit-code", "0 to create, 0 to change")
	r.ends(64, "import litellm --url "+s.URL+" -o DIR/x --team-budget half", "each or divide")
	r.ends(64, "import litellm config.yaml -o DIR/x --team-budget each", "needs --url")
}
