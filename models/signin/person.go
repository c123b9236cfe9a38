package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/input"
	"tollgate/models/oidc"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// actorOf is the actor of what a provider changes here.
func actorOf(p identityprovider.Provider) permission.Actor {
	return permission.Actor{
		Name: "sso: " + p.Name, Permissions: permission.AllPermissions(), Door: permission.DoorConsole,
	}
}

// person finds the user whom a provider names, links them or adds them, as the provider's settings allow.
func person(
	ctx context.Context, db bun.IDB, p identityprovider.Provider, who oidc.Issued, role Followed,
) (u identity.User, err error) {
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		id, err := linked(ctx, tx, p.ID, who.Subject)
		if err != nil {
			return err
		}
		if id != "" {
			u, err = known(ctx, tx, p, who, id)
			return err
		}
		u, err = unknown(ctx, tx, p, who, role)
		return err
	})
	return u, err
}

// linked is the id of the user who is linked to a subject, "" for none.
func linked(ctx context.Context, db bun.IDB, provider int64, subject string) (id string, err error) {
	err = db.NewRaw("SELECT user_id FROM user_identities WHERE provider_id = ? AND subject = ?", provider, subject).Scan(ctx, &id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("look up an identity: %w", err)
	}
	return id, nil
}

// known is a user who signed in by the provider before. Their name is that of the provider, and so is the address when
// it is trusted and free.
func known(
	ctx context.Context, tx database.Tx, p identityprovider.Provider, who oidc.Issued, id string,
) (identity.User, error) {
	old, err := identity.GetUser(ctx, tx, id)
	if err != nil {
		return old, err
	}
	if old.DeactivatedAt != nil {
		return old, refuse(Deactivated, old.Email+" is deactivated")
	}
	in := identity.UserInput{}
	if name := who.Claims.Text("name"); name != "" && name != old.Name {
		in.Name = input.SampleText(name)
	}
	email, trusted := address(p, who.Claims)
	if trusted && email != old.Email {
		taken, err := identity.UsersOfEmails(ctx, tx, []string{input.FoldCase(email)})
		if err != nil {
			return old, err
		}
		if !slices.ContainsFunc(taken, func(u identity.User) bool { return u.ID != id }) {
			in.Email = input.SampleText(email)
		}
	}
	renewed, err := in.Apply(old)
	if err != nil || old.ConnectionID != nil {
		renewed = old // it is none that is accepted here, or the directory decides
	}
	if renewed.Name != old.Name || renewed.Email != old.Email {
		if err := account.Rename(ctx, tx, actorOf(p), old, &renewed); err != nil {
			return old, again(err)
		}
	}
	_, err = tx.NewRaw("UPDATE user_identities SET last_sign_in_at = now(), email_there = nullif(?, '') "+
		"WHERE provider_id = ? AND subject = ?",
		email, p.ID, who.Subject).Exec(ctx)
	if err != nil {
		return old, fmt.Errorf("note a sign-in: %w", err)
	}
	return renewed, keepGroups(ctx, tx, p, who)
}

