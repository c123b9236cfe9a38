package models

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// What a decision can be, with the status a gateway should answer.
const (
	Allowed         = "allowed"
	AccessNotFound  = "access_not_found" // 401
	AccessBlocked   = "access_blocked"   // 403
	ProviderBlocked = "provider_blocked" // 403
	ModelBlocked    = "model_blocked"    // 403
	RateLimited     = "rate_limited"     // 429: tokens and requests
	TokenLimited    = "token_limited"    // 429
	RequestLimited  = "request_limited"  // 429
	BudgetExceeded  = "budget_exceeded"  // 402
	MCPToolBlocked  = "mcp_tool_blocked" // 403
)

// modelUnpriced is a refusal of the kind ModelBlocked with a reason of its own.
const modelUnpriced = "model_unpriced"

var decisionStatus = map[string]int{
	Allowed: 200, AccessNotFound: 401, AccessBlocked: 403, ProviderBlocked: 403, ModelBlocked: 403, RateLimited: 429, TokenLimited: 429,
	RequestLimited: 429, BudgetExceeded: 402, MCPToolBlocked: 403,
}

// Question is what a gateway asks before a call: of a model, of a tool, or of what else Kind says.
type Question struct {
	Kind                  CallKind
	Provider, Model       string
	MCPClientID, ToolName string
	Cost                  Money // estimated
	Tokens                int64 // estimated
	Hold                  Hold  // how the estimate is held, if it is

	unpriced bool // the model has no price
}

// Hold is what a caller may say of a hold. An ID that is asked for again while its hold lasts gets the same answer.
type Hold struct {
	ID    string // "" to be given one
	Lease time.Duration
}

// kind is what it asks for.
func (q Question) kind() CallKind {
	if q.Kind == CallModel && (q.MCPClientID != "" || q.ToolName != "") {
		return CallTool
	}
	return q.Kind
}

// OfTool reports whether it asks for something of an MCP server.
func (q Question) OfTool() bool {
	switch q.kind() {
	case CallTool, CallSomeTool, CallWholeServer:
		return true
	}
	return false
}

// metered reports whether limits count for it. A handshake, a list or a look at the door uses nothing up.
func (q Question) metered() bool {
	return q.kind() != CallSomeTool && q.kind() != CallEntry
}

// Decision is whether a call may go on, and why.
type Decision struct {
	Decision   bool           `json:"decision"`
	Type       string         `json:"type"`
	StatusCode int            `json:"status_code"`
	Message    string         `json:"message"`
	Payer      *Payer         `json:"payer"`
	Limits     []DecidedLimit `json:"limits"`
	// Who it was, as far as that is known, so that a gateway can tag usage without the key.
	UserID          uuid.UUID `json:"user_id,omitzero"`
	VirtualKeyID    uuid.UUID `json:"virtual_key_id,omitzero"`
	AccessProfileID int64     `json:"access_profile_id,omitzero"`
	// Provider and Model are those that a call of a model was decided for.
	Provider      string  `json:"provider,omitzero"`
	Model         string  `json:"model,omitzero"`
	ReservationID *string `json:"reservation_id,omitempty"`
	RetryAfter    *int64  `json:"retry_after_s,omitempty"`
	NeverFits     bool    `json:"never_fits,omitempty"` // the estimate is above a whole limit
}

// Payer is the copy that pays, or that the refusal is of.
type Payer struct {
	CopyID          int64  `json:"id"`
	AccessProfileID int64  `json:"access_profile_id"`
	Name            string `json:"name"`
}

