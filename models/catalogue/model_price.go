package catalogue

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"slices"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/problem"
)

// ModelPrice is what a provider charges for a model, in dollars per million tokens. Cache reads and
// writes without their own price cost as much as other input.
type ModelPrice struct {
	Model      string       `json:"model"`
	Input      money.Money  `json:"input_cost_per_million_tokens"`
	Output     money.Money  `json:"output_cost_per_million_tokens"`
	CacheRead  *money.Money `json:"cache_read_cost_per_million_tokens,omitempty"`
	CacheWrite *money.Money `json:"cache_write_cost_per_million_tokens,omitempty"`
}

// Prices are the models with a price, as a provider's row has them.
type Prices []ModelPrice

// Scan reads stored prices.
func (p *Prices) Scan(stored any) error {
	switch document := stored.(type) {
	case []byte:
		return database.ReadDocument(document, p)
	case string:
		return database.ReadDocument([]byte(document), p)
	}
	return fmt.Errorf("read prices: %T is no document", stored)
}

// ModelPriceInput is what a client may send of a price.
type ModelPriceInput struct {
	input.Row
	Model      input.Value `json:"model"`
	Input      input.Value `json:"input_cost_per_million_tokens"`
	Output     input.Value `json:"output_cost_per_million_tokens"`
	CacheRead  input.Value `json:"cache_read_cost_per_million_tokens"`
	CacheWrite input.Value `json:"cache_write_cost_per_million_tokens"`

	unread string // what is wrong with this header of a pasted table
}

// MaxPrice is the highest price of a million tokens.
const MaxPrice = 100_000 * money.Dollar

// CallTokens are the tokens of a call. Cache reads and writes are part of the input.
type CallTokens struct{ Input, CacheRead, CacheWrite, Output int64 }

// Cost is what tokens cost, rounded half up to the nano-dollar and capped at the largest amount.
func (p ModelPrice) Cost(t CallTokens) money.Money {
	const million = 1_000_000
	high, low := uint64(0), uint64(million/2)
	for _, part := range []struct {
		price  money.Money
		tokens int64
	}{
		{p.Input, t.Input - t.CacheRead - t.CacheWrite},
		{MoneyOr(p.CacheRead, p.Input), t.CacheRead},
		{MoneyOr(p.CacheWrite, p.Input), t.CacheWrite},
		{p.Output, t.Output},
	} {
		h, l := bits.Mul64(uint64(part.price), uint64(part.tokens))
		var carry uint64
		low, carry = bits.Add64(low, l, 0)
		high, _ = bits.Add64(high, h, carry)
	}
	if high >= million/2 { // more than 63 bits can hold
		return math.MaxInt64
	}
	cost, _ := bits.Div64(high, low, million)
	return money.Money(cost)
}

// MoneyOr is an amount, or a default where there is none.
func MoneyOr(amount *money.Money, otherwise money.Money) money.Money {
	if amount == nil {
		return otherwise
	}
	return *amount
}

// equal reports whether p charges the same as another.
func (p ModelPrice) equal(other ModelPrice) bool {
	same := func(a, b *money.Money) bool { return (a == nil) == (b == nil) && MoneyOr(a, 0) == MoneyOr(b, 0) }
	return p.Model == other.Model && p.Input == other.Input && p.Output == other.Output &&
		same(p.CacheRead, other.CacheRead) && same(p.CacheWrite, other.CacheWrite)
}

