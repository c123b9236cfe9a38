package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
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

// reservationLasts is how long an estimate is held for a call whose end nobody reports.
const reservationLasts = 5 * time.Minute

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
		id := uuid.NewString()
		holds, err := reserve(ctx, d.db, id, h.user, held, q, now)
		if err != nil {
			return decision, err
		}
		if holds {
			d.counted(h.user)
			decision = held.room(q, now)
			decision.Decision, decision.Type, decision.StatusCode, decision.RetryAfter = true, Allowed, decisionStatus[Allowed], nil
			n := 0
			for l := range held.lines(q) {
				decision.Limits[n].Reserved.N += l.ask(q)
				n++
			}
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

// reserve holds the estimate in the lines of a copy, all or none.
func reserve(ctx context.Context, db *bun.DB, id string, user uuid.UUID, held *heldCopy, q Question, now time.Time) (bool, error) {
	lines, kinds, durations, starts, asks, limits := [][16]byte{}, []string{}, []string{}, []time.Time{}, []int64{}, []int64{}
	for l := range held.lines(q) {
		start, _ := l.window(now)
		lines, kinds, durations = append(lines, l.line), append(kinds, l.kind), append(durations, l.duration)
		starts, asks, limits = append(starts, start), append(asks, l.ask(q)), append(limits, l.most(now))
	}
	var holds bool
	err := repeated(ctx, func() error {
		return scanPlanned(ctx, db, []any{&holds}, "SELECT reserve($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
			id, user.String(), held.id, lines, kinds, durations, starts, asks, limits, reservationLasts)
	})
	if err != nil {
		return false, fmt.Errorf("hold an estimate: %w", err)
	}
	return holds, nil
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
				try(config.ProviderName+"/"+model, Question{Provider: config.ProviderName, Model: model})
			}
		}
	}
	return found, nil
}
