package telemetry

import (
	"context"
	"slices"

	"tollgate/models/input"
	"tollgate/models/usage"
)

// record counts events in as many reports as they need. When one of them fails, those before it are counted: the same
// events can be sent again. Refusals: as of usage.Recorder.Record.
func (t *Telemetry) record(ctx context.Context, events []usage.EventInput) ([]usage.Result, error) {
	var results []usage.Result
	for part := range slices.Chunk(events, usage.MaxEvents) {
		counted, err := t.Recorder.Record(ctx, usage.Input{
			Events: input.List[usage.EventInput]{Kind: input.Array, Items: part},
		})
		if err != nil {
			return nil, err
		}
		results = append(results, counted...)
	}
	return results, nil
}

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

func number(literal string) input.Value {
	if literal == "" {
		return input.Value{}
	}
	return input.Value{Kind: input.Number, Text: literal}
}
