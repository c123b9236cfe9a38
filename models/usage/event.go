package usage

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"tollgate/models/catalogue"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/tally"
	"tollgate/models/window"
)

// EventInput is what a gateway reports after a call.
type EventInput struct {
	input.Row
	EventID      input.Value `json:"event_id"`
	VirtualKey   input.Value `json:"virtual_key"`
	UserID       input.Value `json:"user_id"`
	Provider     input.Value `json:"provider"`
	Model        input.Value `json:"model"`
	MCPClientID  input.Value `json:"mcp_client_id"`
	ToolName     input.Value `json:"tool_name"`
	Cost         input.Value `json:"cost"`
	Tokens       input.Value `json:"tokens"`
	InputTokens  input.Value `json:"input_tokens"`
	OutputTokens input.Value `json:"output_tokens"`
	// Parts of the input and of the output.
	CachedTokens     input.Value `json:"cached_input_tokens"`
	CacheWriteTokens input.Value `json:"cache_write_input_tokens"`
	ReasoningTokens  input.Value `json:"reasoning_output_tokens"`
	Requests         input.Value `json:"requests"`
	OccurredAt       input.Value `json:"occurred_at"`
	ReservationID    input.Value `json:"reservation_id"`
	Estimated        input.Value `json:"estimated"`
	// Unread is what could not be read of an event in a batch.
	Unread problem.Problems
}

// Input is one event, or a batch of them.
type Input struct {
	EventInput
	Events input.List[EventInput] `json:"events"`
}

// Event is an event that was read: what happened, and who paid for it.
type Event struct {
	ID                    string // as it was sent
	GatewayID             input.GatewayID
	who                   entitlement.Subject
	keyID                 string
	keyHash, masked       string // of an event of the spool, which has no key
	UserID                string
	user                  uuid.UUID // the same, when it is one
	Provider, Model       string
	bare                  string // the model as it was sent without a provider
	named                 string // the same, or under which other name it may be stored
	mcpClientID, toolName string
	Cost                  *money.Money // nil: unpriced
	costComputed          bool         // by the catalogue's price
	Tokens                int64
	input, output         *int64
	cacheRead, cacheWrite *int64 // of the input
	reasoning             *int64 // of the output
	Requests              int64
	OccurredAt            time.Time
	reservation           string // as it is stored
	estimated             bool   // until the exact event comes

	CopyID, ProfileID int64 // 0 when the user has no copy
	Lines             []entitlement.Limit
}

// MaxEvents is how many events a batch may have.
const MaxEvents = 1000

const maxRequests = 1_000_000

const clockSkew = 5 * time.Minute

const dedupHorizon = 35 * window.Day // how late an event may come; its id has to be kept as long for deduplication

// read checks an event; now is the database's clock. Problems are below path.
func (in EventInput) read(path string, now time.Time) (Event, problem.Problems) {
	c := &input.Reader{}
	e := Event{Requests: 1, OccurredAt: now}
	e.ID = c.EventID(path+"event_id", in.EventID)
	e.GatewayID = input.NewGatewayID(e.ID)
	e.who = decision.ReadSubject(c, path, in.VirtualKey, in.UserID)
	checkIssued(c, path, e.who)
	in.readCalled(c, path, &e)
	e.Cost = decision.ReadCost(c, path+"cost", in.Cost)
	in.readTokens(c, path, &e)
	if in.Requests.Kind == input.Null {
		c.Add(path+"requests", "null_not_allowed", "Give the number of requests instead of null.")
	}
	if n, ok := c.Int(path+"requests", in.Requests, "the number of requests", 0, maxRequests); ok {
		e.Requests = n
	}
	if in.OccurredAt.Kind != input.Absent {
		e.OccurredAt = readOccurred(c, path+"occurred_at", in.OccurredAt, now)
	}
	if in.ReservationID.Given() {
		e.reservation = input.NewGatewayID(c.GatewayID(path+"reservation_id", in.ReservationID, "invalid_reservation_id")).Key
	}
	e.estimated, _ = c.Bool(path+"estimated", in.Estimated)
	return e, c.Problems
}

