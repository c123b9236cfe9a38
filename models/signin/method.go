package signin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/session"
)

// Method is a provider by which a user can sign in, or could connect.
type Method struct {
	ProviderID   int64      `json:"provider_id"`
	Slug         string     `json:"slug"`
	Name         string     `json:"name"`
	Subject      *string    `json:"subject"` // nil when it is not connected
	EmailThere   *string    `json:"email_there"`
	CreatedAt    *time.Time `json:"created_at"`
	LastSignInAt *time.Time `json:"last_sign_in_at"`
}

// Identity is who a user is at a provider, as admins see it.
type Identity struct {
	Method
	Groups   []string   `json:"groups" bun:",array"` // at the last sign-in, nil when they are not known
	GroupsAt *time.Time `json:"groups_at"`
}

// selectMethods reads providers with what connects a user to them.
func selectMethods(db bun.IDB, join, user string) *bun.SelectQuery {
	return db.NewSelect().TableExpr("identity_providers AS p").
		ColumnExpr("p.id AS provider_id, p.slug, p.name, i.subject, i.email_there, i.created_at, i.last_sign_in_at").
		Join(join+" user_identities AS i ON i.provider_id = p.id AND i.user_id = ?", user).Order("p.name_key", "i.created_at")
}

// Methods are the providers that a user has connected, and those that they could connect.
func Methods(ctx context.Context, db bun.IDB, user string) ([]Method, error) {
	methods := []Method{}
	err := selectMethods(db, "LEFT JOIN", user).Where("p.is_enabled OR i.subject IS NOT NULL").Scan(ctx, &methods)
	if err != nil {
		return nil, fmt.Errorf("list sign-in methods: %w", err)
	}
	return methods, nil
}

// Identities are the providers that a user has connected. Refusal: NotFound.
func Identities(ctx context.Context, db bun.IDB, user string) ([]Identity, error) {
	if _, err := identity.GetUser(ctx, db, user); err != nil {
		return nil, err
	}
	identities := []Identity{}
	if err := IdentitiesPart(db, user, &identities).Query.Scan(ctx, &identities); err != nil {
		return nil, fmt.Errorf("list the identities of a user: %w", err)
	}
	return identities, nil
}

// IdentitiesPart reads the same together with something else.
func IdentitiesPart(db bun.IDB, user string, identities *[]Identity) database.Part {
	query := selectMethods(db, "JOIN", user).ColumnExpr("i.groups, i.groups_at")
	return database.Part{Query: query, Rows: identities}
}

// lockOwn locks the user whose session a token is of, for a change of how they sign in, and reads them anew. Refusals:
// Unauthenticated, Forbidden for a session by a link that was made when the user could do less.
func lockOwn(
	ctx context.Context, tx database.Tx, user identity.User, token string,
) (permission.Actor, identity.User, error) {
	actor := user.Actor().At(permission.DoorConsole)
	if _, err := (identity.Claim{Needed: permission.Own, Users: []string{user.ID}}).Lock(ctx, tx, actor); err != nil {
		return actor, user, err
	}
	if err := session.KeepLinkOut(ctx, tx, user, token); err != nil {
		return actor, user, err
	}
	now, err := identity.GetUser(ctx, tx, user.ID)
	return actor, now, err
}

// Connect lets a user sign in by a provider from now on, in the session of a token. Refusals: Forbidden for a
// session by a link that was made when the user could do less, Conflict when another user has connected that
// account.
func Connect(
	ctx context.Context, db bun.IDB, p identityprovider.Provider, who Who, user identity.User, token string,
) error {
	return database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		actor, now, err := lockOwn(ctx, tx, user, token)
		if err != nil {
			return err
		}
		if now.BreakGlass {
			return problem.Refuse(problem.Conflict, "", "break_glass", "A break-glass admin signs in with a password alone.")
		}
		switch id, err := linked(ctx, tx, p.ID, who.Subject); {
		case err != nil:
			return err
		case id == user.ID:
			return nil
		case id != "":
			return problem.Refuse(problem.Conflict, "", "already_connected",
				"Sign in at "+problem.Clip(p.Name)+" with another account: another user of this console has connected this one.")
		}
		return link(ctx, tx, actor, p, who, now, who.Claims.Text("email"))
	})
}

