package identityprovider

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// resource is what audit rows call a provider.
const resource = "identity_provider"

// Check reads what the provider of an issuer publishes. Refusal: Invalid when it cannot be used.
type Check func(ctx context.Context, issuer string) error

// record is a provider as audit rows show it: never the secret, only that it was changed.
type record struct {
	Provider
	ClientSecret string `json:"client_secret,omitempty"`
}

// Create checks and stores a new provider. Refusals: Invalid, Forbidden for a default role that permits more than the
// actor may do and for a way in as users who may do more, Conflict when slug, name or client are taken.
func Create(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, in Input, check Check,
) (Provider, error) {
	first, sent, err := in.apply(added)
	if err == nil {
		err = check(ctx, first.Issuer)
	}
	if err != nil {
		return first, err
	}
	p := first
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		p = first
		if err := lockConnection(ctx, tx, p); err != nil {
			return err
		}
		if err := mayChange(ctx, tx, actor, Provider{}, p); err != nil {
			return err
		}
		var err error
		if p.CreatedAt, err = database.Clock(ctx, tx); err != nil {
			return err
		}
		p.UpdatedAt, p.Version = p.CreatedAt, 1
		if _, err := tx.NewInsert().Model(&p).Returning("id").Exec(ctx); err != nil {
			return fmt.Errorf("insert identity provider: %w", err)
		}
		tx.Invalidate(database.Everybody) // tokens of callers may be accepted now
		written := record{Provider: p}
		if sent != nil && *sent != "" {
			if err := keep(ctx, tx, keys, &p, *sent); err != nil {
				return err
			}
			written = record{p, "set"}
		}
		return audit.RecordResource(ctx, tx, actor, "create", resource, strconv.FormatInt(p.ID, 10), nil, written)
	})
	return p, taken(err)
}

// lockConnection keeps the directory of a provider as it is. Refusal: Invalid when there is none of that id.
func lockConnection(ctx context.Context, tx database.Tx, p Provider) error {
	if p.ConnectionID == nil {
		return nil
	}
	var there []int64
	err := tx.NewRaw("SELECT id FROM scim_connections WHERE id = ? FOR KEY SHARE", *p.ConnectionID).Scan(ctx, &there)
	switch {
	case err != nil:
		return fmt.Errorf("look for the directory of an identity provider: %w", err)
	case len(there) == 0:
		return problem.Refuse(problem.Invalid, "connection_id", "unknown_connection", "Choose a connection that exists.")
	}
	return nil
}

// keep seals the secret of a stored provider; "" removes it.
func keep(ctx context.Context, tx database.Tx, keys secret.Keys, p *Provider, value string) error {
	p.ClientSecret, p.HasSecret = nil, value != ""
	if value != "" {
		var err error
		if p.ClientSecret, err = keys.Seal([]byte(value), sealedFor, strconv.FormatInt(p.ID, 10)); err != nil {
			return fmt.Errorf("seal a client secret: %w", err)
		}
	}
	if _, err := tx.NewUpdate().Model(p).Column("client_secret").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("store a client secret: %w", err)
	}
	return nil
}

// Update changes the fields sent; nothing changed means nothing written. Sessions of a provider that is disabled
// end. Refusals: NotFound, Invalid, Stale, Forbidden as for Create, Conflict when name or client are taken, when
// another issuer is sent while users can sign in by the provider, and when no admin could sign in without it.
func Update(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, id int64, in Input, check Check,
) (Provider, error) {
	old, err := Get(ctx, db, id)
	if err != nil {
		return old, err
	}
	p, _, err := in.apply(old)
	if err == nil && (p.Issuer != old.Issuer || p.IsEnabled && !old.IsEnabled) {
		err = check(ctx, p.Issuer) // before any row is locked
	}
	if err != nil {
		return p, err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if old, err = load(ctx, tx, tx.NewSelect().Where("p.id = ?", id).For("UPDATE OF p")); err != nil {
			return err
		}
		var sent *string
		if p, sent, err = in.apply(old); err != nil {
			return err
		}
		if err := fresh(in.Version, old); err != nil {
			return err
		}
		if err := lockConnection(ctx, tx, p); err != nil {
			return err
		}
		if err := mayChange(ctx, tx, actor, old, p); err != nil {
			return err
		}
		if p.Issuer != old.Issuer && old.Users > 0 {
			return problem.Refuse(problem.Conflict, "issuer", "in_use",
				"Add another provider instead: "+plural.Of(old.Users, "user")+" can sign in by this issuer.")
		}
		if sent == nil && same(p, old) {
			return nil
		}
		change := func() error { return save(ctx, tx, keys, actor, old, &p, sent) }
		if old.IsEnabled && !p.IsEnabled {
			return leaveAnAdmin(ctx, tx, "is_enabled", change)
		}
		return change()
	})
	return p, taken(err)
}

