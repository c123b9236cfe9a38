package archive

import (
	"math/big"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// Event is an event as a file has it. Times are microseconds since 1970, amounts nano-dollars.
type Event struct {
	EventID         uuid.UUID `bun:"event_id" parquet:"event_id,uuid"`
	EventName       *string   `bun:"event_name" parquet:"event_name,optional"`
	UserID          string    `bun:"user_id" parquet:"user_id,dict"`
	VirtualKeyID    *string   `bun:"virtual_key_id" parquet:"virtual_key_id,optional,dict"`
	CopyID          *int64    `bun:"copy_id" parquet:"copy_id,optional"`
	AccessProfileID *int64    `bun:"access_profile_id" parquet:"access_profile_id,optional"`
	OccurredAt      int64     `bun:"occurred_at" parquet:"occurred_at,timestamp(microsecond)"`
	ReceivedAt      int64     `bun:"received_at" parquet:"received_at,timestamp(microsecond)"`
	Provider        string    `bun:"provider" parquet:"provider,dict"`
	Model           string    `bun:"model" parquet:"model,dict"`
	MCPClientID     string    `bun:"mcp_client_id" parquet:"mcp_client_id,dict"`
	ToolName        string    `bun:"tool_name" parquet:"tool_name,dict"`
	Cost            *int64    `bun:"cost" parquet:"cost,optional"`
	CostComputed    bool      `bun:"cost_computed" parquet:"cost_computed"`
	Estimated       bool      `bun:"estimated" parquet:"estimated"`
	Tokens          int64     `bun:"tokens" parquet:"tokens"`
	InputTokens     *int64    `bun:"input_tokens" parquet:"input_tokens,optional"`
	OutputTokens    *int64    `bun:"output_tokens" parquet:"output_tokens,optional"`
	CacheRead       *int64    `bun:"cached_input_tokens" parquet:"cached_input_tokens,optional"`
	CacheWrite      *int64    `bun:"cache_write_input_tokens" parquet:"cache_write_input_tokens,optional"`
	Reasoning       *int64    `bun:"reasoning_output_tokens" parquet:"reasoning_output_tokens,optional"`
	Requests        int64     `bun:"requests" parquet:"requests"`
	ReservationID   *string   `bun:"reservation_id" parquet:"reservation_id,optional"`
	// The counters that it was counted on.
	LineIDs       []string `bun:"line_ids,array" parquet:"line_ids,list"`
	LineKinds     []string `bun:"line_kinds,array" parquet:"line_kinds,list"`
	LineDurations []string `bun:"line_durations,array" parquet:"line_durations,list"`
	WindowStarts  []int64  `bun:"window_starts,array" parquet:"window_starts,list"`
}

// selectEvents are the events of a week.
func selectEvents(db bun.IDB, week string) *bun.SelectQuery {
	return db.NewSelect().TableExpr("counted_events").ColumnExpr(`event_id::text, event_name, user_id, virtual_key_id, copy_id,
    access_profile_id, (extract(epoch FROM occurred_at) * 1000000)::bigint AS occurred_at,
    (extract(epoch FROM received_at) * 1000000)::bigint AS received_at, provider, model, mcp_client_id, tool_name, cost,
    cost_computed, estimated, tokens, input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens,
    reasoning_output_tokens, requests, reservation_id::text, coalesce(line_ids::text[], '{}') AS line_ids,
    coalesce(line_kinds, '{}') AS line_kinds, coalesce(line_durations, '{}') AS line_durations,
    ARRAY(SELECT (extract(epoch FROM s) * 1000000)::bigint FROM unnest(window_starts) WITH ORDINALITY AS w(s, n)
        ORDER BY n) AS window_starts`).
		Where("week = ?::date", week)
}

// sums are what the events of a week add up to.
type sums struct {
	Events int64
	Cost   string // a number of any length
}

// counting adds events up.
type counting struct {
	events int64
	cost   big.Int
}

func (c *counting) add(e Event) {
	c.events++
	if e.Cost != nil {
		c.cost.Add(&c.cost, big.NewInt(*e.Cost))
	}
}

func (c *counting) sums() sums { return sums{c.events, c.cost.String()} }
