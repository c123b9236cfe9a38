package decision

import (
	"tollgate/models/refusal"
)

// note adds a decision to the log.
func (e *Engine) note(of decided) {
	if e.log == nil {
		return
	}
	if of.Decision.Decision {
		e.log.Allowed(of.at, of.UserID, of.AccessProfileID)
		return
	}
	r := refusal.Refusal{
		At: of.at, User: of.UserID, Key: of.VirtualKeyID, Reason: of.Type, ProfileID: of.AccessProfileID,
		Asked:   of.call.Name(),
		Granted: len(of.granting) > 0, Cost: int64(of.call.Cost), Tokens: of.call.Tokens,
	}
	if of.Type == AccessNotFound { // the answer does not say whose an expired key is
		r.User, r.Key = of.owner, of.ownersKey
	}
	if of.Payer != nil {
		r.CopyID = of.Payer.CopyID
	}
	if len(of.RefusedBy) > 0 {
		l := of.RefusedBy[0]
		r.Limit = refusal.Limit{
			ID: l.ID, Scope: l.Scope.String(), Kind: l.Kind, Duration: l.ResetDuration, Reason: l.Reason, Used: l.Used.N,
			Reserved: l.Reserved.N, Most: l.Limit.N, ResetsAt: l.ResetsAt,
		}
	}
	e.log.Add(r)
}
