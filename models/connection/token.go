package connection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// What a token may do.
const (
	ReadUsers   = "users:read"
	WriteUsers  = "users:write"
	ReadGroups  = "groups:read"
	WriteGroups = "groups:write"
)

// Scopes are all of them.
var Scopes = []string{ReadUsers, WriteUsers, ReadGroups, WriteGroups}

// MaxTokens is how many tokens of a connection may be valid, so that one can replace the other.
const MaxTokens = 2

// Token is a credential of a directory.
type Token struct {
	bun.BaseModel `bun:"table:scim_tokens,alias:t" json:"-"`

	ID           int64      `json:"id" bun:",pk,autoincrement"`
	ConnectionID int64      `json:"-"`
	TokenPrefix  string     `json:"token_prefix"`
	TokenHash    []byte     `json:"-"`
	Scopes       []string   `json:"scopes" bun:",array"`
	ExpiresAt    *time.Time `json:"expires_at"`
	LastUsedAt   *time.Time `json:"last_used_at"`
	CreatedAt    time.Time  `json:"created_at"`
}

// Expired reports whether the token has expired.
func (t Token) Expired(now time.Time) bool { return t.ExpiresAt != nil && !t.ExpiresAt.After(now) }

// TokenInput is what a client may send to make a token. Without scopes it may do everything.
type TokenInput struct {
	input.Row
	Scopes    input.List[input.Value] `json:"scopes"`
	ExpiresAt input.Value             `json:"expires_at"`
}

func (in TokenInput) check(now time.Time) (t Token, err error) {
	r := &input.Reader{}
	t.Scopes = slices.Clone(Scopes)
	if in.Scopes.Kind != input.Absent {
		t.Scopes = readScopes(r, in.Scopes)
	}
	if in.ExpiresAt.Kind != input.Absent {
		t.ExpiresAt = r.Expiry("expires_at", in.ExpiresAt, nil, now)
	}
	return t, problem.InvalidInput(r.Problems)
}

func readScopes(r *input.Reader, l input.List[input.Value]) []string {
	if !input.CheckList(r, "scopes", l, 4*len(Scopes), "scopes") {
		return nil
	}
	if len(l.Items) == 0 {
		r.Add("scopes", "required", "Choose at least one scope.")
	}
	named := map[string]bool{}
	for i, v := range l.Items {
		if v.Kind != input.String || !slices.Contains(Scopes, v.Text) {
			r.Add(input.Index("scopes", i), "unknown_scope", "Choose "+input.Either(Scopes)+".")
		}
		named[v.Text] = true
	}
	return slices.DeleteFunc(slices.Clone(Scopes), func(scope string) bool { return !named[scope] })
}

// CreateToken makes a token of a connection, and returns its secret, which is not stored. Refusals: NotFound, Invalid,
// Forbidden when the actor may not create, update and delete users and make virtual keys, may do less than a role that
// users of the connection have or can get, or is an API key that expires before the token, Conflict when two are valid
// already.
func CreateToken(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, connection int64, in TokenInput,
) (t Token, value string, err error) {
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		of, err := Lock(ctx, tx, connection)
		if err != nil {
			return err
		}
		if err := mayIssue(ctx, tx, actor, of); err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if t, err = in.check(now); err != nil {
			return err
		}
		if err := identity.KeepEnd(actor, t.ExpiresAt); err != nil {
			return err
		}
		if err := roomForToken(ctx, tx, connection); err != nil {
			return err
		}
		value = secret.NewKeySecret(secret.SCIMPrefix)
		t.ConnectionID, t.CreatedAt = connection, now
		t.TokenPrefix, t.TokenHash = value[:secret.VisibleSCIM], secret.HashSecret(keys.SCIM, value)
		if _, err := tx.NewInsert().Model(&t).Returning("id").Exec(ctx); err != nil {
			return fmt.Errorf("insert SCIM token: %w", err)
		}
		return recordToken(ctx, tx, actor, "create", t, nil, t.record())
	})
	if err != nil {
		value = ""
	}
	return t, value, err
}

