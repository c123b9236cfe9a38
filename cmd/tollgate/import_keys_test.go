package main

import (
	"net/http"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Programs keep the keys of Bifrost: a user holds the profile of each, and the values reach the console but no file and
// no output.
func TestAdoptKeysOfBifrost(t *testing.T) {
	t.Parallel()
	const inFile, inEnvironment = "sk-bf-1b2f6a70-55c1-4f0e-9d3e-0c4be9a7f001", "sk-bf-9c0d1e57-3a7b-4c9f-8e11-52d86f0b9002"
	data := migratedFolder(t)
	c := start(t, append(inFolder(data), "TOLLGATE_ADMIN_EMAIL=ada@example.com", "TOLLGATE_ADMIN_PASSWORD="+adminPassword))
	key := strings.TrimSpace(must(t, inFolder(data), "", "api-key", "create", "--name", "files"))
	r := repository{t, t.TempDir(), []string{"TOLLGATE_URL=" + c.address, "TOLLGATE_API_KEY=" + key}}
	r.write("config.json", `{"providers": {"openai": {"keys": [{"models": ["gpt-4o"]}]}}, "governance": {"virtual_keys": [
{"name": "Bot", "value": "`+inFile+`", "provider_configs": [{"provider": "openai", "allowed_models": ["gpt-4o"]}]},
{"name": "Batch", "value": "env.BATCH_KEY", "provider_configs": [{"provider": "openai", "allowed_models": ["gpt-4o"]}]},
{"name": "Demo", "value": "sk-bf-demo", "provider_configs": [{"provider": "openai", "allowed_models": ["gpt-4o"]}]},
{"name": "Off", "value": "`+inFile+`0", "is_active": false},
{"name": "Twin", "value": "`+inFile+`", "provider_configs": [{"provider": "openai", "allowed_models": ["gpt-4o"]}]}]}}`)

	said := r.ends(2, "import bifrost DIR/config.json -o DIR/policy --adopt-keys", "bot@bifrost.invalid holds it",
		"config.json:1:16: LOST    providers.openai  the prices of openai (gpt-4o): Bifrost takes the price from its own list; here its calls cost nothing")
	r.ends(2, "import adopt-keys DIR/config.json", "left    Bot  no user holds the profile Bot", "0 adopted, 0 adopted already, 5 left")
	r.write("policy/users.yaml", strings.Replace(r.text("policy/users.yaml"), "bot@bifrost.invalid", "bot@example.com", 1))
	r.ends(0, "apply -f DIR/policy --yes", "+ user bot@example.com", "+ user batch@bifrost.invalid")

	said += r.ends(2, "import adopt-keys DIR/config.json",
		"config.json:2:17: adopted Bot  the key of bot@example.com", "config.json:3:19: left    Batch  set BATCH_KEY",
		"left    Demo  Issue a new key", "left    Off  it is off there", "left    Twin  Issue a new key instead: this value is or was in use",
		"1 adopted, 0 adopted already, 4 left", "4 keys are left")
	r.environment = append(r.environment, "BATCH_KEY="+inEnvironment)
	said += r.ends(2, "import adopt-keys DIR/config.json", "already Bot  the key of bot@example.com", "adopted Batch  the key of batch@bifrost.invalid",
		"1 adopted, 1 adopted already, 3 left")
	for _, value := range []string{inFile, inEnvironment} {
		request, err := http.NewRequest("POST", c.address+"/api/decisions", strings.NewReader(`{"virtual_key":"`+value+`","provider":"openai","model":"gpt-4o"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+key)
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("a call with an adopted key: %v %v", answer, err)
		}
		answer.Body.Close()
	}
	r.ends(0, "export --users -o DIR/exported")
	places := map[string]string{"what was said": said}
	for _, name := range []string{"policy/users.yaml", "policy/access-profiles.yaml", "policy/providers.yaml", "exported/users/bot-example-com.yaml", "exported/access-profiles/bot.yaml"} {
		places[name] = r.text(name)
	}
	for _, value := range []string{inFile, inEnvironment} {
		if leak := webtest.Leaks(places, value); leak != "" {
			t.Error(leak)
		}
	}

	// Two who hold a profile cannot share a key.
	r.write("policy/second.yaml", "kind: user\nemail: second@example.com\nname: Second\naccess_profiles: [Bot]\n")
	r.ends(0, "apply -f DIR/policy --yes", "+ user second@example.com")
	r.ends(2, "import adopt-keys DIR/config.json", "left    Bot  2 users hold the profile Bot")

	looks := strings.TrimSpace(must(t, inFolder(data), "", "api-key", "create", "--name", "looks", "--scopes",
		"AccessProfiles:View,Roles:View,Providers:View,MCPServers:View,ToolGroups:View,Settings:View,Users:View"))
	r.environment[1] = "TOLLGATE_API_KEY=" + looks
	r.ends(77, "import adopt-keys DIR/config.json", "VirtualKeys:Create")
	r.environment[0] = "TOLLGATE_URL=http://127.0.0.1:9"
	r.ends(69, "import adopt-keys DIR/config.json", "does not answer")
	r.environment = nil
	r.ends(64, "import adopt-keys DIR/config.json", "TOLLGATE_URL")
	r.ends(64, "import adopt-keys", "needs one file")
}
