package refusal

import (
	"context"
	"fmt"
	"time"
)

// MonthsKept is for how many months the sums by hour are kept, which name no user.
const MonthsKept = 13

const (
	purgeEvery = time.Hour
	purgeRows  = 5_000 // in one statement
)

// purges delete what is older than it is kept, and rows of users who were deleted while a console wrote them.
const (
	purgeRefusals = `DELETE FROM refusals WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM refusals WHERE minute < clock_timestamp() - ?0 * interval '1 day'
        LIMIT ?1 FOR UPDATE SKIP LOCKED))`
	purgeDeleted = `DELETE FROM refusals WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM refusals AS r WHERE minute > clock_timestamp() - interval '1 day' AND user_id <> ''
        AND NOT EXISTS (SELECT FROM users AS u WHERE u.id = r.user_id) LIMIT ?1 FOR UPDATE SKIP LOCKED))`
	purgeHours = `DELETE FROM decision_hours WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM decision_hours WHERE hour < clock_timestamp() - ?2 * interval '1 month'
        LIMIT ?1 FOR UPDATE SKIP LOCKED))`
	purgeConsoles = `DELETE FROM decision_consoles WHERE console = ANY (ARRAY(
    SELECT console FROM decision_consoles WHERE flushed_until < clock_timestamp() - ?0 * interval '1 day'
        LIMIT ?1 FOR UPDATE SKIP LOCKED))`
)

// purge deletes a bounded number of rows at a time, so that nothing waits long for them.
func (l *Log) purge(ctx context.Context) error {
	for _, statement := range []string{purgeRefusals, purgeDeleted, purgeHours, purgeConsoles} {
		for {
			done, err := l.db.NewRaw(statement, l.keptDays, purgeRows, MonthsKept).Exec(ctx)
			if err != nil {
				return fmt.Errorf("delete old rows of the decision log: %w", err)
			}
			if rows, err := done.RowsAffected(); err != nil || rows < purgeRows {
				break
			}
		}
	}
	return nil
}
