package modelstest

import (
	"tollgate/models/input"
)

// Literal is a number as JSON sends it.
func Literal(text string) input.Value { return input.Value{Kind: input.Number, Text: text} }

// Word is a text as JSON sends it.
func Word(text string) input.Value { return input.Value{Kind: input.String, Text: text} }

// Object is a row as JSON sends it.
func Object() input.Row { return input.Row{Kind: input.Object} }
