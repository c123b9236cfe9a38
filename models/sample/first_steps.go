package sample

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// FirstSteps are what a new console was used for already, in the order in which a newcomer does it.
type FirstSteps struct {
	Profile  bool // there is a profile
	Given    bool // a user holds one
	Asked    bool // a gateway asked for a decision, or reported usage without asking
	Reported bool // a gateway reported usage
}

// Done reports whether there is no step left.
func (s FirstSteps) Done() bool { return s.Profile && s.Given && s.Asked && s.Reported }

// FindFirstSteps looks up what has been done.
func FindFirstSteps(ctx context.Context, db bun.IDB) (s FirstSteps, err error) {
	err = database.ScanPlanned(ctx, db, []any{&s.Profile, &s.Given, &s.Asked, &s.Reported}, `
SELECT EXISTS (SELECT FROM access_profiles) AS profile, EXISTS (SELECT FROM user_access_profiles) AS given,
    EXISTS (SELECT FROM decision_hours) OR EXISTS (SELECT FROM usage_days) AS asked,
    EXISTS (SELECT FROM usage_days) AS reported`)
	if err != nil {
		return s, fmt.Errorf("look up the first steps: %w", err)
	}
	return s, nil
}
