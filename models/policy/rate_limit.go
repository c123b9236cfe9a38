package policy

import (
	"strconv"

	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/plural"
)

// RateLimit bounds tokens, requests, or both; a pair that is unset is left out of answers.
type RateLimit struct {
	ID                   string  `json:"id"`
	TokenMaxLimit        *int64  `json:"token_max_limit,omitempty"`
	TokenResetDuration   *string `json:"token_reset_duration,omitempty"`
	RequestMaxLimit      *int64  `json:"request_max_limit,omitempty"`
	RequestResetDuration *string `json:"request_reset_duration,omitempty"`
	TokenCurrentUsage    int64   `json:"token_current_usage"`
	RequestCurrentUsage  int64   `json:"request_current_usage"`

	TokenWindow   Window `json:"-"`
	RequestWindow Window `json:"-"`
}

// RateLimitInput is what a client may send of a rate limit.
type RateLimitInput struct {
	input.Row
	ID                   input.Value `json:"id,readonly"`
	TokenMaxLimit        input.Value `json:"token_max_limit"`
	TokenResetDuration   input.Value `json:"token_reset_duration"`
	RequestMaxLimit      input.Value `json:"request_max_limit"`
	RequestResetDuration input.Value `json:"request_reset_duration"`
	TokenCurrentUsage    input.Value `json:"token_current_usage,readonly"`
	RequestCurrentUsage  input.Value `json:"request_current_usage,readonly"`
}

// RateKind is a kind of limit that a rate limit can set, with the fields that it is written in. All code that reads,
// stores or shows rate limits goes through RateKinds. A new kind also needs what a call uses of it (Amounts, and the
// same in SQL), the type of a decision that it blocks (limitedBy in decision/decision.go), and words for pages
// (views/policytext/limit.go).
type RateKind struct {
	Kind  string
	Name  string // the singular, as in "token limit"; the names of its fields begin with it
	of    func(*RateLimit) ratePair
	Typed func(*RateLimitInput) (limit, window *input.Value)
}

// ratePair is one kind's part of a rate limit.
type ratePair struct {
	max      **int64
	duration **string
	used     *int64
	window   *Window
}

// RateKinds are the kinds in the order in which limits are stored.
var RateKinds = []RateKind{
	{KindTokens, "token", func(r *RateLimit) ratePair {
		return ratePair{&r.TokenMaxLimit, &r.TokenResetDuration, &r.TokenCurrentUsage, &r.TokenWindow}
	}, func(in *RateLimitInput) (limit, window *input.Value) {
		return &in.TokenMaxLimit, &in.TokenResetDuration
	}},
	{KindRequests, "request", func(r *RateLimit) ratePair {
		return ratePair{&r.RequestMaxLimit, &r.RequestResetDuration, &r.RequestCurrentUsage, &r.RequestWindow}
	}, func(in *RateLimitInput) (limit, window *input.Value) {
		return &in.RequestMaxLimit, &in.RequestResetDuration
	}},
}

// AmountOf is an amount of a kind in words: $50.00, or 12,000 tokens.
func AmountOf(kind string, n int64) string {
	for _, k := range RateKinds {
		if k.Kind == kind {
			return plural.Of(n, k.Name)
		}
	}
	return money.Money(n).Dollars()
}

// MaxField is the field of the kind's limit.
func (k RateKind) MaxField() string { return k.Name + "_max_limit" }

// DurationField is the field of how often the kind's limit resets.
func (k RateKind) DurationField() string { return k.Name + "_reset_duration" }

// Limits are the limits that a rate limit of a scope sets; none of nil.
func (r *RateLimit) Limits(scope Scope) []Limit {
	if r == nil {
		return nil
	}
	var limits []Limit
	for _, k := range RateKinds {
		if pair := k.of(r); *pair.max != nil {
			limits = append(limits, Limit{
				ID: r.ID, Scope: scope, Kind: k.Kind, Max: **pair.max, Duration: **pair.duration, Position: 1, Used: *pair.used,
				Window: *pair.window,
			})
		}
	}
	return limits
}

func (r *RateLimit) set(l Limit) {
	for _, k := range RateKinds {
		if k.Kind == l.Kind {
			pair := k.of(r)
			*pair.max, *pair.duration, *pair.used, *pair.window = &l.Max, &l.Duration, l.Used, l.Window
		}
	}
}

// Clone is a copy that shares nothing.
func (r *RateLimit) Clone() *RateLimit {
	if r == nil {
		return nil
	}
	copied := *r
	return &copied
}

// ReadRateLimit reads a rate limit; one that sets nothing is none.
func ReadRateLimit(c *input.Reader, field string, in RateLimitInput) *RateLimit {
	if in.Kind == input.Absent || in.Kind == input.Null || !c.Object(field, in.Kind, "a rate limit") {
		return nil
	}
	limit, set := RateLimit{}, false
	for _, k := range RateKinds {
		pair := k.of(&limit)
		*pair.max, *pair.duration = readPair(c, field, k, in)
		set = set || *pair.max != nil
	}
	if !set {
		return nil
	}
	return &limit
}

// readPair reads a limit and its window, which come together or not at all.
func readPair(c *input.Reader, path string, k RateKind, in RateLimitInput) (*int64, *string) {
	limit, window := k.Typed(&in)
	maxField, durationField, what := path+"."+k.MaxField(), path+"."+k.DurationField(), "a "+k.Name+" limit"
	before := len(c.Problems)
	n, ok := c.Int(maxField, *limit, what, 1, input.MaxCount)
	if !limit.Given() && window.Given() {
		c.Add(maxField, "required", "Enter "+what+", or leave out how often it resets.")
	}
	if !window.Given() {
		if limit.Given() {
			c.Add(durationField, "required", "Choose how often the limit resets.")
		}
		return nil, nil
	}
	duration, _ := c.Choice(durationField, *window, "invalid_reset_duration",
		"Choose how often the limit resets: 1m, 1h, 1d, 1w, 1M or 1Y.", RateDurations)
	if !ok || len(c.Problems) > before {
		return nil, nil
	}
	return &n, &duration
}

// Input is the limit as a form shows it.
func (r *RateLimit) Input() RateLimitInput {
	if r == nil {
		return RateLimitInput{}
	}
	in := RateLimitInput{Row: input.Row{Kind: input.Object}}
	for _, k := range RateKinds {
		if pair := k.of(r); *pair.max != nil {
			limit, window := k.Typed(&in)
			*limit, *window = input.FormValue(strconv.FormatInt(**pair.max, 10)), input.FormValue(**pair.duration)
		}
	}
	return in
}

// Body is the JSON that a client would send.
func (in RateLimitInput) Body() any {
	var fields BodyFields
	for _, k := range RateKinds {
		limit, window := k.Typed(&in)
		for _, pair := range []bodyField{{k.MaxField(), BodyNumber(*limit)}, {k.DurationField(), BodyText(*window)}} {
			if pair.Value != nil {
				fields = append(fields, pair)
			}
		}
	}
	if fields == nil {
		return nil
	}
	return fields
}
