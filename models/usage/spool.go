package usage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tollgate/models/access"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/keptevent"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// spoolTime is how long events may take to be on the disk, also when the request is over by then.
const spoolTime = 2 * time.Second

// spooledEvent is an event as the spool keeps it until the database is back. A key is kept as its hash.
type spooledEvent struct {
	keptevent.Event
	KeyHash     []byte `json:"key_hash"`
	Reservation string `json:"reservation"` // as it is stored
}

// spools reports whether an error is one after which the spool takes events instead.
func (r *Recorder) spools(err error) bool {
	var refusal *problem.Refusal
	return r.Spool != nil && errors.As(problem.Classify(err), &refusal) && refusal.Reason == problem.Unavailable
}

// spool keeps events on the disk, because the database is away. They are stored later, each once by its id. Refusals:
// Invalid for a single event, Unavailable when the disk does not take them.
func (r *Recorder) spool(ctx context.Context, inputs []EventInput, single bool) ([]Result, error) {
	results := make([]Result, len(inputs))
	events, sent, err := readEvents(inputs, single, r.decider.Now(), results)
	if err != nil {
		return nil, err
	}
	lines := make([][]byte, len(events))
	for n, event := range events {
		if lines[n], err = r.spooled(event); err != nil {
			return nil, err
		}
		results[sent[n]].Status = "spooled"
	}
	if len(lines) > 0 {
		adding, cancel := context.WithTimeout(context.WithoutCancel(ctx), spoolTime)
		defer cancel()
		if err := r.Spool.Add(adding, lines...); err != nil {
			return nil, fmt.Errorf("%w: %w", problem.Refuse(problem.Unavailable, "", "retry_later",
				"The database is away, and this console cannot keep events meanwhile. Send them again, with the same ids."), err)
		}
	}
	for _, event := range events {
		r.decider.AddUsed(r.usesInMemory(event)...)
	}
	return results, nil
}

func (r *Recorder) spooled(e *Event) ([]byte, error) {
	kept := spooledEvent{Event: e.kept(), Reservation: e.reservation}
	if e.who.VirtualKey != "" {
		kept.KeyHash = secret.HashSecret(r.decider.Keys.VirtualKey, e.who.VirtualKey)
	}
	line, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("write an event for the spool: %w", err)
	}
	return line, nil
}

// usesInMemory is what an event uses of the limits of the copy that pays for it, as far as is known from memory.
func (r *Recorder) usesInMemory(e *Event) []access.Used {
	known, ok := r.decider.Remember(e.who)
	if !ok {
		return nil
	}
	e.user = known.User
	e.resolve(known.Entitlements, known.Catalogue)
	_ = price(known.Catalogue, e, "") // too large a cost is found when the event is stored
	grants := func(c *entitlement.Copy) []policy.Grant { return policy.Grants(*known.Catalogue, *c.Policy) }
	payer := decision.PayerOf(known.Entitlements, e.Question(), grants, e.OccurredAt)
	e.Lines = append(e.Lines, payer.Counting(e.Question())...)
	return e.used()
}
