package models

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// BulkAssignInput is what the list of users sends for those that are ticked.
type BulkAssignInput struct {
	Row
	IDs             List[Value] `json:"ids"`
	AccessProfileID Value       `json:"access_profile_id"`
}

const maxTicked = 100

func (c *checker) ticked(l List[Value], what string) []string {
	if len(l.Items) == 0 {
		c.add("ids", "required", "Tick at least one "+what+".")
	}
	if len(l.Items) > maxTicked {
		c.add("ids", "too_many_items", "Tick at most "+strconv.Itoa(maxTicked)+" "+what+"s.")
	}
	ids := make([]string, len(l.Items))
	for i, v := range l.Items {
		ids[i] = v.Text
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// BulkAssigned is what came of assigning a profile to many.
type BulkAssigned struct {
	Profile string
	Users   int // who got a copy
	Already int // who had one
}

// AssignToUsers gives all users named a copy of a template; those who hold it keep theirs. Refusals: Invalid, NotFound when a user or
// the template is gone, Forbidden when one may do more than the actor, Conflict when the template is inactive.
func AssignToUsers(ctx context.Context, db bun.IDB, keys Keys, actor Actor, in BulkAssignInput) (BulkAssigned, error) {
	c := &checker{}
	ids := c.ticked(in.IDs, "user")
	if in.AccessProfileID.Kind == Absent {
		c.add("access_profile_id", "required", "Choose an access profile.")
	}
	profileID, _ := c.count("access_profile_id", in.AccessProfileID, "the access profile's id", 1, MaxCount)
	var done BulkAssigned
	if err := invalid(c.found); err != nil {
		return done, err
	}
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if err := holdTemplate(ctx, tx, profileID); err != nil {
			return err
		}
		users, err := holdMany(ctx, tx, actor, "AccessProfiles:Create", ids)
		if err != nil {
			return err
		}
		profile, err := templateNow(ctx, tx, profileID)
		if err != nil {
			return err
		}
		if !profile.IsActive {
			return inactive("access_profile_id", profile)
		}
		now, err := databaseClock(ctx, tx)
		if err != nil {
			return err
		}
		g, err := giveCopies(ctx, tx, keys, profile, users, handout{Direct: true}, now)
		if err != nil {
			return err
		}
		done = BulkAssigned{profile.Name, len(g.Users), len(users) - len(g.Users)}
		made, err := loadCopies(ctx, tx, selectCopies(tx).
			Where("c.access_profile_id = ? AND c.user_id = ANY (?)", profileID, pgdialect.Array(g.Users)).Order("c.id"))
		if err != nil {
			return err
		}
		for _, held := range made {
			if err := recordCopy(ctx, tx, actor, "assign", held, now, nil, held, map[string]any{"source": "direct"}); err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

// holdMany locks the users ticked in a list. Refusals: NotFound when one is gone, Forbidden when one may do more than the actor.
func holdMany(ctx context.Context, tx bun.Tx, actor Actor, needed Permission, ids []string) ([]holder, error) {
	users, err := holdAccess(ctx, tx, actor, needed, ids...)
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) && refusal.Reason == NotFound {
		return nil, Missing("user any more; reload the list")
	}
	return users, err
}

// BulkDetachInput is what the list of holders sends for those that are ticked.
type BulkDetachInput struct {
	Row
	IDs       List[Value] `json:"ids"` // of users
	Confirmed Value       `json:"confirmed"`
}

// Chosen are the copies of a template that the users ticked hold. Refusals: Invalid, NotFound.
func (in BulkDetachInput) Chosen(ctx context.Context, db bun.IDB, profileID int64) ([]UserAccessProfile, error) {
	c := &checker{}
	ids := c.ticked(in.IDs, "holder")
	if err := invalid(c.found); err != nil {
		return nil, err
	}
	if _, err := templateNow(ctx, db, profileID); err != nil {
		return nil, err
	}
	return loadCopies(ctx, db, selectCopies(db).Where("c.access_profile_id = ? AND c.user_id = ANY (?)", profileID, pgdialect.Array(existing(ids))).
		OrderExpr("lower(u.name), u.email_key"))
}

// DetachFromUsers takes their copy of a template from all users ticked; those who hold none any more are passed over. It returns how many
// lost it. Refusals: Invalid, NotFound, Forbidden when one may do more than the actor.
func DetachFromUsers(ctx context.Context, db bun.IDB, actor Actor, profileID int64, in BulkDetachInput) (int, error) {
	var n int
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		chosen, err := in.Chosen(ctx, tx, profileID)
		if err != nil {
			return err
		}
		users := make([]string, len(chosen))
		for i, held := range chosen {
			users[i] = held.UserID
		}
		slices.Sort(users)
		if _, err := holdMany(ctx, tx, actor, "AccessProfiles:Delete", users); err != nil {
			return err
		}
		if err := holdCopies(ctx, tx, "access_profile_id = ? AND user_id = ANY (?)", profileID, pgdialect.Array(users)); err != nil {
			return err
		}
		// What they held before they were locked may have changed since.
		if chosen, err = in.Chosen(ctx, tx, profileID); err != nil {
			return err
		}
		ids := make([]int64, len(chosen))
		for i, held := range chosen {
			ids[i] = held.ID
		}
		keys, err := dropCopies(ctx, tx, ids)
		if err != nil {
			return err
		}
		now, err := databaseClock(ctx, tx)
		if err != nil {
			return err
		}
		for _, held := range chosen {
			err := recordCopy(ctx, tx, actor, "unassign", held, now, held, nil, map[string]any{"source": held.Source, "deleted_keys": keys.names(held.UserID)})
			if err != nil {
				return err
			}
		}
		n = len(chosen)
		return nil
	})
	return n, err
}
