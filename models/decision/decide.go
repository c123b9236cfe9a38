package decision

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// Decide decides a call without changing anything. Refusal: Unavailable when the database cannot be reached; then
// nothing is allowed, but from memory what a profile allows then.
func (e *Engine) Decide(
	ctx context.Context, subject entitlement.Subject, call entitlement.Call,
) (decision Decision, err error) {
	begun := time.Now()
	decided, err := e.decideAway(ctx, subject, call)
	e.timed(begun, decided.Decision, err)
	if err == nil {
		e.note(decided)
	}
	return decided.Decision, err
}

// Try decides a call like Decide, for a user who wants to see the answer: it is in no log and no metric.
func (e *Engine) Try(ctx context.Context, subject entitlement.Subject, call entitlement.Call) (Decision, error) {
	tried, err := e.decide(ctx, subject, call, false)
	return tried.Decision, err
}

// TryAsOf decides what a user's copies of today would have allowed at an earlier time, as asOf says.
func (e *Engine) TryAsOf(ctx context.Context, user string, call entitlement.Call, at time.Time) (Decision, error) {
	id, known := identity.ParseUserID(user)
	if !known {
		return unknownSubject(), nil
	}
	h, err := asOf(ctx, e.cache.DB, id, at)
	if err != nil {
		return Decision{}, err
	}
	grants, err := e.cache.Grants(ctx)
	if err != nil {
		return Decision{}, err
	}
	offered, err := e.cache.CatalogueNow(ctx)
	if err != nil {
		return Decision{}, err
	}
	return decided{Decision: Decision{UserID: id}, call: call, entitlements: h}.judge(offered, grants, at).Decision, nil
}

// decided is a decision with what it was based on.
type decided struct {
	Decision
	call         entitlement.Call          // with the provider that the model was resolved to
	entitlements *entitlement.Entitlements // nil when the user is unknown
	granting     []int                     // indexes of the copies that grant
	at           time.Time                 // by the database's clock
	owner        uuid.UUID                 // of the key, also when it has expired
	ownersKey    uuid.UUID
}

// with is the same with another decision.
func (of decided) with(d Decision) decided {
	of.Decision = d
	return of
}

// by returns the decision with its subject and its model.
func (of decided) by(d Decision) Decision {
	d.UserID, d.VirtualKeyID = of.UserID, of.VirtualKeyID
	if d.Payer != nil {
		d.AccessProfileID = d.Payer.AccessProfileID
	}
	if of.call.Asks() == entitlement.CallModel {
		d.Provider, d.Model = of.call.Provider, of.call.Model
	}
	return d
}

func (e *Engine) decide(
	ctx context.Context, subject entitlement.Subject, call entitlement.Call, older bool,
) (of decided, err error) {
	if err := e.cache.Current(ctx); err != nil {
		return of, err
	}
	of.call, of.at = call, e.cache.Now()
	user, unknown, err := e.userOf(ctx, subject, &of)
	if err != nil {
		return of, err
	}
	if unknown != nil {
		of.Decision = *unknown
		return of, nil
	}
	h, err := e.cache.EntitlementsOf(ctx, user, older)
	known := true
	if err == nil && len(h.Copies) == 0 && subject.VirtualKey == "" {
		known, err = identity.IsUser(ctx, e.cache.DB, user.String())
	}
	if err != nil {
		return of, err
	}
	if !known {
		of.Decision = unknownSubject()
		return of, nil
	}
	of.UserID, of.entitlements = user, h
	var grants func(*entitlement.Copy) []policy.Grant
	if call.IsTool() {
		if grants, err = e.cache.Grants(ctx); err != nil {
			return of, err
		}
	}
	catalogue, err := e.cache.CatalogueNow(ctx)
	if err != nil {
		return of, err
	}
	return of.judge(catalogue, grants, e.cache.Now()), nil
}

// userOf finds the user of a subject, or the decision when there is none.
func (e *Engine) userOf(
	ctx context.Context, subject entitlement.Subject, of *decided,
) (user uuid.UUID, unknown *Decision, err error) {
	var known bool
	switch {
	case subject.VirtualKey != "":
		key, works, err := e.cache.UserOfKey(ctx, subject.VirtualKey)
		if err != nil {
			return user, nil, err
		}
		of.owner, of.ownersKey = key.User, key.ID
		if user, known = key.User, works; works {
			of.VirtualKeyID = key.ID
		}
	case subject.AccessToken != "":
		user, why, err := e.cache.UserOfToken(ctx, subject.AccessToken)
		if err == nil && why != "" {
			d := denied(AccessNotFound, "This access token is not accepted: "+why+".")
			unknown = &d
		}
		return user, unknown, err
	case subject.UserID == "":
		d := denied(AccessNotFound,
			"The call carries no virtual key: send one, such as sk-bf-…, as Authorization: Bearer or in x-bf-vk.")
		return user, &d, nil
	default:
		user, known = identity.ParseUserID(subject.UserID)
	}
	if !known {
		d := unknownSubject()
		unknown = &d
	}
	return user, unknown, nil
}

