package modelstest

import (
	"testing"

	"github.com/uptrace/bun"
)

// Run executes a statement, or fails the test.
func Run(t *testing.T, db bun.IDB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// AssertValue fails the test unless a query answers with a value.
func AssertValue[T comparable](t *testing.T, db *bun.DB, want T, query string) {
	t.Helper()
	var got T
	if err := db.QueryRowContext(t.Context(), query).Scan(&got); err != nil || got != want {
		t.Errorf("%s: %v, want %v (%v)", query, got, want, err)
	}
}
