package importer

import (
	"fmt"
	"slices"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// pricesOfTokens are carried; those of other units are not known here. The first two make a price whole.
var pricesOfTokens = []struct{ theirs, ours string }{
	{"input_cost_per_token", "input_cost_per_million_tokens"},
	{"output_cost_per_token", "output_cost_per_million_tokens"},
	{"cache_read_input_token_cost", "cache_read_cost_per_million_tokens"},
	{"cache_creation_input_token_cost", "cache_write_cost_per_million_tokens"},
}

var otherPrices = []string{
	"input_cost_per_second", "output_cost_per_second", "input_cost_per_character", "output_cost_per_character",
	"input_cost_per_image", "output_cost_per_image", "input_cost_per_pixel", "output_cost_per_pixel", "input_cost_per_query",
	"input_cost_per_audio_token", "output_cost_per_audio_token", "output_cost_per_reasoning_token",
	"input_cost_per_token_above_128k_tokens", "output_cost_per_token_above_128k_tokens",
	"input_cost_per_token_above_200k_tokens", "output_cost_per_token_above_200k_tokens", "input_cost_per_token_batches",
	"output_cost_per_token_batches",
}

func priceFields() []string {
	names := slices.Clone(otherPrices)
	for _, price := range pricesOfTokens {
		names = append(names, price.theirs)
	}
	return names
}

const noPrice = " takes the price from its own list; here its calls cost nothing until the document has one"

// deployment is where a model is described.
type deployment struct {
	provider, model string
	at              configfile.Node
	path            string
}

// tokenPrices reads the price of a deployment, whose parameters go before its info. A price without input or output
// would say that the other half is free, so it is not carried.
func (l *litellm) tokenPrices(d deployment, params, info configfile.Node) {
	type found struct {
		value       configfile.Node
		path, price string
	}
	var prices []found
	pairs := []any{"model", text(d.model)}
	halves := 0
	for i, price := range pricesOfTokens {
		value, path := params, d.path+".litellm_params"
		if one, ok := params.Get(price.theirs); !ok || one.Kind == input.Null {
			value, path = info, d.path+".model_info"
		}
		value, ok := value.Get(price.theirs)
		million, readable := perMillion(value.Text)
		switch {
		case !ok || value.Kind == input.Null:
		case value.Kind != input.Number || !readable:
			l.note(Lost, value, join(path, price.theirs), "it is no price")
		default:
			prices = append(prices, found{value, join(path, price.theirs), "$" + million + " for a million tokens"})
			pairs = append(pairs, price.ours, number(million))
			if i < 2 {
				halves++
			}
		}
	}
	class, why := Lost, "a price here needs one for input and one for output"
	switch {
	case halves < 2:
		l.unpriced = append(l.unpriced, d)
	case l.price(d.provider, d.model, object(pairs...)):
		class = Carried
	default:
		why = "a model has one price here, which is that of its first deployment"
	}
	for _, p := range prices {
		if class == Carried {
			why = p.price
		}
		l.note(class, p.value, p.path, why)
	}
}

// lostPrices notes the prices that are by image, second and so on.
func (l *litellm) lostPrices(n configfile.Node, path string) {
	for _, m := range n.Members {
		if slices.Contains(otherPrices, m.Name) && m.Node.Kind == input.Number {
			l.note(Lost, at(m), join(path, m.Name), "prices are by token here: report the cost with the usage")
		}
	}
}

// notePrices notes the models that have no price, once all deployments are read.
func (l *litellm) notePrices() {
	for _, d := range l.unpriced {
		if !l.priced[d.provider+"/"+d.model] {
			l.note(Lost, d.at, d.path, "LiteLLM"+noPrice)
		}
	}
	l.unpriced = nil
}

// notePrices notes the providers whose models have no price: a file of Bifrost has none but overrides.
func (b *bifrost) notePrices() {
	for _, name := range b.names {
		first := b.first[name]
		models := strings.Join(b.models[name], ", ")
		if models == "" {
			models = "all its models"
		}
		b.note(Lost, first.at, first.path, fmt.Sprintf("the prices of %s (%s): Bifrost%s", name, models, noPrice))
	}
}
