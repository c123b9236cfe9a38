package usage

import (
	"context"

	"tollgate/models/keptevent"
	"tollgate/models/problem"
)

// eventConflict is what is wrong with an event whose id is that of another one.
var eventConflict = problem.Problem{
	Field: "event_id", Code: "event_conflict",
	Message: "Give another call another event_id: this one was reported with other content.",
}

// keep stores events of unknown keys and users in the quarantine, and says what became of each. After an error some
// have no status.
func (r *Recorder) keep(ctx context.Context, events []*Event) ([]Result, error) {
	if len(events) == 0 {
		return nil, nil
	}
	keys, kept := make([]string, len(events)), make([]keptevent.Event, len(events))
	for i, e := range events {
		keys[i], kept[i] = e.GatewayID.Key, e.kept()
	}
	inserted, err := keptevent.Insert(ctx, r.db, keys, kept)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(events))
	for i, e := range events {
		if inserted[i] {
			results[i] = Result{EventID: e.ID, Status: "quarantined"}
		}
	}
	for i, e := range events {
		if inserted[i] {
			continue
		}
		again, err := r.keepAgain(ctx, e)
		if err != nil {
			return results, err
		}
		results[i] = again
	}
	return results, nil
}

// keepAgain says what becomes of an event whose id is in the quarantine. An exact one takes the place of an open
// estimate. When that was assigned, it counts for the user who was charged.
func (r *Recorder) keepAgain(ctx context.Context, e *Event) (Result, error) {
	kept, result := e.kept(), Result{EventID: e.ID, Status: "quarantined"}
	before, replaced, err := keptevent.ReplaceEstimate(ctx, r.db, e.GatewayID.Key, kept)
	switch {
	case err != nil || replaced:
		return result, err
	case before.Outcome != nil && *before.Outcome == "assigned" && before.UserID != nil:
		return r.countAssigned(ctx, *before.UserID, kept)
	case before.Event.Conflicts(kept):
		return conflicting(e), nil
	}
	result.Duplicate = true
	return result, nil
}

// countAssigned says what became of an event that an admin has assigned to a user, and that is reported again.
func (r *Recorder) countAssigned(ctx context.Context, userID string, kept keptevent.Event) (Result, error) {
	result := Result{EventID: kept.EventID, Status: "duplicate", Duplicate: true}
	events, err := r.ChargeTo(ctx, userID, []keptevent.Event{kept})
	if err != nil {
		return result, err
	}
	replaced, err := r.replace(ctx, events)
	if err != nil {
		return result, err
	}
	conflicts, err := r.conflicts(ctx, events)
	switch {
	case err != nil:
		return result, err
	case conflicts[0]:
		return conflicting(events[0]), nil
	case replaced[0]:
		result.Status, result.Duplicate = "counted", false
	}
	return result, nil
}

func conflicting(e *Event) Result {
	return Result{EventID: e.ID, Status: "conflict", Errors: problem.Problems{eventConflict}}
}
