package modelstest

import (
	"testing"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// Open opens a database until the test ends.
func Open(t *testing.T, url string) *bun.DB {
	t.Helper()
	db, err := database.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
