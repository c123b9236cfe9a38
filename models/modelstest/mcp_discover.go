package modelstest

import (
	"errors"
	"testing"

	"tollgate/models/problem"
)

// RefusedAs fails the test unless an error is a refusal with a code.
func RefusedAs(t *testing.T, err error, reason problem.Reason, field, code string) *problem.Refusal {
	t.Helper()
	var refusal *problem.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal with %s", err, code)
	}
	if first := refusal.Problems[0]; refusal.Reason != reason || first.Field != field || first.Code != code {
		t.Fatalf("got reason %d, %+v, want %s at %q", refusal.Reason, first, code, field)
	}
	return refusal
}
