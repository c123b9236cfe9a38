package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// OtherSecretError refuses a secret that is not the one of a console at work: each would refuse the keys of the other.
type OtherSecretError struct {
	Console string        // as it is listed in consoles
	Ago     time.Duration // since it was last seen
}

func (e OtherSecretError) Error() string {
	return fmt.Sprintf("it is not the secret of the console %s, which was at work %.0f seconds ago: each would refuse "+
		"the keys of the other; set the same one everywhere, or end all consoles and wait a minute to replace it",
		e.Console, e.Ago.Seconds())
}

// CheckSecret compares the check value of a secret with those of the consoles at work, and notes when it was first used
// with this database. It fails with an [OtherSecretError] when a console at work has another.
func CheckSecret(ctx context.Context, db bun.IDB, check []byte) error {
	if err := refuseOther(ctx, db, check, ""); err != nil {
		return err
	}
	_, err := db.NewRaw("INSERT INTO secret_checks (secret_check) VALUES (?) ON CONFLICT DO NOTHING", check).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note the use of the secret: %w", err)
	}
	return nil
}

// refuseOther fails with an [OtherSecretError] when a console at work has another secret. Of consoles that started at
// the same time one stays, so that only those whose id is below a given one count; "" stands for all.
func refuseOther(ctx context.Context, db bun.IDB, check []byte, below string) error {
	var other struct {
		ID      string
		Seconds float64
	}
	err := db.NewRaw(`
SELECT id, extract(epoch FROM clock_timestamp() - seen_at)::double precision AS seconds FROM consoles
WHERE secret_check <> ?0 AND seen_at > clock_timestamp() - interval '1 minute' AND (?1 = '' OR id < ?1)
ORDER BY seen_at DESC LIMIT 1`, check, below).Scan(ctx, &other)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("compare the secret with those of other consoles: %w", err)
	}
	return OtherSecretError{other.ID, time.Duration(other.Seconds * float64(time.Second))}
}

// StrangeKeys are virtual keys that were last changed under another secret: a console with this one refuses them.
type StrangeKeys struct {
	Keys  int64
	Since time.Time // the secret was first used; zero when no other was used before
}

// FindStrangeKeys counts the virtual keys that a console with the secret of a check value does not know.
func FindStrangeKeys(ctx context.Context, db bun.IDB, check []byte) (StrangeKeys, error) {
	var strange StrangeKeys
	err := db.NewRaw(`
SELECT s.first_used_at AS since, (SELECT count(*) FROM virtual_keys WHERE updated_at < s.first_used_at) AS keys
FROM secret_checks AS s
WHERE s.secret_check = ? AND EXISTS (SELECT FROM secret_checks WHERE first_used_at < s.first_used_at)`, check).
		Scan(ctx, &strange)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return strange, fmt.Errorf("count the keys of another secret: %w", err)
	}
	return strange, nil
}
