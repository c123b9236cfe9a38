package adjustment

import (
	"encoding/json"
	"strings"
	"time"

	"tollgate/models/decision"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/problem"
)

// Adjustment is a refund of a part of an event's charge. Charge is what was left of it then.
type Adjustment struct {
	ID        string      `json:"id"`
	EventID   string      `json:"event_id"`
	Amount    money.Money `json:"amount"` // negative
	Charge    money.Money `json:"charge"`
	Reason    string      `json:"reason"`
	Actor     string      `json:"actor"`
	CreatedAt time.Time   `json:"created_at"`
}

// Input is what a client may send for one. Without an id, an equal one is refused as a repeat.
type Input struct {
	input.Row
	ID      input.Value `json:"adjustment_id"`
	EventID input.Value `json:"event_id"`
	Amount  input.Value `json:"amount"`
	Reason  input.Value `json:"reason"`
}

func (in Input) read() (Adjustment, error) {
	c := &input.Reader{}
	var a Adjustment
	if in.ID.Given() {
		a.ID = c.GatewayID("adjustment_id", in.ID, "invalid_adjustment_id")
	}
	a.EventID = c.EventID("event_id", in.EventID)
	a.Amount = readRefund(c, "amount", in.Amount)
	c.Required("reason", in.Reason, "a reason")
	a.Reason, _ = c.Text("reason", in.Reason, input.TextRule{What: "a reason", Max: input.MaxReason, Newlines: true})
	return a, problem.InvalidInput(c.Problems)
}

// readRefund reads negative dollars, rounded as costs are, so that the cost that was reported takes all of its charge
// back.
func readRefund(c *input.Reader, field string, v input.Value) money.Money {
	switch {
	case v.Kind == input.Absent, v.Kind == input.Null:
		c.Add(field, "required", "Give the dollars to take back as a negative number, such as -0.25.")
		return 0
	case v.Kind != input.Number:
		c.Add(field, "wrong_type", "Give the dollars to take back as a negative number, such as -0.25.")
		return 0
	}
	literal, negative := strings.CutPrefix(v.Text, "-")
	amount, err := money.ParseCost(literal)
	if err != nil || !negative || amount == 0 || amount > decision.MaxEventCost {
		c.Add(field, "number_out_of_range", "Give the dollars to take back as a negative number down to -1000000.")
		return 0
	}
	return -amount
}

// key is what an adjustment is stored by: its id, or its content.
func (a Adjustment) key() input.GatewayID {
	if a.ID != "" {
		return input.NewGatewayID(a.ID)
	}
	said, _ := json.Marshal([]any{input.NewGatewayID(a.EventID).Key, a.Amount, a.Reason}) // these types always encode
	return input.GatewayID{Key: input.NewGatewayID(string(said)).Key}
}
