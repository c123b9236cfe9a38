package usage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
	"tollgate/models/policy"
	"tollgate/models/secret"
	"tollgate/models/virtualkey"
)

// identify finds the users of events and the copies that pay for them, in a fixed number of statements unless keys are
// retired. It reports false for events of unknown keys and users.
func (r *Recorder) identify(
	ctx context.Context, events []*Event, offered *catalogue.Catalogue, now time.Time,
) ([]bool, error) {
	known, values, users := make([]bool, len(events)), map[string]bool{}, map[uuid.UUID]bool{}
	for _, e := range events {
		if e.who.VirtualKey != "" {
			values[e.who.VirtualKey] = true
		}
	}
	owners, err := r.decider.UsersOfKeys(ctx, values)
	if err != nil {
		return nil, err
	}
	for n, e := range events {
		e.UserID = e.who.UserID
		if e.who.VirtualKey != "" {
			if key, works := owners[e.who.VirtualKey]; works {
				e.UserID, e.keyID = key.User.String(), key.ID.String()
			} else if e.UserID, e.keyID, err = r.ownerOf(ctx, e.who.VirtualKey); err != nil {
				return nil, err
			}
		}
		if e.user, known[n] = identity.ParseUserID(e.UserID); known[n] {
			users[e.user] = true
		}
	}
	holdings, err := r.decider.PayersOf(ctx, users, now)
	if err != nil {
		return nil, err
	}
	for n, e := range events {
		h := holdings[e.user]
		e.resolve(h, offered)
		switch {
		case !known[n]:
		case len(h.Copies) == 0:
			if known[n], err = r.isUser(ctx, e); err != nil {
				return nil, err
			}
		default:
			held, err := r.payer(ctx, h, *e)
			if err != nil {
				return nil, err
			}
			e.CopyID, e.ProfileID, e.Lines = held.ID, held.ProfileID, held.Counting(e.Question())
		}
	}
	return known, nil
}

// resolve finds the provider of an event. One that is named in another case than the catalogue has it, or as other
// software does, is refused by decisions; here it is the same, so that what was spent there counts there.
func (e *Event) resolve(h *entitlement.Entitlements, offered *catalogue.Catalogue) {
	e.resolveModel(h, offered)
	provider, sent := offered.Provider(e.Provider), e.Provider+"/"+e.Model
	switch {
	case provider == "":
		return
	case provider == e.Provider:
		if usual := catalogue.UsualProvider(provider); usual != "" && e.named == "" {
			e.named = usual + "/" + e.Model // as it was stored while the catalogue did not have the provider
		}
		return
	}
	e.Provider, e.Model = provider, catalogue.BareModel(provider, e.Model)
	if slices.Contains(offered.Models(provider), sent) {
		e.Model = sent // the whole text is the name of a model there
	}
	if e.named != "" {
		e.named = provider + "/" + e.Model
		e.resolveModel(h, offered)
	}
	e.named = sent // as it was stored while no such provider was known
}

// resolveModel finds the provider of a model that was named without one, as a decision did. When several list it, the
// event stays as it was read: the money was spent even when nothing granted the call.
func (e *Event) resolveModel(h *entitlement.Entitlements, offered *catalogue.Catalogue) {
	if h == nil || e.named == "" || e.toolName != "" || e.mcpClientID != "" {
		return
	}
	q, several := h.ResolveUsage(entitlement.Call{Model: e.named}, offered, e.OccurredAt)
	if len(several) == 0 && q.Provider != "" {
		e.Provider, e.Model = q.Provider, q.Model
	}
}

// isUser reports whether the user of an event, who has no copy, exists. The owner of a key does; a user whom the event
// names has to be looked up. One who was deleted since still has the events that were counted.
func (r *Recorder) isUser(ctx context.Context, e *Event) (bool, error) {
	if e.who.VirtualKey != "" || e.keyID != "" {
		return true, nil
	}
	known, err := identity.IsUser(ctx, r.db, e.UserID)
	if err != nil || known {
		return known, err
	}
	err = database.ScanPlanned(ctx, r.db, []any{&known},
		"SELECT EXISTS (SELECT FROM counted_events WHERE event_id = $1 AND user_id = $2)", e.GatewayID.Key, e.UserID)
	if err != nil {
		return false, fmt.Errorf("look up an event of a deleted user: %w", err)
	}
	return known, nil
}

// ownerOf is the owner of a key value, current or retired: usage of an expired key is still charged to its user.
func (r *Recorder) ownerOf(ctx context.Context, value string) (user, key string, err error) {
	if key, works, err := r.decider.UserOfKey(ctx, value); err != nil || works {
		return key.User.String(), key.ID.String(), err
	}
	if !virtualkey.IsValue(value) {
		return "", "", nil
	}
	err = database.ScanPlanned(ctx, r.db, []any{&user, &key}, `
SELECT user_id, id FROM virtual_keys WHERE key_hash = $1 OR previous_hash = $1
UNION ALL SELECT user_id, key_id FROM retired_keys WHERE key_hash = $1
    LIMIT 1`, secret.HashSecret(r.decider.Keys.VirtualKey, value))
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("look up whose key it was: %w", err)
	}
	return user, key, nil
}

// payer is the copy that a call is charged to: the one that its reservation is of, else decision.PayerOf.
func (r *Recorder) payer(ctx context.Context, h *entitlement.Entitlements, e Event) (*entitlement.Copy, error) {
	if len(h.Copies) == 1 {
		return &h.Copies[0], nil
	}
	if e.reservation != "" {
		var of int64
		err := database.ScanPlanned(ctx, r.db, []any{&of},
			"SELECT copy_id FROM reservations WHERE id = $1 AND user_id = $2 LIMIT 1", e.reservation, e.UserID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("look up a reservation: %w", err)
		}
		for i := range h.Copies {
			if h.Copies[i].ID == of {
				return &h.Copies[i], nil
			}
		}
	}
	var grants func(*entitlement.Copy) []policy.Grant
	q := e.Question()
	catalogue, err := r.decider.CatalogueNow(ctx)
	if err != nil {
		return nil, err
	}
	q.Unpriced = entitlement.Unpriced(catalogue, q)
	if q.IsTool() {
		if grants, err = r.decider.Grants(ctx); err != nil {
			return nil, err
		}
	}
	return decision.PayerOf(h, q, grants, e.OccurredAt), nil
}
