package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const liteLLMFile = `model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}
    model_info: {input_cost_per_token: 0.0000025, output_cost_per_token: 0.00001, cache_read_input_token_cost: 0.00000125}
litellm_settings:
  max_internal_user_budget: 5
  internal_user_budget_duration: 1d
`

// runs runs a command on files in a folder, and fails the test unless it ends with the code and says the words.
func (c *console) runs(t *testing.T, folder string, code int, command string, words ...string) {
	t.Helper()
	binary, err := program()
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.key()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(binary, strings.Fields(command)...)
	run.Dir, run.Env = folder, append(c.settings, "TOLLGATE_URL="+c.url, "TOLLGATE_API_KEY="+key)
	said, err := run.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) || run.ProcessState.ExitCode() != code {
		t.Fatalf("tollgate %s: %v, want %d\n%s", command, err, code, said)
	}
	for _, word := range words {
		if !strings.Contains(string(said), word) {
			t.Errorf("tollgate %s does not say %q:\n%s", command, word, said)
		}
	}
}

// TestAdoption takes a file of LiteLLM into the console, puts the console before the gateway that runs, and brings what
// is edited in the console back into the files.
func TestAdoption(t *testing.T) {
	t.Parallel()
	c, err := newConsole("TOLLGATE_ADMIN_EMAIL="+admin, "TOLLGATE_ADMIN_PASSWORD="+password)
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.command("", "api-key", "create", "--name", "front", "--scopes", "Usage:Create")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "litellm.yaml"), []byte(liteLLMFile), 0o600); err != nil {
		t.Fatal(err)
	}
	c.runs(t, folder, 0, "import litellm litellm.yaml -o policy", "0 LOST", "1 secret")
	c.runs(t, folder, 2, "plan -f policy --exit-code -o plan.json", "+ provider openai", "+ access_profile Default")
	c.runs(t, folder, 0, "apply -f policy --plan plan.json", "2 to create")

	profile := id(c.profile(t, "Default"))
	home := c.hire(t, "Fay Front", "Member")
	user := strings.TrimPrefix(home, "/users/")
	given := c.made(t, "/api"+home+"/access-profiles", `{"access_profile_id":`+profile+`}`)
	value := given["virtual_key"].(object)["value"].(string)
	front := c.frontOf(t, newModel(t).URL, strings.TrimSpace(key))
	ask := func(model, want string) {
		t.Helper()
		status, answer := call(t, front, "/v1/chat/completions", value, `{"model":"`+model+`","messages":[{"role":"user","content":"hello"}]}`)
		if fmt.Sprint(status) != want {
			t.Errorf("a call of %s: %d, want %s: %s", model, status, want, answer)
		}
	}
	ask("gpt-4o-mini", "403")
	ask("gpt-4o", "200")
	eventually(t, "25 tokens, 1 requests, $0.0001025", func() string { return c.reported(t, user) })

	eventually(t, "true", func() string {
		_, answer := c.api(t, "GET", "/api/refusals?user_id="+user, "")
		return fmt.Sprint(strings.Contains(string(answer), `"type":"model_blocked"`))
	})
	s := open(t, visit{console: c})
	s.to(home)
	s.sees(s.link("Default").First())
	s.sees(s.GetByText("gpt-4o-mini").First())
	s.to("/access-profiles/" + profile + "/edit")
	s.sees(s.GetByText("Managed by set litellm"))
	s.fill("Amount of overall budget 1", "0.0001")
	s.click(s.button("Save"))
	s.sees(s.text("Default was saved as version 2."))
	if status, answer := c.api(t, "POST", "/api/access-profiles/"+profile+"/propagate", `{"fields":["budgets"]}`); status >= 300 {
		t.Fatalf("propagate: %d %s", status, answer)
	}
	eventually(t, "402", func() string {
		status, _ := call(t, front, "/v1/chat/completions", value, `{"model":"gpt-4o","messages":[]}`)
		return fmt.Sprint(status)
	})

	c.runs(t, folder, 3, "plan -f policy", "Default was changed in the console", "~ budgets[1d].max_limit: 0.0001 -> 5")
	s.to("/settings/configuration")
	s.sees(s.GetByText("budgets[1d].max_limit").First())
	c.runs(t, folder, 0, "pull -f policy", "Default")
	c.runs(t, folder, 0, "plan -f policy --exit-code", "2 unchanged")
	if text, err := os.ReadFile(filepath.Join(folder, "policy/access-profiles.yaml")); err != nil || !strings.Contains(string(text), "{max_limit: 0.0001, reset_duration: 1d}") {
		t.Errorf("pulled: %s %v", text, err)
	}
	c.runs(t, folder, 0, "apply -f policy --yes", "2 unchanged")
	s.to("/settings/configuration")
	s.gone(s.GetByText("budgets[1d].max_limit"))
}
