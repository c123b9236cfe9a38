package money

import (
	"errors"
	"strconv"
	"strings"

	"tollgate/models/plural"
)

// Money is US dollars in nano-dollars: exact, and small enough for one token of a cheap model.
type Money int64

// MaxMoney is the largest limit a budget can have: 1,000,000,000 dollars.
const MaxMoney Money = 1_000_000_000 * Dollar

// Dollar is one dollar.
const Dollar = 1_000_000_000

// What can be wrong with an amount.
var (
	ErrNotANumber      = errors.New("not a number")
	ErrMoneyNegative   = errors.New("negative amount")
	ErrMoneyOutOfRange = errors.New("amount out of range")
	ErrMoneyDecimals   = errors.New("more than 9 decimals")
)

// ParseMoney reads a JSON number literal of dollars exactly, without a binary float. Errors are those above.
func ParseMoney(literal string) (Money, error) {
	d, err := readDecimal(literal)
	switch {
	case err != nil || d.digits == "":
		return 0, err
	case d.above():
		return 0, ErrMoneyOutOfRange
	case d.negative:
		return 0, ErrMoneyNegative
	case len(d.digits)-d.point > nanoDigits:
		return 0, ErrMoneyDecimals
	}
	return d.nanos(), nil
}

// ParseCost reads a JSON number literal of dollars that were measured: it is rounded half up to the nano-dollar. Errors
// are those of ParseMoney, but for ErrMoneyDecimals.
func ParseCost(literal string) (Money, error) {
	d, err := readDecimal(literal)
	switch {
	case err != nil || d.digits == "":
		return 0, err
	case d.above():
		return 0, ErrMoneyOutOfRange
	case d.negative:
		return 0, ErrMoneyNegative
	}
	kept := d.point + nanoDigits
	switch {
	case kept < 0:
		return 0, nil
	case kept >= len(d.digits):
		return d.nanos(), nil
	}
	up := Money(0)
	if d.digits[kept] >= '5' {
		up = 1
	}
	d.digits = d.digits[:kept]
	return d.nanos() + up, nil
}

const nanoDigits = 9 // decimals of a dollar

// decimal is 0.digits × 10^point; digits begins and ends with another digit than 0, and is empty for 0.
type decimal struct {
	negative bool
	digits   string
	point    int
}

func readDecimal(literal string) (decimal, error) {
	if !IsJSONNumber(literal) {
		return decimal{}, ErrNotANumber
	}
	mantissa, exponent := splitExponent(strings.TrimPrefix(literal, "-"))
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	return decimal{
		negative: literal[0] == '-' && digits != "",
		digits:   strings.TrimRight(digits, "0"),
		point:    len(digits) - len(fraction) + exponent,
	}, nil
}

// above reports whether its absolute value is more than MaxMoney.
func (d decimal) above() bool { return d.point > 10 || d.point == 10 && d.digits > "1" }

// nanos are its nano-dollars, of which it has a whole number up to MaxMoney.
func (d decimal) nanos() Money {
	nanos := Money(0)
	for i := range nanoDigits + d.point {
		nanos *= 10
		if i < len(d.digits) {
			nanos += Money(d.digits[i] - '0')
		}
	}
	return nanos
}

// farthest is more digits than any literal has: an exponent beyond it means 0 or infinity.
const farthest = 1_000_000_000

// splitExponent caps the exponent, so that 1e999999999999 costs nothing.
func splitExponent(literal string) (mantissa string, exponent int) {
	i := strings.IndexAny(literal, "eE")
	if i < 0 {
		return literal, 0
	}
	exponent, err := strconv.Atoi(literal[i+1:])
	switch {
	case err != nil && literal[i+1] == '-':
		exponent = -farthest
	case err != nil:
		exponent = farthest
	}
	return literal[:i], max(-farthest, min(exponent, farthest))
}

// IsJSONNumber reports whether text is a number as RFC 8259 writes it.
func IsJSONNumber(text string) bool {
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
func (m Money) String() string { return string(m.AppendJSON(nil)) }

// Dollars is the amount as a person reads it: $1,234.56, with up to 9 decimals when they matter.
func (m Money) Dollars() string {
	whole, fraction, _ := strings.Cut(m.String(), ".")
	for len(fraction) < 2 {
		fraction += "0"
	}
	sign, digits := "", whole
	if rest, negative := strings.CutPrefix(whole, "-"); negative {
		sign, digits = "-", rest
	}
	return sign + "$" + plural.Grouped(digits) + "." + fraction
}

// AppendJSON writes dollars as JSON does, without an exponent.
func (m Money) AppendJSON(to []byte) []byte {
	nanos := uint64(m)
	if m < 0 {
		to, nanos = append(to, '-'), -nanos
	}
	to = strconv.AppendUint(to, nanos/Dollar, 10)
	fraction := nanos % Dollar
	if fraction == 0 {
		return to
	}
	to = append(to, '.')
	for unit := uint64(Dollar / 10); fraction > 0; unit /= 10 {
		to = append(to, '0'+byte(fraction/unit))
		fraction %= unit
	}
	return to
}

// Cents is the amount rounded to cents, for sums that need no nano-dollars.
func (m Money) Cents() Money {
	const cent = Dollar / 100
	return (m + cent/2) / cent * cent
}

// MarshalJSON writes String.
func (m Money) MarshalJSON() ([]byte, error) { return m.AppendJSON(nil), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Money) UnmarshalJSON(data []byte) error {
	var err error
	*m, err = ParseMoney(string(data))
	return err
}
