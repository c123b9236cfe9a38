package usage

import (
	"context"
	"fmt"

	"tollgate/models/database"
)

// conflicts finds the events that are stored with other content than was sent. A model that is named without a provider
// has the one that was found when it was stored. An estimate that comes after its exact event is no conflict.
func (r *Recorder) conflicts(ctx context.Context, events []*Event) ([]bool, error) {
	conflicts := make([]bool, len(events))
	if len(events) == 0 {
		return conflicts, nil
	}
	c := &eventColumns{}
	for _, event := range events {
		c.add(event)
	}
	rows, err := database.QueryPlanned(ctx, r.db, `
SELECT sent.n
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::bool[], $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
    $17::bigint[], $18::bool[]) WITH ORDINALITY AS sent(user_id, event_id, provider, model, mcp_client_id, tool_name,
    cost, tokens, requests, cost_computed, event_name, named, input_tokens, output_tokens, cached_input_tokens,
    cache_write_input_tokens, reasoning_output_tokens, estimated, n)
CROSS JOIN LATERAL (
    SELECT * FROM counted_events AS c WHERE c.event_id = sent.event_id ORDER BY week DESC LIMIT 1
) AS e
WHERE (e.estimated OR NOT sent.estimated)
  AND ((e.event_name, e.user_id, e.mcp_client_id, e.tool_name, CASE WHEN NOT e.cost_computed THEN e.cost END,
        e.tokens, e.requests)
    IS DISTINCT FROM (sent.event_name, sent.user_id, sent.mcp_client_id, sent.tool_name,
        CASE WHEN NOT sent.cost_computed THEN sent.cost END, sent.tokens, sent.requests)
   OR (coalesce(e.input_tokens, 0), coalesce(e.output_tokens, 0), coalesce(e.cached_input_tokens, 0),
        coalesce(e.cache_write_input_tokens, 0), coalesce(e.reasoning_output_tokens, 0))
    <> (coalesce(sent.input_tokens, 0), coalesce(sent.output_tokens, 0), coalesce(sent.cached_input_tokens, 0),
        coalesce(sent.cache_write_input_tokens, 0), coalesce(sent.reasoning_output_tokens, 0))
   OR (e.provider, e.model) <> (sent.provider, sent.model)
       AND (sent.named = '' OR sent.named NOT IN (e.model, e.provider || '/' || e.model)))`,
		c.users, c.ids, c.providers, c.models, c.servers, c.tools, c.costs, c.tokens, c.requests, c.computed, c.names,
		c.named, c.inputs, c.outputs, c.cacheReads, c.cacheWrites, c.reasoning, c.estimated)
	if err != nil {
		return nil, fmt.Errorf("compare events with those stored: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, fmt.Errorf("compare events with those stored: %w", err)
		}
		conflicts[n-1] = true
	}
	return conflicts, rows.Err()
}
