package usage

import (
	"testing"

	"tollgate/models/money"
	"tollgate/models/policy"
)

// Each kind of limit counts an amount of its own, so that a new kind is not counted as another one.
func TestKindsCountTheirOwnAmounts(t *testing.T) {
	cost := money.Money(2)
	e := &Event{Cost: &cost, Tokens: 3, Requests: 5}
	counted := map[int64]string{e.amounts().Of(policy.KindSpend): policy.KindSpend}
	for _, k := range policy.RateKinds {
		amount := e.amounts().Of(k.Kind)
		if other := counted[amount]; other != "" || amount == 0 {
			t.Errorf("%s count as %s", k.Kind, other)
		}
		counted[amount] = k.Kind
	}
}
