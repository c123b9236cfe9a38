package usage

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// A row that no partition takes yet is stored when its transaction runs again; a counter that is full stays full.
func TestOnlyAFullCounterIsTooMuch(t *testing.T) {
	for want, errs := range map[bool][]error{
		true:  {&pgconn.PgError{Code: "22003"}, &pgconn.PgError{Code: "23514", ConstraintName: "limit_windows_used_check"}},
		false: {&pgconn.PgError{Code: "23514"}, &pgconn.PgError{Code: "40001"}},
	} {
		for _, err := range errs {
			if got := tooMuch(fmt.Errorf("store: %w", err)); got != want {
				t.Errorf("%v is too much: %v", err, got)
			}
		}
	}
}
