package decision

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/policy"
)

// What a decision can be, with the status a gateway should answer.
const (
	Allowed         = "allowed"
	AccessNotFound  = "access_not_found" // 401
	AccessBlocked   = "access_blocked"   // 403
	ProviderBlocked = "provider_blocked" // 403
	ModelBlocked    = "model_blocked"    // 403
	RateLimited     = "rate_limited"     // 429: rate limits of several kinds
	TokenLimited    = "token_limited"    // 429
	RequestLimited  = "request_limited"  // 429
	BudgetExceeded  = "budget_exceeded"  // 402
	MCPToolBlocked  = "mcp_tool_blocked" // 403
)

// modelUnpriced is reported as ModelBlocked with a message of its own.
const modelUnpriced = "model_unpriced"

var decisionStatus = map[string]int{
	Allowed: 200, AccessNotFound: 401, AccessBlocked: 403, ProviderBlocked: 403, ModelBlocked: 403, MCPToolBlocked: 403,
	RateLimited: 429, TokenLimited: 429, RequestLimited: 429, BudgetExceeded: 402,
}

// limitedBy is what a decision is when limits of one kind block the call; RateLimited when those of several do.
var limitedBy = map[string]string{policy.KindTokens: TokenLimited, policy.KindRequests: RequestLimited}

// Decision is whether a call may go on, and why.
type Decision struct {
	Decision   bool           `json:"decision"`
	Type       string         `json:"type"`
	StatusCode int            `json:"status_code"`
	Message    string         `json:"message"`
	Payer      *Payer         `json:"payer"`
	Limits     []DecidedLimit `json:"limits"`
	// The subject, as far as it is known, so that a gateway can tag usage without the key.
	UserID          uuid.UUID `json:"user_id,omitzero"`
	VirtualKeyID    uuid.UUID `json:"virtual_key_id,omitzero"`
	AccessProfileID int64     `json:"access_profile_id,omitzero"`
	// Provider and Model are those that a model call was decided for.
	Provider      string  `json:"provider,omitzero"`
	Model         string  `json:"model,omitzero"`
	ReservationID *string `json:"reservation_id,omitempty"`
	RetryAfter    *int64  `json:"retry_after_s,omitempty"`
	Grace         bool    `json:"grace,omitempty"`      // decided from memory, because the database is away
	NeverFits     bool    `json:"never_fits,omitempty"` // the estimate is above a whole limit
	// RefusedBy are the limits that block the call, the one that decides first.
	RefusedBy []RefusedLimit `json:"refused_by,omitempty"`

	passedOver bool // copies before the payer grant the call, and have no room for it
}

// Payer is the copy that pays, or the one that blocked the call.
type Payer struct {
	CopyID          int64  `json:"id"`
	AccessProfileID int64  `json:"access_profile_id"`
	Name            string `json:"name"`
	Zone            string `json:"-"` // that decides when its windows end; "" is UTC
}

// DecidedLimit is the state of one of the payer's limits. Spend is in dollars.
type DecidedLimit struct {
	Scope        policy.Scope `json:"scope"`
	Kind         string       `json:"kind"`
	Used         Amount       `json:"used"`
	Reserved     Amount       `json:"reserved"`
	Limit        Amount       `json:"limit"`
	WindowEndsAt time.Time    `json:"window_ends_at"`

	Duration                       string `json:"-"` // of the window, as budgets have it
	WindowSeconds, ResetsInSeconds int64  `json:"-"`
}

// Amount is nano-dollars of spend, or a count.
type Amount struct {
	N     int64
	Spend bool
}

// MarshalJSON writes dollars, or the count.
func (a Amount) MarshalJSON() ([]byte, error) { return a.appendJSON(nil), nil }

func denied(kind, message string) Decision {
	return Decision{Type: kind, StatusCode: decisionStatus[kind], Message: message, Limits: []DecidedLimit{}}
}

