package decision

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/policy"
)

// What is appended is what the general encoder writes, for all names.
func TestDecisionJSON(t *testing.T) {
	id, wait := "0191f7a2-6c4e-7d3b-9a51-2f8d6b1c4e90", int64(7)
	end := time.Date(2026, 11, 24, 0, 0, 0, 123_456_000, time.UTC)
	for _, d := range []Decision{
		denied(AccessNotFound, "No key."),
		{Limits: []DecidedLimit{}, RetryAfter: &wait},
		{Limits: []DecidedLimit{}, NeverFits: true},
		{Limits: []DecidedLimit{}, RefusedBy: []RefusedLimit{
			{
				ID: uuid.MustParse(id), Scope: policy.Scope{Provider: "o'<x>"}, Kind: policy.KindSpend, ResetDuration: "1d",
				Limit: Amount{5_000_000_000, true}, Used: Amount{1, true}, Reserved: Amount{0, true}, Asked: Amount{math.MaxInt64, true},
				ResetsAt: end, Reason: NeverFits,
			},
			{ResetsAt: end.Truncate(time.Second), Reason: UsedUp},
		}},
		{Decision: true, Type: Allowed, StatusCode: 200, Message: "Allowed by <b>&\"Ä\\\u2028\x00\xff.", Payer: &Payer{1, 2, "日本 & Co", ""}, ReservationID: &id, Limits: []DecidedLimit{
			{policy.Scope{}, policy.KindSpend, Amount{0, true}, Amount{1, true}, Amount{1_234_567_890, true}, end, "1d", 1, 2},
			{policy.Scope{Provider: "o'x<é"}, policy.KindTokens, Amount{-1, false}, Amount{math.MaxInt64, false}, Amount{math.MinInt64, true}, end.Truncate(time.Second), "1d", 1, 2},
		}},
	} {
		want, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(d.AppendJSON(nil)); got != string(want) {
			t.Errorf("appended\n%s, want\n%s", got, want)
		}
	}
}
