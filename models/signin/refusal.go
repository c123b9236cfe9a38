package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/oidc"
	"tollgate/models/problem"
)

// Why a sign-in is refused, beside what the protocol refuses.
const (
	StateMismatch   = "state_mismatch"
	StateUsed       = "state_used"
	ProviderError   = "provider_error"
	Removed         = "removed"
	LinkFirst       = "link_first"
	EmailMissing    = "email_missing"
	EmailNotTrusted = "email_not_trusted"
	NoAccount       = "no_account"
	NotProvisioned  = "not_provisioned"
	NoRole          = "no_role"
	GroupsOverage   = "groups_overage"
	GroupsInvalid   = "groups_invalid"
	Deactivated     = "deactivated"
	SecretUnread    = "credential_unreadable" //nolint:gosec // a code, no credential
	LastAdminKept   = "last_admin"
)

const notAccepted = "What the provider said could not be accepted. Try again; " +
	"if it stays like this, ask an admin of this console."

// sentences say to the person what is wrong.
var sentences = map[string]string{ //nolint:gosec // sentences, no credentials
	StateMismatch: "This sign-in was not begun in this browser, or more than 10 minutes ago. Begin again.",
	StateUsed:     "This sign-in was used already. Begin again.",
	ProviderError: "The provider did not sign you in.",
	Removed:       "Your account here was removed. Ask an admin of this console.",
	LinkFirst: "There is an account with your address. " +
		"Sign in to it with your password, then connect this provider under Sign-in methods.",
	EmailMissing: "The provider does not say your email address. Ask an admin of this console.",
	EmailNotTrusted: "Your email address at the provider is not verified, or not of a domain that is accepted here. " +
		"Ask an admin of this console.",
	NoAccount: "You have no account here. Ask an admin of this console.",
	NotProvisioned: "Your company's directory has not sent your account here yet. " +
		"Try again later, or ask an admin of this console.",
	NoRole: "None of your groups gives you a role here. Ask an admin of this console.",
	GroupsOverage: "You are in too many groups for the provider to name them, so no role can be found. " +
		"Ask an admin of this console: at Entra, app roles or “groups assigned to the application” help.",
	GroupsInvalid: "The provider does not name your groups in a form that can be read. " +
		"Ask an admin of this console.",
	Deactivated:            "Your account here is deactivated. Ask an admin of this console.",
	SecretUnread:           "The client secret of this provider has to be entered again. Ask an admin of this console.",
	oidc.ProviderAway:      "The provider does not answer. Try again in a moment.",
	oidc.DiscoveryFailed:   "The provider cannot be read at the moment. Try again in a moment.",
	oidc.ExchangeFailed:    "The provider did not confirm the sign-in. Begin again.",
	oidc.IssuerMismatch:    notAccepted,
	oidc.IDTokenInvalid:    notAccepted,
	oidc.IDTokenAmbiguous:  notAccepted,
	oidc.NonceMismatch:     notAccepted,
	oidc.AzpMismatch:       notAccepted,
	oidc.UserInfoOfAnother: notAccepted,
}

func refuse(code, detail string) error { return &oidc.Refusal{Code: code, Detail: detail} }

// Shown is a refusal as the person sees it.
func Shown(err error) error {
	var refusal *oidc.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	reason := problem.Forbidden
	switch refusal.Code {
	case oidc.ProviderAway, oidc.DiscoveryFailed, oidc.ExchangeFailed:
		reason = problem.Conflict
	}
	return problem.Refuse(reason, "", refusal.Code, sentences[refusal.Code])
}

// Refused is one refused sign-in, for admins.
type Refused struct {
	ID                                    int64
	Code, Detail, Subject, Email, EventID string
	At                                    time.Time
}

// refusalsKept is how many are kept of all providers.
const refusalsKept = 500

// keepRefusal adds a refused sign-in to the ring.
func keepRefusal(ctx context.Context, db bun.IDB, provider int64, who oidc.Issued, event string, err error) error {
	var refusal *oidc.Refusal
	if !errors.As(err, &refusal) || provider == 0 {
		return nil
	}
	_, dbErr := db.NewRaw(`
WITH added AS (INSERT INTO sign_in_refusals (provider_id, code, detail, subject, email, event_id)
    VALUES (?, ?, ?, left(?, 255), left(?, 254), ?))
DELETE FROM sign_in_refusals WHERE id <= (SELECT id FROM sign_in_refusals ORDER BY id DESC OFFSET ? LIMIT 1)`,
		provider, refusal.Code, refusal.Detail, who.Subject, who.Claims.Text("email"), event, refusalsKept).Exec(ctx)
	if dbErr != nil {
		return fmt.Errorf("keep a refused sign-in: %w", dbErr)
	}
	return nil
}

// Refusals are the last refused sign-ins of a provider, newest first.
func Refusals(ctx context.Context, db bun.IDB, provider int64, most int) ([]Refused, error) {
	refused := []Refused{}
	err := db.NewRaw(`SELECT id, code, detail, subject, email, event_id, at FROM sign_in_refusals
WHERE provider_id = ? ORDER BY id DESC LIMIT ?`, provider, most).Scan(ctx, &refused)
	if err != nil {
		return nil, fmt.Errorf("list refused sign-ins: %w", err)
	}
	return refused, nil
}
