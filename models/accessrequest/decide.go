package accessrequest

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/refusal"
)

// GrantInput is what an approver sends to grant a request. Left out, the amount is what was asked for, and the end is
// that of the week.
type GrantInput struct {
	input.Row
	Amount          input.Value `json:"amount"`
	AccessProfileID input.Value `json:"access_profile_id"`
	ExpiresAt       input.Value `json:"expires_at"`
	Note            input.Value `json:"note"`
}

// DeclineInput is why a request is declined.
type DeclineInput struct {
	input.Row
	Note input.Value `json:"note"`
}

// grant is a GrantInput as it was read.
type grant struct {
	amount  *money.Money
	profile int64
	until   *time.Time
	note    *string
}

func (in GrantInput) read(r Request, now time.Time) (g grant, problems problem.Problems) {
	c := &input.Reader{}
	switch {
	case r.Kind == KindBudget && in.AccessProfileID.Given():
		c.Add("access_profile_id", "profile_not_allowed", "Leave the profile out: more of a budget is asked for.")
	case r.Kind == KindAccess && in.Amount.Given():
		c.Add("amount", "amount_not_allowed", "Leave the amount out: a model is asked for.")
	case r.Kind == KindAccess:
		c.Required("access_profile_id", in.AccessProfileID, "the profile to give")
		g.profile, _ = c.Int("access_profile_id", in.AccessProfileID, "the access profile's id", 1, input.MaxCount)
	case in.Amount.Given():
		amount := assignment.ReadRaise(c, "amount", in.Amount)
		g.amount = &amount
	case r.Amount != nil:
		g.amount = r.Amount
	default:
		c.Required("amount", input.Value{}, "how much more they may spend")
	}
	if in.ExpiresAt.Given() {
		g.until = c.Expiry("expires_at", in.ExpiresAt, nil, now)
	}
	if in.Note.Given() {
		if note, ok := c.Text("note", in.Note, input.TextRule{What: "the note", Max: maxReason, Newlines: true}); ok {
			g.note = &note
		}
	}
	return g, c.Problems
}

// EndOfWeek is when a grant ends that is given no end: when Sunday is over, in UTC. On a Sunday it is the next one.
func EndOfWeek(now time.Time) time.Time {
	now = now.UTC()
	days := (8 - int(now.Weekday())) % 7 // to Monday
	if days <= 1 {
		days += 7
	}
	return time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, time.UTC)
}

// Grant gives what was asked for, from now until an end. Refusals: NotFound, Forbidden for the user's own request and
// for a user who may do more than the actor, Conflict when it was decided already or would not help, Invalid.
func Grant(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in GrantInput,
) (Request, error) {
	return decide(ctx, db, actor, id, in.AccessProfileID, func(ctx context.Context, tx database.Tx, r *Request) error {
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		g, problems := in.read(*r, now)
		if err := problem.InvalidInput(problems); err != nil {
			return err
		}
		if g.until == nil {
			until := EndOfWeek(now)
			g.until = &until
		}
		r.State, r.Note, r.GrantedUntil = Granted, g.note, g.until
		if r.Kind == KindBudget {
			return r.raise(ctx, tx, actor, g)
		}
		return r.give(ctx, tx, actor, g)
	})
}

// Decline refuses a request, with a reason that the user reads. Refusals as of Grant.
func Decline(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in DeclineInput,
) (Request, error) {
	return decide(ctx, db, actor, id, input.Value{}, func(_ context.Context, _ database.Tx, r *Request) error {
		c := &input.Reader{}
		c.Required("note", in.Note, "why not; the user reads it")
		note, _ := c.Text("note", in.Note, input.TextRule{What: "why not", Max: maxReason, Newlines: true})
		r.State, r.Note = Declined, &note
		return problem.InvalidInput(c.Problems)
	})
}

// Withdraw ends an open request of the actor. Refusals: NotFound, Conflict when it was decided.
func Withdraw(ctx context.Context, db bun.IDB, actor permission.Actor, id int64) (Request, error) {
	var r Request
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) (err error) {
		if r, err = Get(ctx, tx, id); err == nil && r.UserID != actor.UserID {
			err = problem.Missing("access request")
		}
		if err != nil {
			return err
		}
		if _, err := identity.LockAccess(ctx, tx, actor, permission.Own, r.UserID); err != nil {
			return err
		}
		return r.end(ctx, tx, actor, func(r *Request) error {
			r.State, r.DecidedBy = Withdrawn, nil
			return nil
		})
	})
	return r, err
}

// decide locks a request after what it is about, and ends it by act.
func decide(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, profile input.Value,
	act func(context.Context, database.Tx, *Request) error,
) (Request, error) {
	var r Request
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) (err error) {
		if r, err = Get(ctx, tx, id); err != nil {
			return err
		}
		if actor.ActsFor(r.UserID) {
			return problem.Refuse(problem.Forbidden, "", "self_approval", "Ask another user to decide: this is your own "+
				"request, and neither you nor an API key that you made decides it.")
		}
		if err := assignment.LockProfile(ctx, tx, profile); err != nil {
			return err
		}
		if _, err := identity.LockAccess(ctx, tx, actor, permission.UpdateAccessRequests, r.UserID); err != nil {
			return err
		}
		return r.end(ctx, tx, actor, func(r *Request) error { return act(ctx, tx, r) })
	})
	return r, err
}

