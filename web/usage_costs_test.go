package web_test

import (
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// The cost of a call is measured, so it is rounded half up to the nano-dollar, on every route that accepts a cost; only
// configured amounts are refused for their decimals.
func TestMeasuredCostsAreRounded(t *testing.T) {
	g := webtest.NewGateway(t)
	body := func(cost string) string {
		return `{"event_id":"` + uuid.NewString() + `","virtual_key":"` + g.Key + `","provider":"openai","model":"gpt-4o","tokens":1,"cost":` + cost + `}`
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
		g.Admin.API("POST", "/api/usage", body(row.cost)).Is(200)
		got := g.Admin.API("POST", "/api/usage", `{"events":[`+body(row.cost)+`,`+body("1")+`]}`).Is(200).JSON()
		webtest.Same(t, row.cost+" in a batch", got["counted"], 2.0)
		spent += 2*row.nanos + 1_000_000_000
		webtest.Same(t, "spent after "+row.cost, g.Used(g.Ada)["spend 1M total"], spent)
	}
	for _, reserve := range []string{"false", "true"} {
		decision := g.Admin.API("POST", "/api/decisions", `{"virtual_key":"`+g.Key+`","model":"openai/gpt-4o","estimated_cost":1.0000000004999e-1,"reserve":`+reserve+`}`)
		webtest.Same(t, "decided", decision.Is(200).JSON()["type"], any("allowed"))
		g.Admin.API("POST", "/api/decisions", `{"virtual_key":"`+g.Key+`","model":"openai/gpt-4o","estimated_cost":-1e-12,"reserve":`+reserve+`}`).
			Refuses(400, "number_out_of_range", "estimated_cost")
	}
	var held int64
	g.Scan(&held, "SELECT amounts[array_position(kinds, 'spend')] FROM reservations")
	webtest.Same(t, "held", held, int64(100_000_000))
	g.Admin.API("POST", "/api/access-profiles", `{"name":"Exact","budgets":[{"max_limit":9.700000000000002e-06,"reset_duration":"1d"}]}`).
		Refuses(400, "too_many_decimals", "budgets[0].max_limit")
	g.Balanced()
}