// Disconnect ends that a user can sign in by a provider, and the sessions that began there. Refusals: NotFound,
// Forbidden for a session by a link that was made when the user could do less, Conflict for the last way to sign in.
func Disconnect(
	ctx context.Context, db bun.IDB, p identityprovider.Provider, user identity.User, token string,
) error {
	return database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		actor, now, err := lockOwn(ctx, tx, user, token)
		if err != nil {
			return err
		}
		others, err := hasOtherMethod(ctx, tx, p, now)
		if err != nil {
			return err
		}
		if !others {
			return problem.Refuse(problem.Conflict, "", "last_method",
				"Connect another provider first, or ask an admin of this console: this is the only way for you to sign in.")
		}
		return unlink(ctx, tx, actor, user.ID, p)
	})
}

// hasOtherMethod reports whether a user can sign in without a provider: by another one that is enabled, or with a
// password that is accepted.
func hasOtherMethod(
	ctx context.Context, db bun.IDB, p identityprovider.Provider, u identity.User,
) (others bool, err error) {
	if asked, err := session.AsksPassword(ctx, db, u); err != nil || asked {
		return asked, err
	}
	err = db.NewRaw(`SELECT EXISTS (SELECT FROM user_identities AS i JOIN identity_providers AS o ON o.id = i.provider_id
WHERE i.user_id = ? AND o.is_enabled AND o.id <> ?)`, u.ID, p.ID).Scan(ctx, &others)
	if err != nil {
		return false, fmt.Errorf("look for other ways to sign in: %w", err)
	}
	return others, nil
}

// unlink removes the identities of a user at a provider. Refusal: NotFound.
func unlink(
	ctx context.Context, tx database.Tx, actor permission.Actor, user string, p identityprovider.Provider,
) error {
	result, err := tx.NewRaw(`
WITH sessions AS (DELETE FROM sessions WHERE provider_id = ?0 AND user_id = ?1)
DELETE FROM user_identities WHERE provider_id = ?0 AND user_id = ?1`, p.ID, user).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove an identity: %w", err)
	}
	n, err := result.RowsAffected()
	switch {
	case err != nil:
		return fmt.Errorf("remove an identity: %w", err)
	case n == 0:
		return problem.Missing("sign-in method")
	}
	tx.Invalidate(user) // tokens of the provider do not name them any more
	return recordUser(ctx, tx, actor, "unlink", user, p)
}

// DisconnectAll removes all identities of a user. Refusals: NotFound, Forbidden for a user who may do more than the
// actor, Conflict for the last admin who can sign in, when they have no other way.
func DisconnectAll(ctx context.Context, db bun.IDB, actor permission.Actor, user string) error {
	return database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, err := identity.Lock(ctx, tx, actor, permission.UpdateUsers, []string{user}, nil)
		if err != nil {
			return err
		}
		identities, err := Identities(ctx, tx, user)
		if err != nil {
			return err
		}
		if err := auth.MayActOn(user); err != nil || len(identities) == 0 {
			return err
		}
		if err := auth.LeaveAnAdmin(ctx, tx, user, func() error { return removeAll(ctx, tx, user) }); err != nil {
			return err
		}
		tx.Invalidate(user)
		methods, names := make([]Method, len(identities)), make([]string, len(identities))
		for i, of := range identities {
			methods[i], names[i] = of.Method, of.Name
		}
		before := map[string]any{"identities": methods, "provider": strings.Join(names, ", ")}
		return audit.RecordResource(ctx, tx, actor, "unlink", "user", user, before, nil)
	})
}

func removeAll(ctx context.Context, tx database.Tx, user string) error {
	_, err := tx.NewRaw(`
WITH sessions AS (DELETE FROM sessions WHERE provider_id IS NOT NULL AND user_id = ?0)
DELETE FROM user_identities WHERE user_id = ?0`, user).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove the identities of a user: %w", err)
	}
	return nil
}
