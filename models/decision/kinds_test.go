package decision

import (
	"testing"

	"tollgate/models/entitlement"
	"tollgate/models/policy"
)

// Each kind of limit asks a call for an amount of its own, so that a new kind is not decided as another one.
func TestKindsCostTheirOwnAmounts(t *testing.T) {
	call := entitlement.Call{Cost: 2, Tokens: 3}
	of := func(kind string) int64 {
		return cost(entitlement.Limit{LimitTerms: &entitlement.LimitTerms{Kind: kind}}, call)
	}
	asked := map[int64]string{of(policy.KindSpend): policy.KindSpend}
	for _, k := range policy.RateKinds {
		needed := of(k.Kind)
		if other := asked[needed]; other != "" {
			t.Errorf("%s cost as %s", k.Kind, other)
		}
		asked[needed] = k.Kind
	}
}
