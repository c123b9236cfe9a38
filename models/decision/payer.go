package decision

import (
	"time"

	"tollgate/models/entitlement"
	"tollgate/models/policy"
)

// PayerOf is the copy that a call is charged to after it was made: the first that grants it and has room, else the
// first that grants it, else the first that works, else the first. The money was spent even when nothing granted the
// call. That the user is deactivated, or a copy paused, meanwhile changes nothing about what was granted.
func PayerOf(
	h *entitlement.Entitlements, call entitlement.Call, grants func(*entitlement.Copy) []policy.Grant, at time.Time,
) *entitlement.Copy {
	if h.Frozen != nil {
		h = h.Clone()
		h.Frozen = nil
	}
	decided, granting := Decide(h, call, grants, at)
	if decided.Decision {
		return &h.Copies[granting[0]]
	}
	for i := range h.Copies {
		if userCopy := &h.Copies[i]; len(granting) == 0 && accessOf(userCopy, call, grants) == "" {
			return userCopy
		}
	}
	for i := range h.Copies {
		if decided.Payer != nil && h.Copies[i].ID == decided.Payer.CopyID {
			return &h.Copies[i]
		}
	}
	return &h.Copies[0]
}
