package models

import (
	"errors"
	"math"
	"math/bits"
	"regexp"
	"slices"
	"strings"
)

// ModelPrice is what a provider charges for a model, in dollars per million tokens. What is read from a cache or written into one costs as other
// input where it has no price of its own.
type ModelPrice struct {
	Model      string `json:"model"`
	Input      Money  `json:"input_cost_per_million_tokens"`
	Output     Money  `json:"output_cost_per_million_tokens"`
	CacheRead  *Money `json:"cache_read_cost_per_million_tokens,omitempty"`
	CacheWrite *Money `json:"cache_write_cost_per_million_tokens,omitempty"`
}

// ModelPriceInput is what a client may send of a price.
type ModelPriceInput struct {
	Row
	Model      Value `json:"model"`
	Input      Value `json:"input_cost_per_million_tokens"`
	Output     Value `json:"output_cost_per_million_tokens"`
	CacheRead  Value `json:"cache_read_cost_per_million_tokens"`
	CacheWrite Value `json:"cache_write_cost_per_million_tokens"`
}

const maxPrice = 100_000 * dollar

// callTokens are the tokens of a call. What was read from a cache or written into one is a part of the input.
type callTokens struct{ input, cacheRead, cacheWrite, output int64 }

// Cost is what tokens cost, rounded half up to the nano-dollar, or the most there is.
func (p ModelPrice) Cost(t callTokens) Money {
	const million = 1_000_000
	high, low := uint64(0), uint64(million/2)
	for _, part := range []struct {
		price  Money
		tokens int64
	}{
		{p.Input, t.input - t.cacheRead - t.cacheWrite},
		{moneyOr(p.CacheRead, p.Input), t.cacheRead},
		{moneyOr(p.CacheWrite, p.Input), t.cacheWrite},
		{p.Output, t.output},
	} {
		h, l := bits.Mul64(uint64(part.price), uint64(part.tokens))
		var carry uint64
		low, carry = bits.Add64(low, l, 0)
		high, _ = bits.Add64(high, h, carry)
	}
	if high >= million/2 { // more than 63 bits can say
		return math.MaxInt64
	}
	cost, _ := bits.Div64(high, low, million)
	return Money(cost)
}

func moneyOr(amount *Money, otherwise Money) Money {
	if amount == nil {
		return otherwise
	}
	return *amount
}

// equal reports whether p charges the same as another.
func (p ModelPrice) equal(other ModelPrice) bool {
	same := func(a, b *Money) bool { return (a == nil) == (b == nil) && moneyOr(a, 0) == moneyOr(b, 0) }
	return p.Model == other.Model && p.Input == other.Input && p.Output == other.Output &&
		same(p.CacheRead, other.CacheRead) && same(p.CacheWrite, other.CacheWrite)
}

// prices reads what a provider charges, one price a model, however it is spelled. Old are the prices it had: their names need no proof.
func (c *checker) prices(field, provider string, l List[ModelPriceInput], old []ModelPrice) []ModelPrice {
	prices := []ModelPrice{}
	if !list(c, field, l, maxModels, "prices") {
		return prices
	}
	seen := map[string]bool{}
	for i, in := range l.Items {
		path := at(field, i)
		if !c.object(path, in.Kind, "a price") || c.ambiguousPrice(path+".model", in.Model, old) {
			continue
		}
		name := c.modelName(path+".model", provider, in.Model)
		bare := bareModel(provider, name)
		if name != "" && seen[bare] {
			c.add(path+".model", "duplicate_model", "Give "+clip(bare)+" one price.")
		}
		seen[bare] = true
		prices = append(prices, ModelPrice{
			Model:      name,
			Input:      c.price(path+".input_cost_per_million_tokens", in.Input, "input price"),
			Output:     c.price(path+".output_cost_per_million_tokens", in.Output, "output price"),
			CacheRead:  c.cachePrice(path+".cache_read_cost_per_million_tokens", in.CacheRead, "cache read price"),
			CacheWrite: c.cachePrice(path+".cache_write_cost_per_million_tokens", in.CacheWrite, "cache write price"),
		})
	}
	return prices
}

// ambiguousPrice notes a line of a form whose name ends in what looks like one more amount: it may be the price of a cache without its word.
func (c *checker) ambiguousPrice(field string, v Value, old []ModelPrice) bool {
	_, last, found := cutLastWord(v.Text)
	stored := slices.ContainsFunc(old, func(p ModelPrice) bool { return p.Model == v.Text })
	if !v.Typed || !found || stored || !amountLike.MatchString(last) {
		return false
	}
	c.add(field, "ambiguous_price", "End the line in two amounts, for input and output, and write read 0.11 write 1.75 for cache prices. If "+
		clip(v.Text)+" is the name of the model, remove the space before "+clip(last)+", or set this price through the API.")
	return true
}

// amountLike is a word that might be meant as an amount.
var amountLike = regexp.MustCompile(`^[-+$€£]*[.,]?[0-9][0-9.,_]*([eE][-+]?[0-9]+)?[$€£]?$`)

