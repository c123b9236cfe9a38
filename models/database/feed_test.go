package database_test

import (
	"testing"

	"tollgate/models/database"
	"tollgate/models/dbtest"
	"tollgate/models/modelstest"
)

// Rows of the usage feed stay for the ten minutes in which every console reads them.
func TestFeedIsPurged(t *testing.T) {
	t.Parallel()
	_, owner := dbtest.URLs(t)
	db := modelstest.Open(t, owner)
	modelstest.Run(t, db, `INSERT INTO usage_feed (writer, seq, users, at)
SELECT gen_random_uuid(), n, '{}', clock_timestamp() - n * interval '1 minute' FROM unnest(ARRAY[0, 9, 11, 100]) AS n`)
	if err := database.PurgeFeed(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	modelstest.AssertValue(t, db, "0 9", "SELECT string_agg(seq::text, ' ' ORDER BY seq) FROM usage_feed")
}
