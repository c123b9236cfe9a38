package decision

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
	"tollgate/models/policy"
)

// Decide answers a question without changing anything. Refusal: Unavailable when the database is away; then nothing is
// allowed.
func (e *Engine) Decide(ctx context.Context, who entitlement.Subject, q entitlement.Call) (decision Decision, err error) {
	begun := time.Now()
	decided, err := e.decide(ctx, who, q, false)
	e.timed(begun, decided.Decision, err)
	return decided.Decision, err
}

// decided is a decision with what it was made of.
type decided struct {
	Decision
	q        entitlement.Call          // of the provider that it was found to be of
	holding  *entitlement.Entitlements // nil when the user is unknown
	granting []int                     // the places of the copies that grant
}

// by says in a decision who asked, and for which model.
func (of decided) by(d Decision) Decision {
	d.UserID, d.VirtualKeyID = of.UserID, of.VirtualKeyID
	if d.Payer != nil {
		d.AccessProfileID = d.Payer.AccessProfileID
	}
	if of.q.Asks() == entitlement.CallModel {
		d.Provider, d.Model = of.q.Provider, of.q.Model
	}
	return d
}

func (e *Engine) decide(ctx context.Context, who entitlement.Subject, q entitlement.Call, older bool) (of decided, err error) {
	if err := e.cache.Current(ctx); err != nil {
		return of, err
	}
	user, known := identity.ParseUserID(who.UserID)
	if who.VirtualKey != "" {
		key, works, err := e.cache.UserOfKey(ctx, who.VirtualKey)
		if err != nil {
			return of, err
		}
		if user, known = key.User, works; works {
			of.VirtualKeyID = key.ID
		}
	}
	if !known {
		of.Decision = unknownSubject()
		return of, nil
	}
	h, err := e.cache.EntitlementsOf(ctx, user, older)
	if err == nil && len(h.Copies) == 0 && who.VirtualKey == "" {
		known, err = identity.IsUser(ctx, e.cache.DB, user.String())
	}
	if err != nil {
		return of, err
	}
	if !known {
		of.Decision = unknownSubject()
		return of, nil
	}
	of.UserID, of.holding = user, h
	var grants func(*entitlement.Copy) []policy.Grant
	if q.IsTool() {
		if grants, err = e.cache.Grants(ctx); err != nil {
			return of, err
		}
	}
	catalogue, err := e.cache.CatalogueNow(ctx)
	if err != nil {
		return of, err
	}
	now := e.cache.Now()
	var providers []string
	of.q, providers = of.holding.ResolveModel(q, catalogue, now)
	if len(providers) > 0 {
		of.Decision = of.by(ambiguousModel(of.holding, q, providers))
		return of, nil
	}
	of.q.Unpriced = entitlement.Unpriced(catalogue, of.q)
	decision, granting := Decide(of.holding, of.q, grants, now)
	of.Decision, of.granting = of.by(decision), granting
	return of, nil
}

// unknownSubject answers alike for what is unknown, malformed, revoked or expired.
func unknownSubject() Decision {
	return refusal(AccessNotFound, "This key or user is unknown, or the key was revoked or has expired.")
}

// Reserve answers a question and, when it is allowed, holds the estimate in every limit that counts, until the call is
// reported or the hold ends by itself. Of many at once exactly those are allowed that there is room for.
func (e *Engine) Reserve(ctx context.Context, who entitlement.Subject, q entitlement.Call) (Decision, error) {
	begun := time.Now()
	decision, err := e.reserve(ctx, who, q)
	e.timed(begun, decision, err)
	return decision, err
}

func (e *Engine) reserve(ctx context.Context, who entitlement.Subject, q entitlement.Call) (Decision, error) {
	// Whether there is room is for the database to say, so that what is in memory need not be the latest, unless it
	// refuses.
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
	if !of.Decision.Decision || !of.q.Metered() {
		return of.Decision, nil
	}
	h, now := of.holding, e.cache.Now()
	for _, i := range of.granting {
		asked := newEstimate(h.User, &h.Copies[i], of.q, now)
		holds, err := e.reserver.hold(ctx, asked)
		switch {
		case err != nil:
			return of.Decision, err
		case holds:
			e.cache.Counted(h.User)
			return of.by(allow(asked.held, of.q, asked.id, asked.used, asked.reserved, now)), nil
		case asked.taken:
			return e.heldMeanwhile(ctx, of)
		}
	}
	// Others were quicker: what is in memory did not know yet.
	h = h.Clone()
	if err := entitlement.CountUsed(ctx, e.cache.DB, map[uuid.UUID]*entitlement.Entitlements{h.User: h}, now); err != nil {
		return of.Decision, err
	}
	e.cache.Counted(h.User)
	first := &h.Copies[of.granting[0]]
	if refused := checkLimits(first, of.q, now); !refused.Decision {
		return of.by(refused), nil
	}
	refused := refusal(RateLimited, "Others took the last room at this moment. Try again.")
	wait := int64(1)
	refused.Payer, refused.RetryAfter = payer(first), &wait
	return of.by(refused), nil
}

// Callable lists what a subject may call at this moment, of what the catalogues know: models as provider/model, tools
// as server/tool, or MCP servers of which some tool may be called. A server that is named narrows tools down to its
// own.
func (e *Engine) Callable(ctx context.Context, who entitlement.Subject, kind entitlement.Kind, server string) ([]string, error) {
	of, err := e.decide(ctx, who, entitlement.Call{Kind: entitlement.CallEntry}, false)
	if err != nil || of.holding == nil {
		return nil, err
	}
	grants, err := e.cache.Grants(ctx)
	if err != nil {
		return nil, err
	}
	catalogue, err := e.cache.CatalogueNow(ctx)
	if err != nil {
		return nil, err
	}
	found, now := []string{}, e.cache.Now()
	try := func(id string, q entitlement.Call) {
		q.Unpriced = entitlement.Unpriced(catalogue, q)
		if decision, _ := Decide(of.holding, q, grants, now); decision.Decision && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	for i := range of.holding.Copies {
		held := &of.holding.Copies[i]
		if kind == entitlement.CallModel {
			tryModels(held, catalogue, try)
			continue
		}
		for _, grant := range grants(held) {
			switch {
			case server != "" && grant.Server != server:
			case kind == entitlement.CallSomeTool, kind == entitlement.CallWholeServer:
				try(grant.Server, entitlement.Call{Kind: kind, MCPClientID: grant.Server})
			default:
				for _, tool := range grant.Tools {
					try(grant.Server+"/"+tool, entitlement.Call{MCPClientID: grant.Server, ToolName: tool})
				}
			}
		}
	}
	return found, nil
}

// tryModels tries each model that a copy names, or that the catalogue names where all of a provider are allowed.
func tryModels(held *entitlement.Copy, offered *catalogue.Catalogue, try func(id string, q entitlement.Call)) {
	for _, config := range held.Policy.ProviderConfigs {
		names := config.AllowedModels
		if config.AllModelsAllowed {
			names = offered.Models(config.ProviderName)
		}
		for _, model := range names {
			try(config.ProviderName+"/"+catalogue.BareModel(config.ProviderName, model), entitlement.Call{Provider: config.ProviderName, Model: model})
		}
	}
}
