package models

import (
	"math"
	"math/big"
	"testing"
)

// Costs are what exact arithmetic says, rounded half up to the nano-dollar, and never wrap around.
func TestCost(t *testing.T) {
	for _, c := range []struct {
		in, out       Money
		input, output int64
		want          Money
	}{
		{0, 0, 5, 5, 0},
		{2_500_000_000, 10_000_000_000, 1_000_001, 3, 2_500_032_500},
		{1, 0, 499_999, 0, 0},
		{1, 0, 500_000, 0, 1},
		{100, 0, 10_000_000 * 1_000, 0, 1_000_000},
		{150_000_000, 600_000_000, 1, 0, 150}, // $0.15 a million: one token is 150 nano-dollars
		{maxPrice, maxPrice, maxCallTokens, maxCallTokens, math.MaxInt64},
		{maxPrice, 0, maxCallTokens, 0, math.MaxInt64},
	} {
		p := ModelPrice{"m", c.in, c.out}
		if got := p.Cost(c.input, c.output); got != c.want {
			t.Errorf("%+v of %d and %d tokens: %d, want %d", p, c.input, c.output, got, c.want)
		}
		exact := new(big.Int).Mul(big.NewInt(int64(c.in)), big.NewInt(c.input))
		exact.Add(exact, new(big.Int).Mul(big.NewInt(int64(c.out)), big.NewInt(c.output)))
		exact.Add(exact, big.NewInt(500_000)).Div(exact, big.NewInt(1_000_000))
		if exact.IsInt64() && c.want != math.MaxInt64 && exact.Int64() != int64(c.want) {
			t.Errorf("exactly it is %s, want %d", exact, c.want)
		}
	}
}
