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

// CheckSecret compares the check value of a secret with those of the consoles at work, and notes since when it is used
// with this database when another one was used before. It fails with an [OtherSecretError] when a console at work has
// another.
func CheckSecret(ctx context.Context, db bun.IDB, check []byte) error {
	if err := refuseOther(ctx, db, check, ""); err != nil {
		return err
	}
	_, err := db.NewRaw(`
INSERT INTO secret_checks (secret_check) SELECT ?0
WHERE ?0 IS DISTINCT FROM (SELECT secret_check FROM secret_checks ORDER BY since DESC LIMIT 1)`, check).Exec(ctx)
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

// RefusedKeys are virtual keys that were last changed while another secret was used: a console with this one refuses
// them.
type RefusedKeys struct {
	Count int64
	Until time.Time // the other secret was used; zero without such keys
}

// FindRefusedKeys counts the virtual keys that a console with the secret of a check value refuses. Keys that are older
// than the first note were changed under its secret.
func FindRefusedKeys(ctx context.Context, db bun.IDB, check []byte) (RefusedKeys, error) {
	var refused struct {
		Count int64
		Until sql.NullTime
	}
	err := db.NewRaw(`
SELECT count(*) AS count, max(s.until) AS until FROM (
    SELECT secret_check, lead(since) OVER notes AS until,
        CASE WHEN row_number() OVER notes = 1 THEN '-infinity' ELSE since END AS since
    FROM secret_checks WINDOW notes AS (ORDER BY since)
) AS s JOIN virtual_keys AS k ON k.updated_at >= s.since AND k.updated_at < s.until
WHERE s.secret_check <> ?`, check).Scan(ctx, &refused)
	if err != nil {
		return RefusedKeys{}, fmt.Errorf("count the keys of another secret: %w", err)
	}
	return RefusedKeys{refused.Count, refused.Until.Time}, nil
}
