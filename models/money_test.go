package models

import (
	"errors"
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

// Writing an amount and reading it again changes nothing, and the text is the exact decimal.
func TestMoneyRoundTrip(t *testing.T) {
	exact := func(seed int64) bool {
		amount := Money(uint64(seed) % uint64(MaxMoney+1))
		read, err := ParseMoney(amount.String())
		text, _ := new(big.Rat).SetString(amount.String())
		return err == nil && read == amount && text.Cmp(big.NewRat(int64(amount), dollar)) == 0 && !strings.ContainsAny(amount.String(), "eE")
	}
	if err := quick.Check(exact, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}
