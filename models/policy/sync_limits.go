package policy

import (
	"context"
	"slices"
)

// pushedLimit is a limit to sync, as the statements read it. Had is the window by which copies have it, and Beside the
// kind of the limit whose id a new one shares.
type pushedLimit struct {
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

func (l Limit) pushed(had Limit) pushedLimit {
	row := pushedLimit{
		ProviderName: l.Scope.Provider, Kind: l.Kind, MaxLimit: l.Max, ResetDuration: l.Duration, Position: l.Position,
		HadDuration: had.Duration, HadQuarter: had.Quarter % 3, Beside: had.Kind,
	}
	if l.Quarter != 0 {
		row.QuarterStartMonth = &l.Quarter
	}
	return row
}

// limitsIn are the limits in field groups, of providers that another policy has: those of others go with them.
func (p Policy) limitsIn(groups []FieldGroup, staying Policy) []Limit {
	stays := map[string]bool{"": true}
	for _, config := range staying.ProviderConfigs {
		stays[config.ProviderName] = true
	}
	return slices.DeleteFunc(p.Limits(), func(l Limit) bool {
		return !stays[l.Scope.Provider] ||
			!slices.ContainsFunc(groups, func(g FieldGroup) bool { return g.Name == l.Group() })
	})
}

// limits writes what differs between the limits before and after.
func (to *synced) limits(ctx context.Context, before, after []Limit) {
	had := map[LimitKey]Limit{}
	for _, l := range before {
		had[l.Key()] = l
	}
	gone, changed, returning := []pushedLimit{}, []pushedLimit{}, []pushedLimit{}
	beside, added := []pushedLimit{}, []pushedLimit{}
	for _, l := range after {
		was, matches := had[l.Key()]
		delete(had, l.Key())
		other := l.sibling(before)
		switch {
		case matches && !was.sameSetting(l):
			changed = append(changed, l.pushed(was))
			if was.Duration != l.Duration {
				returning = append(returning, l.pushed(was))
			}
		case matches:
		case other != nil:
			beside = append(beside, l.pushed(*other))
		default:
			added = append(added, l.pushed(l))
		}
	}
	for _, l := range before {
		if _, left := had[l.Key()]; left {
			gone = append(gone, l.pushed(l))
		}
	}
	to.some(ctx, clearReturning, append(returning, beside...))
	to.some(ctx, putLimitsBeside, beside)
	to.some(ctx, deleteLimits, gone)
	to.some(ctx, changeLimits, changed)
	to.some(ctx, putLimits, added, to.now)
}

// some executes a statement for limits, if there are any.
func (to *synced) some(ctx context.Context, statement string, limits []pushedLimit, args ...any) {
	if len(limits) > 0 {
		to.exec(ctx, statement, append([]any{to.list(limits)}, args...)...)
	}
}

// sibling is the limit whose id a limit shares: tokens and requests of one scope are one rate limit to clients.
func (l Limit) sibling(limits []Limit) *Limit {
	for i := range limits {
		if other := &limits[i]; l.Kind != KindSpend && other.Kind != KindSpend && other.Scope == l.Scope {
			return other
		}
	}
	return nil
}

// sameSetting reports whether a matching limit stays as it is.
func (l Limit) sameSetting(other Limit) bool {
	return l.Max == other.Max && l.Duration == other.Duration && l.Quarter == other.Quarter && l.Position == other.Position
}
