package accessrequest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/audit"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

const (
	maxReason  = 2000
	mostOpen   = 5  // requests of one user
	mostOfADay = 20 // that one user makes
)

// Input is what a user sends to ask for more: a budget of theirs, or a model.
type Input struct {
	input.Row
	BudgetID input.Value `json:"budget_id"`
	Model    input.Value `json:"model"`
	Amount   input.Value `json:"amount"`
	Reason   input.Value `json:"reason"`
}

// Whole completes an input from a form.
func (in Input) Whole() Input {
	in.Reason = input.SubmittedEmpty(in.Reason)
	return in
}

func (in Input) read() (r Request, problems problem.Problems) {
	c := &input.Reader{}
	switch budget, model := in.BudgetID.Given(), in.Model.Given(); {
	case budget && model:
		c.Add("model", "ambiguous_request", "Ask for a budget or for a model, not both.")
	case budget:
		r.Kind = KindBudget
		r.LineID, _ = c.Text("budget_id", in.BudgetID, input.TextRule{What: "the budget's id", Max: 64})
	case model:
		r.Kind = KindAccess
		r.Asked = readModel(c, in.Model)
	default:
		c.Required("model", input.Value{}, "the model you need, such as openai/gpt-5")
	}
	if in.Amount.Given() {
		amount := assignment.ReadRaise(c, "amount", in.Amount)
		r.Amount = &amount
		if r.Kind == KindAccess {
			c.Add("amount", "amount_not_allowed", "Leave the amount out: it is for budgets.")
		}
	}
	c.Required("reason", in.Reason, "why you need it")
	r.Reason, _ = c.Text("reason", in.Reason, input.TextRule{What: "why you need it", Max: maxReason, Newlines: true})
	return r, c.Problems
}

func readModel(c *input.Reader, v input.Value) string {
	name, ok := c.Text("model", v, input.TextRule{What: "the model", Max: 255})
	provider, model, whole := strings.Cut(name, "/")
	if ok && (!whole || provider == "" || !catalogue.IsModelName(model)) {
		c.Add("model", "invalid_model", "Give the model with its provider in front, such as openai/gpt-5.")
	}
	return name
}

// Create stores a request of the actor for themselves. Refusals: Invalid, NotFound for a budget that is not theirs,
// Conflict when one is open for the same or when they may call the model already, TooMany.
func Create(
	ctx context.Context, db bun.IDB, engine *decision.Engine, actor permission.Actor, in Input,
) (Request, error) {
	r, problems := in.read()
	if err := problem.InvalidInput(problems); err != nil {
		return r, err
	}
	if r.Kind == KindAccess {
		if err := missing(ctx, engine, actor.UserID, r.Asked); err != nil {
			return r, err
		}
	}
	var made Request
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if _, err := identity.LockAccess(ctx, tx, actor, permission.Own, actor.UserID); err != nil {
			return err
		}
		if r.Kind == KindBudget {
			if err := r.find(ctx, tx, actor.UserID); err != nil {
				return err
			}
		}
		if err := bounded(ctx, tx, actor.UserID); err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if made.ID, err = insert(ctx, tx, actor.UserID, r, now); err != nil {
			return err
		}
		if made, err = Get(ctx, tx, made.ID); err != nil {
			return err
		}
		return record(ctx, tx, actor, "create", nil, made, now)
	})
	if problem.Violates(err, "access_requests_open") {
		err = problem.Refuse(problem.Conflict, "", "already_open",
			"Wait for the answer: you have asked for this already. You can withdraw that request.")
	}
	return made, err
}

// missing refuses to ask for a model that the user may call already.
func missing(ctx context.Context, engine *decision.Engine, user, model string) error {
	tried, err := engine.Try(ctx, entitlement.Subject{UserID: user}, entitlement.Call{Model: model})
	if err != nil {
		return err
	}
	switch tried.Type {
	case decision.ModelBlocked, decision.ProviderBlocked, decision.AccessBlocked:
		return nil
	}
	return problem.Refuse(problem.Conflict, "model", "already_granted",
		"You may call "+problem.Clip(model)+" already. If calls are refused, ask for more of the budget that is used up.")
}

