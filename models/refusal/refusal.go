package refusal

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Reasons are the types of decisions, in the numbers that the tables have for them. Allowed calls are counted by hour
// only.
var Reasons = [...]string{
	"allowed", "access_not_found", "access_blocked", "provider_blocked", "model_blocked", "rate_limited",
	"token_limited", "request_limited", "budget_exceeded", "mcp_tool_blocked",
}

// reasonCode is the number of a type; ok is false for a type that no decision has.
func reasonCode(reason string) (code uint8, ok bool) {
	i := slices.Index(Reasons[:], reason)
	return uint8(max(i, 0)), i >= 0 //nolint:gosec // there are ten
}

// Refusal is one call that was refused.
type Refusal struct {
	At        time.Time // by the database's clock
	User, Key uuid.UUID // zero when unknown
	Reason    string
	CopyID    int64 // the copy that refused it; 0 for none
	ProfileID int64
	Asked     string // model or tool as the caller wrote it
	Granted   bool   // a profile grants it, so that only a limit blocks it
	Cost      int64  // estimated, in nano-dollars
	Tokens    int64  // estimated
	Limit     Limit  // that decided, if one did
}

// Limit is a limit that refused a call, as it was then. Spend is in nano-dollars.
type Limit struct {
	ID                    uuid.UUID
	Scope, Kind, Duration string
	Reason                string
	Used, Reserved, Most  int64
	ResetsAt              time.Time
}
