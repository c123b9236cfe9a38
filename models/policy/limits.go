package policy

import (
	"fmt"
	"time"

	"tollgate/models/money"
)

// Limit is one limit of a policy: in its scope at most Max of its kind in each window. Budgets and rate limits are how
// clients write limits; everything that reads, stores, pushes or counts them takes them one by one, as they are here.
type Limit struct {
	ID       string // with the kind, what counters name it by: the limits of one rate limit share it
	Scope    Scope
	Kind     string
	Max      int64 // nano-dollars, tokens or requests
	Duration string
	Quarter  int // the month in which a fiscal year begins, 0 without quarters
	Position int // among those of its scope and kind, from 1
	Window
	Used  int64  // of a copy, in its current window
	Raise *Raise // of a copy, while it lasts
}

// Window is where the windows of a limit begin.
type Window struct {
	// Start is when the limit was created, which rolling windows begin at. Once the usage of a copy was read, it is the
	// start of the current window, and Ends its end.
	Start, Ends               time.Time
	CarriedFrom, CarriedUntil *time.Time // the window that went on when the calendar changed
}

// Raise is what an override adds to a limit.
type Raise struct {
	Amount int64
	Ends   *time.Time // nil: never
	Cycles *int64     // how many windows are left, the current one included; nil: all, or until a date
}

// Cap is how much may be used in a window: the limit with what an override adds.
func (l Limit) Cap() int64 {
	if l.Raise != nil {
		return l.Max + l.Raise.Amount
	}
	return l.Max
}

// Left is how much may still be used in the current window.
func (l Limit) Left() int64 { return max(0, l.Cap()-l.Used) }

// LimitKey is what limits of two policies match by: a budget by its scope and window, a limit of tokens or requests by
// its scope and kind, since a scope has one.
type LimitKey struct {
	Scope    Scope
	Kind     string
	Duration string
	Quarter  int // quarters from January and from April have the same windows
}

// Key is what a limit matches by.
func (l Limit) Key() LimitKey {
	if l.Kind != KindSpend {
		return LimitKey{Scope: l.Scope, Kind: l.Kind}
	}
	return l.WindowKey()
}

// WindowKey is the key of a limit with its window, of any kind.
func (l Limit) WindowKey() LimitKey { return LimitKey{l.Scope, l.Kind, l.Duration, l.Quarter % 3} }

// MaxCycles is for how many windows an override may last.
const MaxCycles = 1000

// Limits are all limits of a policy: the overall ones, then those of each provider; in each scope budgets, tokens and
// requests.
func (p Policy) Limits() []Limit {
	limits := appendLimits(nil, Scope{}, p.Budgets, p.RateLimit)
	for _, config := range p.ProviderConfigs {
		limits = appendLimits(limits, config.Scope(), config.Budgets, config.RateLimit)
	}
	return limits
}

func appendLimits(limits []Limit, scope Scope, budgets []Budget, rate *RateLimit) []Limit {
	for i, b := range budgets {
		limits = append(limits, b.limit(scope, i+1))
	}
	return append(limits, rate.Limits(scope)...)
}

// Limit is the budget as a limit.
func (b Budget) Limit() Limit { return b.limit(b.Scope, 0) }

func (b Budget) limit(scope Scope, position int) Limit {
	scope.Model = b.Scope.Model
	l := Limit{
		ID: b.ID, Scope: scope, Kind: KindSpend, Max: int64(b.MaxLimit), Duration: b.ResetDuration, Quarter: b.QuarterStart(),
		Position: position, Used: int64(b.CurrentUsage),
		Window: Window{b.LastReset, b.WindowEnds, b.CarriedFrom, b.CarriedUntil},
	}
	if b.OverrideAmount != nil {
		l.Raise = &Raise{int64(*b.OverrideAmount), b.OverrideEnds, b.OverrideCyclesRemaining}
	}
	return l
}

// SetLimits replaces all limits of a policy. They are in their order, and the policy has the providers of their scopes.
func (p *Policy) SetLimits(limits []Limit) error {
	p.Budgets, p.RateLimit = []Budget{}, nil
	configs := make(map[string]*ProviderConfig, len(p.ProviderConfigs))
	for i := range p.ProviderConfigs {
		config := &p.ProviderConfigs[i]
		config.Budgets, config.RateLimit = []Budget{}, nil
		configs[config.ProviderName] = config
	}
	for _, l := range limits {
		budgets, rate := &p.Budgets, &p.RateLimit
		if !l.Scope.Overall() {
			config := configs[l.Scope.Provider]
			if config == nil {
				return fmt.Errorf("limit %s is of %s, which its policy lacks", l.ID, l.Scope)
			}
			budgets, rate = &config.Budgets, &config.RateLimit
		}
		if l.Kind == KindSpend {
			*budgets = append(*budgets, l.budget())
			continue
		}
		if *rate == nil {
			*rate = &RateLimit{ID: l.ID}
		}
		(*rate).set(l)
	}
	return nil
}

func (l Limit) budget() Budget {
	b := Budget{
		ID: l.ID, Scope: l.Scope, MaxLimit: money.Money(l.Max), ResetDuration: l.Duration, CurrentUsage: money.Money(l.Used),
		LastReset: l.Start, WindowEnds: l.Ends, CarriedFrom: l.CarriedFrom, CarriedUntil: l.CarriedUntil,
	}
	if l.Quarter != 0 {
		b.ResetConfig = &ResetConfig{l.Quarter}
	}
	if r := l.Raise; r != nil {
		amount, effective := money.Money(r.Amount), money.Money(l.Cap())
		b.OverrideAmount, b.EffectiveMaxLimit, b.OverrideMode = &amount, &effective, "forever"
		b.OverrideEnds, b.OverrideCyclesRemaining = r.Ends, r.Cycles
		switch {
		case r.Cycles != nil:
			b.OverrideMode = "cycles"
		case r.Ends != nil:
			b.OverrideMode, b.OverrideExpiresAt = "until", r.Ends
		}
	}
	return b
}

// Budget finds a budget of a policy by its id.
func (p Policy) Budget(id string) (Budget, bool) {
	for _, l := range p.Limits() {
		if l.ID == id && l.Kind == KindSpend {
			return l.budget(), true
		}
	}
	return Budget{}, false
}

// QuarterStart is the month in which a fiscal year begins, 0 for budgets without quarters.
func (b Budget) QuarterStart() int {
	if b.ResetConfig == nil {
		return 0
	}
	return b.ResetConfig.QuarterStartMonth
}

// Group is the group of fields that the limit is propagated with.
func (l Limit) Group() string {
	switch {
	case !l.Scope.Overall():
		return "provider_configs"
	case l.Kind == KindSpend:
		return "budgets"
	}
	return "rate_limit"
}
