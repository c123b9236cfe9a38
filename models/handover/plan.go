package handover

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/attachment"
	"tollgate/models/connection"
	"tollgate/models/identity"
	"tollgate/models/permission"
)

// Why a user of the domain is left out.
const (
	OwnAccount     = "own_account"
	Administrative = "administrative"
	Forbidden      = "forbidden"
	ForeignDomain  = "foreign_domain"
	UserNameTaken  = "user_name_taken"
)

// Reasons are those for which a user is left out, in the order in which they are looked for.
var Reasons = []string{OwnAccount, Administrative, Forbidden, ForeignDomain, UserNameTaken}

// Plan is what handing over all users of a domain would do.
type Plan struct {
	Domain      string         `json:"email_domain"`
	Users       []string       `json:"user_ids"`
	Names       []string       `json:"-"`
	Skipped     int            `json:"skipped_users"`
	LeftOut     map[string]int `json:"left_out"`  // those who are skipped, by the reason
	Passwords   int            `json:"passwords"` // that are removed
	Role        string         `json:"role"`      // that they get
	Roles       map[string]int `json:"roles"`     // who have another role now, by its name
	Gains       map[string]int `json:"gains"`     // who get a copy, by the name of the profile
	Loses       map[string]int `json:"loses"`
	Ends        map[string]int `json:"ends"`    // whose copy ends as it was assigned: it is direct too
	Endless     map[string]int `json:"endless"` // whose copy no longer ends: it is direct, until an end
	DeletedKeys int64          `json:"deleted_keys"`
	Deactivated int            `json:"deactivated_users"` // whose role changes when they are back
}

// candidate is a user of the console with an address of the domain.
type candidate struct {
	identity.User `bun:",extend"`
	Taken         bool // another user of the directory has the address as userName
}

// PlanDomain says who would be handed over, and what that does to them: every user of the console whose address is of
// the domain, but for the actor, for those who may change users, roles, API keys or settings, and for those who cannot
// be given. Refusals: NotFound, Invalid, Forbidden when they would get a role that permits more than the actor may do.
func PlanDomain(
	ctx context.Context, db bun.IDB, actor permission.Actor, connectionID int64, in DomainInput,
) (Plan, error) {
	plan := Plan{Users: []string{}, LeftOut: map[string]int{}, Roles: map[string]int{}}
	conn, err := connection.Get(ctx, db, connectionID)
	if err != nil {
		return plan, err
	}
	if plan.Domain, err = in.read(); err != nil {
		return plan, err
	}
	var users []candidate
	err = identity.SelectUsersOf(db, "users AS u").
		ColumnExpr("EXISTS (SELECT FROM scim_users AS s JOIN users AS o ON o.id = s.user_id WHERE s.connection_id = ?"+
			" AND s.user_name_key = u.email_key AND o.left_at IS NULL) AS taken", connectionID).
		Where("u.connection_id IS NULL AND u.email_key LIKE ?", "_%@"+plan.Domain).Order("u.id").Scan(ctx, &users)
	if err != nil {
		return plan, fmt.Errorf("look up the users of a domain: %w", err)
	}
	moved := plan.sort(actor, conn, users)
	if err := mayMove(ctx, db, actor, conn.DefaultRoleID, moved); err != nil {
		return plan, err
	}
	effects, err := attachment.PreviewRoleOf(ctx, db, moved, conn.DefaultRoleID)
	plan.Role, plan.Gains, plan.Loses, plan.Ends = effects.Role, effects.Gains, effects.Loses, effects.Ends
	plan.Endless, plan.DeletedKeys = effects.Endless, effects.Keys
	return plan, err
}

// mayMove refuses to give users a role that permits more than the actor may do. Refusal: Forbidden.
func mayMove(ctx context.Context, db bun.IDB, actor permission.Actor, roleID int64, users []string) error {
	if len(users) == 0 {
		return nil
	}
	role, err := identity.GetRole(ctx, db, roleID)
	if err != nil {
		return err
	}
	return identity.MayChangeRole(actor, role)
}

// sort fills the plan, and returns the users who get another role at once. No rule of the connection fits them: the
// directory has them in no group yet.
func (p *Plan) sort(actor permission.Actor, conn connection.Connection, users []candidate) (moved []string) {
	for _, u := range users {
		if why := leftOut(actor, conn, u); why != "" {
			p.Skipped++
			p.LeftOut[why]++
			continue
		}
		p.Users, p.Names = append(p.Users, u.ID), append(p.Names, u.Name)
		if u.HasPassword {
			p.Passwords++
		}
		switch {
		case u.RoleID == conn.DefaultRoleID:
		case u.DeactivatedAt != nil:
			p.Deactivated++
		default:
			p.Roles[u.Role]++
			moved = append(moved, u.ID)
		}
	}
	return moved
}

func leftOut(actor permission.Actor, conn connection.Connection, u candidate) string {
	switch {
	case u.ID == actor.UserID:
		return OwnAccount
	case permission.Administrative(u.Permissions):
		return Administrative
	case identity.MayActOn(actor, u.Name, u.Permissions) != nil:
		return Forbidden
	case !conn.Takes(u.Email):
		return ForeignDomain
	case u.Taken:
		return UserNameTaken
	}
	return ""
}
