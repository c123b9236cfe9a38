package usage

import (
	"context"

	"github.com/google/uuid"

	"tollgate/models/database"
	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/keptevent"
	"tollgate/models/tally"
	"tollgate/models/virtualkey"
)

func (e *Event) kept() keptevent.Event {
	kept := keptevent.Event{
		VirtualKey: e.masked,
		EventID:    e.ID, UserID: e.who.UserID, Provider: e.Provider, Model: e.Model, MCPClientID: e.mcpClientID,
		ToolName: e.toolName, Cost: e.Cost, CostComputed: e.costComputed, Tokens: e.Tokens, InputTokens: e.input,
		OutputTokens: e.output, CacheRead: e.cacheRead, CacheWrite: e.cacheWrite, Reasoning: e.reasoning,
		Requests: e.Requests, OccurredAt: e.OccurredAt, Estimated: e.estimated, BareModel: e.bare,
	}
	if value := e.who.VirtualKey; value != "" {
		kept.VirtualKey = virtualkey.Mask(value)
	}
	return kept
}

// ChargeTo turns kept events into events of a user, each with the copy that pays for it. Nothing is stored yet.
func (r *Recorder) ChargeTo(ctx context.Context, userID string, kept []keptevent.Event) ([]*Event, error) {
	if err := r.decider.Current(ctx); err != nil {
		return nil, err
	}
	events := make([]*Event, len(kept))
	for i, event := range kept {
		events[i] = chargedTo(userID, event)
	}
	catalogue, err := r.decider.CatalogueNow(ctx)
	if err != nil {
		return nil, err
	}
	if _, err = r.identify(ctx, events, catalogue, r.decider.Now()); err != nil {
		return nil, err
	}
	for i, e := range events {
		if e.costComputed && (e.Provider != kept[i].Provider || e.Model != kept[i].Model) {
			e.Cost, e.costComputed = nil, false // by the price of another model
		}
		if e.named != "" { // its provider is known only now; too large a cost stays unknown
			_ = price(catalogue, e, "")
		}
	}
	return events, nil
}

// chargedTo is a kept event as a gateway would have reported it for a user.
func chargedTo(userID string, e keptevent.Event) *Event {
	charge := &Event{
		ID: e.EventID, GatewayID: input.NewGatewayID(e.EventID), who: entitlement.Subject{UserID: userID},
		Provider: e.Provider, Model: e.Model, mcpClientID: e.MCPClientID, toolName: e.ToolName,
		Cost: e.Cost, costComputed: e.CostComputed, Tokens: e.Tokens, input: e.InputTokens, output: e.OutputTokens,
		cacheRead: e.CacheRead, cacheWrite: e.CacheWrite, reasoning: e.Reasoning, Requests: e.Requests,
		OccurredAt: e.OccurredAt, estimated: e.Estimated,
	}
	switch {
	case e.BareModel != "":
		charge.setModel("", e.BareModel)
	case e.Provider == "": // of an event that was stored before bare models were
		charge.setModel("", e.Model)
	}
	return charge
}

// Counted tells the cache that usage of a user was counted.
func (r *Recorder) Counted(user uuid.UUID) { r.decider.Counted(user) }

// StoreEvents stores events in a transaction of the caller, which ends with what they add. It returns the keys of those
// that were not there yet.
func StoreEvents(ctx context.Context, tx database.Tx, events []*Event) (map[string]bool, error) {
	return newBatchRows(events).store(ctx, tx, &tally.OpenWeek{})
}
