package identity

import (
	"database/sql"
	"errors"
	"fmt"

	"tollgate/models/problem"
)

// Unauthenticated refuses a request without a credential that is valid.
func Unauthenticated(message string) *problem.Refusal {
	return problem.Refuse(problem.Unauthenticated, "", "unauthenticated", message)
}

// Deactivated refuses the credential of a user who is deactivated.
func Deactivated() *problem.Refusal {
	return problem.Refuse(problem.Unauthenticated, "", "deactivated",
		"This account is deactivated. Ask an admin of this console to activate it.")
}

// NotSignedIn turns "no rows" into the answer for an invalid credential.
func NotSignedIn(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return Unauthenticated("Sign in again: this " + what + " is not valid, or not any more.")
	}
	return fmt.Errorf("look up the %s: %w", what, err)
}
