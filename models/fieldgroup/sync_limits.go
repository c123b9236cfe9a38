package fieldgroup

import (
	"context"
	"slices"

	"tollgate/models/policy"
)

// syncedLimit is a limit to sync, as the statements read it. Had is the window that the copies' limit has now; Beside
// is the kind of the limit whose id a new one shares.
type syncedLimit struct {
	ProviderName      string `json:"provider_name"`
	Kind              string `json:"kind"`
	MaxLimit          int64  `json:"max_limit"`
	ResetDuration     string `json:"reset_duration"`
	QuarterStartMonth *int   `json:"quarter_start_month"`
	Position          int    `json:"position"`
	HadDuration       string `json:"had_duration"`
	HadQuarter        int    `json:"had_quarter"`
	Beside            string `json:"beside"`
}

func syncedAs(l, had policy.Limit) syncedLimit {
	row := syncedLimit{
		ProviderName: l.Scope.Provider, Kind: l.Kind, MaxLimit: l.Max, ResetDuration: l.Duration, Position: l.Position,
		HadDuration: had.Duration, HadQuarter: had.Quarter % 3, Beside: had.Kind,
	}
	if l.Quarter != 0 {
		row.QuarterStartMonth = &l.Quarter
	}
	return row
}

// limitsIn are the limits in field groups, except those of providers that the staying policy lacks: limits of removed
// providers are deleted with the provider.
func limitsIn(p policy.Policy, groups []Group, staying policy.Policy) []policy.Limit {
	stays := map[string]bool{"": true}
	for _, config := range staying.ProviderConfigs {
		stays[config.ProviderName] = true
	}
	return slices.DeleteFunc(p.Limits(), func(l policy.Limit) bool {
		return !stays[l.Scope.Provider] ||
			!slices.ContainsFunc(groups, func(g Group) bool { return g.Name == l.Group() })
	})
}

// limits writes what differs between the limits before and after.
func (to *synced) limits(ctx context.Context, before, after []policy.Limit) {
	had := map[policy.LimitKey]policy.Limit{}
	for _, l := range before {
		had[l.Key()] = l
	}
	gone, changed, returning := []syncedLimit{}, []syncedLimit{}, []syncedLimit{}
	beside, added := []syncedLimit{}, []syncedLimit{}
	for _, l := range after {
		was, matches := had[l.Key()]
		delete(had, l.Key())
		other := sibling(l, before)
		switch {
		case matches && !sameSetting(was, l):
			changed = append(changed, syncedAs(l, was))
			if was.Duration != l.Duration {
				returning = append(returning, syncedAs(l, was))
			}
		case matches:
		case other != nil:
			beside = append(beside, syncedAs(l, *other))
		default:
			added = append(added, syncedAs(l, l))
		}
	}
	for _, l := range before {
		if _, left := had[l.Key()]; left {
			gone = append(gone, syncedAs(l, l))
		}
	}
	to.some(ctx, clearReturning, append(returning, beside...))
	to.some(ctx, putLimitsBeside, beside)
	to.some(ctx, deleteLimits, gone)
	to.some(ctx, changeLimits, changed)
	to.some(ctx, putLimits, added, to.now)
}

// some executes a statement for limits, if there are any.
func (to *synced) some(ctx context.Context, statement string, limits []syncedLimit, args ...any) {
	if len(limits) > 0 {
		to.exec(ctx, statement, append([]any{to.list(limits)}, args...)...)
	}
}

// sibling is the limit whose id a limit shares: tokens and requests of one scope are one rate limit to clients.
func sibling(l policy.Limit, limits []policy.Limit) *policy.Limit {
	for i := range limits {
		if other := &limits[i]; l.Kind != policy.KindSpend && other.Kind != policy.KindSpend && other.Scope == l.Scope {
			return other
		}
	}
	return nil
}

// sameSetting reports whether a matching limit stays as it is.
func sameSetting(l, other policy.Limit) bool {
	return l.Max == other.Max && l.Duration == other.Duration && l.Quarter == other.Quarter && l.Position == other.Position
}
