package telemetry

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/usage"
)

// event is an event with where it came from. sentAs is the path of what a field of it was read from, as its sender
// wrote it.
type event struct {
	usage.EventInput
	sentAs func(field string) string
}

// event is the event of a span that is a call, or cannot be read.
func (s span) event(call callKind) event {
	if len(s.unread) > 0 {
		return event{usage.EventInput{Row: input.Row{Kind: input.Object}, Unread: s.unread}, s.sentAs}
	}
	e := usage.EventInput{
		Row: input.Row{Kind: input.Object}, EventID: text(s.eventID()), Cost: amount(s.own.value(costNames)),
		OccurredAt: text(time.Unix(0, int64(s.end)).UTC().Format(time.RFC3339Nano)),
	}
	if e.EventID.Kind == input.Absent {
		e.Unread = append(e.Unread, problem.Problem{
			Field: "event_id", Code: "required",
			Message: "Give the span a trace id of 16 bytes and a span id of 8, so that it has an id of its own.",
		})
	}
	if s.end > math.MaxInt64 {
		e.Unread = append(e.Unread, problem.Problem{
			Field: "occurred_at", Code: "invalid_timestamp", Message: endMessage,
		})
	}
	s.readUser(&e)
	if call == toolCall {
		e.MCPClientID, e.ToolName = text(s.own.text(serverNames)), text(s.own.text(toolNames))
		return event{e, s.sentAs}
	}
	e.Provider, e.Model = text(s.own.text(providerNames)), text(s.own.text(modelNames))
	s.readTokens(&e)
	return event{e, s.sentAs}
}

// readUser puts into an event who made the call. A program of one user says on its resource who that is.
func (s span) readUser(e *usage.EventInput) {
	for _, of := range []attributes{s.own, s.resource} {
		if key := of.text(keyNames); key != "" {
			e.VirtualKey = text(key)
			return
		}
		if user := of.text(userNames); user != "" {
			e.UserID = text(user)
			return
		}
	}
	e.Unread = append(e.Unread, problem.Problem{
		Field: "user_id", Code: "required", Message: "Give the user's id as text in user.id, or the virtual key in " +
			"tollgate.virtual_key, of the span or its resource.",
	})
}

// readTokens puts into an event how many tokens were used. Where the parts of the input are more than the input, the
// sender counts them beside it.
func (s span) readTokens(e *usage.EventInput) {
	tokens := func(names []string) input.Value { return count(s.own.value(names)) }
	e.InputTokens, e.OutputTokens, e.Tokens = tokens(inputNames), tokens(outputNames), tokens(totalNames)
	e.CachedTokens, e.CacheWriteTokens, e.ReasoningTokens = tokens(readNames), tokens(writeNames), tokens(reasoningNames)

	in, ok := counted(e.InputTokens)
	read, _ := counted(e.CachedTokens)
	write, _ := counted(e.CacheWriteTokens)
	if parts := read + write; ok && parts > in && parts <= input.MaxCount-in {
		e.InputTokens = input.Value{Kind: input.Number, Text: strconv.FormatInt(in+parts, 10)}
	}
	out, _ := counted(e.OutputTokens)
	if reasoning, ok := counted(e.ReasoningTokens); ok && reasoning > out {
		e.ReasoningTokens = input.Value{}
	}
	if _, ok := counted(e.Tokens); ok && (e.InputTokens.Given() || e.OutputTokens.Given()) {
		e.Tokens = input.Value{}
	}
}

// spanIDs is the namespace of the event ids of spans, so that a span has the same one in protobuf and in JSON.
var spanIDs = uuid.MustParse("5b0f7f3c-6f0a-4c7d-9f0e-0d6f1d7c2a41")

// eventID is what the sender says, else made of the span's ids; "" when these are none.
func (s span) eventID() string {
	if id := s.own.text(eventNames); id != "" {
		return id
	}
	if len(s.trace) != 16 || len(s.id) != 8 {
		return ""
	}
	return uuid.NewSHA1(spanIDs, append(slices.Clone(s.trace), s.id...)).String()
}

// sentAs is where a field of the event of a span was read from, and of which span.
func (s span) sentAs(field string) string {
	path := s.at.path()
	names, read := attributeNames[field]
	name, found := s.own.first(names)
	shared, ofResource := s.resource.first(names)
	switch {
	case found:
		path += ".attributes[" + name + "]"
	case field == "event_id":
		path += ".spanId"
	case field == "occurred_at":
		path += ".endTimeUnixNano"
	case ofResource:
		path = place{s.at.resource, -1, -1}.path() + ".resource.attributes[" + shared + "]"
	case read:
		path += ".attributes[" + names[0] + "]"
	case field != "":
		path = strings.TrimPrefix(path+"."+field, ".")
	}
	if len(s.id) > 0 {
		path += fmt.Sprintf(" of span %x", s.id)
	}
	return path
}

func (p place) path() (path string) {
	if p.resource >= 0 {
		path = input.Index("resourceSpans", p.resource)
	}
	if p.scope >= 0 {
		path += input.Index(".scopeSpans", p.scope)
	}
	if p.span >= 0 {
		path += input.Index(".spans", p.span)
	}
	return path
}
