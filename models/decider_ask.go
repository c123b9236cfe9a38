package models

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Asker is who a call is for: the value of a virtual key, or a user.
type Asker struct{ VirtualKey, UserID string }

// Decide answers a question without changing anything. Refusal: Unavailable when the database is away; then nothing is allowed.
func (d *Decider) Decide(ctx context.Context, who Asker, q Question) (decision Decision, err error) {
	begun := time.Now()
	decision, _, _, err = d.decide(ctx, who, q, false)
	d.timed(begun, decision, err)
	return decision, err
}

func (d *Decider) decide(ctx context.Context, who Asker, q Question, older bool) (Decision, *holding, []int, error) {
	if err := d.current(ctx); err != nil {
		return Decision{}, nil, nil, err
	}
	user, known := parseUserID(who.UserID)
	if who.VirtualKey != "" {
		key, works, err := d.userOfKey(ctx, who.VirtualKey)
		if err != nil {
			return Decision{}, nil, nil, err
		}
		user, known = key.user, works
	}
	if !known {
		return refusal(AccessNotFound, "No key or user like this is known, or it works no more."), nil, nil, nil
	}
	h, err := d.holdingOf(ctx, user, older)
	if err != nil {
		return Decision{}, nil, nil, err
	}
	var grants func(*heldCopy) []Grant
	if q.OfTool() {
		if grants, err = d.grants(ctx); err != nil {
			return Decision{}, nil, nil, err
		}
	}
	catalogue, err := d.known(ctx)
	if err != nil {
		return Decision{}, nil, nil, err
	}
	q.unpriced = catalogue.unpriced(q)
	decision, granting := h.decide(q, grants, d.now())
	return decision, h, granting, nil
}

// Reserve answers a question and, when it is allowed, holds the estimate in every limit that counts, until the call is reported or the
// hold ends by itself. Of many at once exactly those are allowed that there is room for.
func (d *Decider) Reserve(ctx context.Context, who Asker, q Question) (Decision, error) {
	begun := time.Now()
	decision, err := d.reserve(ctx, who, q)
	d.timed(begun, decision, err)
	return decision, err
}

func (d *Decider) reserve(ctx context.Context, who Asker, q Question) (Decision, error) {
	// Whether there is room is for the database to say, so that what is in memory need not be the latest, unless it refuses.
	decision, h, granting, err := d.decide(ctx, who, q, true)
	if err == nil && !decision.Decision {
		decision, h, granting, err = d.decide(ctx, who, q, false)
	}
	if err != nil || !decision.Decision {
		return decision, err
	}
	now := d.now()
	for _, i := range granting {
		held := &h.copies[i]
		asked := &estimate{id: uuid.Must(uuid.NewV7()), user: h.user, held: held, q: q, at: now}
		holds, err := d.reserver.hold(ctx, asked)
		if err != nil {
			return decision, err
		}
		if holds {
			d.counted(h.user)
			decision = held.room(q, now)
			decision.Decision, decision.Type, decision.StatusCode, decision.RetryAfter = true, Allowed, decisionStatus[Allowed], nil
			n := 0
			for l := range held.lines(q) {
				decision.Limits[n].Used.N, decision.Limits[n].Reserved.N = asked.used[n], asked.reserved[n]+l.ask(q)
				n++
			}
			id := asked.id.String()
			decision.Message, decision.ReservationID = "Allowed by "+held.name+"; the estimate is held.", &id
			return decision, nil
		}
	}
	// Others were quicker: what is in memory did not know yet.
	h = h.clone()
	if err := countHoldings(ctx, d.db, map[uuid.UUID]*holding{h.user: h}, now); err != nil {
		return decision, err
	}
	d.counted(h.user)
	if refused := h.copies[granting[0]].room(q, now); !refused.Decision {
		return refused, nil
	}
	refused := refusal(RateLimited, "Others took the last room at this moment. Try again.")
	wait := int64(1)
	refused.Payer, refused.RetryAfter = h.copies[granting[0]].payer(), &wait
	return refused, nil
}

// Callable lists what somebody may call at this moment, of what the catalogues know: models as provider/model, or tools as server/tool.
func (d *Decider) Callable(ctx context.Context, who Asker, tools bool) ([]string, error) {
	_, h, _, err := d.decide(ctx, who, Question{tool: tools}, false)
	if err != nil || h == nil {
		return nil, err
	}
	grants, err := d.grants(ctx)
	if err != nil {
		return nil, err
	}
	catalogue, err := d.known(ctx)
	if err != nil {
		return nil, err
	}
	found, now := []string{}, d.now()
	try := func(id string, q Question) {
		q.unpriced = catalogue.unpriced(q)
		if decision, _ := h.decide(q, grants, now); decision.Decision && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	for _, held := range h.copies {
		if tools {
			for _, grant := range grants(&held) {
				for _, tool := range grant.Tools {
					try(grant.Server+"/"+tool, Question{MCPClientID: grant.Server, ToolName: tool})
				}
			}
			continue
		}
		for _, config := range held.policy.ProviderConfigs {
			names := config.AllowedModels
			if config.AllModelsAllowed {
				names = catalogue.Models(config.ProviderName)
			}
			for _, model := range names {
				try(config.ProviderName+"/"+bareModel(config.ProviderName, model), Question{Provider: config.ProviderName, Model: model})
			}
		}
	}
	return found, nil
}
