package session

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// LoginInput is what a user sends to sign in.
type LoginInput struct {
	input.Row
	Email    input.Value `json:"email"`
	Password input.Value `json:"password"`
	Next     input.Value `json:"next"`   // where to go afterwards
	Sealed   input.Value `json:"sealed"` // a form that was sent after the session before had ended
}

// Login returns the user whom email and password belong to. Refusals: Invalid when one is missing, else those of
// CheckPassword.
func Login(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, network string, in LoginInput,
) (identity.User, error) {
	c := &input.Reader{}
	c.Required("email", in.Email, "your email address")
	c.Required("password", in.Password, "your password")
	if err := problem.InvalidInput(c.Problems); err != nil {
		return identity.User{}, err
	}
	user, err := CheckPassword(ctx, db, passwords, network, in.Email.Text, in.Password.Text)
	if err != nil {
		return user, err
	}
	return user, deleteOldTries(ctx, db)
}

// CheckPassword returns the user whom email and password belong to. A user who does not exist costs the same work and
// gets the same answer; that a user is deactivated is said only to a client that has the password. Refusals:
// Unauthenticated, TooMany, Forbidden while users have to sign in by an identity provider.
func CheckPassword(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, network, email, password string,
) (identity.User, error) {
	email = input.Tidy(email)
	try := attempt{
		account: "account " + hex.EncodeToString(secret.HashToken(input.FoldCase(email))),
		network: "network " + networkOf(network),
	}
	if err := try.count(ctx, db); err != nil {
		return identity.User{}, err
	}
	user, err := checkPassword(ctx, db, passwords, email, password)
	var refusal *problem.Refusal
	if err == nil || !errors.As(err, &refusal) || refusal.Reason != problem.Unauthenticated {
		// The password was not wrong, so the try is not counted.
		if err := try.forgive(ctx, db, err == nil); err != nil {
			return identity.User{}, err
		}
	}
	return user, err
}

func checkPassword(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, email, typed string,
) (identity.User, error) {
	var known struct {
		identity.User
		PasswordHash *string
	}
	if input.Storable(email) {
		err := identity.SelectUsersOf(db, "users AS u").Column("u.password_hash").Where("u.email_key = ?", input.FoldCase(email)).Scan(ctx, &known)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return identity.User{}, fmt.Errorf("look up the user: %w", err)
		}
	}
	forms := password.Forms(typed)
	hash, possible := password.Dummy, known.PasswordHash != nil && len(forms[0]) <= password.Max
	if possible {
		hash = *known.PasswordHash
	} else {
		forms = password.Forms(typed[:min(len(typed), password.Max)]) // the same work
	}
	form, err := passwords.Matching(ctx, hash, forms)
	if err != nil {
		return identity.User{}, err
	}
	only, err := identity.Enforced(ctx, db)
	switch {
	case err != nil:
		return identity.User{}, err
	case only && !known.BreakGlass:
		return identity.User{}, identity.SSORequired() // for a right and a wrong password alike
	case form < 0 || !possible:
		return identity.User{}, problem.Refuse(
			problem.Unauthenticated, "", "invalid_credentials",
			"Wrong email address or password. Check both and try again.",
		)
	case known.DeactivatedAt != nil:
		return identity.User{}, identity.Deactivated()
	case form > 0:
		err = rehash(ctx, db, passwords, known.ID, hash, typed)
	}
	if err == nil && known.BreakGlass {
		err = identity.NoteBreakGlass(ctx, db, known.User)
	}
	return known.User, err
}

// rehash replaces a hash of an outdated form of the password, unless it was changed meanwhile. When there is no time
// for it, the next sign-in does it.
func rehash(ctx context.Context, db bun.IDB, passwords *password.Hasher, user, old, password string) error {
	hash, err := passwords.Hash(ctx, password)
	if refusal := (*problem.Refusal)(nil); errors.As(err, &refusal) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := db.NewRaw("UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?", hash, user, old).
		Exec(ctx); err != nil {
		return fmt.Errorf("store the password in its new form: %w", err)
	}
	return nil
}

// attempt is one try of a password, counted against the account and against the network it comes from. It is counted
// before it is known to be wrong, so that parallel tries cannot slip through, and uncounted when it was right.
type attempt struct{ account, network string }

