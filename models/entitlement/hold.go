package entitlement

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"tollgate/models/catalogue"
)

// usualLease is how long an estimate is held for a call whose end is not reported.
const usualLease = 5 * time.Minute

// Lasts is how long the hold lasts without a renewal.
func (h Hold) Lasts() time.Duration {
	if h.Lease == 0 {
		return usualLease
	}
	return h.Lease
}

// Content identifies a call among others that use the same reservation id.
func (call Call) Content(user uuid.UUID) []byte {
	provider, model := catalogue.SplitModel(call.Provider, call.Model)
	// These types always encode.
	text, _ := json.Marshal([]any{
		user, provider, model, call.MCPClientID, call.ToolName, call.Cost, call.Tokens, call.Hold.Lasts(),
	})
	sum := sha256.Sum256(text)
	return sum[:]
}
