package models

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
)

// UsageEventInput is what a gateway reports after a call.
type UsageEventInput struct {
	Row
	EventID      Value `json:"event_id"`
	VirtualKey   Value `json:"virtual_key"`
	UserID       Value `json:"user_id"`
	Provider     Value `json:"provider"`
	Model        Value `json:"model"`
	MCPClientID  Value `json:"mcp_client_id"`
	ToolName     Value `json:"tool_name"`
	Cost         Value `json:"cost"`
	Tokens       Value `json:"tokens"`
	InputTokens  Value `json:"input_tokens"`
	OutputTokens Value `json:"output_tokens"`
	// Parts of the input and of the output.
	CachedTokens     Value `json:"cached_input_tokens"`
	CacheWriteTokens Value `json:"cache_write_input_tokens"`
	ReasoningTokens  Value `json:"reasoning_output_tokens"`
	Requests         Value `json:"requests"`
	OccurredAt       Value `json:"occurred_at"`
	ReservationID    Value `json:"reservation_id"`
	Estimated        Value `json:"estimated"`
	// Unread is what could not be read of an event in a batch.
	Unread Problems
}

// UsageInput is one event, or a batch of them.
type UsageInput struct {
	UsageEventInput
	Events List[UsageEventInput] `json:"events"`
}

// usageEvent is an event that was read: what happened, and who paid for it.
type usageEvent struct {
	id                    string // as it was sent
	gatewayID             gatewayID
	who                   Asker
	keyID                 string
	userID                string
	user                  uuid.UUID // the same, when it is one
	provider, model       string
	named                 string // the model as it was named without a provider
	mcpClientID, toolName string
	cost                  *Money // nil: unpriced
	costComputed          bool   // by the catalogue's price
	tokens                int64
	input, output         *int64
	cacheRead, cacheWrite *int64 // of the input
	reasoning             *int64 // of the output
	requests              int64
	occurredAt            time.Time
	reservation           string // as it is stored
	estimated             bool   // until the exact event comes

	copyID, profileID int64 // 0 when the user holds nothing
	lines             []countedLine
}

const (
	maxEvents     = 1000
	maxEventCost  = 1_000_000 * dollar
	MaxCallTokens = 1_000_000_000_000
	maxRequests   = 1_000_000
	clockSkew     = 5 * time.Minute
	dedupHorizon  = 35 * day // how long an event is remembered, and so how late it may come
	longestSource = 255
)

// read checks an event; now is the database's clock. Problems are below path.
func (in UsageEventInput) read(path string, now time.Time) (usageEvent, Problems) {
	c := &checker{}
	e := usageEvent{requests: 1, occurredAt: now}
	e.id = c.eventID(path+"event_id", in.EventID)
	e.gatewayID = newGatewayID(e.id)
	e.who = c.asker(path, in.VirtualKey, in.UserID)
	c.issued(path, e.who)
	for _, field := range []struct {
		name  string
		value Value
		to    *string
	}{{"provider", in.Provider, &e.provider}, {"model", in.Model, &e.model}, {"mcp_client_id", in.MCPClientID, &e.mcpClientID}, {"tool_name", in.ToolName, &e.toolName}} {
		most := longestSource
		if field.name == "model" {
			most = longestModel + min(65, 1+strings.IndexByte(field.value.Text, '/')) // and its provider in front
		}
		if field.value.Kind != Absent {
			*field.to, _ = c.text(path+field.name, field.value, textRule{what: "the " + strings.ReplaceAll(field.name, "_", " "), max: most, exact: true})
		}
	}
	if e.model != "" && (e.mcpClientID != "" || e.toolName != "") {
		c.add(path+"model", "ambiguous_event", "Report a call of a model or of a tool, not both in one event.")
	}
	if e.provider == "" {
		e.named = e.model
	}
	e.provider, e.model = splitModel(e.provider, e.model) // once: what counts, prices and reports it sees the same two
	e.cost = c.cost(path+"cost", in.Cost)
	e.input, e.output = c.optionalCount(path+"input_tokens", in.InputTokens), c.optionalCount(path+"output_tokens", in.OutputTokens)
	tokens := c.optionalCount(path+"tokens", in.Tokens)
	sum := valueOr(e.input, 0) + valueOr(e.output, 0)
	switch {
	case tokens == nil:
		e.tokens = sum
	case (e.input != nil || e.output != nil) && sum > *tokens:
		c.add(path+"tokens", "tokens_mismatch", "Give at least as many tokens in all as input and output tokens together.")
	default:
		e.tokens = *tokens
	}
	c.tokenParts(path, in, &e)
	if in.Requests.Kind == Null {
		c.add(path+"requests", "null_not_allowed", "Give the number of requests instead of null.")
	}
	if n, ok := c.count(path+"requests", in.Requests, "the number of requests", 0, maxRequests); ok {
		e.requests = n
	}
	if in.OccurredAt.Kind != Absent {
		e.occurredAt = c.occurred(path+"occurred_at", in.OccurredAt, now)
	}
	if in.ReservationID.Given() {
		e.reservation = newGatewayID(c.gatewayID(path+"reservation_id", in.ReservationID, "invalid_reservation_id")).key
	}
	e.estimated, _ = c.truth(path+"estimated", in.Estimated)
	return e, c.found
}

