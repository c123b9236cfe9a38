package problem

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Reason is the kind of a refusal; the edge maps each to a status.
type Reason int

// The reasons a request can be refused for.
const (
	Invalid Reason = iota
	Unreadable
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	Stale
	TooLarge
	UnsupportedMedia
	WrongHost
	WrongMethod
	TooMany
	Unavailable
	NotOffered
	Busy // with what it was asked for, while all else goes on
)

// Refusal is an answer a client can act on: why, and every field at fault.
type Refusal struct {
	Reason     Reason
	Problems   Problems // at least one
	RetryAfter time.Duration
}

func (r *Refusal) Error() string { return r.Problems.Error() }

// AsRefusal returns the refusal that err is, if it is one.
func AsRefusal(err error) (*Refusal, bool) {
	var refusal *Refusal
	ok := errors.As(err, &refusal)
	return refusal, ok
}

// Refuse makes a refusal with one problem.
func Refuse(reason Reason, field, code, message string) *Refusal {
	return &Refusal{Reason: reason, Problems: Problems{{field, code, message}}}
}

// InvalidInput makes a refusal of the problems found, or nil when there are none.
func InvalidInput(problems Problems) error {
	if len(problems) == 0 {
		return nil
	}
	return &Refusal{Reason: Invalid, Problems: problems}
}

// Missing is the answer for a row that does not exist or that the caller may not see.
func Missing(what string) *Refusal {
	return Refuse(NotFound, "", "not_found", fmt.Sprintf("There is no such %s.", what))
}

// Lacks is the answer to an actor without the permission that they need.
func Lacks(permission string) *Refusal {
	return Refuse(Forbidden, "", "forbidden",
		"You need the permission "+permission+" for this. Ask an admin of this console for it.")
}

// Violates reports whether err is a violation of the named constraint.
func Violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

// SQLState returns the SQLSTATE of err, or "".
func SQLState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// FitsNoPartition reports whether a row was refused because a session knows no partition for it. A session may learn of
// one that was just attached with its next transaction.
func FitsNoPartition(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23514" && pg.ConstraintName == ""
}

// ErrOutcomeUnknown marks a COMMIT, or a single statement, of which it is not known whether it was done.
var ErrOutcomeUnknown = errors.New("outcome unknown")

// Classify turns the errors of a database that is unreachable, busy, in recovery or of another release into a refusal
// after which a client may try again; other errors pass.
func Classify(err error) error {
	var refusal *Refusal
	if err == nil || errors.As(err, &refusal) {
		return err
	}
	code := SQLState(err)
	var network *net.OpError
	var connect *pgconn.ConnectError
	var standby StandbyError
	switch {
	case errors.Is(err, ErrOutcomeUnknown):
		return fmt.Errorf("%w: %w", &Refusal{
			Reason: Unavailable, RetryAfter: 2 * time.Second,
			Problems: Problems{{"", "outcome_unknown", "The connection to the database broke while this was being stored: " +
				"it may have been done. Look before you repeat it."}},
		}, err)
	case code == "42P01", code == "42703", code == "42883", isReplanned(err):
		return fmt.Errorf("%w: %w", &Refusal{
			Reason: Unavailable, RetryAfter: 2 * time.Second,
			Problems: Problems{{"", "retry_later", "The database is being upgraded, and this console does not fit it. " +
				"Nothing was changed; try again in a moment."}},
		}, err)
	case code == "40001", code == "40P01", code == "55P03", code == "57014", code == "25006", code == "53300",
		code == "53100",
		code == "26000", code == "42P05", // a pooler has changed the session below a prepared statement
		len(code) == 5 && (code[:2] == "08" || code[:3] == "57P"),
		errors.As(err, &network), errors.As(err, &connect), errors.As(err, &standby), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err), errors.Is(err, pgconn.ErrConnClosed),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, driver.ErrBadConn):
		return fmt.Errorf("%w: %w", &Refusal{
			Reason: Unavailable, RetryAfter: 2 * time.Second,
			Problems: Problems{{"", "retry_later", "The database is away or busy. Nothing was changed; try again in a moment."}},
		}, err)
	}
	return err
}

// StandbyError reports a server that cannot be written to.
type StandbyError struct{}

func (StandbyError) Error() string {
	return "this server is a standby, which cannot be written to: give the address of its primary, or of all servers " +
		"with commas between them"
}

// isReplanned reports a prepared statement whose columns a migration has changed meanwhile.
func isReplanned(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "0A000" && refused.Routine == "RevalidateCachedQuery"
}

// NotFoundOr turns the database's "no rows" into the answer for a row that does not exist.
func NotFoundOr(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return Missing(what)
	}
	return fmt.Errorf("load %s: %w", what, err)
}
