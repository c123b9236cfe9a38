package models

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// resolveModel finds the provider of a model that was asked for by one name. "openai/gpt-5" is of openai when the user has openai in a
// profile; any other name is of the one provider that lists it. The second value holds the providers when several do: then it is of none.
func (h *holding) resolveModel(q Question, catalogue *Catalogue, at time.Time) (Question, []string) {
	if q.kind() != CallModel || !isModelName(q.Model) {
		return q, nil
	}
	provider, model := splitModel(q.Provider, q.Model)
	if q.Provider != "" {
		q.Model = model
		return q, nil
	}
	listing := map[string]bool{}
	for i := range h.copies {
		held := &h.copies[i]
		if !held.works(at) {
			continue
		}
		for _, config := range held.policy.ProviderConfigs {
			switch {
			case provider != "" && config.ProviderName == provider:
				q.Provider, q.Model = provider, model
				return q, nil
			case catalogue.lists(config, q.Model):
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
func (c *Catalogue) lists(config ProviderConfig, model string) bool {
	if config.AllModelsAllowed {
		return slices.ContainsFunc(c.Models(config.ProviderName), func(listed string) bool {
			return bareModel(config.ProviderName, listed) == model
		})
	}
	return config.MatchModel(model)
}

// works reports whether a copy is active and has not expired.
func (held *heldCopy) works(at time.Time) bool {
	return held.active && (held.expiresAt == nil || held.expiresAt.After(at))
}

// ambiguousModel refuses a model that several providers list.
func (h *holding) ambiguousModel(q Question, providers []string) Decision {
	spellings := make([]string, len(providers))
	for i, provider := range providers {
		spellings[i] = clip(provider + "/" + q.Model)
	}
	return refusal(ModelBlocked, "The model "+clip(q.Model)+" is of several providers: ask for it as "+
		strings.Join(spellings, " or ")+".")
}
