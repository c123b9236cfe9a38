package ledger

import (
	"log/slog"
	"testing"

	"tollgate/models/dbtest"
)

// A week is overdue a day after it should have been dropped, and with a folder for archives a day after it should have
// been written there.
func TestOverdueWeeks(t *testing.T) {
	db := dbtest.New(t)
	for _, row := range []struct {
		what, archive, file string
		closed              int // days ago
		overdue             int64
	}{
		{"to be dropped tomorrow", "", "", 90, 0},
		{"to be dropped yesterday", "", "", 92, 1},
		{"to be archived tomorrow", "folder", "", 36, 0},
		{"to be archived yesterday", "folder", "", 38, 1},
		{"without a folder", "", "", 38, 0},
		{"archived", "folder", "a file", 38, 0},
	} {
		_, err := db.Exec(`UPDATE usage_weeks SET opened_at = to_timestamp(0), closed_at = clock_timestamp() - ? * interval '1 day', file = nullif(?, '');
UPDATE usage_sealing SET checked_at = clock_timestamp()`, row.closed, row.file)
		if err != nil {
			t.Fatal(err)
		}
		b := NewReconciler(db, slog.New(slog.DiscardHandler), Keep{Events: 90, Days: 800, Windows: 400, Archive: row.archive})
		if err := b.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := min(b.overdue.Load(), 1); got != row.overdue {
			t.Errorf("%s: %d weeks are overdue", row.what, got)
		}
	}
}
