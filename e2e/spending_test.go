package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

const spenders = `{"name": "NAME", "provider_configs": [{"provider_name": "openai", "allowed_models": ["gpt-5", "gpt-5-mini"]}, {"provider_name": "groq", "all_models_allowed": true}],
	"budgets": [{"max_limit": 20, "reset_duration": "1d"}], "mcp_servers": [{"mcp_server_id": "github"}]}`

// spender creates a user with a profile of their own, "Budget of" and their name: two models of openai, all of groq,
// the tools of github, and 20 dollars a day. It returns their path and the value of their key.
func (c *console) spender(t *testing.T, name string) (home, key string) {
	t.Helper()
	profile := c.create(t, strings.ReplaceAll(spenders, "NAME", "Spending of "+name))
	home = c.hire(t, name, "Viewer")
	_, number, _ := strings.Cut(profile[1:], "/")
	held := c.made(t, "/api"+home+"/access-profiles", `{"access_profile_id": `+number+`}`)
	return home, held["virtual_key"].(object)["value"].(string)
}

// spent is a path below a user who has spent this much of 20 dollars a day.
func spent(name, dollars, below string) place {
	return func(t *testing.T, c *console) string {
		home, _ := c.spender(t, name)
		same(t, "usage", c.spend(t, home, uuid.NewString(), dollars), "counted")
		return home + below
	}
}

// spend reports one call of a user to openai/gpt-5, as a gateway does. It returns the result: "counted" or "duplicate".
func (c *console) spend(t *testing.T, home, event, dollars string) (result string) {
	t.Helper()
	status, answer := c.api(t, "POST", "/api/governance/usage", fmt.Sprintf(
		`{"event_id": %q, "user_id": %q, "provider": "openai", "model": "gpt-5", "cost": %s, "input_tokens": 90000, "output_tokens": 10000}`,
		event, strings.TrimPrefix(home, "/users/"), dollars))
	var answered struct{ Status string }
	if err := json.Unmarshal(answer, &answered); err != nil || status != http.StatusOK {
		t.Fatalf("report usage: %d %s", status, answer)
	}
	return answered.Status
}
