package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// identify finds whose events are, and who of what they hold pays for them, in a fixed number of statements unless keys are no longer good. It
// reports false for those of keys and users that nobody knows.
func (r *Recorder) identify(ctx context.Context, events []*usageEvent, catalogue *Catalogue, now time.Time) ([]bool, error) {
	known, values, users := make([]bool, len(events)), map[string]bool{}, map[uuid.UUID]bool{}
	for _, e := range events {
		if e.who.VirtualKey != "" {
			values[e.who.VirtualKey] = true
		}
	}
	owners, err := r.decider.usersOfKeys(ctx, values)
	if err != nil {
		return nil, err
	}
	for n, e := range events {
		e.userID = e.who.UserID
		if e.who.VirtualKey != "" {
			if key, works := owners[e.who.VirtualKey]; works {
				e.userID, e.keyID = key.user.String(), key.id.String()
			} else if e.userID, e.keyID, err = r.ownerOf(ctx, e.who.VirtualKey); err != nil {
				return nil, err
			}
		}
		if e.user, known[n] = parseUserID(e.userID); known[n] {
			users[e.user] = true
		}
	}
	holdings, err := r.decider.payersOf(ctx, users, now)
	if err != nil {
		return nil, err
	}
	for n, e := range events {
		switch h := holdings[e.user]; {
		case !known[n]:
		case len(h.copies) == 0:
			if known[n], err = r.isUser(ctx, e); err != nil {
				return nil, err
			}
		default:
			e.resolve(h, catalogue)
			held, err := r.payer(ctx, h, *e)
			if err != nil {
				return nil, err
			}
			e.copyID, e.profileID, e.lines = held.id, held.profileID, slices.Collect(held.lines(e.question()))
		}
	}
	return known, nil
}

// resolve finds the provider of a model that was named without one, as a decision does. When several list it, it stays as it was read: the money
// was spent, whatever was granted.
func (e *usageEvent) resolve(h *holding, catalogue *Catalogue) {
	if e.named == "" || e.toolName != "" || e.mcpClientID != "" {
		return
	}
	q, several := h.resolveModel(Question{Model: e.named}, catalogue, e.occurredAt)
	if len(several) == 0 && q.Provider != "" {
		e.provider, e.model = q.Provider, q.Model
	}
}

// isUser reports whether the user of an event, who has no copy, exists: whose key it was does, and a user who was named has to.
func (r *Recorder) isUser(ctx context.Context, e *usageEvent) (bool, error) {
	if e.who.VirtualKey != "" {
		return true, nil
	}
	return isUser(ctx, r.db, e.userID)
}

func isUser(ctx context.Context, db bun.IDB, id string) (known bool, err error) {
	err = scanPlanned(ctx, db, []any{&known}, "SELECT EXISTS (SELECT FROM users WHERE id = $1)", id)
	if err != nil {
		return false, fmt.Errorf("look up a user: %w", err)
	}
	return known, nil
}

// ownerOf is whose key a value is or was: what was spent with a key that works no more is still its holder's.
func (r *Recorder) ownerOf(ctx context.Context, value string) (user, key string, err error) {
	if key, works, err := r.decider.userOfKey(ctx, value); err != nil || works {
		return key.user.String(), key.id.String(), err
	}
	if !isKeySecret(VirtualKeyPrefix, value) {
		return "", "", nil
	}
	err = scanPlanned(ctx, r.db, []any{&user, &key}, `
SELECT user_id, id FROM virtual_keys WHERE key_hash = $1 OR previous_hash = $1
UNION ALL SELECT user_id, key_id FROM retired_keys WHERE key_hash = $1 LIMIT 1`, hashSecret(r.decider.keys.VirtualKey, value))
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("look up whose key it was: %w", err)
	}
	return user, key, nil
}

// payer is the copy that a call is charged to: the one that its reservation is of, else the first that grants it and has room, else the
// first that grants it, else the first. The money was spent, whatever was granted.
func (r *Recorder) payer(ctx context.Context, h *holding, e usageEvent) (*heldCopy, error) {
	if len(h.copies) == 1 {
		return &h.copies[0], nil
	}
	if e.reservation != "" {
		var of int64
		err := scanPlanned(ctx, r.db, []any{&of}, "SELECT copy_id FROM reservations WHERE id = $1 AND user_id = $2 LIMIT 1", e.reservation, e.userID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("look up a reservation: %w", err)
		}
		for i := range h.copies {
			if h.copies[i].id == of {
				return &h.copies[i], nil
			}
		}
	}
	var grants func(*heldCopy) []Grant
	q := e.question()
	catalogue, err := r.decider.known(ctx)
	if err != nil {
		return nil, err
	}
	q.unpriced = catalogue.unpriced(q)
	if q.OfTool() {
		if grants, err = r.decider.grants(ctx); err != nil {
			return nil, err
		}
	}
	decision, granting := h.decide(q, grants, e.occurredAt)
	if len(granting) > 0 {
		return &h.copies[granting[0]], nil
	}
	if decision.Payer != nil {
		for i := range h.copies {
			if h.copies[i].id == decision.Payer.CopyID {
				return &h.copies[i], nil
			}
		}
	}
	return &h.copies[0], nil
}
