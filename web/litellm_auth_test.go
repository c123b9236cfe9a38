package web_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// docs/litellm_auth.py asks about the model in the body, and refuses calls for which LiteLLM may go by another place.
func TestLiteLLMAuth(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	g := webtest.NewGateway(t)
	const chat, elsewhere = `{"model":"openai/gpt-4o"}`, "400 Call a path that takes the model from the body: this one may call another."
	const several = "400 Name one model, in the body."
	calls := []struct {
		body string
		path map[string]string
		in   map[string][]string
		want string
	}{
		{chat, nil, nil, "allowed " + g.Ada},
		{chat, map[string]string{"model": "openai/gpt-4o"}, map[string][]string{"model": {"openai/gpt-4o"}}, "allowed " + g.Ada},
		{chat, map[string]string{"model_name": "openai/gpt-4o"}, nil, "allowed " + g.Ada},
		{`{"model":"openai/gpt-3"}`, nil, nil, "403 The model gpt-3 is not in Work."},
		{chat, map[string]string{"endpoint": "v1beta/models/gemini-2.5-pro:generateContent"}, nil, elsewhere},
		{chat, map[string]string{"subpath": "openai/gpt-4o"}, nil, elsewhere},
		{chat, map[string]string{"provider": "azure"}, nil, elsewhere},
		{chat, map[string]string{"model": "openai/gpt-3"}, nil, several},
		{chat, map[string]string{"model_name": "openai/gpt-3"}, nil, several},
		{chat, map[string]string{"deployment": "openai/gpt-3"}, nil, several},
		{chat, nil, map[string][]string{"model": {"openai/gpt-4o", "openai/gpt-3"}}, several},
		{chat, nil, map[string][]string{"deployment": {"openai/gpt-3"}}, several},
		{`{"model":"openai/gpt-4o,openai/gpt-3"}`, nil, nil, several},
		{`{"model":"openai/gpt-4o","Model":"openai/gpt-3"}`, nil, nil, "400 Name one model."},
		{`{"model":["openai/gpt-4o"]}`, nil, nil, "400 Name one model."},
		{`[]`, nil, nil, "400 Name one model."},
		{`{`, nil, nil, "400 Send the call as JSON."},
		{`{"model":"openai/gpt-4o","Fallbacks":["openai/gpt-3"]}`, nil, nil, "400 Leave out Fallbacks: name one model."},
	}
	var sent bytes.Buffer
	for _, c := range calls {
		g.Must(json.NewEncoder(&sent).Encode(webtest.Object{"key": g.Key, "body": c.body, "path": c.path, "query": c.in}))
	}
	command := exec.CommandContext(t.Context(), python, "testdata/litellm_calls.py")
	command.Env = append(os.Environ(), "TOLLGATE_URL="+g.Base, "TOLLGATE_API_KEY="+strings.TrimPrefix(g.APIKey(webtest.Calls).Header.Get("Authorization"), "Bearer "))
	command.Stdin, command.Stderr = &sent, os.Stderr
	said, err := command.Output()
	g.Must(err)
	got := strings.Split(strings.TrimSpace(string(said)), "\n")
	webtest.Same(t, "answers", len(got), len(calls))
	for i, c := range calls {
		webtest.Same(t, c.body, got[i], c.want)
	}
}
