package models

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/uptrace/bun"
)

// LoginInput is what a person types to sign in.
type LoginInput struct {
	Row
	Email    Value `json:"email"`
	Password Value `json:"password"`
	Next     Value `json:"next"` // where to go afterwards
}

// Login returns the user whom email and password belong to. Refusals: Invalid when one is missing, else those of CheckPassword.
func Login(ctx context.Context, db bun.IDB, passwords *Passwords, network string, in LoginInput) (User, error) {
	c := &checker{}
	c.required("email", in.Email, "your email address")
	c.required("password", in.Password, "your password")
	if err := invalid(c.found); err != nil {
		return User{}, err
	}
	return CheckPassword(ctx, db, passwords, network, in.Email.Text, in.Password.Text)
}

// CheckPassword returns the user whom email and password belong to. A user who does not exist costs the same work and gets the same
// answer. Refusals: Unauthenticated, TooMany.
func CheckPassword(ctx context.Context, db bun.IDB, passwords *Passwords, network, email, password string) (User, error) {
	email = tidy(email)
	try := attempt{account: "account " + hex.EncodeToString(hashToken(Fold(email))), network: "network " + networkOf(network)}
	if err := try.count(ctx, db); err != nil {
		return User{}, err
	}
	user, err := checkPassword(ctx, db, passwords, email, password)
	var refusal *Refusal
	if err == nil || !errors.As(err, &refusal) || refusal.Reason != Unauthenticated {
		// It was no wrong password, so it counts against nobody.
		if err := try.forgive(ctx, db, err == nil); err != nil {
			return User{}, err
		}
	}
	return user, err
}

func checkPassword(ctx context.Context, db bun.IDB, passwords *Passwords, email, password string) (User, error) {
	var known struct {
		User
		PasswordHash *string
	}
	if storable(email) {
		err := selectUsers(db).Column("u.password_hash").Where("u.email_key = ?", Fold(email)).Scan(ctx, &known)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return User{}, fmt.Errorf("look up the user: %w", err)
		}
	}
	hash, possible := nobodysHash, known.PasswordHash != nil && len(password) <= maxPassword
	if possible {
		hash = *known.PasswordHash
	}
	right, err := passwords.matches(ctx, hash, password[:min(len(password), maxPassword)])
	switch {
	case err != nil:
		return User{}, err
	case !right || !possible:
		return User{}, Refuse(Unauthenticated, "", "invalid_credentials", "Check the email address and the password: together they fit nobody here.")
	}
	return known.User, nil
}

// attempt is one try of a password, counted against the account and against the network it comes from. It is counted before it is
// known to be wrong, so that tries in parallel cannot slip through, and forgiven when it was right.
type attempt struct{ account, network string }

const (
	freeAccountTries = 5
	freeNetworkTries = 30
	// throttleDelay is how long to wait after that many failures: nothing for the free ones, then 1 s, 2 s, 4 s … 60 s.
	throttleDelay = "(CASE WHEN round(t.failures) < ? THEN 0 ELSE least(60, 2 ^ least(round(t.failures) - ?, 6)) END * interval '1 second')"
	// countTry lets a try through and counts it. A failure is forgotten each minute, so nobody is locked out, and a big office is not
	// slowed down by the typing errors of a day.
	countTry = ` ON CONFLICT (subject) DO UPDATE SET last_failed_at = clock_timestamp(),
    failures = greatest(t.failures - extract(epoch FROM clock_timestamp() - t.last_failed_at) / 60, 0) + 1
    WHERE t.last_failed_at + ` + throttleDelay + ` <= clock_timestamp() RETURNING 1`
)

// count lets the try through and counts it, in one statement; the account is left alone while its network has to wait.
func (a attempt) count(ctx context.Context, db bun.IDB) error {
	var allowed bool
	err := db.NewRaw(`
WITH network AS (INSERT INTO login_throttles AS t (subject, failures, last_failed_at) VALUES (?, 1, clock_timestamp())`+countTry+`),
     account AS (INSERT INTO login_throttles AS t (subject, failures, last_failed_at) SELECT ?, 1, clock_timestamp() FROM network`+countTry+`)
SELECT EXISTS (SELECT FROM account)`,
		a.network, freeNetworkTries, freeNetworkTries, a.account, freeAccountTries, freeAccountTries).Scan(ctx, &allowed)
	if err != nil {
		return fmt.Errorf("count the try: %w", err)
	}
	if !allowed {
		return a.wait(ctx, db)
	}
	return nil
}

// wait is the refusal that says when the next try is let through.
func (a attempt) wait(ctx context.Context, db bun.IDB) error {
	var seconds float64
	err := db.NewRaw(`
SELECT coalesce(extract(epoch FROM max(next) - clock_timestamp()), 0) FROM (
    SELECT t.last_failed_at + `+throttleDelay+` AS next FROM login_throttles AS t WHERE t.subject = ?
    UNION ALL SELECT t.last_failed_at + `+throttleDelay+` FROM login_throttles AS t WHERE t.subject = ?) AS waits`,
		freeNetworkTries, freeNetworkTries, a.network, freeAccountTries, freeAccountTries, a.account).Scan(ctx, &seconds)
	if err != nil {
		return fmt.Errorf("read when the next try is let through: %w", err)
	}
	return tooMany(max(time.Duration(seconds*float64(time.Second)), time.Second))
}

// forgive takes the count back: all of the account's when the password was right, else this try. A network is never cleared by one
// right password, which an attacker may have.
func (a attempt) forgive(ctx context.Context, db bun.IDB, right bool) error {
	_, err := db.NewRaw(`
WITH network AS (UPDATE login_throttles SET failures = greatest(failures - 1, 0) WHERE subject = ?),
     account AS (UPDATE login_throttles SET failures = CASE WHEN ? THEN 0 ELSE greatest(failures - 1, 0) END WHERE subject = ?)
DELETE FROM login_throttles WHERE last_failed_at < clock_timestamp() - interval '1 day'`, a.network, right, a.account).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forgive the try: %w", err)
	}
	return nil
}

// networkOf is the neighbourhood an address is counted with: people get whole IPv6 networks to choose from.
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