// roomForToken removes the tokens of a connection that have expired. Refusal: Conflict when enough are left.
func roomForToken(ctx context.Context, tx database.Tx, connection int64) error {
	_, err := tx.NewRaw("DELETE FROM scim_tokens WHERE connection_id = ? AND expires_at <= clock_timestamp()", connection).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove expired SCIM tokens: %w", err)
	}
	valid, err := tx.NewSelect().Table("scim_tokens").Where("connection_id = ?", connection).Count(ctx)
	if err != nil {
		return fmt.Errorf("count SCIM tokens: %w", err)
	}
	if valid >= MaxTokens {
		return problem.Refuse(problem.Conflict, "", "too_many_tokens",
			"Delete a token first: a connection has at most two that are valid.")
	}
	return nil
}

// GetToken returns one token of a connection. Refusal: NotFound.
func GetToken(ctx context.Context, db bun.IDB, connection, id int64) (Token, error) {
	var t Token
	err := db.NewSelect().Model(&t).Where("t.id = ? AND t.connection_id = ?", id, connection).Scan(ctx)
	if err != nil {
		return t, problem.NotFoundOr(err, "token of this SCIM connection")
	}
	return t, nil
}

// DeleteToken revokes a token at once. Refusal: NotFound.
func DeleteToken(ctx context.Context, db bun.IDB, actor permission.Actor, connection, id int64) (Token, error) {
	var t Token
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if _, err := (identity.Claim{Needed: permission.UpdateSettings, Shared: true}).Lock(ctx, tx, actor); err != nil {
			return err
		}
		var err error
		if t, err = GetToken(ctx, tx, connection, id); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&t).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete SCIM token %d: %w", id, err)
		}
		return recordToken(ctx, tx, actor, "delete", t, t.record(), nil)
	})
	return t, err
}

// record is a token as audit rows show it.
func (t Token) record() map[string]any {
	return map[string]any{
		"name": t.TokenPrefix + "…", "scim_connection_id": t.ConnectionID, "scopes": t.Scopes, "expires_at": t.ExpiresAt,
	}
}

func recordToken(
	ctx context.Context, tx database.Tx, actor permission.Actor, action string, t Token, previous, current any,
) error {
	return audit.RecordResource(ctx, tx, actor, action, "scim_token", strconv.FormatInt(t.ID, 10), previous, current)
}

// Caller is a directory that has identified itself.
type Caller struct {
	Connection Connection
	Scopes     []string

	token  int64
	unused bool // in the last minute
}

// Authenticate returns whose token a value is. Refusals: Unauthenticated, Forbidden when the
// connection is switched off.
func Authenticate(ctx context.Context, db bun.IDB, keys secret.Keys, value string) (Caller, error) {
	var caller Caller
	if !secret.IsKeySecret(secret.SCIMPrefix, value) {
		return caller, identity.Unauthenticated("Send a SCIM token of this console as Bearer.")
	}
	c := &caller.Connection
	err := database.ScanPlanned(ctx, db, []any{
		&caller.token, pgdialect.Array(&caller.Scopes), &caller.unused, &c.ID, &c.Name, &c.IsEnabled,
	}, `
SELECT t.id, t.scopes, t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute', c.id, c.name,
    c.is_enabled
FROM scim_tokens AS t JOIN scim_connections AS c ON c.id = t.connection_id
WHERE t.token_hash = $1 AND (t.expires_at IS NULL OR t.expires_at > now())`, secret.HashSecret(keys.SCIM, value))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return caller, identity.Unauthenticated("This SCIM token is not valid, or not any more.")
	case err != nil:
		return caller, fmt.Errorf("look up a SCIM token: %w", err)
	case !c.IsEnabled:
		return caller, problem.Refuse(problem.Forbidden, "", "forbidden", "This connection is switched off in the console.")
	}
	return caller, nil
}

// NoteUse notes that the token of a caller was used, once a minute. It does not wait for a change of the token.
func NoteUse(ctx context.Context, db bun.IDB, c Caller) error {
	if !c.unused {
		return nil
	}
	_, err := db.NewRaw("UPDATE scim_tokens SET last_used_at = now() "+
		"WHERE id IN (SELECT id FROM scim_tokens WHERE id = ? FOR UPDATE SKIP LOCKED)", c.token).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note the use of a SCIM token: %w", err)
	}
	return nil
}

// Needs refuses a caller whose token lacks a scope. Refusal: Forbidden.
func (c Caller) Needs(scope string) error {
	if slices.Contains(c.Scopes, scope) {
		return nil
	}
	return problem.Refuse(problem.Forbidden, "", "forbidden", "Use a token with the scope "+scope+" for this.")
}
