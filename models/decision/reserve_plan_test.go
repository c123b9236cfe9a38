package decision_test

import (
	"encoding/json"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/dbtest"
	"tollgate/models/modelstest"
)

// A session that held its first estimate while there was none plans for empty tables, and keeps the plan. What others
// hold later does not make its holds slower.
func TestPlansMadeForEmptyTablesStayQuick(t *testing.T) {
	_, owner := dbtest.URLs(t)
	db := modelstest.Open(t, owner)
	session, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	modelstest.Run(t, db, "VACUUM (ANALYZE) reservations, usage_changes")
	blocksOfAHold(t, session) // reads what there is to know of the tables, too
	before := blocksOfAHold(t, session)
	modelstest.Run(t, db, `INSERT INTO reservations (id, user_id, copy_id, expires_at, line_ids, kinds, reset_durations, window_starts, amounts)
SELECT gen_random_uuid(), n, n, now() + interval '5 minutes', '{}', '{}', '{}', '{}', '{}' FROM generate_series(1000, 4000) AS n`)
	modelstest.Run(t, db, "INSERT INTO usage_changes (user_id) SELECT n FROM generate_series(1000, 9000) AS n")
	if after := blocksOfAHold(t, session); after > before+50 {
		t.Errorf("a hold reads %d blocks, and %d when others hold 3,000 more", before, after)
	}
}

func blocksOfAHold(t *testing.T, db bun.IDB) int {
	t.Helper()
	var plan string
	err := db.NewRaw(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
SELECT * FROM hold_estimates(ARRAY[gen_random_uuid()], '{a user}', '{7}', '{300}', '{a name}', '{content}', '{1}', ARRAY[gen_random_uuid()],
    '{tokens}', '{1d}', '{2026-11-23T00:00:00Z}', '{1}', '{0}', '{5}')`).Scan(t.Context(), &plan)
	if err != nil {
		t.Fatal(err)
	}
	var explained []struct {
		Plan struct {
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		}
	}
	if err := json.Unmarshal([]byte(plan), &explained); err != nil {
		t.Fatal(err)
	}
	return explained[0].Plan.Hit + explained[0].Plan.Read
}
