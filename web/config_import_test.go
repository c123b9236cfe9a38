package web_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollgate/models/importer"
	"tollgate/models/permission"
	"tollgate/web/webtest"
)

func liteLLM(content string) (importer.Result, error) {
	return importer.LiteLLM("config.yaml", []byte(content))
}

func bifrost(content string) (importer.Result, error) {
	return importer.Bifrost("config.json", []byte(content), importer.BifrostOptions{})
}

// documentsOfImport are the documents of an import, as the command line sends them.
func documentsOfImport(r importer.Result) (documents []json.RawMessage) {
	for _, document := range slices.Concat(r.Providers, r.Servers, r.Profiles) {
		documents = append(documents, document.AppendJSON(nil))
	}
	return documents
}

// The documents of an import are accepted, they allow and limit what the import says that it carried, and all else is
// lost.
func TestImportsKeepWhatTheySay(t *testing.T) {
	c := webtest.NewConsole(t)
	admin := c.APIKey(permission.AllPermissions()...)
	for name, test := range map[string]struct {
		read        func(string) (importer.Result, error)
		file        string
		allow, deny []string
		profile     string // what it is to say of limits
		lost        string // the fields
	}{
		"a name for every model": {
			liteLLM, `{"model_list": [{"model_name": "*", "litellm_params": {"model": "openai/*"}}, {"model_name": "haiku", "litellm_params": {"model": "anthropic/claude-haiku-4-5"}}]}`,
			[]string{"anthropic/haiku"},
			[]string{"openai/gpt-4o", "anthropic/claude-opus-4-1"},
			"", "model_list[0] model_list[1]",
		},
		"models of a pattern": {
			liteLLM, `{"model_list": [{"model_name": "openai/*", "litellm_params": {"model": "openai/*"}}, {"model_name": "llama", "litellm_params": {"model": "groq/llama-3"}},
 {"model_name": "qwen", "litellm_params": {"model": "groq/qwen"}}, {"model_name": "haiku", "litellm_params": {"model": "anthropic/claude-haiku-4-5"}}],
 "litellm_settings": {"default_internal_user_params": {"models": ["openai/gpt-4o", "gpt-5", "groq/*", "openai/o*", "nothing"]}}}`,
			[]string{"openai/gpt-4o", "openai/gpt-5", "groq/llama", "groq/qwen"},
			[]string{"openai/o3", "openai/gpt-4.1", "anthropic/haiku"},
			"",
			"model_list[0] model_list[1] model_list[2] model_list[3] litellm_settings.default_internal_user_params.models[3] litellm_settings.default_internal_user_params.models[4]",
		},
		"a pattern and a group": {
			liteLLM, `{"model_list": [{"model_name": "openai/*", "litellm_params": {"model": "openai/*", "input_cost_per_token": 0.000001}, "model_info": {"access_groups": ["default"]}},
 {"model_name": "openai/gpt-4o", "litellm_params": {"model": "openai/gpt-4o", "input_cost_per_token": 0, "output_cost_per_token": 0}, "model_info": {"access_groups": ["default"]}},
 {"model_name": "haiku", "litellm_params": {"model": "anthropic/claude-haiku-4-5"}}],
 "litellm_settings": {"default_internal_user_params": {"models": ["default"]}}}`,
			[]string{"openai/gpt-4o", "openai/o3"},
			[]string{"anthropic/haiku"},
			"", "model_list[0] model_list[0].litellm_params.input_cost_per_token model_list[2]",
		},
		"no default models": {
			liteLLM, `{"model_list": [{"model_name": "gpt-4o", "litellm_params": {"model": "openai/gpt-4o", "input_cost_per_token": 0, "output_cost_per_token": 0}}],
 "litellm_settings": {"default_internal_user_params": {"models": ["no-default-models"]}}}`,
			nil,
			[]string{"openai/gpt-4o"},
			"", "",
		},
		"a budget per minute": {
			liteLLM, `{"litellm_settings": {"timezone": "Europe/Warsaw", "max_internal_user_budget": 5, "internal_user_budget_duration": "60s",
 "default_internal_user_params": {"max_budget": 1, "budget_duration": "1m", "rpm_limit": 60}}}`,
			nil,
			[]string{"openai/gpt-4o"},
			`{"request_max_limit":60,"request_reset_duration":"1m"}`,
			"litellm_settings.max_internal_user_budget litellm_settings.internal_user_budget_duration " +
				"litellm_settings.default_internal_user_params.max_budget litellm_settings.default_internal_user_params.budget_duration",
		},
		"limits without models": {
			liteLLM, `{"litellm_settings": {"timezone": "Europe/Warsaw", "max_internal_user_budget": 5, "internal_user_budget_duration": "24h"}}`,
			nil,
			[]string{"openai/gpt-4o"},
			`[{"max_limit":5,"reset_duration":"1d"}]`, "",
		},
		"windows of Bifrost": {
			bifrost, `{"governance": {"virtual_keys": [{"name": "Default", "provider_configs": [{"provider": "openai", "allowed_models": ["gpt-4o"]}],
 "budgets": [{"max_limit": 9, "reset_duration": "60s"}, {"max_limit": 7, "reset_duration": "24h"}, {"max_limit": 5, "reset_duration": "1d"}, {"max_limit": 6, "reset_duration": "1d"}],
 "rate_limit": {"token_max_limit": 8, "token_reset_duration": "90d", "request_max_limit": 3, "request_reset_duration": "60s"}}]}}`,
			[]string{"openai/gpt-4o"},
			[]string{"openai/o3"},
			`[{"max_limit":5,"reset_duration":"1d"}],"rate_limit":{"request_max_limit":3,"request_reset_duration":"1m"}`,
			"governance.virtual_keys[0].budgets governance.virtual_keys[0].provider_configs[0].provider governance.virtual_keys[0].rate_limit.token_max_limit",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := test.read(test.file)
			if err != nil {
				t.Fatal(err)
			}
			documents := documentsOfImport(r)
			planned := admin.API("POST", "/api/config/plan", object{
				"set": "imported", "documents": documents,
				"tests": []object{{"cases": []object{{"as": "profile:Default", "allow": append([]string{}, test.allow...), "deny": test.deny}}}},
			}).Is(200).JSON()
			if got := compact(t, planned["errors"]); got != "[]" {
				t.Errorf("refused: %s\n%s", got, documents)
			}
			if said := fmt.Sprintf("%s", documents); !strings.Contains(said, test.profile) {
				t.Errorf("no %s in %s", test.profile, said)
			}
			var lost []string
			for _, note := range r.Notes {
				if note.Class == importer.Lost {
					lost = append(lost, note.Field)
				}
			}
			slices.Sort(lost)
			want := strings.Fields(test.lost)
			slices.Sort(want)
			if !slices.Equal(lost, want) {
				t.Errorf("lost is\n%q, want\n%q", lost, want)
			}
		})
	}
}

