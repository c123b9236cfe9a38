package session

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/secret"
)

// attempt is one try of a password. It is counted for its network, for the account from this address, and for the
// account from everywhere, before it is known to be wrong, so that parallel tries cannot slip through; it is uncounted
// when it was right. The count from everywhere slows down guesses that come from many networks. It delays by little,
// and not where the user signed in before: the others are not to keep the user out.
type attempt struct {
	network, pair, account string
	place                  []byte // the account and the network, as sign_in_networks has them
	known                  bool   // the user signed in there before
	fresh                  bool   // within a day
}

func newAttempt(email, address string) attempt {
	name := input.FoldCase(email)
	hash := func(parts string) string { return hex.EncodeToString(secret.HashToken(parts)) }
	return attempt{
		network: "network " + networkOf(address, ofOffice),
		pair:    "pair " + hash(name+" "+networkOf(address, ofOne)),
		account: "account " + hash(name),
		place:   secret.HashToken(name + " " + networkOf(address, ofOffice)),
	}
}

// Wrong passwords that are not delayed: for one account from one address, for all accounts from one network, and for
// one account from everywhere.
const (
	FreeTries          = 5
	FreeTriesOfNetwork = 30
	FreeTriesOfAccount = 20

	freeTries = "(CASE WHEN t.subject LIKE 'network %' THEN 30 WHEN t.subject LIKE 'account %' THEN 20 ELSE 5 END)"
	// throttleDelay is how long to wait after that many failures: nothing for the free ones, then 1 s, 2 s, 4 s … 60 s,
	// or 10 s for the account from everywhere.
	throttleDelay = "(CASE WHEN round(t.failures) < " + freeTries + " THEN 0 ELSE least(" +
		"CASE WHEN t.subject LIKE 'account %' THEN 10 ELSE 60 END, 2 ^ (round(t.failures) - " + freeTries + ")) END" +
		" * interval '1 second')"
	// countTry lets a try through and counts it. One failure expires with each minute beyond the delay, so
	// no user is locked out, and a big office is not slowed down by the typing errors of a day.
	countTry = ` ON CONFLICT (subject) DO UPDATE SET last_failed_at = clock_timestamp(), failures = least(6 + ` + freeTries + `,
    1 + greatest(0, t.failures - extract(epoch FROM clock_timestamp() - t.last_failed_at - ` + throttleDelay + `) / 60))
    WHERE t.last_failed_at + ` + throttleDelay + ` <= clock_timestamp() RETURNING 1`
	insertTry = "INSERT INTO login_throttles AS t (subject, failures, last_failed_at)"
)

// count lets the try through and counts it, in one statement. One that has to wait counts nowhere, so that it makes no
// wait longer: neither the one of its network, whose other users it must not slow down, nor the one of the account.
func (a *attempt) count(ctx context.Context, db bun.IDB) error {
	var counted struct{ Network, Pair, Account bool }
	err := db.NewRaw(`
WITH known AS MATERIALIZED (SELECT seen_at > now() - interval '1 day' AS fresh FROM sign_in_networks
         WHERE network_hash = ?3 AND seen_at > now() - interval '90 days'),
     waiting AS MATERIALIZED (SELECT FROM login_throttles AS t WHERE t.last_failed_at + `+throttleDelay+` > clock_timestamp()
         AND (t.subject IN (?0, ?1) OR t.subject = ?2 AND NOT EXISTS (SELECT FROM known))),
     network AS (`+insertTry+` SELECT ?0, 1, clock_timestamp() WHERE NOT EXISTS (SELECT FROM waiting)`+countTry+`),
     pair AS (`+insertTry+` SELECT ?1, 1, clock_timestamp() FROM network`+countTry+`),
     account AS (`+insertTry+` SELECT ?2, 1, clock_timestamp() FROM pair WHERE NOT EXISTS (SELECT FROM known)`+countTry+`)
SELECT EXISTS (SELECT FROM network), EXISTS (SELECT FROM pair), EXISTS (SELECT FROM account),
    EXISTS (SELECT FROM known), EXISTS (SELECT FROM known WHERE fresh)`,
		a.network, a.pair, a.account, a.place).
		Scan(ctx, &counted.Network, &counted.Pair, &counted.Account, &a.known, &a.fresh)
	if err != nil {
		return fmt.Errorf("count the try: %w", err)
	}
	if counted.Pair && (counted.Account || a.known) {
		return nil
	}
	// Parallel tries can pass the first look together.
	if counted.Network {
		err = a.takeBack(ctx, db, a.network)
	}
	if err == nil && counted.Pair {
		err = a.takeBack(ctx, db, a.pair)
	}
	if err != nil {
		return err
	}
	return a.wait(ctx, db)
}

