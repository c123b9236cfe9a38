package entitlement

import (
	"maps"
	"slices"
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/policy"
)

// ResolveModel finds the provider of a model that was asked for by one name. "openai/gpt-5" is of openai when the user
// has openai in a profile; any other name is of the one provider that lists it. The second value holds the providers
// when several do: then it is of none.
func (h *Entitlements) ResolveModel(q Call, offered *catalogue.Catalogue, at time.Time) (Call, []string) {
	if q.Asks() != CallModel || !catalogue.IsModelName(q.Model) {
		return q, nil
	}
	provider, model := catalogue.SplitModel(q.Provider, q.Model)
	if q.Provider != "" {
		q.Model = model
		return q, nil
	}
	listing := map[string]bool{}
	for i := range h.Copies {
		held := &h.Copies[i]
		if !held.Works(at) {
			continue
		}
		for _, config := range held.Policy.ProviderConfigs {
			switch {
			case provider != "" && config.ProviderName == provider:
				q.Provider, q.Model = provider, model
				return q, nil
			case lists(offered, config, q.Model):
				listing[config.ProviderName] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(listing))
	switch len(names) {
	case 0:
		q.Provider, q.Model = provider, model
		return q, nil
	case 1:
		q.Provider = names[0]
		return q, nil
	}
	return q, names
}

// lists reports whether a provider config names a model: itself, or as the catalogue does where it allows all models.
func lists(c *catalogue.Catalogue, config policy.ProviderConfig, model string) bool {
	if config.AllModelsAllowed {
		return slices.ContainsFunc(c.Models(config.ProviderName), func(listed string) bool {
			return catalogue.BareModel(config.ProviderName, listed) == model
		})
	}
	return config.MatchModel(model)
}

// Works reports whether a copy is active and has not expired.
func (held *Copy) Works(at time.Time) bool {
	return held.Active && (held.ExpiresAt == nil || held.ExpiresAt.After(at))
}
