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
func (e *Engine) Decide(ctx context.Context, who Asker, q Question) (decision Decision, err error) {
	begun := time.Now()
	decided, err := e.decide(ctx, who, q, false)
	e.timed(begun, decided.Decision, err)
	return decided.Decision, err
}

// decided is a decision with what it was made of.
type decided struct {
	Decision
	q        Question // of the provider that it was found to be of
	holding  *holding // nil when the user is unknown
	granting []int    // the places of the copies that grant
}

// by says in a decision who asked, and for which model.
func (of decided) by(d Decision) Decision {
	d.UserID, d.VirtualKeyID = of.UserID, of.VirtualKeyID
	if d.Payer != nil {
		d.AccessProfileID = d.Payer.AccessProfileID
	}
	if of.q.kind() == CallModel {
		d.Provider, d.Model = of.q.Provider, of.q.Model
	}
	return d
}

func (e *Engine) decide(ctx context.Context, who Asker, q Question, older bool) (of decided, err error) {
	if err := e.cache.current(ctx); err != nil {
		return of, err
	}
	user, known := parseUserID(who.UserID)
	if who.VirtualKey != "" {
		key, works, err := e.cache.userOfKey(ctx, who.VirtualKey)
		if err != nil {
			return of, err
		}
		if user, known = key.user, works; works {
			of.VirtualKeyID = key.id
		}
	}
	if !known {
		of.Decision = unknownSubject()
		return of, nil
	}
	h, err := e.cache.holdingOf(ctx, user, older)
	if err == nil && len(h.copies) == 0 && who.VirtualKey == "" {
		known, err = isUser(ctx, e.cache.db, user.String())
	}
	if err != nil {
		return of, err
	}
	if !known {
		of.Decision = unknownSubject()
		return of, nil
	}
	of.UserID, of.holding = user, h
	var grants func(*heldCopy) []Grant
	if q.OfTool() {
		if grants, err = e.cache.grants(ctx); err != nil {
			return of, err
		}
	}
	catalogue, err := e.cache.known(ctx)
	if err != nil {
		return of, err
	}
	now := e.cache.now()
	var providers []string
	of.q, providers = of.holding.resolveModel(q, catalogue, now)
	if len(providers) > 0 {
		of.Decision = of.by(of.holding.ambiguousModel(q, providers))
		return of, nil
	}
	of.q.unpriced = catalogue.unpriced(of.q)
	decision, granting := of.holding.decide(of.q, grants, now)
	of.Decision, of.granting = of.by(decision), granting
	return of, nil
}

// unknownSubject answers alike for what is unknown, malformed, revoked or expired.
func unknownSubject() Decision {
	return refusal(AccessNotFound, "This key or user is unknown, or the key was revoked or has expired.")
}

// Reserve answers a question and, when it is allowed, holds the estimate in every limit that counts, until the call is reported or the
// hold ends by itself. Of many at once exactly those are allowed that there is room for.
func (e *Engine) Reserve(ctx context.Context, who Asker, q Question) (Decision, error) {
	begun := time.Now()
	decision, err := e.reserve(ctx, who, q)
	e.timed(begun, decision, err)
	return decision, err
}

func (e *Engine) reserve(ctx context.Context, who Asker, q Question) (Decision, error) {
	// Whether there is room is for the database to say, so that what is in memory need not be the latest, unless it refuses.
	of, err := e.decide(ctx, who, q, true)
	if err == nil && !of.Decision.Decision {
		of, err = e.decide(ctx, who, q, false)
	}
	if err != nil {
		return of.Decision, err
	}
	if q.Hold.ID != "" && (of.Decision.Decision || of.byLimits()) {
		if before, found, err := e.heldBefore(ctx, of); found || err != nil {
			return before, err
		}
	}
	if !of.Decision.Decision || !of.q.metered() {
		return of.Decision, nil
	}
	h, now := of.holding, e.cache.now()
	for _, i := range of.granting {
		asked := newEstimate(h.user, &h.copies[i], of.q, now)
		holds, err := e.reserver.hold(ctx, asked)
		switch {
		case err != nil:
			return of.Decision, err
		case holds:
			e.cache.counted(h.user)
			return of.by(asked.held.allow(of.q, asked.id, asked.used, asked.reserved, now)), nil
		case asked.taken:
			return e.heldMeanwhile(ctx, of)
		}
	}
	// Others were quicker: what is in memory did not know yet.
	h = h.clone()
	if err := countHoldings(ctx, e.cache.db, map[uuid.UUID]*holding{h.user: h}, now); err != nil {
		return of.Decision, err
	}
	e.cache.counted(h.user)
	first := &h.copies[of.granting[0]]
	if refused := first.room(of.q, now); !refused.Decision {
		return of.by(refused), nil
	}
	refused := refusal(RateLimited, "Others took the last room at this moment. Try again.")
	wait := int64(1)
	refused.Payer, refused.RetryAfter = first.payer(), &wait
	return of.by(refused), nil
}

// Callable lists what a subject may call at this moment, of what the catalogues know: models as provider/model, tools as server/tool, or
// MCP servers of which some tool may be called. A server that is named narrows tools down to its own.
func (e *Engine) Callable(ctx context.Context, who Asker, kind CallKind, server string) ([]string, error) {
	of, err := e.decide(ctx, who, Question{Kind: CallEntry}, false)
	if err != nil || of.holding == nil {
		return nil, err
	}
	grants, err := e.cache.grants(ctx)
	if err != nil {
		return nil, err
	}
	catalogue, err := e.cache.known(ctx)
	if err != nil {
		return nil, err
	}
	found, now := []string{}, e.cache.now()
	try := func(id string, q Question) {
		q.unpriced = catalogue.unpriced(q)
		if decision, _ := of.holding.decide(q, grants, now); decision.Decision && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	for i := range of.holding.copies {
		held := &of.holding.copies[i]
		if kind == CallModel {
			held.tryModels(catalogue, try)
			continue
		}
		for _, grant := range grants(held) {
			switch {
			case server != "" && grant.Server != server:
			case kind == CallSomeTool, kind == CallWholeServer:
				try(grant.Server, Question{Kind: kind, MCPClientID: grant.Server})
			default:
				for _, tool := range grant.Tools {
					try(grant.Server+"/"+tool, Question{MCPClientID: grant.Server, ToolName: tool})
				}
			}
		}
	}
	return found, nil
}

// tryModels tries each model that a copy names, or that the catalogue names where all of a provider are allowed.
func (held *heldCopy) tryModels(catalogue *Catalogue, try func(id string, q Question)) {
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