// readCalled reads the model or the tool that was called.
func (in EventInput) readCalled(c *input.Reader, path string, e *Event) {
	for _, field := range []struct {
		name  string
		value input.Value
		to    *string
	}{
		{"provider", in.Provider, &e.Provider},
		{"model", in.Model, &e.Model},
		{"mcp_client_id", in.MCPClientID, &e.mcpClientID},
		{"tool_name", in.ToolName, &e.toolName},
	} {
		most := decision.LongestSource
		if field.name == "model" {
			most = catalogue.LongestModel + min(65, 1+strings.IndexByte(field.value.Text, '/')) // and its provider in front
		}
		if field.value.Kind != input.Absent {
			*field.to, _ = c.Text(path+field.name, field.value,
				input.TextRule{What: "the " + strings.ReplaceAll(field.name, "_", " "), Max: most, Exact: true})
		}
	}
	if e.Model != "" && (e.mcpClientID != "" || e.toolName != "") {
		c.Add(path+"model", "ambiguous_event", "Report a call of a model or of a tool, not both in one event.")
	}
	e.setModel(e.Provider, e.Model)
}

// setModel splits a model once, so that counting, pricing and reporting see the same two names.
func (e *Event) setModel(provider, model string) {
	if provider == "" {
		e.bare, e.named = model, model
	}
	e.Provider, e.Model = catalogue.SplitModel(provider, model)
}

// readTokens reads the tokens, their sum and their parts.
func (in EventInput) readTokens(c *input.Reader, path string, e *Event) {
	e.input = decision.ReadTokens(c, path+"input_tokens", in.InputTokens)
	e.output = decision.ReadTokens(c, path+"output_tokens", in.OutputTokens)
	tokens := decision.ReadTokens(c, path+"tokens", in.Tokens)
	sum := input.ValueOr(e.input, 0) + input.ValueOr(e.output, 0)
	switch {
	case tokens == nil:
		e.Tokens = sum
	case (e.input != nil || e.output != nil) && sum > *tokens:
		c.Add(path+"tokens", "tokens_mismatch", "Give at least as many tokens in all as input and output tokens together.")
	default:
		e.Tokens = *tokens
	}
	readTokenParts(c, path, in, e)
}

// checkIssued refuses a text that can be no key or user id: it could not be stored.
func checkIssued(c *input.Reader, path string, who entitlement.Subject) {
	for _, part := range [...]struct{ field, text string }{{"virtual_key", who.VirtualKey}, {"user_id", who.UserID}} {
		if len(part.text) > decision.LongestSource || !input.Legible(part.text, false) {
			c.Add(path+part.field, "invalid_characters", "Give it as it was issued.")
		}
	}
}

// readTokenParts reads the parts of the tokens with a price of their own. Parts are never more than the whole.
func readTokenParts(c *input.Reader, path string, in EventInput, e *Event) {
	e.cacheRead = decision.ReadTokens(c, path+"cached_input_tokens", in.CachedTokens)
	e.cacheWrite = decision.ReadTokens(c, path+"cache_write_input_tokens", in.CacheWriteTokens)
	e.reasoning = decision.ReadTokens(c, path+"reasoning_output_tokens", in.ReasoningTokens)
	if input.ValueOr(e.cacheRead, 0)+input.ValueOr(e.cacheWrite, 0) > input.ValueOr(e.input, 0) {
		field := "cached_input_tokens"
		if e.cacheRead == nil {
			field = "cache_write_input_tokens"
		}
		c.Add(path+field, "tokens_mismatch", "Give at least as many input_tokens as cached_input_tokens and "+
			"cache_write_input_tokens together: these are parts of them.")
	}
	if input.ValueOr(e.reasoning, 0) > input.ValueOr(e.output, 0) {
		c.Add(path+"reasoning_output_tokens", "tokens_mismatch",
			"Give at least as many output_tokens: reasoning_output_tokens are a part of them.")
	}
}