func save(
	ctx context.Context, tx database.Tx, keys secret.Keys, actor permission.Actor, old Provider, p *Provider, sent *string,
) (err error) {
	if p.UpdatedAt, err = database.Clock(ctx, tx); err != nil {
		return err
	}
	p.Version++
	_, err = tx.NewUpdate().Model(p).ExcludeColumn("id", "slug", "client_secret", "created_at").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("update identity provider %d: %w", p.ID, err)
	}
	tx.Invalidate(database.Everybody) // other tokens of callers are accepted now
	written := record{Provider: *p}
	if sent != nil {
		if err := keep(ctx, tx, keys, p, *sent); err != nil {
			return err
		}
		written = record{*p, plural.Choose(*sent == "", "removed", "changed")}
	}
	if p.GroupsClaim != old.GroupsClaim {
		if err := forgetGroups(ctx, tx, p.ID); err != nil {
			return err
		}
	}
	if !p.IsEnabled {
		if err := endSessions(ctx, tx, p.ID); err != nil {
			return err
		}
	}
	return audit.RecordResource(ctx, tx, actor, "update", resource, strconv.FormatInt(p.ID, 10), record{Provider: old}, written)
}

func endSessions(ctx context.Context, tx database.Tx, id int64) error {
	if _, err := tx.NewRaw("DELETE FROM sessions WHERE provider_id = ?", id).Exec(ctx); err != nil {
		return fmt.Errorf("end the sessions of identity provider %d: %w", id, err)
	}
	return nil
}

// forgetGroups makes the groups of users unknown until they sign in again: they were values of another claim.
func forgetGroups(ctx context.Context, tx database.Tx, id int64) error {
	_, err := tx.NewRaw("UPDATE user_identities SET groups = NULL, groups_at = NULL WHERE provider_id = ?", id).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forget the groups of users of identity provider %d: %w", id, err)
	}
	return nil
}

func same(p, old Provider) bool {
	p.BaseModel, p.UpdatedAt = old.BaseModel, old.UpdatedAt
	return sameID(p.DefaultRoleID, old.DefaultRoleID) && sameID(p.ConnectionID, old.ConnectionID) &&
		p.MatchClaim == old.MatchClaim && slices.Equal(p.Scopes, old.Scopes) &&
		slices.Equal(p.EmailDomains, old.EmailDomains) &&
		p.Name == old.Name && p.Issuer == old.Issuer && p.ClientID == old.ClientID && p.AuthStyle == old.AuthStyle &&
		p.GroupsClaim == old.GroupsClaim && p.TrustEmail == old.TrustEmail && p.LinkByEmail == old.LinkByEmail &&
		p.CreateUsers == old.CreateUsers && p.MaxSession == old.MaxSession && p.SignOutThere == old.SignOutThere &&
		p.TokenAudience == old.TokenAudience && p.TokenScope == old.TokenScope &&
		slices.Equal(p.TokenClients, old.TokenClients) && p.IsEnabled == old.IsEnabled
}

func sameID(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

// fresh refuses a change of a version that is not the current one: a form says when what it shows was saved, the API
// may send a number. Refusals: Stale, those of input.Fresh.
func fresh(sent input.Value, p Provider) error {
	if sent.FromForm {
		return input.Fresh(sent, input.Version(p.UpdatedAt))
	}
	if sent.Given() && sent.Text != strconv.FormatInt(p.Version, 10) {
		return problem.Refuse(problem.Stale, "version", "version_mismatch",
			"Somebody saved this provider since you opened it. Open it again, and make your change there.")
	}
	return nil
}

func taken(err error) error {
	switch {
	case problem.Violates(err, "identity_providers_slug_taken"):
		return problem.Refuse(problem.Conflict, "slug", "name_taken", "Choose another short name: "+
			"there is a provider with this one already.")
	case problem.Violates(err, "identity_providers_name_taken"):
		return problem.Refuse(problem.Conflict, "name", "name_taken", "Choose another name: "+
			"there is a provider with this name already.")
	case problem.Violates(err, "identity_providers_audience_taken"):
		return problem.Refuse(problem.Conflict, "token_audience", "name_taken", "There is a provider with this issuer that "+
			"accepts tokens for this audience already.")
	case problem.Violates(err, "identity_providers_client_taken"):
		return problem.Refuse(problem.Conflict, "client_id", "name_taken", "There is a provider with this "+
			"issuer and client id already.")
	}
	return err
}