// DecidedLimit is how one of the payer's limits stands. Spend is in dollars.
type DecidedLimit struct {
	Scope        string    `json:"scope"`
	Kind         string    `json:"kind"`
	Used         Amount    `json:"used"`
	Reserved     Amount    `json:"reserved"`
	Limit        Amount    `json:"limit"`
	WindowEndsAt time.Time `json:"window_ends_at"`

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

func refusal(kind, message string) Decision {
	return Decision{Type: kind, StatusCode: decisionStatus[kind], Message: message, Limits: []DecidedLimit{}}
}

// decide answers a question about what somebody holds at a moment. Access adds up over copies; one pays: the first assigned that grants
// and has room. It returns the places of the copies that grant, that one first.
func (h *holding) decide(q Question, grants func(*heldCopy) []Grant, at time.Time) (Decision, []int) {
	var granting, active []int
	closest := refusal(AccessBlocked, "The holder has no access profile that is active.")
	for i := range h.copies {
		held := &h.copies[i]
		if !held.works(at) {
			continue
		}
		blocked := held.access(q, grants)
		if blocked == "" {
			granting = append(granting, i)
		}
		if len(active) == 0 || (blocked == ModelBlocked || blocked == modelUnpriced) && closest.Type == ProviderBlocked {
			closest = held.refuse(blocked, q)
		}
		active = append(active, i)
	}
	if len(granting) == 0 {
		// Limits come before tools: who has used everything up is told that first.
		if q.OfTool() && len(active) > 0 {
			if d := h.copies[active[0]].room(q, at); !d.Decision {
				return d, nil
			}
		}
		return closest, nil
	}
	var first Decision
	for n, i := range granting {
		d := h.copies[i].room(q, at)
		if d.Decision {
			return d, granting[n:]
		}
		if n == 0 || first.NeverFits && !d.NeverFits { // what fits a later copy fits some time
			first = d
		}
	}
	return first, nil
}

// access is the kind of refusal of a copy by what it grants, "" when it does.
func (held *heldCopy) access(q Question, grants func(*heldCopy) []Grant) string {
	switch q.kind() {
	case CallEntry:
		return ""
	case CallTool, CallSomeTool, CallWholeServer:
		if slices.ContainsFunc(grants(held), q.grantedBy) {
			return ""
		}
		return MCPToolBlocked
	}
	provider, model := splitModel(q.Provider, q.Model)
	// The provider's part of a name is held to the same rule: ../x is no call of a provider.
	if !isModelName(model) || q.Provider == "" && provider != "" && !isModelName(provider) {
		return ModelBlocked
	}
	for _, config := range held.policy.ProviderConfigs {
		if config.ProviderName != provider {
			continue
		}
		switch {
		case !config.MatchModel(model):
			return ModelBlocked
		case config.RefuseUnpriced && q.unpriced:
			return modelUnpriced
		}
		return ""
	}
	if provider == "" {
		return ModelBlocked
	}
	return ProviderBlocked
}

func (held *heldCopy) payer() *Payer { return &Payer{held.id, held.profileID, held.name} }

// ask is what a question takes of a line.
func (l countedLine) ask(q Question) int64 {
	switch l.kind {
	case kindSpend:
		return int64(q.Cost)
	case kindTokens:
		return q.Tokens
	}
	return 1
}

// room decides by the limits alone: a line that is used up, or that the estimate does not fit into, refuses.
func (held *heldCopy) room(q Question, at time.Time) Decision {
	if !q.metered() {
		return Decision{
			Decision: true, Type: Allowed, StatusCode: 200, Message: "Allowed by " + held.name + ".", Payer: held.payer(), Limits: []DecidedLimit{},
		}
	}
	limits := 0
	for _, lines := range held.counting(q) {
		limits += lines.to - lines.from
	}
	d := Decision{
		Decision: true, Type: Allowed, StatusCode: 200, Message: "Allowed by " + held.name + ".", Payer: held.payer(),
		Limits: make([]DecidedLimit, 0, limits),
	}
	var short []countedLine
	for l := range held.lines(q) {
		used, reserved, start, end := l.counted(at)
		most := l.most(at)
		amount := func(n int64) Amount { return Amount{n, l.kind == kindSpend} }
		d.Limits = append(d.Limits, DecidedLimit{
			l.scope, l.kind, amount(used), amount(reserved), amount(most), end, l.duration, int64(end.Sub(start).Seconds()), int64(end.Sub(at).Seconds()) + 1,
		})
		if used+reserved >= most || used+reserved+l.ask(q) > most {
			short = append(short, l)
		}
	}
	if len(short) > 0 {
		d.block(short, held.name, q, at)
	}
	return d
}

// block says which of the limits refuse: those that the estimate never fits into, else rate limits before budgets.
func (d *Decision) block(short []countedLine, profile string, q Question, at time.Time) {
	never := slices.DeleteFunc(slices.Clone(short), func(l countedLine) bool { return l.ask(q) <= l.most(at) })
	if d.NeverFits = len(never) > 0; d.NeverFits {
		short = never
	}
	deciding := d.blockBy(short)
	if d.NeverFits {
		d.Message = "The estimate is more than the " + deciding.words() + " of " + profile + " allows in all: it never fits."
		return
	}
	_, end := deciding.window(at)
	d.Message = "The " + deciding.words() + " of " + profile + " is used up; it resets at " + end.UTC().Format(time.RFC3339) + "."
	// A call fits again when the last of the limits that refuse has reset.
	wait := int64(1)
	for _, l := range short {
		if (l.kind == kindSpend) == (d.Type == BudgetExceeded) {
			_, end := l.window(at)
			wait = max(wait, int64(end.Sub(at).Seconds())+1)
		}
	}
	d.RetryAfter = &wait
}

// blockBy is of the kind of the limits that refuse, and returns the one that says so.
func (d *Decision) blockBy(short []countedLine) countedLine {
	first := func(kind string) (l countedLine, found bool) {
		i := slices.IndexFunc(short, func(l countedLine) bool { return l.kind == kind })
		if i < 0 {
			return l, false
		}
		return short[i], true
	}
	d.Decision = false
	tokens, ofTokens := first(kindTokens)
	requests, ofRequests := first(kindRequests)
	deciding := short[0]
	switch {
	case ofTokens && ofRequests:
		d.Type, deciding = RateLimited, tokens
	case ofTokens:
		d.Type, deciding = TokenLimited, tokens
	case ofRequests:
		d.Type, deciding = RequestLimited, requests
	default:
		d.Type = BudgetExceeded
	}
	d.StatusCode = decisionStatus[d.Type]
	return deciding
}
