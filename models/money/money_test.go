package money

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/quick"
)

func TestParseMoney(t *testing.T) {
	cases := []struct {
		literal string
		nanos   Money
		err     error
	}{
		{"0", 0, nil},
		{"-0.0", 0, nil},
		{"0e999999999", 0, nil},
		{"50", 50_000_000_000, nil},
		{"0.25", 250_000_000, nil},
		{"1.50", 1_500_000_000, nil},
		{"0.000000001", 1, nil},
		{"0.1000000000", 100_000_000, nil},
		{"1e9", MaxMoney, nil},
		{"1E+9", MaxMoney, nil},
		{"1000000000.000", MaxMoney, nil},
		{"25e-1", 2_500_000_000, nil},
		{"1e-9", 1, nil},
		{"1e-10", 0, ErrMoneyDecimals},
		{"0.0000000001", 0, ErrMoneyDecimals},
		{"-0.0000000001", 0, ErrMoneyNegative},
		{"1e-999999999", 0, ErrMoneyDecimals},
		{"-1", 0, ErrMoneyNegative},
		{"-0.000000001", 0, ErrMoneyNegative},
		{"1000000000.000000001", 0, ErrMoneyOutOfRange},
		{"1000000000.0000000001", 0, ErrMoneyOutOfRange},
		{"1000000001", 0, ErrMoneyOutOfRange},
		{"9223372036854775808", 0, ErrMoneyOutOfRange},
		{"1e309", 0, ErrMoneyOutOfRange},
		{"-1e309", 0, ErrMoneyOutOfRange},
		{"1e-99999999999999999999", 0, ErrMoneyDecimals},
		{"1e99999999999999999999", 0, ErrMoneyOutOfRange},
		{"0." + strings.Repeat("0", 2000) + "5e2001", 5_000_000_000, nil},
		{"1e999999999", 0, ErrMoneyOutOfRange},
		{strings.Repeat("9", 500_000), 0, ErrMoneyOutOfRange},
		{"", 0, ErrNotANumber},
		{"-", 0, ErrNotANumber},
		{"+1", 0, ErrNotANumber},
		{"01", 0, ErrNotANumber},
		{".5", 0, ErrNotANumber},
		{"1.", 0, ErrNotANumber},
		{"1e", 0, ErrNotANumber},
		{"NaN", 0, ErrNotANumber},
		{"Inf", 0, ErrNotANumber},
		{"0x10", 0, ErrNotANumber},
		{"1_000", 0, ErrNotANumber},
		{"1,5", 0, ErrNotANumber},
		{" 1", 0, ErrNotANumber},
		{"１", 0, ErrNotANumber},
	}
	for _, c := range cases {
		nanos, err := ParseMoney(c.literal)
		if nanos != c.nanos || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%.40q is %d (%v), want %d (%v)", c.literal, nanos, err, c.nanos, c.err)
		}
	}
}

// What was measured is rounded half up, as exact arithmetic says.
func TestParseCost(t *testing.T) {
	for _, c := range []struct {
		literal string
		nanos   Money
		err     error
	}{
		{"9.700000000000002e-06", 9_700, nil},
		{"1e-12", 0, nil},
		{"4.9999999999e-10", 0, nil},
		{"5e-10", 1, nil},
		{"0.0000000005", 1, nil},
		{"0.00000000149999999999999999999999", 1, nil},
		{"0.9999999995", 1_000_000_000, nil},
		{"0.1000000000000000055511151231257827021181583404541015625", 100_000_000, nil},
		{"0.30000000000000004", 300_000_000, nil},
		{"999999999.9999999995", MaxMoney, nil},
		{"0." + strings.Repeat("0", 300_000) + "1", 0, nil},
		{"1e-999999999", 0, nil},
		{"1e-99999999999999999999", 0, nil},
		{"0e99999999999999999999", 0, nil},
		{"-0.0", 0, nil},
		{"-1e-12", 0, ErrMoneyNegative},
		{"-1e-99999999999999999999", 0, ErrMoneyNegative},
		{"-0.5", 0, ErrMoneyNegative},
		{"1000000000.0000000001", 0, ErrMoneyOutOfRange},
		{"1e309", 0, ErrMoneyOutOfRange},
		{"1e99999999999999999999", 0, ErrMoneyOutOfRange},
		{"1,5", 0, ErrNotANumber},
		{"Infinity", 0, ErrNotANumber},
	} {
		nanos, err := ParseCost(c.literal)
		if nanos != c.nanos || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%.40q is %d (%v), want %d (%v)", c.literal, nanos, err, c.nanos, c.err)
		}
	}
	exact := func(mantissa uint32, exponent uint8) bool {
		literal := fmt.Sprintf("%de-%d", mantissa, exponent%30)
		want, _ := new(big.Rat).SetString(literal)
		want.Mul(want, big.NewRat(Dollar, 1)).Add(want, big.NewRat(1, 2))
		rounded := new(big.Int).Div(want.Num(), want.Denom())
		if rounded.Cmp(big.NewInt(int64(MaxMoney))) > 0 {
			return true
		}
		nanos, err := ParseCost(literal)
		return err == nil && int64(nanos) == rounded.Int64()
	}
	if err := quick.Check(exact, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}

// Writing an amount and reading it again changes nothing, and the text is the exact decimal.
func TestMoneyRoundTrip(t *testing.T) {
	exact := func(seed int64) bool {
		amount := Money(uint64(seed) % uint64(MaxMoney+1))
		read, err := ParseMoney(amount.String())
		text, _ := new(big.Rat).SetString(amount.String())
		return err == nil && read == amount && text.Cmp(big.NewRat(int64(amount), Dollar)) == 0 && !strings.ContainsAny(amount.String(), "eE")
	}
	if err := quick.Check(exact, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}