// wait is the refusal that says when the next try is let through.
func (a *attempt) wait(ctx context.Context, db bun.IDB) error {
	var seconds float64
	err := db.NewRaw("SELECT coalesce(extract(epoch FROM max(t.last_failed_at + "+throttleDelay+") - clock_timestamp()), 0)"+
		" FROM login_throttles AS t WHERE t.subject IN (?, ?) OR t.subject = ? AND NOT ?", a.network, a.pair, a.account, a.known).
		Scan(ctx, &seconds)
	if err != nil {
		return fmt.Errorf("read when the next try is let through: %w", err)
	}
	return password.TooMany(max(time.Duration(seconds*float64(time.Second)), time.Second))
}

// forgive takes the try back everywhere; a right password clears the account's count at this address, and makes the
// network known. The others are never cleared by one right password: that of a network may be an attacker's, and while
// a program of the user signs in all the time, others may guess.
func (a *attempt) forgive(ctx context.Context, db bun.IDB, user string, right bool) error {
	if err := a.takeBack(ctx, db, a.network); err != nil {
		return err
	}
	if !right {
		if err := a.takeBack(ctx, db, a.pair); err != nil {
			return err
		}
	} else if _, err := db.NewRaw("DELETE FROM login_throttles WHERE subject = ?", a.pair).Exec(ctx); err != nil {
		return fmt.Errorf("forgive the account: %w", err)
	}
	if !a.known {
		if err := a.takeBack(ctx, db, a.account); err != nil {
			return err
		}
	}
	if !right || a.fresh {
		return nil
	}
	return a.remember(ctx, db, user)
}

// remember notes the network as one where the user signs in, and forgets those of long ago.
func (a *attempt) remember(ctx context.Context, db bun.IDB, user string) error {
	_, err := db.NewRaw(`
WITH old AS (DELETE FROM sign_in_networks
    WHERE user_id = ?1 AND network_hash <> ?0 AND seen_at < now() - interval '90 days')
INSERT INTO sign_in_networks (network_hash, user_id, seen_at) VALUES (?0, ?1, now())
ON CONFLICT (network_hash) DO UPDATE SET user_id = excluded.user_id, seen_at = excluded.seen_at`, a.place, user).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note the network of a sign-in: %w", err)
	}
	return nil
}

func (a *attempt) takeBack(ctx context.Context, db bun.IDB, subject string) error {
	if _, err := db.NewRaw("UPDATE login_throttles SET failures = greatest(failures - 1, 0) WHERE subject = ?", subject).
		Exec(ctx); err != nil {
		return fmt.Errorf("take the try back: %w", err)
	}
	return nil
}

// CountTry counts a sign-in against the network it comes from, until it is forgiven. Refusal: TooMany.
func CountTry(ctx context.Context, db bun.IDB, address string) (forgive func(context.Context) error, err error) {
	try := attempt{network: "network " + networkOf(address, ofOffice)}
	var allowed bool
	err = db.NewRaw("WITH network AS ("+insertTry+" VALUES (?, 1, clock_timestamp())"+countTry+") SELECT EXISTS (SELECT FROM network)",
		try.network).Scan(ctx, &allowed)
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

// How many bits of an IPv4 address name what is counted together.
const (
	ofOffice = 24
	ofOne    = 32
)

// networkOf is the network an address is counted with: an IPv6 subscriber can choose from a whole network.
func networkOf(address string, bits int) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	if ip = ip.Unmap().WithZone(""); !ip.Is4() {
		bits = 64
	}
	network, err := ip.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return network.String()
}
