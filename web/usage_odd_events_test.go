package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// An odd event of a batch does not affect the others, and the answer says what is wrong with it.
func TestOddEventsOfABatch(t *testing.T) {
	g := webtest.NewGateway(t)
	good := func() string {
		return `{"event_id":"` + uuid.NewString() + `","virtual_key":"` + g.Key + `","provider":"openai","model":"gpt-4o","cost":1,"tokens":10}`
	}
	odd := func(more string) string { return strings.TrimSuffix(good(), "}") + "," + more + "}" }
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	n := int64(0)
	for _, row := range []struct{ event, want string }{
		{odd(`"price":1`), "unknown_field price"},
		{odd(`"price":1,"cached":2`), "unknown_field price unknown_field cached"},
		{odd(`"requests":null`), "null_not_allowed requests"},
		{odd(`"requests":{"n":1}`), "wrong_type requests"},
		{odd(`"tool_name":["t"]`), "wrong_type tool_name"},
		{odd(`"tool_name":"a\u0000b"`), "nul_character tool_name"},
		{odd(`"a\u0000b":1`), "nul_character "},
		{odd(`"tool_name":"\ud800"`), "invalid_unicode "},
		{odd(`"cost":2`), "duplicate_key cost"},
		{odd(`"cos\u0074":2`), "duplicate_key cost"},
		{odd(`"Cost":2`), "unknown_field Cost"},
		{odd(`"tool_name":` + deep), "json_too_deep "},
		{odd(`"x":{"a":1,"a":2}`), "duplicate_key x.a"},
		{odd(`"x":"` + strings.Repeat("x", 4000) + `"`), "unknown_field x"},
		{"null", "null_not_allowed "},
		{"7", "wrong_type "},
		{`"\u0000"`, "nul_character "},
		{"[" + good() + "]", "wrong_type "},
		{deep, "json_too_deep "},
		{"{}", "required event_id required virtual_key"},
		{strings.Replace(good(), `"cost":1`, `"cost":-1`, 1), "number_out_of_range cost"},
	} {
		got := g.Admin.API("POST", "/api/usage", `{"events":[`+good()+","+row.event+","+good()+`]}`).Is(200).JSON()
		n += 2
		webtest.Same(t, row.want+": counted and rejected", []any{got["counted"], got["rejected"]}, []any{2.0, 1.0})
		result := webtest.Objects(got["results"])[1]
		var said []string
		for _, problem := range webtest.Objects(result["errors"]) {
			param := strings.TrimPrefix(strings.TrimPrefix(fmt.Sprint(problem["param"]), "events[1]"), ".")
			said = append(said, fmt.Sprint(problem["code"], " ", param))
		}
		webtest.Same(t, "errors of "+fmt.Sprintf("%.60q", row.event), strings.Join(said, " "), row.want)
		webtest.Same(t, "status", result["status"], any("invalid"))
	}
	// Every event may be odd, each in its own way; none is counted just because the answer has no space for its problem.
	events := slices.Repeat([]string{`{"x":{"y":1},"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11}`}, 999)
	got := g.Admin.API("POST", "/api/usage", `{"events":[`+strings.Join(append(events, good()), ",")+`]}`).Is(200).JSON()
	webtest.Same(t, "of a thousand", []any{got["counted"], got["rejected"]}, []any{1.0, 999.0})
	got = g.Admin.API("POST", "/api/usage", `{"events":[`+odd(`"x":1`)+`,{"a\u0000":1},null]}`).Is(200).JSON()
	webtest.Same(t, "of odd ones alone", []any{got["counted"], got["rejected"]}, []any{0.0, 3.0})
	webtest.Same(t, "used", g.Used(g.Ada), webtest.AfterCalls(n+1))

	// A problem with the request as a whole refuses the whole.
	g.Unchanged(func() {
		for _, row := range [][3]string{
			{`{"events":[` + good() + `,]}`, "invalid_json", ""},
			{`{"events":[` + good() + `],"events":[]}`, "duplicate_key", "events"},
			{`{"events":[` + good() + `],"more":"\u0000"}`, "nul_character", "more"},
			{`{"events":[` + odd(`"x":"\u0000"`) + `],"more":1}`, "unknown_field", "more"},
			{`{"events":[` + odd(`"x":"\u0000"`) + `],"more":` + deep + `}`, "json_too_deep", "more"},
			{`{"events":[` + odd(`"x":"\u0000"`) + `]} x`, "trailing_data", ""},
			{odd(`"tool_name":"\u0000"`), "nul_character", "tool_name"},
			{odd(`"price":1`), "unknown_field", "price"},
		} {
			g.Admin.API("POST", "/api/usage", row[0]).Refuses(400, row[1], row[2])
		}
	})
	g.Balanced()
}
