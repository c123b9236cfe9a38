package ledger

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// OpenWeek opens this week, in which events are stored from then on, unless it is open.
func OpenWeek(ctx context.Context, db *bun.DB) error {
	_, err := db.NewRaw(
		"SELECT open_usage_week(date_trunc('week', clock_timestamp() AT TIME ZONE 'UTC')::date)").Exec(ctx)
	if err != nil {
		return fmt.Errorf("open this week for usage: %w", err)
	}
	return nil
}
