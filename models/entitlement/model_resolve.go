package entitlement

import (
	"maps"
	"slices"
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/policy"
)

// ResolveModel finds the provider of a model that was named without one. "openai/gpt-5" is of openai when the user has
// openai in a profile; any other name is of the one provider that lists it. The second value lists the providers when
// several do: then the model is ambiguous.
func (h *Entitlements) ResolveModel(call Call, offered *catalogue.Catalogue, at time.Time) (Call, []string) {
	call, several, _ := h.resolveModel(call, offered, func(userCopy *Copy) bool { return userCopy.Works(at) })
	return call, several
}

// ResolveUsage is ResolveModel for a call that was made. Where no copy that works names the model, those that were
// paused meanwhile, or have expired, do.
func (h *Entitlements) ResolveUsage(call Call, offered *catalogue.Catalogue, at time.Time) (Call, []string) {
	found, several, named := h.resolveModel(call, offered, func(userCopy *Copy) bool { return userCopy.Works(at) })
	if !named {
		found, several, _ = h.resolveModel(call, offered, func(*Copy) bool { return true })
	}
	return found, several
}

// resolveModel resolves a model by the copies that count. It reports whether one of them names it, or the call names
// its provider.
func (h *Entitlements) resolveModel(
	call Call, offered *catalogue.Catalogue, counts func(*Copy) bool,
) (resolved Call, several []string, named bool) {
	if call.Asks() != CallModel || !catalogue.IsModelName(call.Model) {
		return call, nil, false
	}
	provider, model := catalogue.SplitModel(call.Provider, call.Model)
	if call.Provider != "" {
		call.Model = model
		return call, nil, true
	}
	listing := map[string]bool{}
	for i := range h.Copies {
		userCopy := &h.Copies[i]
		if !counts(userCopy) {
			continue
		}
		for _, config := range userCopy.Policy.ProviderConfigs {
			switch {
			case provider != "" && config.ProviderName == provider:
				call.Provider, call.Model = provider, model
				return call, nil, true
			case lists(offered, config, call.Model):
				listing[config.ProviderName] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(listing))
	switch len(names) {
	case 0:
		call.Provider, call.Model = provider, model
		return call, nil, false
	case 1:
		call.Provider = names[0]
		return call, nil, true
	}
	return call, names, true
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
func (userCopy *Copy) Works(at time.Time) bool {
	return userCopy.Active && (userCopy.ExpiresAt == nil || userCopy.ExpiresAt.After(at))
}