func readOccurred(c *input.Reader, field string, v input.Value, now time.Time) time.Time {
	at, ok := c.Time(field, v, "when it happened")
	switch {
	case !ok:
	case at.After(now.Add(clockSkew)):
		c.Add(field, "timestamp_in_future", "Give a time that is not in the future: set the gateway's clock.")
	case at.Before(now.Add(-dedupHorizon)):
		c.Add(field, "event_too_old", "Keep this event and ask an admin: it is more than 35 days old, "+
			"so the console cannot check whether it was counted.")
	}
	return at
}

// amounts are what the event adds to limits; a cost that is unknown adds nothing.
func (e *Event) amounts() policy.Amounts {
	return policy.Amounts{Spend: input.ValueOr(e.nanos(), 0), Tokens: e.Tokens, Requests: e.Requests}
}

// chargeSet is the copy that pays, and what the event adds to its counters.
func (e *Event) chargeSet() tally.Set {
	charges := make([]tally.Charge, len(e.Lines))
	for i, l := range e.Lines {
		start, _ := l.Window(e.OccurredAt)
		of := tally.Counter{Line: l.ID, Kind: l.Kind, Duration: l.Duration, Start: start.UnixMicro()}
		charges[i] = tally.Charge{Counter: of, Amount: e.amounts().Of(l.Kind)}
	}
	return tally.NewSet(e.CopyID, e.ProfileID, charges)
}

// adds is what the event adds to sums, with what it adds to counters.
func (e *Event) adds(charges []tally.Charge) tally.Event {
	provider, model := e.Provider, e.Model
	if e.toolName != "" {
		provider, model = "mcp", e.mcpClientID+"/"+e.toolName
	}
	return tally.Event{
		User: e.UserID, Key: e.keyID, Profile: e.ProfileID, Provider: provider, Model: model, OccurredAt: e.OccurredAt,
		Cost: e.amounts().Spend, Tokens: e.Tokens, Requests: e.Requests, Unpriced: e.Cost == nil && e.toolName == "",
		Reservation: e.reservation, Charges: charges,
	}
}

// Question is the call of the event, as a gateway would have sent it for a decision.
func (e Event) Question() entitlement.Call {
	return entitlement.Call{Provider: e.Provider, Model: e.Model, MCPClientID: e.mcpClientID, ToolName: e.toolName}
}

// readEvents reads events, and puts the problems of those in a batch into their results. Sent are the indexes of the
// others. Refusal: Invalid for a single event.
func readEvents(
	inputs []EventInput, single bool, now time.Time, results []Result,
) (events []*Event, sent []int, err error) {
	for i, input := range inputs {
		results[i].EventID = problem.Clip(input.EventID.Text)
		event, problems := input.event(eventPath(i, single), now)
		switch {
		case len(problems) == 0:
			results[i].EventID = event.ID
			events, sent = append(events, &event), append(sent, i)
		case single:
			return nil, nil, problem.InvalidInput(problems)
		default:
			results[i].Status, results[i].Errors = "invalid", problems
		}
	}
	return events, sent, nil
}

// eventPath is the path prefix of an event's fields.
func eventPath(i int, single bool) string {
	if single {
		return ""
	}
	return input.Index("events", i) + "."
}

// event reads one event, unless intake has already found it unreadable.
func (in EventInput) event(path string, now time.Time) (Event, problem.Problems) {
	c := &input.Reader{Problems: in.Unread}
	if len(c.Problems) > 0 || !c.Object(strings.TrimSuffix(path, "."), in.Kind, "an event") {
		return Event{}, c.Problems
	}
	return in.read(path, now)
}

// events are the events of a request: a single one, or a batch.
func (in Input) events() (events []EventInput, single bool, err error) {
	if in.Events.Kind == input.Absent {
		return []EventInput{in.EventInput}, true, nil
	}
	c := &input.Reader{}
	switch {
	case in.Events.Kind == input.Array && len(in.Events.Items) > MaxEvents:
		return nil, false, problem.Refuse(problem.TooLarge, "events", "too_many_items", "Send at most 1000 events at once.")
	case !input.CheckList(c, "events", in.Events, MaxEvents, "events"):
	case len(in.Events.Items) == 0:
		c.Add("events", "required", "Send at least one event.")
	}
	return in.Events.Items, false, problem.InvalidInput(c.Problems)
}
