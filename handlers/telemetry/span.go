package telemetry

import (
	"strconv"

	"tollgate/models/problem"
)

// span is what is read of a span.
type span struct {
	trace, id, parent []byte
	name              string
	end               uint64 // nanoseconds since 1970
	failed            bool
	own, resource     attributes
	at                place
	unread            problem.Problems // what could not be read of it, by its path below the span
}

// place is where a span is in what was sent. What is no span, because it cannot be read so far, has -1 for the rest.
type place struct{ resource, scope, span int }

// statusError is the code of a span that failed.
const statusError = 2

// maxUnread is more than a client reads of a span.
const maxUnread = 10

// reject adds what could not be read of a span.
func (s *span) reject(field, code, message string) {
	if len(s.unread) < maxUnread {
		s.unread = append(s.unread, problem.Problem{Field: field, Code: code, Message: message})
	}
}

var partsMessage = "Give a span and a resource at most " + strconv.Itoa(maxParts) + " attributes, events and links."

// unreadable stands for what cannot be read as far as its spans.
func unreadable(at place, field, code, message string) span {
	s := span{at: at}
	s.reject(field, code, message)
	return s
}