// Of two deployments of a model with different prices the first counts, and the price of the second is lost.
func TestImportsOfTwoPrices(t *testing.T) {
	c := webtest.NewConsole(t)
	admin := c.APIKey(permission.AllPermissions()...)
	r, err := liteLLM(`{"model_list": [
 {"model_name": "gpt-4o", "litellm_params": {"model": "openai/gpt-4o", "input_cost_per_token": 0.000001, "output_cost_per_token": 0.000002}},
 {"model_name": "gpt-4o", "litellm_params": {"model": "openai/gpt-4o-eu", "input_cost_per_token": 0.000001, "output_cost_per_token": 0.000005}},
 {"model_name": "gpt-4o", "litellm_params": {"model": "openai/gpt-4o-us", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	admin.API("POST", "/api/config/apply", object{"set": "imported", "documents": documentsOfImport(r)}).Is(200)
	prices := admin.Get("/api/providers/openai").Is(200).Object("provider")["prices"].([]any)
	if len(prices) != 1 || prices[0].(object)["output_cost_per_million_tokens"] != 2.0 {
		t.Errorf("prices: %v", prices)
	}
	classes := map[string]importer.Class{}
	for _, note := range r.Notes {
		if strings.HasSuffix(note.Field, "_per_token") {
			classes[note.Field] = note.Class
		}
	}
	for i, want := range []importer.Class{importer.Carried, importer.Lost, importer.Carried} {
		for _, half := range []string{"input", "output"} {
			if field := fmt.Sprintf("model_list[%d].litellm_params.%s_cost_per_token", i, half); classes[field] != want {
				t.Errorf("%s is %s, want %s", field, classes[field], want)
			}
		}
	}
}
