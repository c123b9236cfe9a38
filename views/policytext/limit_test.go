package policytext

import (
	"slices"
	"strings"
	"testing"

	"tollgate/models/policy"
)

// Each kind that a rate limit sets has a place on pages, and words of its own.
func TestKindsHaveWords(t *testing.T) {
	spend, words := policy.AmountOf(policy.KindSpend, 2), map[string]bool{}
	for _, k := range policy.RateKinds {
		short := shortKinds[k.Kind]
		if !slices.Contains(shownKinds, k.Kind) || short == "" || words[short] {
			t.Errorf("%s have no place, or the short word %q", k.Kind, short)
		}
		if one := CapOf(k.Kind, 1); one == spend || one != "1 "+k.Name || !strings.HasPrefix(CapOf(k.Kind, 2000), "2,000 "+k.Name) {
			t.Errorf("one of %s is %q", k.Kind, one)
		}
		words[short] = true
	}
}
