package scim

import "tollgate/models/problem"

// The kinds of problems that the protocol names. They are the codes of refusals here.
const (
	InvalidSyntax = "invalidSyntax"
	InvalidValue  = "invalidValue"
	InvalidPath   = "invalidPath"
	InvalidFilter = "invalidFilter"
	NoTarget      = "noTarget"
	Uniqueness    = "uniqueness"
	Mutability    = "mutability"
)

// Kinds are all of them.
var Kinds = []string{InvalidSyntax, InvalidValue, InvalidPath, InvalidFilter, NoTarget, Uniqueness, Mutability}

// refuse refuses what cannot be read, or is not a value of its attribute.
func refuse(kind, field, message string) error {
	return problem.Refuse(problem.Invalid, field, kind, message)
}

// Taken refuses a name that another user or group of the connection has.
func Taken(field, message string) error {
	return problem.Refuse(problem.Conflict, field, Uniqueness, message)
}
