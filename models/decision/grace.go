package decision

import (
	"context"

	"tollgate/models/access"
	"tollgate/models/entitlement"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// decideAway decides like decide and, while the database is away, from memory where a profile allows that. Memory only
// ever allows a call: everything else stays without a decision.
func (e *Engine) decideAway(ctx context.Context, subject entitlement.Subject, call entitlement.Call) (decided, error) {
	if e.cache.Away() {
		if of, ok := e.fromMemory(ctx, subject, call); ok {
			return of, nil
		}
	}
	of, err := e.decide(ctx, subject, call, false)
	if err != nil && isAway(err) {
		if remembered, ok := e.fromMemory(ctx, subject, call); ok {
			return remembered, nil
		}
	}
	return of, err
}

func isAway(err error) bool {
	refusal, ok := problem.AsRefusal(problem.Classify(err))
	return ok && refusal.Reason == problem.Unavailable
}

// fromMemory allows a call by what is in memory: a copy that grants it and has room, also with what was used here since
// its counters were read.
func (e *Engine) fromMemory(
	ctx context.Context, subject entitlement.Subject, call entitlement.Call,
) (of decided, ok bool) {
	e.memory.Lock() // so that what one call uses is counted for the next
	defer e.memory.Unlock()
	known, ok := e.cache.Remember(subject)
	if !ok {
		return of, false
	}
	grants := func(userCopy *entitlement.Copy) []policy.Grant {
		return policy.Grants(*known.Catalogue, *userCopy.Policy)
	}
	of = decided{
		Decision: Decision{UserID: known.User, VirtualKeyID: known.Key}, call: call, entitlements: known.Entitlements,
	}.judge(known.Catalogue, grants, known.At)
	for _, i := range of.granting {
		userCopy := &known.Entitlements.Copies[i]
		d := checkLimits(userCopy, of.call, known.At)
		used, room := roomInMemory(userCopy, of.call, known)
		if !d.Decision || !room {
			continue
		}
		d.Grace = true
		e.cache.AddUsed(used...)
		e.cache.InGrace(ctx, known.Until)
		return of.with(of.by(d)), true
	}
	return of, false
}

// roomInMemory reports whether a call leaves less than 90 % of this console's share of every limit used, and what it
// uses itself.
func roomInMemory(
	userCopy *entitlement.Copy, call entitlement.Call, known access.Remembered,
) (uses []access.Used, room bool) {
	if !call.Metered() {
		return nil, true
	}
	for _, l := range userCopy.Counting(call) {
		used, reserved, start, _ := l.Counted(known.At)
		of, needed := access.UsedOf{Limit: l.ID, Kind: l.Kind, Start: start.UnixMicro()}, cost(l, call)
		share := l.Cap(known.At) / known.Consoles
		if used+reserved+known.Since[of]+needed >= share-(share+9)/10 {
			return nil, false
		}
		uses = append(uses, access.Used{User: known.User, Of: of, N: needed})
	}
	return uses, true
}