// readPrices reads what a provider charges, one price a model, however it is spelled. Old are its stored prices: their
// names are accepted.
func readPrices(c *input.Reader, field, provider string, l input.List[ModelPriceInput], old []ModelPrice) []ModelPrice {
	prices := []ModelPrice{}
	if !input.CheckList(c, field, l, maxModels, "prices") {
		return prices
	}
	seen := map[string]bool{}
	for i, in := range l.Items {
		path := input.Index(field, i)
		if in.unread != "" {
			c.Add(path, "unknown_unit", in.unread)
			continue
		}
		if !c.Object(path, in.Kind, "a price") || ambiguousPrice(c, path+".model", in.Model, old) {
			continue
		}
		name := readModelName(c, path+".model", provider, in.Model)
		bare := BareModel(provider, name)
		if name != "" && seen[bare] {
			c.Add(path+".model", "duplicate_model", "Give "+problem.Clip(bare)+" one price.")
		}
		seen[bare] = true
		prices = append(prices, ModelPrice{
			Model:      name,
			Input:      readPrice(c, path+".input_cost_per_million_tokens", in.Input, "input price"),
			Output:     readPrice(c, path+".output_cost_per_million_tokens", in.Output, "output price"),
			CacheRead:  readCachePrice(c, path+".cache_read_cost_per_million_tokens", in.CacheRead, "cache read price"),
			CacheWrite: readCachePrice(c, path+".cache_write_cost_per_million_tokens", in.CacheWrite, "cache write price"),
		})
	}
	return prices
}

// ambiguousPrice reports a line of a form whose name ends in what looks like one more amount: it may be a cache price
// without its word.
func ambiguousPrice(c *input.Reader, field string, v input.Value, old []ModelPrice) bool {
	_, last, found := cutLastWord(v.Text)
	stored := slices.ContainsFunc(old, func(p ModelPrice) bool { return p.Model == v.Text })
	if !v.FromForm || !found || stored || !amountLike.MatchString(last) {
		return false
	}
	c.Add(
		field, "ambiguous_price",
		"End the line in two amounts, for input and output, and write read 0.11 write 1.75 for cache prices. If "+
			problem.Clip(v.Text)+" is the name of the model, remove the space before "+problem.Clip(last)+
			", or set this price through the API.",
	)
	return true
}

// amountLike matches a word that may be meant as an amount.
var amountLike = regexp.MustCompile(`^[-+$€£]*[.,]?[0-9][0-9.,_]*([eE][-+]?[0-9]+)?[$€£]?$`)

func readPrice(c *input.Reader, field string, v input.Value, what string) money.Money {
	switch {
	case v.Kind == input.Absent:
		c.Add(field, "required", "Enter the "+what+" in dollars per million tokens; 0 when they are free.")
		return 0
	case v.Kind == input.Null:
		c.Add(field, "null_not_allowed", "Enter the "+what+" instead of null; 0 when these tokens are free.")
		return 0
	}
	amount, err := v.Dollars()
	switch {
	case errors.Is(err, money.ErrMoneyNegative), errors.Is(err, money.ErrMoneyOutOfRange), err == nil && amount > MaxPrice:
		c.Add(field, "number_out_of_range", "Enter the "+what+" between 0 and 100000 dollars per million tokens.")
		return 0
	case errors.Is(err, money.ErrMoneyDecimals):
		c.Add(field, "too_many_decimals", "Enter the "+what+" with at most 9 decimals; it is never rounded.")
	case errors.Is(err, money.ErrMoneySeparators):
		c.Add(field, "wrong_type", "Enter the "+what+" with a point before its decimals, such as 1.25.")
	case err != nil:
		c.Add(field, "wrong_type", "Enter the "+what+" as a number of dollars, such as 1.25.")
	}
	return amount
}

// readCachePrice reads a price that may be left out.
func readCachePrice(c *input.Reader, field string, v input.Value, what string) *money.Money {
	if !v.Given() {
		return nil
	}
	amount := readPrice(c, field, v, what)
	return &amount
}

// modelKey names a model of a provider.
type modelKey struct{ provider, model string }

// Price finds the price of a model as it was requested, with or without the prefix "provider/".
func (c *Catalogue) Price(provider, model string) (ModelPrice, bool) {
	provider, model = SplitModel(provider, model)
	price, ok := c.prices[modelKey{provider, model}]
	return price, ok
}
