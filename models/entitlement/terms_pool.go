package entitlement

import (
	"slices"

	"tollgate/models/assignment"
)

// TermsPool lets copies of the same profile in the same state share their terms in memory.
type TermsPool map[TermsKey]*Terms

// TermsKey is what copies with the same terms have in common: the profile, and the versions that they are at.
type TermsKey struct {
	profileID int64
	shape     assignment.Shape
}

const termsShared = 10_000

// Share is the terms that equal copies have, unless they differ, as when the profile was renamed meanwhile.
func (p *TermsPool) Share(f *Terms) *Terms {
	known, ok := (*p)[f.of]
	if ok && known.Name == f.Name && slices.Equal(known.Limits, f.Limits) {
		return known
	}
	if ok {
		f.Policy = known.Policy
	}
	if *p == nil || len(*p) >= termsShared {
		*p = TermsPool{}
	}
	(*p)[f.of] = f
	return f
}
