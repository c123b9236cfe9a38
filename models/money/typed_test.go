package money_test

import (
	"errors"
	"testing"

	"tollgate/models/money"
)

func TestFromTyped(t *testing.T) {
	for text, want := range map[string]string{
		"50": "50", " 0.25 ": "0.25", "$1,234.56": "1234.56", "1,234,567": "1234567", "-$5.00": "-5.00", "-5": "-5", "0": "0", "$0.000000001": "0.000000001",
	} {
		if got, err := money.FromTyped(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]error{
		"": money.ErrNotANumber, "abc": money.ErrNotANumber, "$": money.ErrNotANumber, "1e3": money.ErrNotANumber, "0x1": money.ErrNotANumber,
		"€5": money.ErrNotANumber, "5$": money.ErrNotANumber, "007": money.ErrNotANumber, "NaN": money.ErrNotANumber, "$$5": money.ErrNotANumber,
		"١٢": money.ErrNotANumber, "5-": money.ErrNotANumber, "- 5": money.ErrMoneySeparators,
		"1 234,56": money.ErrMoneySeparators, "1.234,56": money.ErrMoneySeparators, "12,34": money.ErrMoneySeparators, "1,23,456": money.ErrMoneySeparators,
		"1'234.56": money.ErrMoneySeparators, "1_000": money.ErrMoneySeparators, "1\u202f234": money.ErrMoneySeparators, "1.2.3": money.ErrMoneySeparators,
		".5": money.ErrMoneySeparators, "5.": money.ErrMoneySeparators, "1234,567": money.ErrMoneySeparators, "0,123": money.ErrMoneySeparators,
	} {
		if got, err := money.FromTyped(text); !errors.Is(err, want) {
			t.Errorf("%q: %q, %v, want %v", text, got, err, want)
		}
	}
}