// Wrong passwords that are not delayed, for one account and from one network.
const (
	FreeTries          = 5
	FreeTriesOfNetwork = 30

	freeTries = "(CASE WHEN t.subject LIKE 'network %' THEN 30 ELSE 5 END)"
	// throttleDelay is how long to wait after that many failures: nothing for the free ones, then 1 s, 2 s, 4 s … 60 s.
	throttleDelay = "(CASE WHEN round(t.failures) < " + freeTries + " THEN 0" +
		" ELSE least(60, 2 ^ (round(t.failures) - " + freeTries + ")) END * interval '1 second')"
	// countTry lets a try through and counts it. One failure expires with each minute beyond the delay, so
	// no user is locked out, and a big office is not slowed down by the typing errors of a day.
	countTry = ` ON CONFLICT (subject) DO UPDATE SET last_failed_at = clock_timestamp(), failures = least(6 + ` + freeTries + `,
    1 + greatest(0, t.failures - extract(epoch FROM clock_timestamp() - t.last_failed_at - ` + throttleDelay + `) / 60))
    WHERE t.last_failed_at + ` + throttleDelay + ` <= clock_timestamp() RETURNING 1`
)

// count lets the try through and counts it, in one statement; the account is not counted while its network must wait.
func (a attempt) count(ctx context.Context, db bun.IDB) error {
	var allowed struct{ Network, Account bool }
	err := db.NewRaw(`
WITH network AS (INSERT INTO login_throttles AS t (subject, failures, last_failed_at)
    VALUES (?, 1, clock_timestamp())`+countTry+`),
     account AS (INSERT INTO login_throttles AS t (subject, failures, last_failed_at) SELECT ?, 1, clock_timestamp()
         FROM network`+countTry+`)
SELECT EXISTS (SELECT FROM network) AS network, EXISTS (SELECT FROM account) AS account`, a.network, a.account).Scan(ctx, &allowed)
	switch {
	case err != nil:
		return fmt.Errorf("count the try: %w", err)
	case allowed.Account:
		return nil
	case allowed.Network:
		// A program that keeps trying one account must not slow down other users of its network.
		if err := a.takeBack(ctx, db, a.network); err != nil {
			return err
		}
	}
	return a.wait(ctx, db)
}

// wait is the refusal that says when the next try is let through.
func (a attempt) wait(ctx context.Context, db bun.IDB) error {
	var seconds float64
	err := db.NewRaw("SELECT coalesce(extract(epoch FROM max(t.last_failed_at + "+throttleDelay+") - clock_timestamp()), 0)"+
		" FROM login_throttles AS t WHERE t.subject IN (?, ?)", a.network, a.account).Scan(ctx, &seconds)
	if err != nil {
		return fmt.Errorf("read when the next try is let through: %w", err)
	}
	return password.TooMany(max(time.Duration(seconds*float64(time.Second)), time.Second))
}

// forgive takes the try back from both; a right password clears its account. A network is never cleared by one right
// password, which an attacker may have.
func (a attempt) forgive(ctx context.Context, db bun.IDB, right bool) error {
	if err := a.takeBack(ctx, db, a.network); err != nil {
		return err
	}
	if !right {
		return a.takeBack(ctx, db, a.account)
	}
	if _, err := db.NewRaw("DELETE FROM login_throttles WHERE subject = ?", a.account).Exec(ctx); err != nil {
		return fmt.Errorf("forgive the account: %w", err)
	}
	return nil
}

func (a attempt) takeBack(ctx context.Context, db bun.IDB, subject string) error {
	if _, err := db.NewRaw("UPDATE login_throttles SET failures = greatest(failures - 1, 0) WHERE subject = ?", subject).
		Exec(ctx); err != nil {
		return fmt.Errorf("take the try back: %w", err)
	}
	return nil
}

// CountTry counts a sign-in against the network it comes from, until it is forgiven. Refusal: TooMany.
func CountTry(ctx context.Context, db bun.IDB, network string) (forgive func(context.Context) error, err error) {
	try := attempt{network: "network " + networkOf(network)}
	var allowed bool
	err = db.NewRaw(`WITH network AS (INSERT INTO login_throttles AS t (subject, failures, last_failed_at)
    VALUES (?, 1, clock_timestamp())`+countTry+`) SELECT EXISTS (SELECT FROM network)`, try.network).Scan(ctx, &allowed)
	switch {
	case err != nil:
		return nil, fmt.Errorf("count the try: %w", err)
	case !allowed:
		return nil, try.wait(ctx, db)
	}
	return func(ctx context.Context) error { return try.takeBack(ctx, db, try.network) }, nil
}

// deleteOldTries deletes counters that no longer delay a sign-in. It skips locked rows, so that no sign-in waits for
// it.
func deleteOldTries(ctx context.Context, db bun.IDB) error {
	_, err := db.NewRaw(`
DELETE FROM login_throttles WHERE subject IN (
    SELECT subject FROM login_throttles WHERE last_failed_at < now() - interval '1 day'
        LIMIT 1000 FOR UPDATE SKIP LOCKED)`).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete old tries: %w", err)
	}
	return nil
}

// networkOf is the network an address is counted with: an IPv6 subscriber can choose from a whole network.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	bits := 64
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		bits = 24
	}
	network, err := ip.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return network.String()
}
