package policytext

import (
	"strconv"
	"strings"

	"tollgate/models/plural"
	"tollgate/models/policy"
)

// ListedProviders is how many providers the Policy column of a list names.
const ListedProviders = 3

// ProviderAccess is how many models of a provider a policy allows.
type ProviderAccess struct {
	Provider string
	All      bool
	Picked   int
}

// AccessOf is what a policy allows of each of its providers.
func AccessOf(configs []policy.ProviderConfig) []ProviderAccess {
	var access []ProviderAccess
	for _, config := range configs {
		access = append(access, ProviderAccess{config.ProviderName, config.AllModelsAllowed, len(config.AllowedModels)})
	}
	return access
}

// AccessWords writes at most so many providers: anthropic all · openai 3 of 18. A policy can name models that the
// catalogue lacks, so a total that is too small is left out.
func AccessWords(access []ProviderAccess, most int, models map[string]int) string {
	var words []string
	for _, a := range access[:min(len(access), most)] {
		switch total := models[a.Provider]; {
		case a.All:
			words = append(words, a.Provider+" all")
		case a.Picked > total:
			words = append(words, a.Provider+" "+plural.Of(a.Picked, "model"))
		default:
			words = append(words, a.Provider+" "+strconv.Itoa(a.Picked)+" of "+strconv.Itoa(total))
		}
	}
	if more := len(access) - most; more > 0 {
		words = append(words, "+"+strconv.Itoa(more))
	}
	return strings.Join(words, " · ")
}

// PickedOf says how many of all are picked: 2 of 7 groq models.
func PickedOf(picked, offered int, of, noun string) string {
	if picked > offered {
		return plural.Of(picked, of+" "+noun)
	}
	return plural.Count(int64(picked)) + " of " + plural.Of(offered, of+" "+noun)
}