// unknown links or adds a user who signs in by the provider for the first time. Refusals: Removed,
// NotProvisioned, LinkFirst, EmailMissing, EmailNotTrusted, NoAccount, NoRole.
func unknown(
	ctx context.Context, tx database.Tx, p identityprovider.Provider, who oidc.Issued, role Followed,
) (u identity.User, err error) {
	email, trusted := address(p, who.Claims)
	removed, err := isRemoved(ctx, tx, p, who, email)
	switch {
	case err != nil:
		return u, err
	case removed:
		return u, refuse(Removed, "the user was deleted here")
	case p.ConnectionID != nil:
		return provisioned(ctx, tx, p, who)
	}
	if email != "" {
		same, err := identity.UsersOfEmails(ctx, tx, []string{input.FoldCase(email)})
		if err != nil {
			return u, err
		}
		if len(same) == 1 {
			// Another sign-in of the same person may have added them just now.
			if id, err := linked(ctx, tx, p.ID, who.Subject); err != nil || id != "" {
				if err != nil {
					return u, err
				}
				return known(ctx, tx, p, who, id)
			}
			return linkByEmail(ctx, tx, p, who, same[0], trusted)
		}
	}
	switch {
	case !p.CreateUsers:
		return u, refuse(NoAccount, "users are not created by this provider")
	case email == "":
		return u, refuse(EmailMissing, "neither the ID token nor UserInfo names an address")
	case !trusted:
		return u, refuse(EmailNotTrusted, "the address is not verified, or of a domain that is not listed")
	case role.unread != nil:
		return u, role.unread
	case role.RoleID == nil:
		return u, refuse(NoRole, "no rule fits, and there is no default role")
	}
	u, _, err = identity.UserInput{
		Name: input.SampleText(nameOf(who.Claims, email)), Email: input.SampleText(email),
	}.Create()
	if err != nil {
		return u, refuse(EmailNotTrusted, "the address is none that is accepted here")
	}
	u.Role, u.RoleID = "", *role.RoleID
	if err := account.Add(ctx, tx, actorOf(p), &u, "role_id", ""); err != nil {
		return u, again(err)
	}
	return u, link(ctx, tx, actorOf(p), p, who, u, email)
}

// linkByEmail links the account with the same address, where that is allowed: not for users who have power here, whose
// account an administrator of the provider could take over by its address. Refusals: LinkFirst, Deactivated.
func linkByEmail(
	ctx context.Context, tx database.Tx, p identityprovider.Provider, who oidc.Issued, u identity.User, trusted bool,
) (identity.User, error) {
	switch {
	case !p.LinkByEmail || !trusted || u.BreakGlass || permission.Administrative(u.Permissions):
		return u, refuse(LinkFirst, "there is an account with this address: "+u.Email)
	case u.DeactivatedAt != nil:
		return u, refuse(Deactivated, u.Email+" is deactivated")
	}
	return u, link(ctx, tx, actorOf(p), p, who, u, who.Claims.Text("email"))
}

// link lets a user sign in by a provider.
func link(
	ctx context.Context, tx database.Tx, actor permission.Actor, p identityprovider.Provider, who oidc.Issued,
	u identity.User, email string,
) error {
	_, err := tx.NewRaw(`INSERT INTO user_identities (provider_id, subject, user_id, email_there, last_sign_in_at)
VALUES (?, ?, ?, nullif(?, ''), now())`, p.ID, who.Subject, u.ID, email).Exec(ctx)
	if err != nil {
		return again(fmt.Errorf("link an identity: %w", err))
	}
	_, err = tx.NewRaw("DELETE FROM identity_tombstones WHERE provider_id = ? AND subject = ?", p.ID, who.Subject).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forget a removed identity: %w", err)
	}
	if err := keepGroups(ctx, tx, p, who); err != nil {
		return err
	}
	return recordUser(ctx, tx, actor, "link", u.ID, p)
}

// recordUser writes that something was done to a user by a provider.
func recordUser(
	ctx context.Context, tx database.Tx, actor permission.Actor, action, user string, p identityprovider.Provider,
) error {
	return audit.RecordResource(ctx, tx, actor, action, "user", user, nil, map[string]string{"provider": p.Name})
}

// again repeats the transaction when a user was added or linked meanwhile.
func again(err error) error {
	if problem.Violates(err, "user_identities_pkey") || problem.Violates(err, "users_email_taken") {
		return fmt.Errorf("%w: %w", database.ErrAgain, err)
	}
	return err
}

// nameOf is what a new user is called.
func nameOf(claims oidc.Claims, email string) string {
	local := email[:max(0, len(email)-len(domainOf(email))-1)]
	for _, name := range []string{claims.Text("name"), claims.Text("preferred_username"), local} {
		c := &input.Reader{}
		if text, ok := c.Text("name", input.SampleText(name), input.TextRule{What: "a name", Max: 255}); ok {
			return text
		}
	}
	return uuid.NewString()
}
