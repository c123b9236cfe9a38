package usage

import (
	"tollgate/models/catalogue"
	"tollgate/models/decision"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// price computes the cost of an event that was reported without one, when the model has a price and the event separates
// its tokens. It returns a problem when that is more than one call can cost.
func price(c *catalogue.Catalogue, e *Event, path string) problem.Problems {
	if e.Cost != nil || e.toolName != "" || e.input == nil && e.output == nil {
		return nil
	}
	price, ok := c.Price(e.Provider, e.Model)
	if !ok {
		return nil
	}
	cost := price.Cost(catalogue.CallTokens{
		Input: input.ValueOr(e.input, 0), CacheRead: input.ValueOr(e.cacheRead, 0),
		CacheWrite: input.ValueOr(e.cacheWrite, 0), Output: input.ValueOr(e.output, 0),
	})
	if cost > decision.MaxEventCost {
		return problem.Problems{{
			Field: path + "tokens", Code: "number_out_of_range",
			Message: "Give the tokens of one call: these cost more than 1000000 dollars at the catalogue's price.",
		}}
	}
	e.Cost, e.costComputed = &cost, true
	return nil
}

// reprice computes the cost of an event again, whose provider or model is another one now. Too large a cost stays
// unknown.
func (e *Event) reprice(c *catalogue.Catalogue) {
	if e.costComputed {
		e.Cost, e.costComputed = nil, false
	}
	now := *e
	now.resolve(nil, c) // the price is under the name in the catalogue
	_ = price(c, &now, "")
	e.Cost, e.costComputed = now.Cost, now.costComputed
}
