package usage

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"tollgate/models/database"
	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/virtualkey"
)

// KeptEvent is what is kept of an event whose key or user is unknown, until an admin settles it.
type KeptEvent struct {
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
}

// keep stores an event in the quarantine.
func (r *Recorder) keep(ctx context.Context, e *Event) error {
	document, err := json.Marshal(e.kept())
	if err != nil {
		return fmt.Errorf("write an event of an unknown key: %w", err)
	}
	_, err = r.db.NewRaw("INSERT INTO usage_quarantine (event_id, event, received_at) VALUES (?, ?, clock_timestamp()) "+
		"ON CONFLICT DO NOTHING", e.GatewayID.Key, string(document)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep an event of an unknown key: %w", err)
	}
	return nil
}

func (e *Event) kept() KeptEvent {
	kept := KeptEvent{
		VirtualKey: e.masked,
		EventID:    e.ID, UserID: e.who.UserID, Provider: e.Provider, Model: e.Model, MCPClientID: e.mcpClientID,
		ToolName: e.toolName, Cost: e.Cost, CostComputed: e.costComputed, Tokens: e.Tokens, InputTokens: e.input,
		OutputTokens: e.output, CacheRead: e.cacheRead, CacheWrite: e.cacheWrite, Reasoning: e.reasoning,
		Requests: e.Requests, OccurredAt: e.OccurredAt,
	}
	if value := e.who.VirtualKey; value != "" {
		// Enough to find the owner of the key, useless for calls.
		kept.VirtualKey = virtualkey.Key{LastFour: value[max(0, len(value)-4):]}.Masked()
		if !strings.HasPrefix(value, virtualkey.Prefix) {
			kept.VirtualKey = strings.TrimPrefix(kept.VirtualKey, virtualkey.Prefix)
		}
	}
	return kept
}

// ChargeTo turns kept events into events of a user, each with the copy that pays for it. Nothing is stored yet.
func (r *Recorder) ChargeTo(ctx context.Context, userID string, kept []KeptEvent) ([]*Event, error) {
	if err := r.decider.Current(ctx); err != nil {
		return nil, err
	}
	events := make([]*Event, len(kept))
	for i, event := range kept {
		events[i] = event.chargedTo(userID)
	}
	catalogue, err := r.decider.CatalogueNow(ctx)
	if err != nil {
		return nil, err
	}
	if _, err = r.identify(ctx, events, catalogue, r.decider.Now()); err != nil {
		return nil, err
	}
	for _, e := range events {
		if e.named != "" { // its provider is known only now; too large a cost stays unknown
			_ = price(catalogue, e, "")
		}
	}
	return events, nil
}

// chargedTo is the event as a gateway would have reported it for a user.
func (e KeptEvent) chargedTo(userID string) *Event {
	charge := &Event{
		ID: e.EventID, GatewayID: input.NewGatewayID(e.EventID), who: entitlement.Subject{UserID: userID},
		Provider: e.Provider, Model: e.Model, mcpClientID: e.MCPClientID, toolName: e.ToolName,
		Cost: e.Cost, costComputed: e.CostComputed, Tokens: e.Tokens, input: e.InputTokens, output: e.OutputTokens,
		Requests:  e.Requests,
		cacheRead: e.CacheRead, cacheWrite: e.CacheWrite, reasoning: e.Reasoning, OccurredAt: e.OccurredAt,
	}
	if e.Provider == "" {
		charge.named = e.Model
	}
	return charge
}

// Counted tells the cache that usage of a user was counted.
func (r *Recorder) Counted(user uuid.UUID) { r.decider.Counted(user) }

// StoreEvents stores events in a transaction of the caller, which ends with what they add. It returns the keys of those
// that were not there yet.
func StoreEvents(ctx context.Context, tx database.Tx, events []*Event) (map[string]bool, error) {
	return newBatchRows(events).store(ctx, tx, &openWeek{})
}
