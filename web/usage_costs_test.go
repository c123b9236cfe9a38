package web_test

import (
	"testing"

	"github.com/google/uuid"
)

// The cost of a call is measured, so it is rounded half up to the nano-dollar, on every route that accepts a cost; only
// configured amounts are refused for their decimals.
func TestMeasuredCostsAreRounded(t *testing.T) {
	g := newGateway(t)
	body := func(cost string) string {
		return `{"event_id":"` + uuid.NewString() + `","virtual_key":"` + g.key + `","provider":"openai","model":"gpt-4o","tokens":1,"cost":` + cost + `}`
	}
	spent := int64(0)
	for _, row := range []struct {
		cost  string
		nanos int64
	}{
		{"9.700000000000002e-06", 9_700},
		{"1e-12", 0},
		{"5e-10", 1},
		{"0.0000000004999999", 0},
		{"1e-999999999", 0},
		{"0.1000000000000000055511151231257827021181583404541015625", 100_000_000},
	} {
		g.admin.api("POST", "/api/usage", body(row.cost)).is(200)
		got := g.admin.api("POST", "/api/usage", `{"events":[`+body(row.cost)+`,`+body("1")+`]}`).is(200).json()
		same(t, row.cost+" in a batch", got["counted"], 2.0)
		spent += 2*row.nanos + 1_000_000_000
		same(t, "spent after "+row.cost, g.used(g.ada)["spend 1M total"], spent)
	}
	for _, reserve := range []string{"false", "true"} {
		decision := g.admin.api("POST", "/api/decisions", `{"virtual_key":"`+g.key+`","model":"openai/gpt-4o","estimated_cost":1.0000000004999e-1,"reserve":`+reserve+`}`)
		same(t, "decided", decision.is(200).json()["type"], any("allowed"))
		g.admin.api("POST", "/api/decisions", `{"virtual_key":"`+g.key+`","model":"openai/gpt-4o","estimated_cost":-1e-12,"reserve":`+reserve+`}`).
			refuses(400, "number_out_of_range", "estimated_cost")
	}
	var held int64
	g.scan(&held, "SELECT amounts[array_position(kinds, 'spend')] FROM reservations")
	same(t, "held", held, int64(100_000_000))
	g.admin.api("POST", "/api/access-profiles", `{"name":"Exact","budgets":[{"max_limit":9.700000000000002e-06,"reset_duration":"1d"}]}`).
		refuses(400, "too_many_decimals", "budgets[0].max_limit")
	g.balanced()
}