// Decide decides a call by a user's entitlements at a given time. Access adds up over copies; one pays: the first
// assigned that grants the call and has room. It returns the indexes of the copies that grant, of an allowed call the
// payer first.
func Decide(
	h *entitlement.Entitlements, call entitlement.Call, grants func(*entitlement.Copy) []policy.Grant, at time.Time,
) (Decision, []int) {
	if h.Frozen != nil {
		return denied(AccessBlocked, deactivated), nil
	}
	var granting []int
	var active *entitlement.Copy // the first
	closest := denied(AccessBlocked, noActive)
	for i := range h.Copies {
		userCopy := &h.Copies[i]
		if !userCopy.Works(at) {
			continue
		}
		blocked := accessOf(userCopy, call, grants)
		switch {
		case blocked == "":
			granting = append(granting, i)
		case active == nil, (blocked == ModelBlocked || blocked == modelUnpriced) && closest.Type == ProviderBlocked:
			closest = refuse(userCopy, blocked, call)
		}
		if active == nil {
			active = userCopy
		}
	}
	if active == nil {
		closest.Message = withoutActive(h, at)
	}
	if len(granting) == 0 {
		// Limits are checked before tools: an exhausted limit is the reason reported first.
		if call.IsTool() && active != nil {
			if d := checkLimits(active, call, at); !d.Decision {
				return d, nil
			}
		}
		return closest, nil
	}
	var first Decision
	for n, i := range granting {
		d := checkLimits(&h.Copies[i], call, at)
		if d.Decision {
			d.passedOver = n > 0
			return d, granting[n:]
		}
		if n == 0 || first.NeverFits && !d.NeverFits { // a call that fits a later copy can succeed after its reset
			first = d
		}
	}
	return first, granting
}

const (
	noActive    = "The user has no active access profile."
	deactivated = "The user is deactivated."
)

// withoutActive says why none of a user's copies works.
func withoutActive(h *entitlement.Entitlements, at time.Time) string {
	if len(h.Copies) == 0 {
		return noActive
	}
	why := make([]string, len(h.Copies))
	for i := range h.Copies {
		userCopy := &h.Copies[i]
		why[i] = userCopy.Name + " has expired"
		if !userCopy.Active {
			why[i] = userCopy.Name + " is paused"
		}
	}
	return strings.TrimSuffix(noActive, ".") + ": " + strings.Join(why, ", ") + "."
}

// accessOf is the type of the decision when a copy does not grant the call, "" when it does.
func accessOf(userCopy *entitlement.Copy, call entitlement.Call, grants func(*entitlement.Copy) []policy.Grant) string {
	switch call.Asks() {
	case entitlement.CallEntry:
		return ""
	case entitlement.CallTool, entitlement.CallSomeTool, entitlement.CallWholeServer:
		if slices.ContainsFunc(grants(userCopy), call.GrantedBy) {
			return ""
		}
		return MCPToolBlocked
	}
	provider, model := catalogue.SplitModel(call.Provider, call.Model)
	// The provider part of a name follows the same rule: ../x is no provider.
	if !catalogue.IsModelName(model) || call.Provider == "" && provider != "" && !catalogue.IsModelName(provider) {
		return ModelBlocked
	}
	for _, config := range userCopy.Policy.ProviderConfigs {
		if config.ProviderName != provider {
			continue
		}
		switch {
		case !config.MatchModel(model):
			return ModelBlocked
		case config.RefuseUnpriced && call.Unpriced:
			return modelUnpriced
		}
		return ""
	}
	if provider == "" {
		return ModelBlocked
	}
	return ProviderBlocked
}

func payer(userCopy *entitlement.Copy) *Payer {
	return &Payer{userCopy.ID, userCopy.ProfileID, userCopy.Name, userCopy.Policy.ResetZone()}
}

// cost is how much of a limit a call uses.
func cost(l entitlement.Limit, call entitlement.Call) int64 {
	return policy.Amounts{Spend: int64(call.Cost), Tokens: call.Tokens, Requests: 1}.Of(l.Kind)
}

// lacksRoom reports whether a limit is used up, or has less left than a call needs.
func lacksRoom(counted, needed, capped int64) bool {
	return counted >= capped || counted+needed > capped
}

// checkLimits decides by the limits alone: one that is used up, or too small for the estimate, blocks the call.
func checkLimits(userCopy *entitlement.Copy, call entitlement.Call, at time.Time) Decision {
	d := Decision{
		Decision: true, Type: Allowed, StatusCode: 200, Message: "Allowed by " + userCopy.Name + ".", Payer: payer(userCopy),
		Limits: []DecidedLimit{},
	}
	if !call.Metered() {
		return d
	}
	counting := userCopy.Counting(call)
	d.Limits = make([]DecidedLimit, len(counting))
	var short []entitlement.Limit
	for i, l := range counting {
		used, reserved, start, end := l.Counted(at)
		capped := l.Cap(at)
		amount := func(n int64) Amount { return Amount{n, l.Kind == policy.KindSpend} }
		d.Limits[i] = DecidedLimit{
			l.Scope, l.Kind, amount(used), amount(reserved), amount(capped), end, l.Duration, int64(end.Sub(start).Seconds()),
			int64(end.Sub(at).Seconds()) + 1,
		}
		if lacksRoom(used+reserved, cost(l, call), capped) {
			short = append(short, l)
		}
	}
	if len(short) > 0 {
		d.block(short, userCopy.Name, call, at)
	}
	return d
}
