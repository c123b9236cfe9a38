package virtualkey

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// IssueFirstOf issues a key to each of the users who has none, as IssueFirst does, in a fixed number of statements. The
// transaction has locked the users.
func IssueFirstOf(
	ctx context.Context, tx database.Tx, keys secret.Keys, users []identity.Holder, profile string, now time.Time,
) ([]Key, error) {
	ids, names := make([]string, len(users)), make([]string, len(users))
	for i, user := range users {
		ids[i], names[i] = user.ID, input.NameKey(clipName(user.Email+" - "+profile))
	}
	var with, rows []string
	err := tx.NewRaw("SELECT DISTINCT user_id FROM virtual_keys WHERE user_id = ANY (?)", pgdialect.Array(ids)).
		Scan(ctx, &with)
	if err == nil {
		err = tx.NewRaw(`
SELECT DISTINCT k.name_key FROM unnest(?::text[]) AS n
    JOIN virtual_keys AS k ON k.name_key = n OR starts_with(k.name_key, n || ' (')`, pgdialect.Array(names)).Scan(ctx, &rows)
	}
	if err != nil {
		return nil, fmt.Errorf("look up the keys of users: %w", err)
	}
	has, taken := setOf(with), setOf(rows)
	var issued []Key
	for _, user := range users {
		if has[user.ID] {
			continue
		}
		name := clipName(user.Email + " - " + profile)
		free := name
		for n := 2; taken[input.NameKey(free)]; n++ {
			free = name + " (" + strconv.Itoa(n) + ")"
		}
		taken[input.NameKey(free)] = true
		key := Key{
			ID: uuid.NewString(), UserID: user.ID, Name: free, NameKey: input.NameKey(free), CreatedAt: now, UpdatedAt: now,
		}
		key.renew(keys)
		issued = append(issued, key)
	}
	if len(issued) == 0 {
		return nil, nil
	}
	_, err = tx.NewInsert().Model(&issued).Exec(ctx)
	if problem.Violates(err, "virtual_keys_name_taken") {
		return nil, fmt.Errorf("%w: %w", database.ErrAgain, err) // a name was taken since it was looked up
	}
	if err != nil {
		return nil, fmt.Errorf("issue first keys: %w", err)
	}
	return issued, nil
}

func setOf(texts []string) map[string]bool {
	set := make(map[string]bool, len(texts))
	for _, text := range texts {
		set[text] = true
	}
	return set
}