// find completes a request by the budget that it is for. Refusal: NotFound.
func (r *Request) find(ctx context.Context, tx database.Tx, user string) error {
	copies, err := assignment.List(ctx, tx, user)
	if err != nil {
		return err
	}
	for _, u := range copies {
		if b, ok := u.Budget(r.LineID); ok {
			r.CopyID, r.ProfileName, r.ScopeText = u.ID, u.Name, b.Scope.String()
			r.ResetDuration, r.MaxLimit = b.ResetDuration, b.MaxLimit
			return nil
		}
	}
	return problem.Missing("budget of yours")
}

// bounded refuses a request when the user has too many open ones or made many today. Expired requests do not count.
func bounded(ctx context.Context, tx database.Tx, user string) error {
	_, err := tx.NewRaw("UPDATE access_requests SET state = 'expired' "+
		"WHERE user_id = ? AND state = 'open' AND expires_at <= now()",
		user).Exec(ctx)
	if err != nil {
		return fmt.Errorf("close requests that were open for too long: %w", err)
	}
	var open, today int
	err = tx.NewRaw(`
SELECT count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE created_at > now() - interval '1 day')
FROM access_requests WHERE user_id = ?`, user).Scan(ctx, &open, &today)
	if err != nil {
		return fmt.Errorf("count the requests of a user: %w", err)
	}
	refused := problem.Refuse(problem.TooMany, "", "too_many_requests",
		"Wait until some of your requests are decided: you have several open, or made many today.")
	refused.RetryAfter = time.Hour
	if open >= mostOpen || today >= mostOfADay {
		return refused
	}
	return nil
}

func insert(ctx context.Context, tx database.Tx, user string, r Request, now time.Time) (id int64, err error) {
	err = tx.NewRaw(`
INSERT INTO access_requests (user_id, kind, copy_id, line_id, profile_name, scope, reset_duration, max_limit, asked,
    amount, reason, state, created_at, expires_at)
VALUES (?, ?, nullif(?, 0), nullif(?, '')::uuid, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?::timestamptz + interval '7 days')
RETURNING id`, user, r.Kind, r.CopyID, r.LineID, r.ProfileName, r.ScopeText, r.ResetDuration, r.MaxLimit, r.Asked,
		nanos(r.Amount), r.Reason, now, now).Scan(ctx, &id)
	if err != nil {
		return 0, fmt.Errorf("store an access request: %w", err)
	}
	return id, nil
}

// nanos is an amount as it is stored.
func nanos(m *money.Money) *int64 {
	if m == nil {
		return nil
	}
	n := int64(*m)
	return &n
}

// record writes the audit row of a request.
func record(
	ctx context.Context, tx database.Tx, actor permission.Actor, action string, before *Request, after Request,
	now time.Time,
) error {
	change := audit.Change{
		UserID: &after.UserID, Actor: actor.Name, Origin: audit.OriginOf(actor), Action: action, At: now,
	}
	var previous any
	if before != nil {
		previous = before.audited()
	}
	about := map[string]any{"resource": "access_request", "id": after.ID, "name": after.what()}
	if err := change.Documents(previous, after.audited(), about); err != nil {
		return err
	}
	return audit.Record(tx, change)
}

// audited is a request as audit rows show it.
func (r Request) audited() map[string]any {
	shown := map[string]any{"state": r.State, "reason": r.Reason}
	for name, value := range map[string]*string{"note": r.Note, "granted_access_profile": r.GrantedProfile} {
		if value != nil {
			shown[name] = *value
		}
	}
	for name, value := range map[string]*money.Money{"amount": r.Amount, "granted_amount": r.GrantedAmount} {
		if value != nil {
			shown[name] = *value
		}
	}
	if r.GrantedUntil != nil {
		shown["granted_until"] = *r.GrantedUntil
	}
	return shown
}

// what names the subject of a request in a few words.
func (r Request) what() string {
	if r.Kind == KindAccess {
		return r.Asked
	}
	words := r.ProfileName
	if (r.Scope != policy.Scope{}) {
		words += ", " + r.Scope.Name()
	}
	return words
}
