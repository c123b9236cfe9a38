package decision

import (
	"math"
	"math/big"
	"testing"

	"tollgate/models/catalogue"
	"tollgate/models/money"
)

// Costs are what exact arithmetic says, rounded half up to the nano-dollar, and never wrap around.
func TestCost(t *testing.T) {
	price := func(amount money.Money) *money.Money { return &amount }
	for _, c := range []struct {
		price  catalogue.ModelPrice
		tokens catalogue.CallTokens
		want   money.Money
	}{
		{catalogue.ModelPrice{}, catalogue.CallTokens{Input: 5, Output: 5}, 0},
		{catalogue.ModelPrice{Input: 2_500_000_000, Output: 10_000_000_000}, catalogue.CallTokens{Input: 1_000_001, Output: 3}, 2_500_032_500},
		{catalogue.ModelPrice{Input: 1}, catalogue.CallTokens{Input: 499_999}, 0},
		{catalogue.ModelPrice{Input: 1}, catalogue.CallTokens{Input: 500_000}, 1},
		{catalogue.ModelPrice{Input: 100}, catalogue.CallTokens{Input: 10_000_000 * 1_000}, 1_000_000},
		{catalogue.ModelPrice{Input: 150_000_000, Output: 600_000_000}, catalogue.CallTokens{Input: 1}, 150}, // $0.15 a million: one token is 150 nano-dollars
		{catalogue.ModelPrice{Input: catalogue.MaxPrice, Output: catalogue.MaxPrice}, catalogue.CallTokens{Input: MaxCallTokens, Output: MaxCallTokens}, math.MaxInt64},
		{catalogue.ModelPrice{Input: catalogue.MaxPrice}, catalogue.CallTokens{Input: MaxCallTokens}, math.MaxInt64},
		// 27,146 of 27,147 tokens from the cache at $0.11 a million, the other at $1.4.
		{catalogue.ModelPrice{Input: 1_400_000_000, CacheRead: price(110_000_000)}, catalogue.CallTokens{Input: 27_147, CacheRead: 27_146}, 2_987_460},
		{catalogue.ModelPrice{Input: 1_400_000_000}, catalogue.CallTokens{Input: 27_147, CacheRead: 27_146}, 38_005_800},
		{catalogue.ModelPrice{Input: 1_400_000_000, CacheRead: price(0)}, catalogue.CallTokens{Input: 10, CacheRead: 10}, 0},
		{catalogue.ModelPrice{Input: 4, Output: 8, CacheRead: price(1), CacheWrite: price(5)}, catalogue.CallTokens{Input: 1_000_000, CacheRead: 300_000, CacheWrite: 200_000, Output: 1_000_000}, 11},
		{catalogue.ModelPrice{Input: 1, CacheRead: price(1), CacheWrite: price(1)}, catalogue.CallTokens{Input: 499_999, CacheRead: 200_000, CacheWrite: 299_999, Output: 0}, 0},
		{catalogue.ModelPrice{Input: 1, CacheRead: price(1), CacheWrite: price(1)}, catalogue.CallTokens{Input: 500_000, CacheRead: 200_000, CacheWrite: 299_999, Output: 0}, 1},
		{catalogue.ModelPrice{Input: catalogue.MaxPrice, CacheRead: price(catalogue.MaxPrice), CacheWrite: price(catalogue.MaxPrice)}, catalogue.CallTokens{Input: MaxCallTokens, CacheRead: MaxCallTokens / 2, CacheWrite: MaxCallTokens / 2, Output: 0}, math.MaxInt64},
	} {
		if got := c.price.Cost(c.tokens); got != c.want {
			t.Errorf("%+v of %+v: %d, want %d", c.price, c.tokens, got, c.want)
		}
		exact := new(big.Int)
		for _, part := range []struct {
			price  money.Money
			tokens int64
		}{
			{c.price.Input, c.tokens.Input - c.tokens.CacheRead - c.tokens.CacheWrite},
			{c.price.Output, c.tokens.Output},
			{catalogue.MoneyOr(c.price.CacheRead, c.price.Input), c.tokens.CacheRead},
			{catalogue.MoneyOr(c.price.CacheWrite, c.price.Input), c.tokens.CacheWrite},
		} {
			exact.Add(exact, new(big.Int).Mul(big.NewInt(int64(part.price)), big.NewInt(part.tokens)))
		}
		exact.Add(exact, big.NewInt(500_000)).Div(exact, big.NewInt(1_000_000))
		if exact.IsInt64() && c.want != math.MaxInt64 && exact.Int64() != int64(c.want) {
			t.Errorf("exactly it is %s, want %d", exact, c.want)
		}
	}
}
