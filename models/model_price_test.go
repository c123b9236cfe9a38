package models

import (
	"math"
	"math/big"
	"testing"
)

// Costs are what exact arithmetic says, rounded half up to the nano-dollar, and never wrap around.
func TestCost(t *testing.T) {
	price := func(amount Money) *Money { return &amount }
	for _, c := range []struct {
		price  ModelPrice
		tokens callTokens
		want   Money
	}{
		{ModelPrice{}, callTokens{input: 5, output: 5}, 0},
		{ModelPrice{Input: 2_500_000_000, Output: 10_000_000_000}, callTokens{input: 1_000_001, output: 3}, 2_500_032_500},
		{ModelPrice{Input: 1}, callTokens{input: 499_999}, 0},
		{ModelPrice{Input: 1}, callTokens{input: 500_000}, 1},
		{ModelPrice{Input: 100}, callTokens{input: 10_000_000 * 1_000}, 1_000_000},
		{ModelPrice{Input: 150_000_000, Output: 600_000_000}, callTokens{input: 1}, 150}, // $0.15 a million: one token is 150 nano-dollars
		{ModelPrice{Input: maxPrice, Output: maxPrice}, callTokens{input: MaxCallTokens, output: MaxCallTokens}, math.MaxInt64},
		{ModelPrice{Input: maxPrice}, callTokens{input: MaxCallTokens}, math.MaxInt64},
		// 27,146 of 27,147 tokens from the cache at $0.11 a million, the other at $1.4.
		{ModelPrice{Input: 1_400_000_000, CacheRead: price(110_000_000)}, callTokens{input: 27_147, cacheRead: 27_146}, 2_987_460},
		{ModelPrice{Input: 1_400_000_000}, callTokens{input: 27_147, cacheRead: 27_146}, 38_005_800},
		{ModelPrice{Input: 1_400_000_000, CacheRead: price(0)}, callTokens{input: 10, cacheRead: 10}, 0},
		{ModelPrice{Input: 4, Output: 8, CacheRead: price(1), CacheWrite: price(5)}, callTokens{1_000_000, 300_000, 200_000, 1_000_000}, 11},
		{ModelPrice{Input: 1, CacheRead: price(1), CacheWrite: price(1)}, callTokens{499_999, 200_000, 299_999, 0}, 0},
		{ModelPrice{Input: 1, CacheRead: price(1), CacheWrite: price(1)}, callTokens{500_000, 200_000, 299_999, 0}, 1},
		{ModelPrice{Input: maxPrice, CacheRead: price(maxPrice), CacheWrite: price(maxPrice)}, callTokens{MaxCallTokens, MaxCallTokens / 2, MaxCallTokens / 2, 0}, math.MaxInt64},
	} {
		if got := c.price.Cost(c.tokens); got != c.want {
			t.Errorf("%+v of %+v: %d, want %d", c.price, c.tokens, got, c.want)
		}
		exact := new(big.Int)
		for _, part := range []struct {
			price  Money
			tokens int64
		}{
			{c.price.Input, c.tokens.input - c.tokens.cacheRead - c.tokens.cacheWrite},
			{c.price.Output, c.tokens.output},
			{moneyOr(c.price.CacheRead, c.price.Input), c.tokens.cacheRead},
			{moneyOr(c.price.CacheWrite, c.price.Input), c.tokens.cacheWrite},
		} {
			exact.Add(exact, new(big.Int).Mul(big.NewInt(int64(part.price)), big.NewInt(part.tokens)))
		}
		exact.Add(exact, big.NewInt(500_000)).Div(exact, big.NewInt(1_000_000))
		if exact.IsInt64() && c.want != math.MaxInt64 && exact.Int64() != int64(c.want) {
			t.Errorf("exactly it is %s, want %d", exact, c.want)
		}
	}
}
