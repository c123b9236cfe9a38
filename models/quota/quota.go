package quota

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/virtualkey"
)

// Quota is what the user of a virtual key may still use.
type Quota struct {
	VirtualKey     virtualkey.Key `json:"virtual_key"`
	AccessProfiles []ProfileQuota `json:"access_profiles"`
}

// ProfileQuota is one copy's part of it.
type ProfileQuota struct {
	ID        int64         `json:"id"`
	Name      string        `json:"name"`
	IsActive  bool          `json:"is_active"` // false also when it has expired
	ExpiresAt *time.Time    `json:"expires_at"`
	Budgets   []BudgetQuota `json:"budgets"`
	Limits    []CountQuota  `json:"rate_limits"`
}

// BudgetQuota is what is left of a budget, in dollars.
type BudgetQuota struct {
	Scope         policy.Scope `json:"scope"`
	ResetDuration string       `json:"reset_duration"`
	Limit         money.Money  `json:"limit"` // with what an override adds
	Used          money.Money  `json:"used"`
	Remaining     money.Money  `json:"remaining"`
	ResetsAt      time.Time    `json:"resets_at"`
}

// CountQuota is what is left of a limit of tokens or requests.
type CountQuota struct {
	Scope         policy.Scope `json:"scope"`
	Kind          string       `json:"kind"` // "tokens" or "requests"
	ResetDuration string       `json:"reset_duration"`
	Limit         int64        `json:"limit"`
	Used          int64        `json:"used"`
	Remaining     int64        `json:"remaining"`
	ResetsAt      time.Time    `json:"resets_at"`
}

// Get returns what the user of a key may still use.
func Get(ctx context.Context, db bun.IDB, key virtualkey.Key) (Quota, error) {
	q := Quota{VirtualKey: key, AccessProfiles: []ProfileQuota{}}
	copies, err := assignment.List(ctx, db, key.UserID)
	if err != nil {
		return q, err
	}
	now, err := database.Clock(ctx, db)
	if err != nil {
		return q, err
	}
	for _, held := range copies {
		q.AccessProfiles = append(q.AccessProfiles, quota(held, now))
	}
	return q, nil
}

func quota(u assignment.Assignment, now time.Time) ProfileQuota {
	q := ProfileQuota{
		ID: u.ID, Name: u.Name, IsActive: u.IsActive && !u.Expired(now), ExpiresAt: u.ExpiresAt, Budgets: []BudgetQuota{},
		Limits: []CountQuota{},
	}
	for _, l := range u.Limits() {
		if l.Kind == policy.KindSpend {
			q.Budgets = append(q.Budgets, BudgetQuota{
				l.Scope, l.Duration, money.Money(l.Cap()), money.Money(l.Used), money.Money(l.Left()), l.Ends,
			})
			continue
		}
		q.Limits = append(q.Limits, CountQuota{l.Scope, l.Kind, l.Duration, l.Cap(), l.Used, l.Left(), l.Ends})
	}
	return q
}
