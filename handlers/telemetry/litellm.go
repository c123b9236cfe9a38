package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
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
		return intake.Unreadable("", "unreadable_logs",
			"Send the logs as LiteLLM's generic API logger does: "+problem.Clip(err.Error())+".")
	}
	var events []usage.EventInput
	ignored := 0
	for _, log := range logs {
		if event, ok := litellmEvent(log); ok {
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
	answer := gin.H{
		"counted": statuses["counted"], "duplicates": statuses["duplicate"], "quarantined": statuses["quarantined"],
		"ignored": ignored, "rejected": refused(results),
	}
	if n := statuses["spooled"]; n > 0 {
		answer["spooled"] = n
	}
	reply.JSON(c, http.StatusOK, answer)
	return nil
}

// readLogs reads a list of logs, or one after the other.
func readLogs(body []byte) (logs []object, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '[' {
		if err := decoder.Decode(&logs); err != nil {
			return nil, err
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			return nil, errors.New("there is more behind the list")
		}
		return logs, nil
	}
	for {
		var log object
		switch err := decoder.Decode(&log); {
		case errors.Is(err, io.EOF):
			return logs, nil
		case err != nil:
			return nil, err
		}
		logs = append(logs, log)
	}
}

// litellmEvent is the event of a log; ok is false for a call that failed and used nothing.
func litellmEvent(log object) (e usage.EventInput, ok bool) {
	var metadata object
	if json.Unmarshal(log["metadata"], &metadata) != nil {
		metadata = object{}
	}
	tokens := value(log, "total_tokens")
	if value(log, "status").Text == "failure" && zero(tokens) && zero(value(log, "response_cost")) {
		return e, false
	}
	e = usage.EventInput{
		Row: input.Row{Kind: input.Object}, EventID: value(log, "id"), UserID: value(metadata, "user_api_key_user_id"),
		Provider: value(log, "custom_llm_provider"), Model: value(log, "model_group"), Cost: value(log, "response_cost"),
		Tokens: tokens, InputTokens: value(log, "prompt_tokens"), OutputTokens: value(log, "completion_tokens"),
		OccurredAt: endTime(log["endTime"]),
	}
	if e.Model.Kind == input.Absent {
		e.Model = value(log, "model")
	}
	return e, true
}

// value is a member of a log as it stands there; null and "" are left out.
func value(o object, name string) input.Value {
	raw := bytes.TrimSpace(o[name])
	var s string
	switch {
	case len(raw) == 0, string(raw) == "null":
		return input.Value{}
	case json.Unmarshal(raw, &s) == nil:
		return text(s)
	case raw[0] == '{', raw[0] == '[':
		return input.Value{Kind: input.Object}
	case raw[0] == 't', raw[0] == 'f':
		return input.Value{Kind: input.Bool, Text: string(raw)}
	}
	return number(string(raw))
}

func zero(v input.Value) bool {
	n, ok := new(big.Float).SetString(v.Text)
	return v.Kind == input.Absent || ok && n.Sign() == 0
}

// endTime is the time of a number of seconds since 1970. Other values are passed on, and refused as no time.
func endTime(raw json.RawMessage) input.Value {
	var seconds float64
	if json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds > 1<<34 {
		return value(object{"endTime": raw}, "endTime")
	}
	return text(time.UnixMicro(int64(seconds * 1e6)).UTC().Format(time.RFC3339Nano))
}