// judge decides by the entitlements at a given time.
func (of decided) judge(
	offered *catalogue.Catalogue, grants func(*entitlement.Copy) []policy.Grant, at time.Time,
) decided {
	of.at = at
	asked := of.call
	var providers []string
	of.call, providers = of.entitlements.ResolveModel(asked, offered, at)
	if len(providers) > 0 && of.entitlements.Frozen == nil {
		return of.with(of.by(ambiguousModel(of.entitlements, asked, providers)))
	}
	of.call.Unpriced = entitlement.Unpriced(offered, of.call)
	decision, granting := Decide(of.entitlements, of.call, grants, at)
	of.granting = granting
	return of.with(of.by(decision))
}

// unknownSubject is one answer for unknown, malformed, revoked and expired credentials.
func unknownSubject() Decision {
	return denied(AccessNotFound, "This key or user is unknown, or the key was revoked or has expired.")
}

// Reserve decides a call and, when it is allowed, holds the estimate in every limit that counts, until the call is
// reported or the hold expires. Of many concurrent calls exactly those are allowed that there is room for.
func (e *Engine) Reserve(ctx context.Context, subject entitlement.Subject, call entitlement.Call) (Decision, error) {
	begun := time.Now()
	reserved, err := e.reserve(ctx, subject, call)
	e.timed(begun, reserved.Decision, err)
	if err == nil {
		e.note(reserved)
	}
	return reserved.Decision, err
}

func (e *Engine) reserve(ctx context.Context, subject entitlement.Subject, call entitlement.Call) (decided, error) {
	// The database has the last word on whether there is room, so stale counters will do, unless they block the call or
	// leave it to a later copy.
	of, err := e.decide(ctx, subject, call, true)
	if err == nil && (!of.Decision.Decision || of.passedOver) {
		of, err = e.decide(ctx, subject, call, false)
	}
	if err != nil {
		return of, err
	}
	if call.Hold.ID != "" && (of.Decision.Decision || of.byLimits()) {
		if before, found, err := e.heldBefore(ctx, of); found || err != nil {
			return of.with(before), err
		}
	}
	if !of.Decision.Decision || !of.call.Metered() {
		return of, nil
	}
	h, now := of.entitlements, e.cache.Now()
	for _, i := range of.granting {
		wanted := newEstimate(h.User, &h.Copies[i], of.call, now)
		if err := e.hold(ctx, wanted); err != nil {
			return of, err
		}
		switch {
		case wanted.holds.Bool:
			e.cache.Counted(h.User)
			return of.with(of.by(allow(wanted.userCopy, of.call, wanted.id, wanted.used, wanted.reserved, now))), nil
		case wanted.taken:
			before, err := e.heldMeanwhile(ctx, of)
			return of.with(before), err
		}
	}
	return e.tooLate(ctx, of, now)
}

// hold waits until an estimate is held or not. Refusal: Unavailable when it takes longer than the request.
func (e *Engine) hold(ctx context.Context, wanted *estimate) error {
	err := e.reservations.Do(ctx, wanted)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return problem.Refuse(problem.Unavailable, "", "outcome_unknown",
			"It is not known yet whether the estimate is held. A hold that is not used is released when its lease ends.")
	}
	return err
}

// tooLate is the decision when concurrent calls used the room after the cache was read: it counts again, to report the
// limit that blocks.
func (e *Engine) tooLate(ctx context.Context, of decided, now time.Time) (decided, error) {
	h := of.entitlements.Clone()
	if err := entitlement.CountUsed(ctx, e.cache.DB, map[uuid.UUID]*entitlement.Entitlements{h.User: h}, now); err != nil {
		return of, err
	}
	e.cache.Counted(h.User)
	first := &h.Copies[of.granting[0]]
	if refused := checkLimits(first, of.call, now); !refused.Decision {
		return of.with(of.by(refused)), nil
	}
	refused := denied(RateLimited, "Concurrent calls reached the limit first. Try again.")
	wait := int64(1)
	refused.Payer, refused.RetryAfter = payer(first), &wait
	return of.with(of.by(refused)), nil
}
