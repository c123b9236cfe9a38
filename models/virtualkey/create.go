package virtualkey

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// Input is what a client may send to create another key; all of it may be left out.
type Input struct {
	input.Row
	Name        input.Value `json:"name"`
	Description input.Value `json:"description"`
	ExpiresAt   input.Value `json:"expires_at"`
	input.UnsupportedRotation
}

func (in Input) apply(k Key, now time.Time) (Key, problem.Problems) {
	c := &input.Reader{}
	if in.Name.Kind != input.Absent {
		k.Name, _ = c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255})
	}
	if in.Description.Kind != input.Absent {
		c.Description(in.Description, &k.Description)
	}
	if in.ExpiresAt.Kind != input.Absent {
		k.ExpiresAt = c.Expiry("expires_at", in.ExpiresAt, nil, now)
	}
	return k, c.Problems
}

// Create issues another key for a user and returns it with its value, which is not stored. Without a name it is named
// by their email and a number. Refusals: NotFound, also when they hold no profile, Invalid, Conflict when the name is
// taken.
func Create(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, user string, in Input,
) (Key, error) {
	return create(ctx, db, keys, actor, permission.CreateVirtualKeys, user, in)
}

func create(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, needed permission.Permission, user string,
	in Input,
) (Key, error) {
	var k Key
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		draft, err := draftOf(ctx, tx, actor, needed, user)
		if err != nil {
			return err
		}
		if needed == permission.Own {
			if err := roomForOwn(ctx, tx, user); err != nil {
				return err
			}
		}
		var problems problem.Problems
		k, problems = in.apply(draft.Key, draft.UpdatedAt)
		if len(problems) > 0 {
			return problem.InvalidInput(problems)
		}
		k.renew(keys)
		return insert(ctx, tx, actor, &k, draft.email)
	})
	if problem.Violates(err, "virtual_keys_name_taken") {
		return k, nameTaken()
	}
	return k, err
}

// draft is a key of a user before anything is known of it.
type draft struct {
	Key
	email string
}

// draftOf locks a user, who has to hold a profile, and begins another key of theirs.
func draftOf(
	ctx context.Context, tx database.Tx, actor permission.Actor, needed permission.Permission, user string,
) (draft, error) {
	users, err := identity.LockAccess(ctx, tx, actor, needed, user)
	if err != nil {
		return draft{}, err
	}
	if err := holdsSomething(ctx, tx, user); err != nil {
		return draft{}, err
	}
	now, err := database.Clock(ctx, tx)
	return draft{Key{ID: uuid.NewString(), UserID: user, CreatedAt: now, UpdatedAt: now}, users[0].Email}, err
}

// insert stores a key that has its value; without a name it gets one.
func insert(ctx context.Context, tx database.Tx, actor permission.Actor, k *Key, email string) (err error) {
	if k.Name == "" {
		if k.Name, err = freeKeyName(ctx, tx, email+" - key"); err != nil {
			return err
		}
	}
	k.NameKey = input.NameKey(k.Name)
	if _, err := tx.NewInsert().Model(k).Exec(ctx); err != nil {
		return fmt.Errorf("insert virtual key: %w", err)
	}
	return recordKey(ctx, tx, actor, "create", nil, k)
}

func nameTaken() error {
	return problem.Refuse(problem.Conflict, "name", "name_taken",
		"Choose another name: there is a key with this name already.")
}

func holdsSomething(ctx context.Context, tx database.Tx, user string) error {
	holds, err := tx.NewSelect().Table("user_access_profiles").Where("user_id = ?", user).Exists(ctx)
	if err != nil {
		return fmt.Errorf("look up what the user holds: %w", err)
	}
	if !holds {
		return problem.Refuse(problem.NotFound, "", "not_found",
			"The user holds no access profile, so a key could do nothing. Assign one first.")
	}
	return nil
}