func (c *checker) price(field string, v Value, what string) Money {
	switch {
	case v.Kind == Absent:
		c.add(field, "required", "Enter the "+what+" in dollars per million tokens; 0 when they are free.")
		return 0
	case v.Kind == Null:
		c.add(field, "null_not_allowed", "Enter the "+what+" instead of null; 0 when these tokens are free.")
		return 0
	}
	amount, err := v.dollars()
	switch {
	case errors.Is(err, ErrMoneyNegative), errors.Is(err, ErrMoneyOutOfRange), err == nil && amount > maxPrice:
		c.add(field, "number_out_of_range", "Enter the "+what+" between 0 and 100000 dollars per million tokens.")
		return 0
	case errors.Is(err, ErrMoneyDecimals):
		c.add(field, "too_many_decimals", "Enter the "+what+" with at most 9 decimals; it is never rounded.")
	case err != nil:
		c.add(field, "wrong_type", "Enter the "+what+" as a plain number of dollars, such as 1.25, without signs or separators.")
	}
	return amount
}

// cachePrice reads a price that may be left out.
func (c *checker) cachePrice(field string, v Value, what string) *Money {
	if !v.Given() {
		return nil
	}
	amount := c.price(field, v, what)
	return &amount
}

// priceLines reads the prices of a form, one a line: the model, what a million input tokens cost, what a million output tokens cost, and maybe
// "read" and "write" with what a million tokens cost that are read from a cache or written into one. Spaces inside a name stay as they are.
func priceLines(text string) List[ModelPriceInput] {
	prices := List[ModelPriceInput]{Kind: Array}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		row := ModelPriceInput{Row: Row{Kind: Object}}
		line = row.cutCachePrices(line)
		row.Model = Typed(line)
		if model, last, found := cutLastWord(line); found {
			row.Model, row.Input = Typed(model), Typed(last)
			if name, input, found := cutLastWord(model); found {
				row.Model, row.Input, row.Output = Typed(name), Typed(input), Typed(last)
			}
		}
		prices.Items = append(prices.Items, row)
	}
	return prices
}

// cutCachePrices takes the prices of caches off the end of a line.
func (in *ModelPriceInput) cutCachePrices(line string) string {
	for range 2 {
		before, price, _ := cutLastWord(line)
		rest, label, found := cutLastWord(before)
		switch {
		case found && label == "read" && in.CacheRead.Kind == Absent:
			in.CacheRead = Typed(price)
		case found && label == "write" && in.CacheWrite.Kind == Absent:
			in.CacheWrite = Typed(price)
		default:
			return line
		}
		line = rest
	}
	return line
}

// cutLastWord takes the last word off a line that has more than one.
func cutLastWord(line string) (before, last string, found bool) {
	i := strings.LastIndexAny(line, " \t")
	if i < 0 {
		return line, "", false
	}
	return strings.TrimSpace(line[:i]), line[i+1:], true
}

// Lines are the prices as a form has them.
func (in ProviderInput) Lines() string {
	lines := make([]string, len(in.Prices.Items))
	for i, price := range in.Prices.Items {
		lines[i] = strings.TrimSpace(price.Model.Text + " " + price.Input.Text + " " + price.Output.Text)
		if price.CacheRead.Given() {
			lines[i] += " read " + price.CacheRead.Text
		}
		if price.CacheWrite.Given() {
			lines[i] += " write " + price.CacheWrite.Text
		}
	}
	return strings.Join(lines, "\n")
}

// modelKey names a model of a provider.
type modelKey struct{ provider, model string }

// Price is that of a model as it was asked for, with or without "provider/" in front.
func (c *Catalogue) Price(provider, model string) (ModelPrice, bool) {
	provider, model = splitModel(provider, model)
	price, ok := c.prices[modelKey{provider, model}]
	return price, ok
}

// unpriced reports whether a question is of a model without a price.
func (c *Catalogue) unpriced(q Question) bool {
	if q.kind() != CallModel {
		return false
	}
	_, priced := c.Price(q.Provider, q.Model)
	return !priced
}

// price computes the cost of an event that was reported without one, when the model has a price and the event tells its tokens apart. It
// notes a problem when that is more than one call can cost.
func (c *Catalogue) price(e *usageEvent, path string) Problems {
	if e.cost != nil || e.toolName != "" || e.input == nil && e.output == nil {
		return nil
	}
	price, ok := c.Price(e.provider, e.model)
	if !ok {
		return nil
	}
	cost := price.Cost(callTokens{valueOr(e.input, 0), valueOr(e.cacheRead, 0), valueOr(e.cacheWrite, 0), valueOr(e.output, 0)})
	if cost > maxEventCost {
		return Problems{{path + "tokens", "number_out_of_range", "Give the tokens of one call: these cost more than 1000000 dollars at the catalogue's price."}}
	}
	e.cost, e.costComputed = &cost, true
	return nil
}
