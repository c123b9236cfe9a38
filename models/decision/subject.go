package decision

import (
	"errors"
	"time"

	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/money"
)

// MaxEventCost is the most that one call can cost.
const MaxEventCost = 1_000_000 * money.Dollar

// MaxCallTokens is the most tokens that one call can have.
const MaxCallTokens = 1_000_000_000_000

// LongestSource is the longest key or user id that a gateway may send, in bytes.
const LongestSource = 255

// ReadSubject reads who a call is for: a key or a user, one of both.
func ReadSubject(c *input.Reader, path string, key, user input.Value) (subject entitlement.Subject) {
	if key.Kind == input.Absent && user.Kind == input.Absent {
		c.Add(path+"virtual_key", "required", "Give the virtual key, or the user_id.")
		return subject
	}
	if key.Given() && user.Given() {
		c.Add(path+"user_id", "ambiguous_user", "Give the virtual key or the user_id, not both.")
	}
	subject.VirtualKey = readText(c, path+"virtual_key", "virtual_key", key)
	subject.UserID = readText(c, path+"user_id", "user_id", user)
	return subject
}

// readText reads one way to say who a call is for.
func readText(c *input.Reader, path, field string, v input.Value) string {
	switch {
	case v.Kind == input.Absent:
	case v.Kind == input.Null:
		c.Add(path, "null_not_allowed", "Give "+field+" instead of null, or leave it out.")
	case v.Kind != input.String:
		c.Add(path, "wrong_type", "Give "+field+" as text.")
	case v.Text == "":
		c.Add(path, "required", "Give "+field+".")
	default:
		return v.Text
	}
	return ""
}

// ReadCost reads the cost of one call in dollars, rounded to the nano-dollar since it was measured. It is nil when the
// cost is not known.
func ReadCost(c *input.Reader, field string, v input.Value) *money.Money {
	switch {
	case v.Kind == input.Absent, v.Kind == input.Null:
		return nil
	case v.Kind != input.Number && !v.FromForm:
		c.Add(field, "wrong_type", "Give the cost as a number of dollars, such as 0.25.")
		return nil
	}
	literal, err := v.AmountLiteral()
	var amount money.Money
	if err == nil {
		amount, err = money.ParseCost(literal)
	}
	switch {
	case errors.Is(err, money.ErrMoneySeparators):
		c.Add(field, "wrong_type", input.SeparatorsHint)
		return nil
	case errors.Is(err, money.ErrNotANumber):
		c.Add(field, "wrong_type", "Give the cost as a number of dollars, such as 0.25.")
		return nil
	case err != nil || amount > MaxEventCost:
		c.Add(field, "number_out_of_range", "Give the cost of one call, between 0 and 1000000 dollars.")
		return nil
	}
	return &amount
}

// ReadTokens reads a count of tokens; nil when it was left out.
func ReadTokens(c *input.Reader, field string, v input.Value) *int64 {
	if v.Kind == input.Null {
		return nil
	}
	n, ok := c.Int(field, v, "the number of tokens", 0, MaxCallTokens)
	if !ok {
		return nil
	}
	return &n
}

// StoreTime is how long a statement that stores usage or holds may take.
const StoreTime = 20 * time.Second
