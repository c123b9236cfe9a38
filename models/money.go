package models

import (
	"errors"
	"strconv"
	"strings"
)

// Money is US dollars in nano-dollars: exact, and small enough for one token of a cheap model.
type Money int64

// MaxMoney is the largest limit a budget can have: 1,000,000,000 dollars.
const MaxMoney Money = 1_000_000_000 * dollar

const dollar = 1_000_000_000

// What can be wrong with an amount.
var (
	ErrNotANumber      = errors.New("not a number")
	ErrMoneyNegative   = errors.New("negative amount")
	ErrMoneyOutOfRange = errors.New("amount out of range")
	ErrMoneyDecimals   = errors.New("more than 9 decimals")
)

// ParseMoney reads a JSON number literal of dollars exactly, without a binary float. Errors are those above.
func ParseMoney(literal string) (Money, error) {
	if !isJSONNumber(literal) {
		return 0, ErrNotANumber
	}
	negative := literal[0] == '-'
	mantissa, exponent, err := splitExponent(strings.TrimPrefix(literal, "-"))
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return 0, nil
	}
	switch {
	case errors.Is(err, ErrMoneyDecimals) && negative:
		return 0, ErrMoneyNegative
	case err != nil:
		return 0, err
	}
	// The amount is 0.digits × 10^point.
	point := len(digits) - len(fraction) + exponent
	digits = strings.TrimRight(digits, "0")
	switch {
	case point > 10:
		return 0, ErrMoneyOutOfRange
	case len(digits)-point > 9:
		if amountAbove(digits, point) {
			return 0, ErrMoneyOutOfRange
		}
		if negative {
			return 0, ErrMoneyNegative
		}
		return 0, ErrMoneyDecimals
	}
	nanos, err := strconv.ParseInt(digits+strings.Repeat("0", 9+point-len(digits)), 10, 64)
	switch {
	case err != nil || Money(nanos) > MaxMoney:
		return 0, ErrMoneyOutOfRange
	case negative:
		return 0, ErrMoneyNegative
	}
	return Money(nanos), nil
}

// amountAbove reports whether 0.digits × 10^point is more than MaxMoney; digits has no leading zero.
func amountAbove(digits string, point int) bool {
	return point > 10 || point == 10 && digits > "1"
}

// splitExponent caps the exponent, so that 1e999999999 costs nothing.
func splitExponent(literal string) (mantissa string, exponent int, err error) {
	i := strings.IndexAny(literal, "eE")
	if i < 0 {
		return literal, 0, nil
	}
	exponent, parseErr := strconv.Atoi(literal[i+1:])
	switch {
	case parseErr == nil && exponent >= -1000 && exponent <= 1000:
		return literal[:i], exponent, nil
	case literal[i+1] == '-':
		return literal[:i], 0, ErrMoneyDecimals
	}
	return literal[:i], 0, ErrMoneyOutOfRange
}

// isJSONNumber reports whether text is a number as RFC 8259 writes it.
func isJSONNumber(text string) bool {
	rest := strings.TrimPrefix(text, "-")
	whole := digitsOf(rest)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	rest = rest[len(whole):]
	if after, ok := strings.CutPrefix(rest, "."); ok {
		fraction := digitsOf(after)
		if fraction == "" {
			return false
		}
		rest = after[len(fraction):]
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		return rest != "" && digitsOf(rest) == rest
	}
	return rest == ""
}

func digitsOf(text string) string {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return text[:i]
		}
	}
	return text
}

// String is the amount in dollars as a JSON number: no exponent, no trailing zeros.
func (m Money) String() string { return string(m.appendJSON(nil)) }

func (m Money) appendJSON(to []byte) []byte {
	nanos := uint64(m)
	if m < 0 {
		to, nanos = append(to, '-'), -nanos
	}
	to = strconv.AppendUint(to, nanos/dollar, 10)
	fraction := nanos % dollar
	if fraction == 0 {
		return to
	}
	to = append(to, '.')
	for unit := uint64(dollar / 10); fraction > 0; unit /= 10 {
		to = append(to, '0'+byte(fraction/unit))
		fraction %= unit
	}
	return to
}

// Cents is the amount to the cent, for sums that nobody pays by the nano-dollar.
func (m Money) Cents() Money {
	const cent = dollar / 100
	return (m + cent/2) / cent * cent
}

// MarshalJSON writes String.
func (m Money) MarshalJSON() ([]byte, error) { return m.appendJSON(nil), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Money) UnmarshalJSON(data []byte) error {
	var err error
	*m, err = ParseMoney(string(data))
	return err
}
