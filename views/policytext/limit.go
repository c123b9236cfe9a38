package policytext

import (
	"slices"

	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/policy"
	"tollgate/views/ui"
)

// shownKinds are the kinds of limits in the order in which pages show those of one scope.
var shownKinds = []string{policy.KindSpend, policy.KindRequests, policy.KindTokens}

// shortKinds are the short words for the kinds that rate limits set.
var shortKinds = map[string]string{policy.KindRequests: "req", policy.KindTokens: "tok"}

// ShownRates are the kinds of limits that rate limits set, in the order in which pages show them.
func ShownRates() []policy.RateKind {
	return slices.SortedStableFunc(slices.Values(policy.RateKinds), func(a, b policy.RateKind) int {
		return placeOf(a.Kind) - placeOf(b.Kind)
	})
}

func placeOf(kind string) int { return slices.Index(shownKinds, kind) }

// ShownRateLimits are the limits that a rate limit sets, in the order in which pages show them; none of nil.
func ShownRateLimits(r *policy.RateLimit) []policy.Limit {
	limits := r.Limits(policy.Scope{})
	slices.SortStableFunc(limits, func(a, b policy.Limit) int { return placeOf(a.Kind) - placeOf(b.Kind) })
	return limits
}

// shownLimits are the limits of a policy in the order in which pages show them: the overall ones first.
func shownLimits(p policy.Policy) []policy.Limit {
	limits := p.Limits()
	place := map[policy.Scope]int{}
	for _, l := range limits {
		if _, ok := place[l.Scope]; !ok {
			place[l.Scope] = len(place)
		}
	}
	slices.SortStableFunc(limits, func(a, b policy.Limit) int {
		if a.Scope != b.Scope {
			return place[a.Scope] - place[b.Scope]
		}
		return placeOf(a.Kind) - placeOf(b.Kind)
	})
	return limits
}

// AmountOf writes an amount of a kind: $8.80, or 12,000.
func AmountOf(kind string, n int64) string {
	if kind == policy.KindSpend {
		return ui.Dollars(money.Money(n))
	}
	return plural.Count(n)
}

// CapOf writes how much a limit allows as messages do: $50.00, or 12,000 tokens.
func CapOf(kind string, n int64) string { return policy.AmountOf(kind, n) }
