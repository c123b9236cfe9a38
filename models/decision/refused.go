package decision

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"tollgate/models/entitlement"
	"tollgate/models/policy"
	"tollgate/models/window"
)

// Why a limit blocks a call.
const (
	UsedUp        = "used_up"
	DoesNotFitNow = "does_not_fit_now" // less is left than the estimate
	NeverFits     = "never_fits"       // the estimate is above the whole limit
)

// RefusedLimit is a limit that blocks a call. Spend is in dollars.
type RefusedLimit struct {
	ID            uuid.UUID    `json:"line_id"`
	Scope         policy.Scope `json:"scope"`
	Kind          string       `json:"kind"`
	ResetDuration string       `json:"reset_duration"`
	Limit         Amount       `json:"limit"`
	Used          Amount       `json:"used"`
	Reserved      Amount       `json:"reserved"`
	Asked         Amount       `json:"asked"`
	ResetsAt      time.Time    `json:"resets_at"`
	Reason        string       `json:"reason"`
}

// String is the limit as the header X-Access-Line has it: "spend 1d provider:openai".
func (l RefusedLimit) String() string {
	scope := strings.NewReplacer("\"", "", "\\", "").Replace(l.Scope.String())
	return l.Kind + " " + l.ResetDuration + " " + scope
}

func newRefusedLimit(l entitlement.Limit, call entitlement.Call, at time.Time) RefusedLimit {
	used, reserved, _, end := l.Counted(at)
	amount := func(n int64) Amount { return Amount{n, l.Kind == policy.KindSpend} }
	refused := RefusedLimit{
		ID: l.ID, Scope: l.Scope, Kind: l.Kind, ResetDuration: l.Duration, Limit: amount(l.Cap(at)), Used: amount(used),
		Reserved: amount(reserved), Asked: amount(cost(l, call)), ResetsAt: end, Reason: DoesNotFitNow,
	}
	switch {
	case refused.Asked.N > refused.Limit.N:
		refused.Reason = NeverFits
	case used+reserved >= refused.Limit.N:
		refused.Reason = UsedUp
	}
	return refused
}

// block reports which limits block the call: those that the estimate never fits into, else rate limits before budgets.
func (d *Decision) block(short []entitlement.Limit, profile string, call entitlement.Call, at time.Time) {
	never := slices.DeleteFunc(slices.Clone(short), func(l entitlement.Limit) bool { return cost(l, call) <= l.Cap(at) })
	deciding := short
	if d.NeverFits = len(never) > 0; d.NeverFits {
		deciding = never
	}
	first := d.blockBy(deciding)
	d.RefusedBy = []RefusedLimit{newRefusedLimit(first, call, at)}
	for _, l := range short {
		if l.Counter != first.Counter {
			d.RefusedBy = append(d.RefusedBy, newRefusedLimit(l, call, at))
		}
	}
	d.Message = blockedMessage(first, d.RefusedBy[0], profile)
	if d.NeverFits {
		return
	}
	// The call fits again when the last of the blocking limits has reset.
	wait := int64(1)
	for _, l := range short {
		if (l.Kind == policy.KindSpend) == (d.Type == BudgetExceeded) {
			_, end := l.Window(at)
			wait = max(wait, int64(end.Sub(at).Seconds())+1)
		}
	}
	d.RetryAfter = &wait
}

// blockedMessage says why a limit blocks a call.
func blockedMessage(l entitlement.Limit, refused RefusedLimit, profile string) string {
	limit := words(l, refused.Limit.N, profile)
	resets := "; it resets at " + window.In(refused.ResetsAt, l.Calendar.ResetZone()).Format(time.RFC3339) + "."
	switch refused.Reason {
	case NeverFits:
		return "The estimate is more than the whole " + limit + ", so it never fits."
	case DoesNotFitNow:
		return "The estimate is more than is left of the " + limit + resets
	}
	return "The " + limit + " is used up" + resets
}

// blockBy sets the type of the decision from the blocking limits, and returns the one that the message names.
func (d *Decision) blockBy(short []entitlement.Limit) entitlement.Limit {
	d.Decision, d.Type = false, BudgetExceeded
	deciding := short[0]
	for _, kind := range policy.RateKinds {
		i := slices.IndexFunc(short, func(l entitlement.Limit) bool { return l.Kind == kind.Kind })
		switch {
		case i < 0:
		case d.Type == BudgetExceeded:
			d.Type, deciding = limitedBy[kind.Kind], short[i]
		default:
			d.Type = RateLimited
		}
	}
	d.StatusCode = decisionStatus[d.Type]
	return deciding
}