// end locks an open request, and stores what act makes of it with its audit row.
func (r *Request) end(ctx context.Context, tx database.Tx, actor permission.Actor, act func(*Request) error) error {
	if _, err := tx.NewRaw("SELECT FROM access_requests WHERE id = ? FOR UPDATE", r.ID).Exec(ctx); err != nil {
		return fmt.Errorf("lock access request %d: %w", r.ID, err)
	}
	before, err := Get(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	if err := before.decided(); err != nil {
		return err
	}
	now, err := database.Clock(ctx, tx)
	if err != nil {
		return err
	}
	*r = before
	r.DecidedBy, r.DecidedAt = &actor.Name, &now
	if err := act(r); err != nil {
		return err
	}
	if err := r.storeEnd(ctx, tx); err != nil {
		return fmt.Errorf("end access request %d: %w", r.ID, err)
	}
	return record(ctx, tx, actor, "update", &before, *r, now)
}

func (r *Request) storeEnd(ctx context.Context, tx database.Tx) error {
	_, err := tx.NewRaw(`
UPDATE access_requests SET state = ?, decided_by = ?, decided_at = ?, note = ?, granted_amount = ?, granted_profile = ?,
    granted_until = ? WHERE id = ?`,
		r.State, r.DecidedBy, r.DecidedAt, r.Note, nanos(r.GrantedAmount), r.GrantedProfile, r.GrantedUntil, r.ID).Exec(ctx)
	return err
}

// decided refuses a request that is not open any more. Refusal: Conflict.
func (r Request) decided() error {
	switch r.State {
	case Open:
		return nil
	case Expired:
		return problem.Refuse(problem.Conflict, "", "already_decided",
			"Nothing is left to decide: the request was open for too long. The user can ask again.")
	case Withdrawn:
		return problem.Refuse(problem.Conflict, "", "already_decided", "Nothing is left to decide: the user withdrew it.")
	}
	by := "another user"
	if r.DecidedBy != nil {
		by = problem.Clip(*r.DecidedBy)
	}
	return problem.Refuse(problem.Conflict, "", "already_decided", "Nothing is left to decide: "+by+" "+r.State+" it.")
}

// raise adds to the budget that the request is for. It refuses an amount with which the next call would still be
// refused.
func (r *Request) raise(ctx context.Context, tx database.Tx, actor permission.Actor, g grant) error {
	held, err := assignment.Get(ctx, tx, r.UserID, r.CopyID)
	if refused, ok := problem.AsRefusal(err); ok && refused.Reason == problem.NotFound {
		return nothingToRaise()
	}
	if err != nil {
		return err
	}
	budget, there := held.Budget(r.LineID)
	if !there {
		return nothingToRaise()
	}
	need, err := decision.NeededRaise(ctx, tx, held, r.LineID, 0)
	if err != nil {
		return err
	}
	if need.Paused || need.Expired {
		return problem.Refuse(problem.Conflict, "", "would_not_help",
			"Resume their copy of "+problem.Clip(held.Name)+" first: it is paused or has expired, "+
				"so more of a budget does not help.")
	}
	total := *g.amount
	if budget.OverrideAmount != nil {
		total += *budget.OverrideAmount
		if budget.OverrideEnds == nil || budget.OverrideEnds.After(*g.until) {
			return problem.Refuse(problem.Conflict, "", "already_raised",
				"Change the raise that the budget has instead: it lasts longer than this grant, which would end it.")
		}
		r.Joined = &Joined{Amount: *budget.OverrideAmount, Ended: *budget.OverrideEnds, Total: total}
	}
	if total < need.Least {
		least := need.Least - (total - *g.amount)
		return problem.Refuse(problem.Invalid, "amount", "would_not_help",
			"Grant at least "+least.Dollars()+": with less the next call is still refused.")
	}
	until := assignment.OverrideUntil(total, *g.until)
	_, err = assignment.SetOverride(ctx, tx, actor, r.UserID, r.CopyID, r.LineID, until)
	r.GrantedAmount = g.amount
	return err
}

func nothingToRaise() error {
	return problem.Refuse(problem.Conflict, "", "nothing_to_raise",
		"Decline it: the user does not have this budget any more.")
}

// give assigns a profile that has the model, or gives the user's expired copy of it a new end. It refuses what would
// not let them call the model.
func (r *Request) give(ctx context.Context, tx database.Tx, actor permission.Actor, g grant) error {
	lacking := problem.Refuse(problem.Conflict, "access_profile_id", "would_not_help",
		"Choose an active profile that has "+problem.Clip(r.Asked)+": this one does not.")
	has, err := refusal.HasModel(ctx, tx, g.profile, r.Asked)
	if err != nil {
		return err
	}
	if !has {
		return lacking
	}
	given, err := assignment.GiveUntil(ctx, tx, actor, r.UserID, assignment.TimedGrant{
		ProfileID: g.profile, Model: r.Asked, Until: *g.until,
	})
	if err == nil && !given.HasModel(r.Asked) { // the profile was changed since
		return lacking
	}
	r.GrantedProfile = &given.Name
	return err
}
