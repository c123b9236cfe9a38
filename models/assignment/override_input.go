package assignment

import (
	"strconv"
	"time"

	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// overrideModes are how long an override lasts: to the end of the current window, until a date, for a number of
// windows, or permanently.
var overrideModes = []string{"window", "until", "cycles", "forever"}

// OverrideInput is what a client may send to raise one budget of one copy.
type OverrideInput struct {
	input.Row
	Amount    input.Value `json:"amount"`
	Mode      input.Value `json:"mode"`
	Cycles    input.Value `json:"cycles"`
	ExpiresAt input.Value `json:"expires_at"`
}

// OverrideForm returns the form input that describes the override of b.
func OverrideForm(b policy.Budget) OverrideInput {
	if b.OverrideAmount == nil {
		return OverrideInput{}
	}
	in := OverrideInput{Amount: input.FormValue(b.OverrideAmount.String()), Mode: input.FormValue(b.OverrideMode)}
	if b.OverrideCyclesRemaining != nil {
		in.Cycles = input.FormValue(strconv.FormatInt(*b.OverrideCyclesRemaining, 10))
	}
	if b.OverrideExpiresAt != nil {
		in.ExpiresAt = input.FormValue(b.OverrideExpiresAt.UTC().Format(timeForm))
	}
	return in
}

// OverrideUntil is the input that raises a budget until a date.
func OverrideUntil(amount money.Money, until time.Time) OverrideInput {
	return OverrideInput{
		Amount: input.FormValue(amount.String()), Mode: input.FormValue("until"), ExpiresAt: input.FormValue(until.UTC().Format(time.RFC3339Nano)),
	}
}

// timeForm is how forms send a moment, in UTC.
const timeForm = "2006-01-02T15:04:05"

// check reads an override; stands is when the one of now ends, nil for none that ends on a date.
func (in OverrideInput) check(stands *time.Time, now time.Time) (o BudgetOverride, problems problem.Problems) {
	c := &input.Reader{}
	o.Amount = ReadRaise(c, "amount", in.Amount)
	const choices = "Choose window, until, cycles or forever."
	mode, ok := c.Choice("mode", in.Mode, "invalid_mode", choices, overrideModes)
	switch {
	case mode == "window":
		first := int64(1)
		o.Cycles = &first
	case mode == "cycles" && !in.Cycles.Given():
		c.Add("cycles", "required", "Say for how many windows, the current one included.")
	}
	if in.Cycles.Given() {
		if ok && mode != "cycles" {
			c.Add("cycles", "cycles_not_allowed", "Leave the number of windows out, or choose a number of windows.")
		} else if n, ok := c.Int("cycles", in.Cycles, "the number of windows", 1, policy.MaxCycles); ok {
			o.Cycles = &n
		}
	}
	switch {
	case in.ExpiresAt.Given() && ok && mode != "until":
		c.Add("expires_at", "expires_at_not_allowed", "Leave the date out, or choose to raise until a date.")
	case in.ExpiresAt.Given():
		o.Until = c.Expiry("expires_at", in.ExpiresAt, stands, now)
	case mode == "until":
		c.Add("expires_at", "required", "Say until when.")
	}
	return o, c.Problems
}

// ReadRaise reads the amount to add, which is more than 0.
func ReadRaise(c *input.Reader, field string, v input.Value) money.Money {
	before := len(c.Problems)
	amount := c.Money(field, v)
	switch noted := len(c.Problems) > before; {
	case noted && (c.Problems[before].Code == "max_limit_negative" || c.Problems[before].Code == "number_out_of_range"),
		!noted && amount == 0:
		c.Problems = append(
			c.Problems[:before],
			problem.Problem{
				Field:   field,
				Code:    "number_out_of_range",
				Message: "Enter an amount of more than 0 and at most 1000000000 dollars.",
			},
		)
	}
	return amount
}
