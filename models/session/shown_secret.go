package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/secret"
)

const shownFor = "shown-secret/v1"

// KeepShown lets the session of a token read a new secret again for ten minutes, so that its page survives a reload.
// Subject says whose secret it is.
func KeepShown(ctx context.Context, db bun.IDB, keys secret.Keys, token, subject, value string) error {
	sealed, err := keys.Seal([]byte(value), shownFor, token, subject)
	if err != nil {
		return fmt.Errorf("keep a shown secret: %w", err)
	}
	_, err = db.NewRaw(`
WITH expired AS (DELETE FROM shown_secrets WHERE expires_at <= now() AND (token_hash, subject) <> (?0, ?1))
INSERT INTO shown_secrets (token_hash, subject, sealed, expires_at) VALUES (?0, ?1, ?2, now() + interval '10 minutes')
ON CONFLICT (token_hash, subject) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at`,
		secret.HashToken(token), subject, sealed).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep a shown secret: %w", err)
	}
	return nil
}

// Shown returns a secret that the session of a token was shown in the last ten minutes; ok is false when there is none.
func Shown(
	ctx context.Context, db bun.IDB, keys secret.Keys, token, subject string,
) (value string, ok bool, err error) {
	var sealed []byte
	err = db.NewRaw("SELECT sealed FROM shown_secrets WHERE token_hash = ? AND subject = ? AND expires_at > now()",
		secret.HashToken(token), subject).Scan(ctx, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read a shown secret: %w", err)
	}
	plain, err := keys.Open(sealed, shownFor, token, subject)
	if err != nil {
		return "", false, nil // sealed with an earlier secret of the console, so it cannot be read any more
	}
	return string(plain), true, nil
}