// asker reads who a call is for: a key or a user, one of both.
func (c *checker) asker(path string, key, user Value) (who Asker) {
	if key.Kind == Absent && user.Kind == Absent {
		c.add(path+"virtual_key", "required", "Give the virtual key, or the user_id.")
		return who
	}
	if key.Given() && user.Given() {
		c.add(path+"user_id", "ambiguous_user", "Give the virtual key or the user_id, not both.")
	}
	for _, part := range []struct {
		field string
		value Value
		to    *string
	}{{"virtual_key", key, &who.VirtualKey}, {"user_id", user, &who.UserID}} {
		field := part.field
		switch {
		case part.value.Kind == Absent:
		case part.value.Kind == Null:
			c.add(path+field, "null_not_allowed", "Give "+field+" instead of null, or leave it out.")
		case part.value.Kind != String:
			c.add(path+field, "wrong_type", "Give "+field+" as text.")
		case part.value.Text == "":
			c.add(path+field, "required", "Give "+field+".")
		default:
			*part.to = part.value.Text
		}
	}
	return who
}

// issued refuses a key or user of an event that can be none: it could not be kept.
func (c *checker) issued(path string, who Asker) {
	for _, part := range [...]struct{ field, text string }{{"virtual_key", who.VirtualKey}, {"user_id", who.UserID}} {
		if len(part.text) > longestSource || !legible(part.text, false) {
			c.add(path+part.field, "invalid_characters", "Give "+part.field+" as it was issued.")
		}
	}
}

func (c *checker) eventID(field string, v Value) string {
	if v.Kind == Absent || v.Kind == Null {
		c.add(field, "required", "Give each event an id of its own, and send the same one when you repeat it.")
		return ""
	}
	return c.gatewayID(field, v, "invalid_event_id")
}

// cost reads dollars of one call, rounded to the nano-dollar: they were measured. It is nil when they are not known.
func (c *checker) cost(field string, v Value) *Money {
	switch {
	case v.Kind == Absent, v.Kind == Null:
		return nil
	case v.Kind != Number && !v.Typed:
		c.add(field, "wrong_type", "Give the cost as a number of dollars, such as 0.25.")
		return nil
	}
	amount, err := ParseCost(strings.TrimSpace(v.Text))
	switch {
	case errors.Is(err, ErrNotANumber):
		c.add(field, "wrong_type", "Give the cost as a plain number of dollars, such as 0.25, without signs or separators.")
		return nil
	case err != nil || amount > maxEventCost:
		c.add(field, "number_out_of_range", "Give the cost of one call, between 0 and 1000000 dollars.")
		return nil
	}
	return &amount
}

func (c *checker) optionalCount(field string, v Value) *int64 {
	if v.Kind == Null {
		return nil
	}
	n, ok := c.count(field, v, "the number of tokens", 0, MaxCallTokens)
	if !ok {
		return nil
	}
	return &n
}

// tokenParts reads what of the tokens is more than a plain input or output. Parts are never more than the whole.
func (c *checker) tokenParts(path string, in UsageEventInput, e *usageEvent) {
	e.cacheRead = c.optionalCount(path+"cached_input_tokens", in.CachedTokens)
	e.cacheWrite = c.optionalCount(path+"cache_write_input_tokens", in.CacheWriteTokens)
	e.reasoning = c.optionalCount(path+"reasoning_output_tokens", in.ReasoningTokens)
	if valueOr(e.cacheRead, 0)+valueOr(e.cacheWrite, 0) > valueOr(e.input, 0) {
		field := "cached_input_tokens"
		if e.cacheRead == nil {
			field = "cache_write_input_tokens"
		}
		c.add(path+field, "tokens_mismatch", "Give at least as many input_tokens as cached_input_tokens and cache_write_input_tokens together: these are parts of them.")
	}
	if valueOr(e.reasoning, 0) > valueOr(e.output, 0) {
		c.add(path+"reasoning_output_tokens", "tokens_mismatch", "Give at least as many output_tokens: reasoning_output_tokens are a part of them.")
	}
}

func (c *checker) occurred(field string, v Value, now time.Time) time.Time {
	at, ok := c.moment(field, v, "when it happened")
	switch {
	case !ok:
	case at.After(now.Add(clockSkew)):
		c.add(field, "timestamp_in_future", "Give a moment that has come: set the gateway's clock.")
	case at.Before(now.Add(-dedupHorizon)):
		c.add(field, "event_too_old", "Keep this event and ask an admin: it is more than 35 days old, so nobody can tell whether it was counted.")
	}
	return at
}

func valueOr(n *int64, otherwise int64) int64 {
	if n == nil {
		return otherwise
	}
	return *n
}

// amount is what the event adds to a line.
func (e usageEvent) amount(kind string) int64 {
	switch kind {
	case kindSpend:
		if e.cost == nil {
			return 0
		}
		return int64(*e.cost)
	case kindTokens:
		return e.tokens
	}
	return e.requests
}

// question is the event as it would have been asked before the call.
func (e usageEvent) question() Question {
	return Question{Provider: e.provider, Model: e.model, MCPClientID: e.mcpClientID, ToolName: e.toolName}
}
