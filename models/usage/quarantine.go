package usage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/problem"
)

// QuarantinedEvent is reported usage of an unknown key or user.
type QuarantinedEvent struct {
	ID string `json:"id"`
	quarantinedCall
	ReceivedAt time.Time   `json:"received_at"`
	Candidates []Candidate `json:"candidates"`

	Outcome   string     `json:"outcome"` // "open", "assigned", "dismissed"
	SettledAt *time.Time `json:"settled_at"`
	SettledBy *string    `json:"settled_by"`
	ChargedTo *string    `json:"charged_user_id"`
	Reason    *string    `json:"reason"`

	// Alike is how many open events came with the same key or the same user_id, this one among them.
	Alike int64 `json:"alike"`
}

// quarantinedCall is what was kept of an event.
type quarantinedCall struct {
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

// QuarantineOutcomes are what a list of quarantined events can be narrowed to. The first is the default.
var QuarantineOutcomes = []string{"open", "assigned", "dismissed"}

// QuarantineQuery selects the events of a list.
type QuarantineQuery struct {
	Limit, Offset int64
	Outcome       string // one of QuarantineOutcomes
}

// sender is the key or user that an event was sent with, for comparing.
const sender = "q.event::jsonb ->> 'virtual_key', q.event::jsonb ->> 'user_id'"

// quarantineRow is an event as it is stored.
type quarantineRow struct {
	ID                string
	Event             string
	ReceivedAt        time.Time
	Outcome           *string
	SettledAt         *time.Time
	SettledBy, UserID *string
	Reason            *string
	Alike             int64
}

func selectQuarantine(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().TableExpr("usage_quarantine AS q").ColumnExpr("q.event_id::text AS id").
		Column("q.event", "q.received_at", "q.outcome", "q.settled_at", "q.settled_by", "q.user_id", "q.reason")
}

// ListQuarantine returns a page of the quarantine, the newest first, and how many match in total.
func ListQuarantine(ctx context.Context, db bun.IDB, q QuarantineQuery) ([]QuarantinedEvent, int64, error) {
	rows := []quarantineRow{}
	matching := selectQuarantine(db).Where("q.outcome IS NULL")
	if q.Outcome != QuarantineOutcomes[0] {
		matching = selectQuarantine(db).Where("q.outcome = ?", q.Outcome)
	}
	total, err := matching.OrderExpr("q.received_at DESC, q.event_id DESC").Limit(q.Limit).Offset(q.Offset).
		ScanAndCount(ctx, &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("list the quarantine: %w", err)
	}
	events := make([]QuarantinedEvent, len(rows))
	for i, row := range rows {
		if events[i], err = row.read(); err != nil {
			return nil, 0, err
		}
	}
	return events, total, addCandidates(ctx, db, events)
}

// QuarantineOpen is how many events wait in the quarantine.
func QuarantineOpen(ctx context.Context, db bun.IDB) (n int64, err error) {
	if err = db.NewRaw("SELECT count(*) FROM usage_quarantine WHERE outcome IS NULL").Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("count the quarantine: %w", err)
	}
	return n, nil
}

// GetQuarantined returns one event of the quarantine. Refusal: NotFound.
func GetQuarantined(ctx context.Context, db bun.IDB, id string) (QuarantinedEvent, error) {
	var row quarantineRow
	if known, err := uuid.Parse(id); err != nil || known.String() != id {
		return QuarantinedEvent{}, problem.Missing("quarantined event")
	}
	err := selectQuarantine(db).Where("q.event_id = ?::uuid", id).
		ColumnExpr("(SELECT count(*) FROM usage_quarantine AS other WHERE other.outcome IS NULL AND "+
			"(other.event::jsonb ->> 'virtual_key', other.event::jsonb ->> 'user_id') = ("+sender+")) AS alike").Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return QuarantinedEvent{}, problem.Missing("quarantined event")
	}
	if err != nil {
		return QuarantinedEvent{}, fmt.Errorf("load a quarantined event: %w", err)
	}
	event, err := row.read()
	if err != nil {
		return event, err
	}
	events := []QuarantinedEvent{event}
	err = addCandidates(ctx, db, events)
	return events[0], err
}

func (row quarantineRow) read() (QuarantinedEvent, error) {
	e := QuarantinedEvent{
		ID: row.ID, ReceivedAt: row.ReceivedAt.UTC(), Candidates: []Candidate{}, Outcome: QuarantineOutcomes[0],
		SettledBy: row.SettledBy,
		ChargedTo: row.UserID, Reason: row.Reason, Alike: row.Alike,
	}
	if err := json.Unmarshal([]byte(row.Event), &e.quarantinedCall); err != nil {
		return e, fmt.Errorf("read quarantined event %s: %w", row.ID, err)
	}
	e.OccurredAt = e.OccurredAt.UTC()
	if row.Outcome != nil {
		e.Outcome = *row.Outcome
	}
	if row.SettledAt != nil {
		at := row.SettledAt.UTC()
		e.SettledAt = &at
	}
	return e, nil
}

// charge is the event as a gateway would have reported it for a user.
func (e QuarantinedEvent) charge(userID string) *Event {
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
