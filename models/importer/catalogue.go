package importer

import (
	"math/big"
	"slices"
	"strings"

	"tollgate/models/catalogue"
	"tollgate/models/configfile"
	"tollgate/models/input"
)

// shop collects what providers offer, in the order in which it is found.
type shop struct {
	names  []string
	models map[string][]string          // by provider
	prices map[string][]configfile.Node // by provider
	priced map[string]bool              // by provider and model
	all    map[string]bool              // providers of which every model is served
}

func newShop() *shop {
	return &shop{
		models: map[string][]string{}, prices: map[string][]configfile.Node{}, priced: map[string]bool{},
		all: map[string]bool{},
	}
}

func (s *shop) provider(name string) {
	if !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
	}
}

func (s *shop) add(provider, model string) {
	s.provider(provider)
	if model != "" && !slices.Contains(s.models[provider], model) {
		s.models[provider] = append(s.models[provider], model)
	}
}

// addAll adds all models of a provider.
func (s *shop) addAll(provider string) {
	s.provider(provider)
	s.all[provider] = true
}

// merge adds what another shop has.
func (s *shop) merge(other *shop) {
	for _, name := range other.names {
		s.all[name] = s.all[name] || other.all[name]
		s.provider(name)
		for _, model := range other.models[name] {
			s.add(name, model)
		}
	}
}

// price gives a model its price; false when it has another one already.
func (s *shop) price(provider, model string, price configfile.Node) bool {
	if key := provider + "/" + model; !s.priced[key] {
		s.priced[key] = true
		s.prices[provider] = append(s.prices[provider], price)
		return true
	}
	said := string(price.AppendJSON(nil))
	return slices.ContainsFunc(s.prices[provider], func(other configfile.Node) bool {
		return string(other.AppendJSON(nil)) == said
	})
}

func (s *shop) documents() []configfile.Node {
	var all []configfile.Node
	for _, name := range s.names {
		prices := configfile.Node{}
		if len(s.prices[name]) > 0 {
			prices = list(s.prices[name]...)
		}
		all = append(all, object("kind", text("provider"), "name", text(name), "models", texts(s.models[name]), "prices", prices))
	}
	return all
}

// everything are provider configs that allow all that the providers serve.
func (s *shop) everything() configfile.Node {
	configs := list()
	for _, name := range s.names {
		all := s.all[name] || len(s.models[name]) == 0
		configs.Items = append(configs.Items, allows(name, s.models[name], all))
	}
	return configs
}

// part are provider configs that allow what another shop has, in the order of this one.
func (s *shop) part(of *shop) configfile.Node {
	configs := list()
	for _, name := range s.names {
		models := slices.DeleteFunc(slices.Clone(s.models[name]), func(model string) bool {
			return !slices.Contains(of.models[name], model)
		})
		if of.all[name] || len(models) > 0 {
			configs.Items = append(configs.Items, allows(name, models, of.all[name]))
		}
	}
	return configs
}

// allows is a provider config for all models of a provider, or for those of a list.
func allows(provider string, models []string, all bool) configfile.Node {
	if all {
		return object("provider_name", text(provider), "all_models_allowed", truth(true))
	}
	return object("provider_name", text(provider), "allowed_models", texts(models))
}

// guesses are beginnings of models that name no provider and leave no doubt.
var guesses = []struct{ prefix, provider string }{
	{"gpt-", "openai"},
	{"o1", "openai"},
	{"o3", "openai"},
	{"o4", "openai"},
	{"chatgpt", "openai"},
	{"text-embedding", "openai"},
	{"claude", "anthropic"},
}

// splitModel is the provider of a model as LiteLLM writes it, and the rest; "" when no provider can be told.
func splitModel(model string) (provider, rest string) {
	if prefix, rest, ok := strings.Cut(model, "/"); ok {
		return usual(prefix), rest
	}
	for _, guess := range guesses {
		if strings.HasPrefix(model, guess.prefix) {
			return guess.provider, model
		}
	}
	return "", model
}

// usual is the usual name of a provider, by which usage of it counts too.
func usual(provider string) string {
	if name := catalogue.UsualProvider(provider); name != "" {
		return name
	}
	return provider
}

// perMillion is a price of one token as one of a million.
func perMillion(literal string) (string, bool) {
	n, ok := new(big.Rat).SetString(literal)
	if !ok || n.Sign() < 0 {
		return "", false
	}
	return configfile.Exact(n.Mul(n, big.NewRat(1_000_000, 1))), true
}

// budgetWindow is how often a budget resets, as we write it. None resets every minute.
func budgetWindow(duration string) (ours string, ok bool) {
	ours, ok = window(duration)
	return ours, ok && ours != "1m"
}

// rateWindow is how often a limit of requests or tokens resets. None resets every quarter.
func rateWindow(duration string) (ours string, ok bool) {
	ours, ok = window(duration)
	return ours, ok && ours != "1Q"
}

// window is how often a limit resets, as we write it. Named are the durations that both gateways know.
func window(duration string) (ours string, ok bool) {
	ours, ok = map[string]string{
		"60s": "1m", "1m": "1m", "3600s": "1h", "60m": "1h", "1h": "1h", "86400s": "1d", "24h": "1d", "1d": "1d",
		"7d": "1w", "1w": "1w", "30d": "1M", "1mo": "1M", "1M": "1M", "90d": "1Q", "365d": "1Y", "1y": "1Y", "1Y": "1Y",
	}[duration]
	return ours, ok
}

// stringsOf are the texts of a list.
func stringsOf(n configfile.Node) (all []string) {
	for _, item := range n.Items {
		if item.Kind == input.String {
			all = append(all, item.Text)
		}
	}
	return all
}
