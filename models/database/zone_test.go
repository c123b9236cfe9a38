package database_test

import (
	"database/sql"
	"testing"
	"time"

	"tollgate/models/database"
	"tollgate/models/dbtest"
)

// However a timestamp is read, it is in UTC, and nothing else has to convert it.
func TestTimestampsAreReadInUTC(t *testing.T) {
	db := dbtest.New(t)
	const query = "SELECT '2026-11-28T23:30:00-05:00'::timestamptz AS at"
	var raw, planned time.Time
	var row struct {
		At *time.Time
	}
	var null sql.NullTime
	if err := db.NewRaw(query).Scan(t.Context(), &raw); err != nil {
		t.Fatal(err)
	}
	if err := db.NewSelect().ColumnExpr("a.at").TableExpr("("+query+") AS a").Scan(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRowContext(t.Context(), query).Scan(&null); err != nil {
		t.Fatal(err)
	}
	if err := database.ScanPlanned(t.Context(), db, []any{&planned}, query); err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 11, 29, 4, 30, 0, 0, time.UTC)
	for i, got := range []time.Time{raw, *row.At, null.Time, planned} {
		if got != want { // the same place as well as the same moment
			t.Errorf("%d: %s in %s", i, got, got.Location())
		}
	}
}
