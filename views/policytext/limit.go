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
		return slices.Index(shownKinds, a.Kind) - slices.Index(shownKinds, b.Kind)
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

// CapOf writes how much a limit allows: $50.00, or 12,000 tokens.
func CapOf(kind string, n int64) string {
	if kind == policy.KindSpend {
		return AmountOf(kind, n)
	}
	return AmountOf(kind, n) + " " + kind
}
