package models

import (
	"strings"
	"testing"
)

// config grants models of a provider; "*" alone is all of them.
func config(provider string, models ...string) ProviderConfig {
	if len(models) == 1 && models[0] == "*" {
		return ProviderConfig{ProviderName: provider, AllModelsAllowed: true}
	}
	return ProviderConfig{ProviderName: provider, AllowedModels: models}
}

// noCatalogue is for questions of models, which are answered without one.
func noCatalogue(*heldCopy) []Grant { panic("a catalogue was consulted") }

func TestModelsMatch(t *testing.T) {
	longest := strings.Repeat("é", 255)
	for _, c := range []struct {
		configs         []ProviderConfig
		provider, model string
		want            string // kind of refusal, "" for none
	}{
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", "gpt-4o", ""},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "", "openai/gpt-4o", ""},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", "openai/gpt-4o", ""},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "", "gpt-4o", ModelBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", "gpt-4", ModelBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", "gpt-4o-mini", ModelBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", "GPT-4o", ModelBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", " gpt-4o", ModelBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", "gpt-4o/", ModelBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", "/gpt-4o", ModelBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", "openai/openai/gpt-4o", ModelBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "openai", "azure/gpt-4o", ModelBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "azure", "gpt-4o", ProviderBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "azure", "openai/gpt-4o", ProviderBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "", "azure/gpt-4o", ProviderBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "OpenAI", "gpt-4o", ProviderBlocked},
		{[]ProviderConfig{config("openai", "gpt-4o")}, "", "OpenAI/gpt-4o", ProviderBlocked},

		// A model's own name may have slashes, and start like another provider's.
		{[]ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "groq", "openai/gpt-oss-120b", ""},
		{[]ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "", "groq/openai/gpt-oss-120b", ""},
		{[]ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "groq", "groq/openai/gpt-oss-120b", ""},
		{[]ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "groq", "gpt-oss-120b", ModelBlocked},
		{[]ProviderConfig{config("groq", "openai/gpt-oss-120b")}, "", "openai/gpt-oss-120b", ProviderBlocked},
		{[]ProviderConfig{config("groq", "openai/gpt-oss-120b"), config("openai", "gpt-4o")}, "", "openai/gpt-oss-120b", ModelBlocked},
		{[]ProviderConfig{config("groq", "openai/gpt-oss-120b"), config("openai", "*")}, "", "openai/gpt-oss-120b", ""},
		{[]ProviderConfig{config("groq", "gpt-oss")}, "groq", "groq/gpt-oss", ""},
		{[]ProviderConfig{config("hf", "a/b/c/d")}, "", "hf/a/b/c/d", ""},

		{[]ProviderConfig{config("openai", "*")}, "openai", "a model of tomorrow", ""},
		{[]ProviderConfig{config("openai", "*")}, "", "openai/any/at/all", ""},
		{[]ProviderConfig{config("openai", "*")}, "openai", longest, ""},
		{[]ProviderConfig{config("openai", "*")}, "azure", "gpt-4o", ProviderBlocked},
		{[]ProviderConfig{config("openai", "*")}, "", "gpt-4o", ModelBlocked},
		{[]ProviderConfig{config("openai")}, "openai", "gpt-4o", ModelBlocked},
		{[]ProviderConfig{config("openai", "ft:gpt-4o:acme::x")}, "openai", "ft:gpt-4o:acme::x", ""},
		{nil, "openai", "gpt-4o", ProviderBlocked},
		{nil, "", "gpt-4o", ModelBlocked},
	} {
		held := &heldCopy{form: &form{name: "x", policy: &Policy{ProviderConfigs: c.configs}}}
		if got := held.access(Question{Provider: c.provider, Model: c.model}, noCatalogue); got != c.want {
			t.Errorf("provider %q, model %q of %v: %q, want %q", c.provider, c.model, c.configs, got, c.want)
		}
	}
}

// D-03: what can be no model's name is none that "all models" stands for, nor one that a list could name.
func TestWhatIsNoModelIsNeverGranted(t *testing.T) {
	for _, name := range []string{
		"", strings.Repeat("x", 256), "*", "**", "openai/*", "gpt-*", "gpt-4?", "..", "../x", "a/../b", "a/..", "a\u200bb", "a\u202eb", "a\x00b", "a\nb", "a\tb",
	} {
		for _, granted := range []ProviderConfig{config("openai", "*"), config("openai", name), config("openai", "openai/"+name)} {
			held := &heldCopy{form: &form{name: "x", policy: &Policy{ProviderConfigs: []ProviderConfig{granted}}}}
			for _, q := range []Question{{Provider: "openai", Model: name}, {Provider: "openai", Model: "openai/" + name}, {Model: "openai/" + name}} {
				if q.Provider != "" && q.Model != name && name == "" {
					continue // "openai/" of openai
				}
				if got := held.access(q, noCatalogue); got != ModelBlocked {
					t.Errorf("%+v of %v: %q", q, granted, got)
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
		if provider, model := splitModel(c[0], c[1]); provider != c[2] || model != c[3] {
			t.Errorf("%q, %q: %q, %q, want %q, %q", c[0], c[1], provider, model, c[2], c[3])
		}
	}
	for _, listed := range []string{"b", "openai/b"} {
		if granted := config("openai", listed); !granted.MatchModel("b") || granted.MatchModel("openai/b") {
			t.Errorf("%q of openai", listed)
		}
	}
}
