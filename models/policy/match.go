package policy

import (
	"slices"
	"strings"

	"tollgate/models/catalogue"
)

// MatchModel reports whether a provider config grants a model, named as catalogue.SplitModel returns it. Names are
// compared exactly, and a listed name may have "provider/" in front; a config that allows every model does not consult
// the catalogue, but grants no text that cannot name a model. Some gateways call each model of a name with commas, so
// only a config that lists such a name grants it.
func (config ProviderConfig) MatchModel(model string) bool {
	if !catalogue.IsModelName(model) {
		return false
	}
	if config.AllModelsAllowed {
		return !NamesSeveral(model)
	}
	return slices.ContainsFunc(config.AllowedModels, func(listed string) bool {
		return catalogue.BareModel(config.ProviderName, listed) == model
	})
}

// NamesSeveral reports whether a gateway may read a model's name as a list of models.
func NamesSeveral(model string) bool { return strings.Contains(model, ",") }

// HasModel reports whether a policy grants a model that is named with its provider in front.
func (p Policy) HasModel(name string) bool {
	provider, model := catalogue.SplitModel("", name)
	return slices.ContainsFunc(p.ProviderConfigs, func(config ProviderConfig) bool {
		return config.ProviderName == provider && config.MatchModel(model)
	})
}
