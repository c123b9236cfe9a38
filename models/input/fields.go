package input

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"tollgate/models/money"
)

// Description reads a text that may be cleared with null.
func (c *Reader) Description(v Value, description **string) {
	switch {
	case v.Kind == Null, v.Kind == String && strings.TrimSpace(v.Text) == "":
		*description = nil
	default:
		if text, ok := c.Text("description", v, TextRule{What: "a description", Max: 2000, Newlines: true}); ok {
			*description = &text
		}
	}
}

// Expiry reads when a key expires: a time in the future, the stored one, or null for never. Forms show whole seconds,
// so the second of the stored one is the stored one.
func (c *Reader) Expiry(field string, v Value, stands *time.Time, now time.Time) *time.Time {
	if v.Kind == Null {
		return nil
	}
	t, ok := c.Time(field, v, "the moment it expires")
	switch {
	case !ok:
	case stands != nil && (t.Equal(*stands) || v.FromForm && t.Equal(stands.Truncate(time.Second))):
		return stands
	case !t.After(now):
		c.Add(field, "timestamp_in_past", "Choose a time in the future.")
	}
	return &t
}

// Identifier matches an identifier that clients choose.
var Identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// FormSegment takes the place of an identifier in the console's URLs, so no identifier may equal it.
const FormSegment = "new"

// Identifier reads a name that is part of URLs. It is never trimmed.
func (c *Reader) Identifier(field string, v Value, what string) (string, bool) {
	switch {
	case v.Kind == Absent:
		return "", false
	case v.Kind == Null:
		c.Add(field, "null_not_allowed", "Enter "+what+" instead of null.")
	case v.Kind != String:
		c.Add(field, "wrong_type", "Give "+what+" as text.")
	case v.Text == "":
		c.Add(field, "required", "Enter "+what+".")
	case v.Text == FormSegment:
		c.Add(field, "invalid_name", `Choose another name: "new" is an address of the console.`)
	case !Identifier.MatchString(v.Text):
		c.Add(field, "invalid_name", "Use 1 to 64 of the characters a–z 0–9 . _ - and start with a letter or digit.")
	default:
		return v.Text, true
	}
	return "", false
}

// Fixed reports an identifier that was sent and differs from the stored one.
func (c *Reader) Fixed(field string, v Value, stored string) {
	if v.Kind != Absent && (v.Kind != String || v.Text != stored) {
		c.Add(field, "read_only", "Leave this as it is: it cannot be changed once created.")
	}
}

// Money reads an amount of dollars exactly; 0 with a problem.
func (c *Reader) Money(field string, v Value) money.Money {
	switch {
	case v.Kind == Absent:
		c.Add(field, "required", "Enter an amount in dollars.")
	case v.Kind == Null:
		c.Add(field, "null_not_allowed", "Enter an amount in dollars instead of null; 0 blocks all spend.")
	case v.Kind != Number && !v.FromForm:
		c.Add(field, "wrong_type", "Enter the amount as a number of dollars, such as 50 or 0.25.")
	default:
		amount, err := v.Dollars()
		switch {
		case err == nil:
			return amount
		case errors.Is(err, money.ErrMoneyNegative):
			c.Add(field, "max_limit_negative", "Enter an amount of 0 or more; 0 blocks all spend.")
		case errors.Is(err, money.ErrMoneyOutOfRange):
			c.Add(field, "number_out_of_range", "Enter an amount between 0 and 1000000000 dollars.")
		case errors.Is(err, money.ErrMoneyDecimals):
			c.Add(field, "too_many_decimals", "Enter the amount with at most 9 decimals; it is never rounded.")
		case errors.Is(err, money.ErrMoneySeparators):
			c.Add(field, "wrong_type", SeparatorsHint)
		default:
			c.Add(field, "wrong_type", "Enter an amount in dollars, such as 50, 0.25 or 1,234.56.")
		}
	}
	return 0
}

// SeparatorsHint says how to write an amount that has the separators of another country.
const SeparatorsHint = "Write the amount with commas between thousands and a point before the cents, such as 1,234.56."

// Dollars reads an amount exactly. Errors are those of [money.ParseMoney] and [money.FromTyped].
func (v Value) Dollars() (money.Money, error) {
	literal, err := v.AmountLiteral()
	if err != nil {
		return 0, err
	}
	return money.ParseMoney(literal)
}

// AmountLiteral is an amount as a JSON number, from one typed as the console prints it.
func (v Value) AmountLiteral() (string, error) {
	switch {
	case v.FromForm:
		return money.FromTyped(v.Text)
	case v.Kind == Number:
		return v.Text, nil
	}
	return "", money.ErrNotANumber
}

// Equal reports whether two values that may be absent are the same.
func Equal[T comparable](a, b *T) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// ValueOr is a value, or a default where it is absent.
func ValueOr(n *int64, otherwise int64) int64 {
	if n == nil {
		return otherwise
	}
	return *n
}

// Storable reports whether the database can store text; a text that it cannot store is in no row.
func Storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }
