package keptevent

import (
	"cmp"
	"strings"
	"time"

	"tollgate/models/catalogue"
	"tollgate/models/input"
	"tollgate/models/money"
)

// Event is what is kept of an event whose key or user is unknown, until an admin settles it.
type Event struct {
	EventID      string       `json:"event_id"`
	UserID       string       `json:"user_id"`     // as it was sent
	VirtualKey   string       `json:"virtual_key"` // masked
	Provider     string       `json:"provider"`
	Model        string       `json:"model"`
	MCPClientID  string       `json:"mcp_client_id"`
	ToolName     string       `json:"tool_name"`
	Cost         *money.Money `json:"cost"` // null: unpriced
	CostComputed bool         `json:"cost_computed"`
	Tokens       int64        `json:"tokens"`
	InputTokens  *int64       `json:"input_tokens"`
	OutputTokens *int64       `json:"output_tokens"`
	CacheRead    *int64       `json:"cached_input_tokens"`
	CacheWrite   *int64       `json:"cache_write_input_tokens"`
	Reasoning    *int64       `json:"reasoning_output_tokens"`
	Requests     int64        `json:"requests"`
	OccurredAt   time.Time    `json:"occurred_at"`
	Estimated    bool         `json:"estimated"`
	// BareModel is the model as it was sent without a provider. Its first part need not be one, although it is taken for
	// one as long as the user is not known.
	BareModel string `json:"bare_model"`
}

// Conflicts reports whether an event of the same id has other content, as it is found for events that are counted.
func (e Event) Conflicts(again Event) bool {
	if again.Estimated && !e.Estimated { // it comes after its exact event
		return false
	}
	return !e.SameCall(again) || e.Estimated == again.Estimated && e.used() != again.used()
}

// SameCall reports whether two events are of the same call. The provider and the model are as the catalogue had them
// when each came: it may name the provider otherwise since.
func (e Event) SameCall(as Event) bool {
	type call struct{ user, key, server, tool string }
	of := func(e Event) call { return call{e.UserID, e.VirtualKey, e.MCPClientID, e.ToolName} }
	sameModel := e.modelName() == as.modelName() || e.BareModel != "" && e.BareModel == as.BareModel
	return sameModel && of(e) == of(as)
}

// modelName is the model with the usual name of its provider, which the model's own name need not repeat.
func (e Event) modelName() string {
	usual := func(provider string) string { return cmp.Or(catalogue.UsualProvider(provider), input.Fold(provider)) }
	provider, model := usual(e.Provider), e.Model
	for {
		first, rest, split := strings.Cut(model, "/")
		if !split || usual(first) != provider {
			return provider + "/" + model
		}
		model = rest
	}
}

// amounts are what an event used. A cost that was computed here says nothing.
type amounts struct {
	cost             money.Money
	priced           bool
	tokens, requests int64
	parts            [5]int64
}

func (e Event) used() amounts {
	a := amounts{tokens: e.Tokens, requests: e.Requests}
	if e.Cost != nil && !e.CostComputed {
		a.cost, a.priced = *e.Cost, true
	}
	for i, part := range []*int64{e.InputTokens, e.OutputTokens, e.CacheRead, e.CacheWrite, e.Reasoning} {
		a.parts[i] = input.ValueOr(part, 0)
	}
	return a
}
