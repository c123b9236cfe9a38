package problem

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with one field of a request.
type Problem struct {
	Field   string `json:"param"` // a path such as provider_configs[0].budgets[1].max_limit; "" when no field is at fault
	Code    string `json:"code"`
	Message string `json:"message"` // a sentence that says what to do
}

// Problems is everything wrong with a request, in the order of the schema.
type Problems []Problem

// Error makes a list of problems an error; it is never nil and empty at once, see Refuse.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = fmt.Sprintf("%s: %s (%s)", problem.Field, problem.Message, problem.Code)
	}
	return strings.Join(lines, "; ")
}

// Under reports whether any problem is of a field or of what is in it.
func (p Problems) Under(field string) bool {
	return slices.ContainsFunc(p, func(found Problem) bool {
		rest, in := strings.CutPrefix(found.Field, field)
		return in && (rest == "" || rest[0] == '[' || rest[0] == '.')
	})
}

// At returns the messages about one field.
func (p Problems) At(field string) []string {
	var messages []string
	for _, problem := range p {
		if problem.Field == field {
			messages = append(messages, problem.Message)
		}
	}
	return messages
}
