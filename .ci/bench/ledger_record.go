package main

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// reported is an event as a gateway reports it.
type reported struct {
	ID         string    `json:"event_id"`
	Key        string    `json:"virtual_key"`
	Provider   string    `json:"provider"`
	Model      string    `json:"model"`
	Cost       float64   `json:"cost"`
	Input      int64     `json:"input_tokens"`
	Output     int64     `json:"output_tokens"`
	OccurredAt time.Time `json:"occurred_at"`
}

// record stores the events that are not there yet and counts them, in one statement.
func (l *bareLedger) record(c *gin.Context) error {
	var sent struct {
		Events []reported `json:"events"`
	}
	if err := json.NewDecoder(c.Request.Body).Decode(&sent); err != nil {
		return err
	}
	var events, charges [][]any
	for _, e := range sent.Events {
		key, cost, tokens := l.keys[e.Key], int64(e.Cost*1e9), e.Input+e.Output
		events = append(events, []any{
			e.ID, key.userID, key.keyID, e.Provider, e.Model, e.OccurredAt, cost, tokens, e.Input, e.Output,
		})
		amounts := map[string]int64{"spend": cost, "tokens": tokens, "requests": 1}
		for _, line := range key.lines {
			charges = append(charges, []any{e.ID, line.id, line.kind, line.duration, line.start, amounts[line.kind]})
		}
	}
	var counted int64
	err := l.db.QueryRow(c.Request.Context(), recordEvents, append(columns(events), columns(charges)...)...).Scan(&counted)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"counted": counted})
	return nil
}

const recordEvents = `
WITH stored AS (
    INSERT INTO floor.events (week, event_id, user_id, virtual_key_id, charge_set, provider, model, mcp_client_id,
        tool_name, occurred_at, received_at, cost, tokens, input_tokens, output_tokens, requests,
        cost_computed, estimated)
    SELECT date_trunc('week', clock_timestamp())::date, id, holder, key, key, provider, model, '', '', at,
        clock_timestamp(), cost, tokens, input, output, 1, false, false
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[],
        $8::bigint[], $9::bigint[], $10::bigint[])
        AS e(id, holder, key, provider, model, at, cost, tokens, input, output)
    WHERE NOT EXISTS (SELECT FROM floor.events_before AS b WHERE b.event_id = e.id)
    ON CONFLICT DO NOTHING
    RETURNING event_id
), counted AS (
    INSERT INTO floor.limit_windows AS w (line_id, kind, reset_duration, window_start, used)
    SELECT line, kind, duration, start, sum(amount)::bigint
    FROM unnest($11::uuid[], $12::uuid[], $13::text[], $14::text[], $15::timestamptz[], $16::bigint[]) AS c(event_id,
        line, kind, duration, start, amount)
    JOIN stored USING (event_id) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = w.used + excluded.used
)
SELECT count(*) FROM stored`
