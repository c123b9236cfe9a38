package ledger

import (
	"strings"
	"testing"

	"tollgate/models/dbtest"
)

// A part of the counters is found without a look at all of them.
func TestOldCountersAreDeletedInParts(t *testing.T) {
	db := dbtest.New(t)
	for _, statement := range []string{
		`INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used, sealed)
SELECT gen_random_uuid(), 'spend', '1d', now() - n * interval '1 minute', 5, 5 FROM generate_series(1, 100000) AS n`,
		"ANALYZE limit_windows",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	var plan []string
	err := db.NewRaw("EXPLAIN "+oldWindows, seconds(days(400)), seconds(lateEvents), "(0,0)", "(512,0)").Scan(t.Context(), &plan)
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(plan, "\n"); strings.Contains(all, "Seq Scan on limit_windows") || !strings.Contains(all, "on limit_windows") {
		t.Errorf("the plan is:\n%s", all)
	}
}
