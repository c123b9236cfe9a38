package policy

import (
	"time"

	"github.com/uptrace/bun"
)

// limitRow is a limit as it is stored.
type limitRow struct {
	bun.BaseModel `bun:"table:limit_lines"`

	ID                string `bun:",pk"`
	Kind              string `bun:",pk"`
	PolicyID          int64
	ProviderName      string `bun:",nullzero"` // "" of overall limits
	MaxLimit          int64
	ResetDuration     string
	QuarterStartMonth int `bun:",nullzero"`
	Position          int
	CreatedAt         time.Time
	CarriedFrom       *time.Time
	CarriedUntil      *time.Time
}

// limitRows are the limits of a policy as they are stored.
func (p Policy) limitRows(policyID int64) []limitRow {
	limits := p.Limits()
	rows := make([]limitRow, len(limits))
	for i, l := range limits {
		rows[i] = limitRow{
			ID: l.ID, Kind: l.Kind, PolicyID: policyID, ProviderName: l.Scope.Provider, MaxLimit: l.Max,
			ResetDuration:     l.Duration,
			QuarterStartMonth: l.Quarter, Position: l.Position, CreatedAt: l.Start, CarriedFrom: l.CarriedFrom,
			CarriedUntil: l.CarriedUntil,
		}
	}
	return rows
}

func (r limitRow) limit() Limit {
	return Limit{
		ID: r.ID, Scope: Scope{Provider: r.ProviderName}, Kind: r.Kind, Max: r.MaxLimit, Duration: r.ResetDuration,
		Quarter: r.QuarterStartMonth, Position: r.Position,
		Window: Window{Start: r.CreatedAt, CarriedFrom: r.CarriedFrom, CarriedUntil: r.CarriedUntil},
	}
}

// key is the row's primary key.
func (r limitRow) key() string { return r.ID + " " + r.Kind }

// same reports whether what can change of a row is the same.
func (r limitRow) same(other limitRow) bool {
	return r.MaxLimit == other.MaxLimit && r.ResetDuration == other.ResetDuration &&
		r.QuarterStartMonth == other.QuarterStartMonth && r.Position == other.Position
}
