package telemetry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tollgate/models/input"
	"tollgate/models/usage"
)

// record counts events in as many reports as they need. When one of them fails, those before it are counted: the same
// events can be sent again. Problems have the paths of what was sent. Refusals: as of usage.Recorder.Record.
func (t *Telemetry) record(ctx context.Context, events []event) ([]usage.Result, error) {
	var results []usage.Result
	for part := range slices.Chunk(events, usage.MaxEvents) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("count usage: %w", err)
		}
		counted, err := t.Recorder.Record(ctx, usage.Input{Events: input.ListOf(part, event.input)})
		if err != nil {
			return nil, err
		}
		results = append(results, counted...)
	}
	for i, result := range results {
		for n, p := range result.Errors {
			field := p.Field
			if strings.HasPrefix(field, "events[") { // events[7].cost
				_, field, _ = strings.Cut(field, "].")
			}
			result.Errors[n].Field = events[i].sentAs(field)
		}
	}
	return results, nil
}

func (e event) input() usage.EventInput { return e.EventInput }

// refused are the results of events that were not counted, because they are wrong.
func refused(results []usage.Result) []usage.Result {
	wrong := []usage.Result{}
	for _, r := range results {
		if r.Status == "invalid" || r.Status == "conflict" {
			wrong = append(wrong, r)
		}
	}
	return wrong
}

func text(s string) input.Value {
	if s == "" {
		return input.Value{}
	}
	return input.Value{Kind: input.String, Text: s}
}
