package catalogue

import "tollgate/models/input"

// usualNames are the usual names of providers that LiteLLM or the conventions of OpenTelemetry name otherwise.
var usualNames = map[string]string{
	"ollama_chat": "ollama", "vertex_ai": "vertex", "vertex_ai_beta": "vertex", "gcp.vertex_ai": "vertex",
	"together_ai": "together", "text-completion-openai": "openai", "azure_ai": "azure", "azure_text": "azure",
	"azure.ai.openai": "azure", "az.ai.openai": "azure", "azure.ai.inference": "azure", "bedrock_converse": "bedrock",
	"aws.bedrock": "bedrock", "fireworks_ai": "fireworks", "cohere_chat": "cohere", "watsonx_text": "watsonx",
	"nvidia_nim": "nvidia", "gcp.gemini": "gemini", "gcp.gen_ai": "gemini", "mistral_ai": "mistral", "x_ai": "xai",
}

// UsualProvider is the usual name of a provider that is named as other software does, in any case; "" when that is no
// such name.
func UsualProvider(named string) string { return usualNames[input.Fold(named)] }

// Provider is under which name usage of a provider counts: that of the catalogue, in any case, else the usual one. It
// is "" when the catalogue has neither and the name is none of other software.
func (c *Catalogue) Provider(named string) string {
	if name := c.providers[named]; name == named {
		return name
	}
	if name, listed := c.providers[input.Fold(named)]; listed {
		return name
	}
	return UsualProvider(named)
}
