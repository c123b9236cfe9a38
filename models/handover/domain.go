package handover

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// DomainInput is a domain of addresses.
type DomainInput struct {
	input.Row
	EmailDomain input.Value `json:"email_domain"`
	DryRun      input.Value `json:"dry_run"`
	Seen        input.Value `form:"seen"` // the mark of the plan that was shown
}

func (in DomainInput) read() (string, error) {
	r := &input.Reader{}
	r.Required("email_domain", in.EmailDomain, "a domain")
	domain := connection.ReadDomain(r, "email_domain", in.EmailDomain)
	r.Bool("dry_run", in.DryRun)
	return domain, problem.InvalidInput(r.Problems)
}

// DryRunWanted reports whether only the plan is wanted.
func (in DomainInput) DryRunWanted() bool { return in.DryRun.Given() && in.DryRun.Text == "true" }

// HandedOver is the outcome of handing over all users of a domain.
type HandedOver struct {
	Users   []string `json:"user_ids"`
	Skipped int      `json:"skipped_users"` // who are left out of the plan, or could not be given after all
}

// Domain hands over the users of PlanDomain, each in a transaction of their own. Refusals: those of PlanDomain, and
// Conflict when another plan was shown than would be carried out.
func Domain(
	ctx context.Context, db bun.IDB, actor permission.Actor, connectionID int64, in DomainInput,
) (HandedOver, error) {
	done := HandedOver{Users: []string{}}
	plan, err := PlanDomain(ctx, db, actor, connectionID, in)
	if err != nil {
		return done, err
	}
	if in.Seen.Given() && in.Seen.Text != input.Mark(plan) {
		return done, problem.Refuse(problem.Conflict, "", "changed_meanwhile",
			"Look again before you hand them over: the users of the domain, or what they would get, have changed.")
	}
	done.Skipped = plan.Skipped
	for _, id := range plan.Users {
		err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
			conn, err := connection.LockShared(ctx, tx, connectionID)
			if err == nil {
				_, err = handOver(ctx, tx, actor, conn, id)
			}
			return err
		})
		switch refusal, ok := problem.AsRefusal(connectionTaken(err)); {
		case err == nil:
			done.Users = append(done.Users, id)
		case ok && refusal.Problems[0].Field == "connection_id", ok && refusal.Reason == problem.Forbidden && len(done.Users) > 0:
			done.Skipped++
		default:
			return done, err
		}
	}
	return done, nil
}
