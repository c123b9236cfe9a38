package blocked

import (
	"tollgate/models/money"
	"tollgate/models/policy"
)

// Line is one limit of a user's copy. The amount of a budget is in nano-dollars.
type Line struct {
	UserID   string
	CopyID   int64
	Profile  string
	LineID   string
	Scope    policy.Scope
	Kind     string // of policy: spend, tokens or requests
	Duration string
	Limit    int64
	UsedUp   bool
}

// Money is the amount of a budget.
func (l Line) Money() money.Money { return money.Money(l.Limit) }

// State says how much of the limits of a user is used.
type State struct {
	Copies int    // the active ones
	Lines  []Line // their limits: those used up, then those nearest to it
}

// Blocked reports whether each copy has an overall limit that is used up, so that no call is allowed.
func (s State) Blocked() bool {
	blocked := map[int64]bool{}
	for _, line := range s.Lines {
		if line.UsedUp && line.Scope.Overall() {
			blocked[line.CopyID] = true
		}
	}
	return s.Copies > 0 && len(blocked) == s.Copies
}

// UsedUp is the limit that explains the state, nil when none is used up: one that blocks every call before others.
func (s State) UsedUp() *Line {
	blocked := s.Blocked()
	for i, line := range s.Lines {
		if line.UsedUp && (!blocked || line.Scope.Overall()) {
			return &s.Lines[i]
		}
	}
	return nil
}

// MonthBudget is what the copies may spend in a month: their overall budgets, or else the sum over their providers.
func (s State) MonthBudget() money.Money {
	overall, providers := map[int64]money.Money{}, map[int64]money.Money{}
	for _, line := range s.Lines {
		if line.Kind != policy.KindSpend || line.Duration != "1M" {
			continue
		}
		if line.Scope.Overall() {
			overall[line.CopyID] += line.Money()
		} else {
			providers[line.CopyID] += line.Money()
		}
	}
	sum := money.Money(0)
	for copied, most := range providers {
		if _, limited := overall[copied]; !limited {
			sum += most
		}
	}
	for _, most := range overall {
		sum += most
	}
	return sum
}
