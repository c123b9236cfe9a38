package provision

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/scim"
)

// A userName of a user whom the directory deleted is free for others. Once another user gets it, the key of the first
// is moved aside: the mark and the user's id follow it. By the name before the mark the first can still be brought
// back when it is free again. The mark is a control character, which no userName has.
const (
	aside      = "\x1f"
	afterAside = "\x20" // the next character, for ranges
)

// NameLeftBy is the user whom the directory deleted and who had a userName, in a list; none when there is none besides
// the user named.
func NameLeftBy(
	ctx context.Context, db bun.IDB, connectionID int64, userName, besides string,
) (ids []string, err error) {
	err = db.NewRaw(`
SELECT s.user_id FROM scim_users AS s JOIN users AS u ON u.id = s.user_id
WHERE s.connection_id = ? AND s.user_name_key = ? AND s.user_id <> ? AND u.left_at IS NOT NULL`,
		connectionID, input.FoldCase(userName), besides).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("look for a userName that is free again: %w", err)
	}
	return ids, nil
}

// FreeName moves a userName aside that users have whom the directory deleted. The transaction has locked them.
func FreeName(ctx context.Context, tx database.Tx, ids []string, userName string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.NewRaw(`
UPDATE scim_users AS s SET user_name_key = s.user_name_key || ? || s.user_id FROM users AS u
WHERE u.id = s.user_id AND s.user_id = ANY (?) AND s.user_name_key = ? AND u.left_at IS NOT NULL`,
		aside, pgdialect.Array(ids), input.FoldCase(userName)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("free a userName: %w", err)
	}
	return nil
}

// nameWanted is the user whose userName an edit of another takes over; see NameLeftBy. It is looked up before users are
// locked, by what the edit makes of the other now. Refusal: NotFound.
func nameWanted(
	ctx context.Context, tx database.Tx, connectionID int64, id string, edit Edit[scim.User],
) ([]string, error) {
	u, err := GetUser(ctx, tx, connectionID, id)
	if err != nil {
		return nil, err
	}
	next, invalid := edit.Apply(u.User)
	if invalid != nil || next.UserName == u.UserName {
		return nil, nil // the edit is refused once the user is locked
	}
	return NameLeftBy(ctx, tx, connectionID, next.UserName, id)
}

// lockNamed locks users whom an admin brings back, together with those who have the userNames that were moved aside. It
// returns of the latter those whom the directory deleted too. Refusals: those of identity.Lock.
func lockNamed(ctx context.Context, tx database.Tx, actor permission.Actor, ids []string) (left []string, err error) {
	ids = identity.Existing(ids)
	err = tx.NewRaw(`
SELECT o.user_id FROM scim_users AS s JOIN scim_users AS o ON o.connection_id = s.connection_id
    AND o.user_name_key = split_part(s.user_name_key, ?, 1) AND o.user_id <> s.user_id
    JOIN users AS u ON u.id = o.user_id
WHERE s.user_id = ANY (?) AND u.left_at IS NOT NULL`, aside, pgdialect.Array(ids)).Scan(ctx, &left)
	if err != nil {
		return nil, fmt.Errorf("look for userNames that are free again: %w", err)
	}
	_, err = identity.Lock(ctx, tx, actor, permission.UpdateUsers, append(ids, left...), nil)
	return left, err
}

// restoreName gives a user whom an admin brings back the userName that was moved aside, also when one of those who left
// has it. Refusal: Conflict when another user has it.
func restoreName(ctx context.Context, tx database.Tx, u identity.User, left []string) error {
	var userName string
	if err := tx.NewRaw("SELECT user_name FROM scim_users WHERE user_id = ?", u.ID).Scan(ctx, &userName); err != nil {
		return fmt.Errorf("look up the userName of user %s: %w", u.ID, err)
	}
	if err := FreeName(ctx, tx, left, userName); err != nil {
		return err
	}
	_, err := tx.NewRaw("UPDATE scim_users SET user_name_key = split_part(user_name_key, ?0, 1) "+
		"WHERE user_id = ?1 AND strpos(user_name_key, ?0) > 0", aside, u.ID).Exec(ctx)
	if problem.Violates(err, "scim_users_name_taken") {
		return problem.Refuse(problem.Conflict, "", "user_name_taken",
			"Release "+problem.Clip(u.Name)+" from the directory first: it deleted them, and gave the userName to another user.")
	}
	if err != nil {
		return fmt.Errorf("restore the userName of user %s: %w", u.ID, err)
	}
	return nil
}

// addressFree refuses the address of a user whom the directory deleted, until that user is deleted here too. Refusal:
// Conflict, which says so.
func addressFree(ctx context.Context, tx database.Tx, conn connection.Connection, id, address string) error {
	var kept bool
	err := tx.NewRaw("SELECT EXISTS (SELECT FROM users WHERE email_key = ? AND id <> ? AND connection_id = ? "+
		"AND left_at IS NOT NULL)", input.FoldCase(address), id, conn.ID).Scan(ctx, &kept)
	if err != nil {
		return fmt.Errorf("look for an address of a deleted user: %w", err)
	}
	if kept {
		return scim.Taken("emails", "A user whom the directory deleted still has this address. Send their externalId or "+
			"userName to bring them back, or ask an admin of the console to release and delete them.")
	}
	return nil
}
