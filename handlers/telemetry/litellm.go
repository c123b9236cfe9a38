package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/usage"
)

// LiteLLMPath is where LiteLLM's generic API logger sends its logs.
const LiteLLMPath = "/api/usage/litellm"

// RecordLiteLLM counts the calls in the logs of LiteLLM (StandardLoggingPayload): a list, one alone, or one a line.
// Calls that failed and used nothing are passed over.
func (t *Telemetry) RecordLiteLLM(c *gin.Context) error {
	body, _, err := readBody(c, typeJSON, typeNDJSON)
	if err != nil {
		return err
	}
	logs, err := readLogs(body)
	if err != nil {
		return err
	}
	var events []event
	ignored := 0
	for i, log := range logs {
		if event, ok := litellmEvent(i, log); ok {
			events = append(events, event)
		} else {
			ignored++
		}
	}
	results, err := t.record(reqctx.Of(c), events)
	if err != nil {
		return err
	}
	statuses := map[string]int{}
	for _, r := range results {
		statuses[r.Status]++
	}
	rejected := refused(results)
	answer := gin.H{
		"counted": statuses["counted"], "duplicates": statuses["duplicate"], "quarantined": statuses["quarantined"],
		"ignored": ignored, "rejected": rejected[:min(len(rejected), namedLogs)], "rejected_count": len(rejected),
	}
	if n := statuses["spooled"]; n > 0 {
		answer["spooled"] = n
	}
	reply.JSON(c, http.StatusOK, answer)
	return nil
}

// namedLogs is how many rejected logs an answer names.
const namedLogs = 100

// readLogs reads the logs of a body. Refusals: Unreadable, TooLarge.
func readLogs(body []byte) ([]json.RawMessage, error) {
	logs, ok := splitLogs(body)
	switch {
	case !ok:
		return nil, intake.Unreadable("", "unreadable_logs",
			"Send the logs as LiteLLM's generic API logger does: a list of objects, one object, or one a line.")
	case len(logs) > maxItems:
		return nil, tooMany("logs")
	}
	return logs, nil
}

// splitLogs reads a list of logs, or one after the other. Where not all of it is JSON, each line is a log of its own,
// and at least one has to be an object. It reads no further when there are too many.
func splitLogs(body []byte) (logs []json.RawMessage, ok bool) {
	whole := bytes.TrimSpace(quoteNotJSON(body))
	if len(whole) > 0 && whole[0] == '[' {
		if !json.Valid(whole) {
			return nil, false
		}
		for i, log := range items(whole) {
			if logs = append(logs, log); i == maxItems {
				break
			}
		}
		return logs, true
	}
	decoder := json.NewDecoder(bytes.NewReader(whole))
	for {
		var log json.RawMessage
		switch err := decoder.Decode(&log); {
		case errors.Is(err, io.EOF):
			return logs, len(logs) == 0 || slices.ContainsFunc(logs, isLog)
		case err != nil:
			return readLines(body)
		}
		if logs = append(logs, log); len(logs) > maxItems {
			return logs, true
		}
	}
}

func readLines(body []byte) (logs []json.RawMessage, ok bool) {
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			logs = append(logs, quoteNotJSON(line))
		}
		if len(logs) > maxItems {
			return logs, true
		}
	}
	return logs, slices.ContainsFunc(logs, isLog)
}

func isLog(raw json.RawMessage) bool {
	_, ok := readObject(raw)
	return ok
}

// litellmNames are the members of a log by the field of an event that each is read into.
var litellmNames = map[string]string{
	"event_id": "id", "user_id": "metadata.user_api_key_user_id", "provider": "custom_llm_provider", "model": "model",
	"cost": "response_cost", "tokens": "total_tokens", "input_tokens": "prompt_tokens",
	"output_tokens": "completion_tokens", "occurred_at": "endTime",
}

// litellmEvent is the event of a log, which is the one at i; ok is false for a call that failed and used nothing.
func litellmEvent(i int, raw json.RawMessage) (e event, ok bool) {
	log, ok := readObject(raw)
	if !ok {
		return unreadableLog(i), true
	}
	metadata, _ := readObject(log["metadata"])
	e.EventInput = usage.EventInput{
		Row: input.Row{Kind: input.Object}, EventID: value(log["id"]), Cost: amount(value(log["response_cost"])),
		UserID: value(metadata["user_api_key_user_id"]), Provider: named(log["custom_llm_provider"]),
		Model: named(log["model_group"]), Tokens: count(value(log["total_tokens"])),
		InputTokens: count(value(log["prompt_tokens"])), OutputTokens: count(value(log["completion_tokens"])),
		OccurredAt: endTime(log["endTime"]),
	}
	if value(log["status"]).Text == "failure" && zero(e.Cost, e.Tokens, e.InputTokens, e.OutputTokens) {
		return e, false
	}
	if costUnknown(log, e) {
		e.Cost = input.Value{}
	}
	group := e.Model.Given()
	if !group {
		e.Model = named(log["model"])
	}
	e.sentAs = func(field string) string {
		name := litellmNames[field]
		if field == "model" && group {
			name = "model_group"
		}
		return input.Index("", i) + "." + name
	}
	if e.UserID.Kind != input.String || e.UserID.Text == "" {
		e.Unread = append(e.Unread, problem.Problem{
			Field: "user_id", Code: "required",
			Message: "Give the key in LiteLLM a user_id, which is the id of the user here, as text.",
		})
	}
	return e, true
}

// costUnknown reports a call that used tokens, and of which LiteLLM says that it could not compute the cost: then it
// logs a cost of 0. A model that is free has no such object.
func costUnknown(log map[string]json.RawMessage, e event) bool {
	_, failed := readObject(log["response_cost_failure_debug_info"])
	return failed && zero(e.Cost) && !zero(e.Tokens, e.InputTokens, e.OutputTokens)
}

func unreadableLog(i int) event {
	wrong := problem.Problem{Code: "wrong_type", Message: "Give a log as a JSON object."}
	return event{
		usage.EventInput{Row: input.Row{Kind: input.Object}, Unread: problem.Problems{wrong}},
		func(string) string { return input.Index("", i) },
	}
}

// value is a member of a log as it stands there; null is left out.
func value(raw json.RawMessage) input.Value {
	raw = bytes.TrimSpace(raw)
	var s string
	switch {
	case len(raw) == 0, string(raw) == "null":
		return input.Value{}
	case json.Unmarshal(raw, &s) == nil:
		return input.Value{Kind: input.String, Text: s}
	case raw[0] == '{', raw[0] == '[':
		return input.Value{Kind: input.Object}
	case raw[0] == 't', raw[0] == 'f':
		return input.Value{Kind: input.Bool, Text: string(raw)}
	}
	return input.Value{Kind: input.Number, Text: string(raw)}
}

// named is a name in a log; an empty one is left out.
func named(raw json.RawMessage) input.Value {
	v := value(raw)
	if v.Kind == input.String && v.Text == "" {
		return input.Value{}
	}
	return v
}

// endTime is the time of a number of seconds since 1970. Other values are passed on, and refused as no time.
func endTime(raw json.RawMessage) input.Value {
	v := value(raw)
	seconds, err := strconv.ParseFloat(v.Text, 64)
	if v.Kind != input.Number || err != nil || seconds < 0 || seconds > 1<<34 {
		return v
	}
	return text(time.UnixMicro(int64(seconds * 1e6)).UTC().Format(time.RFC3339Nano))
}
