package decision

import (
	"strings"
	"testing"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/policy"
)

// config grants models of a provider; "*" alone is all of them.
func config(provider string, models ...string) policy.ProviderConfig {
	if len(models) == 1 && models[0] == "*" {
		return policy.ProviderConfig{ProviderName: provider, AllModelsAllowed: true}
	}
	return policy.ProviderConfig{ProviderName: provider, AllowedModels: models}
}

// noCatalogue is for questions of models, which are answered without one.
func noCatalogue(*entitlement.Copy) []policy.Grant { panic("a catalogue was consulted") }

func TestModelsMatch(t *testing.T) {
	longest := strings.Repeat("é", 255)
	for _, c := range []struct {
		configs         []policy.ProviderConfig
		provider, model string
		want            string // kind of refusal, "" for none
	}{
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", "gpt-4o", ""},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "", "openai/gpt-4o", ""},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", "openai/gpt-4o", ""},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "", "gpt-4o", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", "gpt-4", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", "gpt-4o-mini", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", "GPT-4o", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", " gpt-4o", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", "gpt-4o/", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", "/gpt-4o", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", "openai/openai/gpt-4o", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "openai", "azure/gpt-4o", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "azure", "gpt-4o", ProviderBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "azure", "openai/gpt-4o", ProviderBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "", "azure/gpt-4o", ProviderBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "OpenAI", "gpt-4o", ProviderBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o")}, "", "OpenAI/gpt-4o", ProviderBlocked},

		// A model's own name may have slashes, and start like another provider's.
		{[]policy.ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "groq", "openai/gpt-oss-120b", ""},
		{[]policy.ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "", "groq/openai/gpt-oss-120b", ""},
		{[]policy.ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "groq", "groq/openai/gpt-oss-120b", ""},
		{[]policy.ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "groq", "gpt-oss-120b", ModelBlocked},
		{[]policy.ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "", "openai/gpt-oss-120b", ProviderBlocked},
		{[]policy.ProviderConfig{config("groq", "openai/gpt-oss-120b"), config("openai", "gpt-4o")}, "", "openai/gpt-oss-120b", ModelBlocked},
		{[]policy.ProviderConfig{config("groq", "openai/gpt-oss-120b"), config("openai", "*")}, "", "openai/gpt-oss-120b", ""},
		{[]policy.ProviderConfig{config("groq", "gpt-oss")}, "groq", "groq/gpt-oss", ""},
		{[]policy.ProviderConfig{config("hf", "a/b/c/d")}, "", "hf/a/b/c/d", ""},

		{[]policy.ProviderConfig{config("openai", "*")}, "openai", "a model of tomorrow", ""},
		{[]policy.ProviderConfig{config("openai", "*")}, "", "openai/any/at/all", ""},
		{[]policy.ProviderConfig{config("openai", "*")}, "openai", longest, ""},
		{[]policy.ProviderConfig{config("openai", "*")}, "azure", "gpt-4o", ProviderBlocked},
		{[]policy.ProviderConfig{config("openai", "*")}, "", "gpt-4o", ModelBlocked},
		// Some gateways call each model of a name with commas.
		{[]policy.ProviderConfig{config("openai", "*")}, "", "openai/gpt-4o,anthropic/claude", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "*")}, "openai", "gpt-4o, claude", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o", "claude")}, "openai", "gpt-4o,claude", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "gpt-4o,claude")}, "openai", "gpt-4o,claude", ""},
		{[]policy.ProviderConfig{config("openai")}, "openai", "gpt-4o", ModelBlocked},
		{[]policy.ProviderConfig{config("openai", "ft:gpt-4o:acme::x")}, "openai", "ft:gpt-4o:acme::x", ""},
		{nil, "openai", "gpt-4o", ProviderBlocked},
		{nil, "", "gpt-4o", ModelBlocked},
	} {
		userCopy := &entitlement.Copy{Terms: &entitlement.Terms{Name: "x", Policy: &policy.Policy{ProviderConfigs: c.configs}}}
		if got := accessOf(userCopy, entitlement.Call{Provider: c.provider, Model: c.model}, noCatalogue); got != c.want {
			t.Errorf("provider %q, model %q of %v: %q, want %q", c.provider, c.model, c.configs, got, c.want)
		}
	}
}

// D-03: what can be no model's name is none that "all models" stands for, nor one that a list could name.
func TestWhatIsNoModelIsNeverGranted(t *testing.T) {
	for _, name := range []string{
		"", strings.Repeat("x", 256), "*", "**", "openai/*", "gpt-*", "gpt-4?", "..", "../x", "a/../b", "a/..", "a\u200bb", "a\u202eb", "a\x00b", "a\nb", "a\tb",
	} {
		for _, granted := range []policy.ProviderConfig{config("openai", "*"), config("openai", name), config("openai", "openai/"+name)} {
			userCopy := &entitlement.Copy{Terms: &entitlement.Terms{Name: "x", Policy: &policy.Policy{ProviderConfigs: []policy.ProviderConfig{granted}}}}
			for _, call := range []entitlement.Call{{Provider: "openai", Model: name}, {Provider: "openai", Model: "openai/" + name}, {Model: "openai/" + name}} {
				if call.Provider != "" && call.Model != name && name == "" {
					continue // "openai/" of openai
				}
				if got := accessOf(userCopy, call, noCatalogue); got != ModelBlocked {
					t.Errorf("%+v of %v: %q", call, granted, got)
				}
			}
		}
	}
}

func TestModelsAreSplitTheSameInEverySpelling(t *testing.T) {
	for _, c := range [][4]string{
		{"", "openai/gpt-5", "openai", "gpt-5"},
		{"openai", "openai/gpt-5", "openai", "gpt-5"},
		{"openai", "gpt-5", "openai", "gpt-5"},
		{"", "groq/openai/x", "groq", "openai/x"},
		{"groq", "openai/x", "groq", "openai/x"},
		{"", "vllm//models/x", "vllm", "/models/x"},
		{"vllm", "/models/x", "vllm", "/models/x"},
		{"", "/models/x", "", "/models/x"},
		{"", "gpt-5", "", "gpt-5"},
		{"openai", "openai", "openai", "openai"},
		{"openai", "openai-x/y", "openai", "openai-x/y"},
	} {
		if provider, model := catalogue.SplitModel(c[0], c[1]); provider != c[2] || model != c[3] {
			t.Errorf("%q, %q: %q, %q, want %q, %q", c[0], c[1], provider, model, c[2], c[3])
		}
	}
	for _, listed := range []string{"b", "openai/b"} {
		if granted := config("openai", listed); !granted.MatchModel("b") || granted.MatchModel("openai/b") {
			t.Errorf("%q of openai", listed)
		}
	}
}
