package policy

import (
	"encoding/json"
	"testing"
)

// A scope reads back as it was written, also from the documents of versions.
func TestScopeAsText(t *testing.T) {
	for text, scope := range map[string]Scope{
		`"total"`: {}, `"provider:openai"`: {Provider: "openai"}, `"provider:a/b:c"`: {Provider: "a/b:c"},
		`"model:openai/ft/gpt"`: {Provider: "openai", Model: "ft/gpt"},
	} {
		written, err := json.Marshal(scope)
		if err != nil || string(written) != text {
			t.Errorf("%v is written as %s, %v; want %s", scope, written, err, text)
		}
		var read Scope
		if err := json.Unmarshal([]byte(text), &read); err != nil || read != scope {
			t.Errorf("%s is read as %v, %v; want %v", text, read, err, scope)
		}
	}
	var scope Scope
	if err := json.Unmarshal([]byte(`"openai"`), &scope); err == nil {
		t.Errorf("a text that is no scope is read as %v", scope)
	}
}

// SetLimits puts back what Limits lists.
func TestLimitsAreSetAsTheyAreListed(t *testing.T) {
	var p Policy
	document := `{"provider_configs":[{"id":1,"provider_name":"openai","all_models_allowed":true,"allowed_models":[],
		"budgets":[{"id":"a","max_limit":1.5,"reset_duration":"1Q","reset_config":{"quarter_start_month":4},"scope":"provider:openai","current_usage":0.25,"last_reset":"2026-11-01T00:00:00Z"}],
		"rate_limit":{"id":"b","request_max_limit":9,"request_reset_duration":"1h","token_current_usage":0,"request_current_usage":3}}],
		"budgets":[{"id":"c","max_limit":2,"reset_duration":"1d","scope":"total","current_usage":0,"last_reset":"2026-11-01T00:00:00Z","override_amount":1,"override_mode":"forever","effective_max_limit":3}],
		"rate_limit":{"id":"d","token_max_limit":8,"token_reset_duration":"1w","request_max_limit":7,"request_reset_duration":"1M","token_current_usage":5,"request_current_usage":6},
		"mcp_tool_groups":[],"mcp_servers":[],"mcp_tool_overrides":[]}`
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		t.Fatal(err)
	}
	before, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	limits := p.Limits()
	if err := p.SetLimits(limits); err != nil {
		t.Fatal(err)
	}
	if after, err := json.Marshal(p); err != nil || string(after) != string(before) {
		t.Errorf("limits were put back as\n%s, %v, want\n%s", after, err, before)
	}
	if err := p.SetLimits([]Limit{{Scope: Scope{Provider: "groq"}, Kind: KindSpend}}); err == nil {
		t.Error("a limit of a provider that the policy lacks is taken")
	}
	if len(limits) != 5 || limits[0].Cap() != 3_000_000_000 || limits[2].Left() != 1 {
		t.Errorf("limits are %+v", limits)
	}
}
