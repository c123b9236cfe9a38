package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// What cannot be read of an export is rejected alone, with its place; the spans around it are counted.
func TestTracesUnreadableInJSON(t *testing.T) {
	g := webtest.NewGateway(t)
	// The document describes only what ought to be sent; a body of this media type is not held against it.
	const jsonType = "application/json; charset=utf-8"
	n := 0
	good := func() string {
		n++
		return fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","endTimeUnixNano":"%d","attributes":%s}`, n, n, call("").end.UnixNano(),
			pairsInJSON(call("", "gen_ai.usage.input_tokens", 1).attributes))
	}
	with := func(from, to string) string { return strings.Replace(good(), from, to, 1) }
	attribute := func(more string) string { return with(`"attributes":[`, `"attributes":[`+more+`,`) }
	of := pairsInJSON([]any{"user.id", g.Ada})
	spans := func(list string) string {
		return fmt.Sprintf(`{"resource":{"attributes":%s},"scopeSpans":[{"spans":[%s]}]}`, of, list)
	}
	const first = "resourceSpans[0].scopeSpans[0].spans[0]"
	for _, c := range []struct{ what, resources, rejected string }{
		{"a number", spans("5," + good()), first + ": "},
		{"null", spans("null," + good()), first + ": "},
		{"an end", spans(with(`"endTimeUnixNano":"`, `"endTimeUnixNano":"-`) + "," + good()), first + ".endTimeUnixNano of span 0"},
		{"an end after all time", spans(with(`"endTimeUnixNano":"`, `"endTimeUnixNano":"9`) + "," + good()), first + ".endTimeUnixNano of span 0"},
		{"NaN as an end", spans(`{"endTimeUnixNano":NaN},` + good()), first + ".endTimeUnixNano: "},
		{"an id", spans(with(`"traceId":"0`, `"traceId":"z`) + "," + good()), first + ".traceId of span 0"},
		{"a short id", spans(with(`"spanId":"00`, `"spanId":"`) + "," + good()), first + ".spanId of span 0"},
		{"tokens", spans(attribute(`{"key":"gen_ai.usage.output_tokens","value":{"intValue":"x"}}`) + "," + good()), first + ".attributes[gen_ai.usage.output_tokens]"},
		{"a cost", spans(attribute(`{"key":"gen_ai.usage.cost","value":{"doubleValue":NaN}}`) + "," + good()), first + ".attributes[gen_ai.usage.cost]"},
		{"two costs", spans(attribute(`{"key":"gen_ai.usage.cost","value":{"doubleValue":9,"intValue":"1"}}`) + "," + good()), first + ".attributes[gen_ai.usage.cost]"},
		{"a model", spans(attribute(`{"key":"llm.model_name","value":{"stringValue":5}}`) + "," + good()), first + ".attributes[llm.model_name]"},
		{"an attribute", spans(attribute("5") + "," + good()), first + ".attributes[0]"},
		{"attributes", spans(`{"attributes":{}},` + good()), first + ".attributes: "},
		{"spans", `{"scopeSpans":[{"spans":5}]},` + spans(good()), "resourceSpans[0].scopeSpans[0].spans: "},
		{"scopes", `{"scopeSpans":{}},` + spans(good()), "resourceSpans[0].scopeSpans: "},
		{"a resource", `"x",` + spans(good()), "resourceSpans[0]: "},
		{"attributes of a resource", strings.Replace(spans(good()), `"resource":{"attributes":[`, `"resource":{"attributes":["x",`, 1), "resourceSpans[0].resource.attributes[0]: "},
		{"snake_case scopes", `{"scope_spans":[]},` + spans(good()), "resourceSpans[0].scope_spans: Write scopeSpans instead of scope_spans"},
		{"a snake_case span", spans(with(`"spanId"`, `"span_id"`) + "," + good()), first + ".span_id: Write spanId instead of span_id"},
		{"a snake_case value", spans(attribute(`{"key":"gen_ai.usage.cost","value":{"double_value":1}}`) + "," + good()), "Write doubleValue instead of double_value"},
		{"no user", spans(good()) + `,{"scopeSpans":[{"spans":[` + good() + `]}]}`, "resourceSpans[1].scopeSpans[0].spans[0].attributes[user.id] of span 0"},
	} {
		g.Exec("DELETE FROM weekly_events")
		answer := exported(g, jsonType, fmt.Appendf(nil, `{"resourceSpans":[%s]}`, c.resources)).Is(http.StatusOK).JSON()
		partial, _ := answer["partialSuccess"].(webtest.Object)
		message := fmt.Sprint(partial["errorMessage"])
		webtest.Same(t, "rejected of "+c.what, partial["rejectedSpans"], any("1"))
		if !strings.Contains(message, c.rejected) || strings.Contains(message, "strconv") || strings.Contains(message, "unmarshal") {
			t.Errorf("%s: %q is not in %s", c.what, c.rejected, message)
		}
		webtest.Same(t, "counted beside "+c.what, g.Count("counted_events"), 1)
	}
	// What is not used does no harm.
	g.Exec("DELETE FROM weekly_events")
	unused := attribute(`{"key":"x","value":{"intValue":"x"}},{"key":"y","value":{"doubleValue":NaN}},{"key":"z","value":{"more":-Infinity}},{"key":"gen_ai.usage.cost","value":null},{"key":"gen_ai.usage.cost","value":{}}`)
	answer := exported(g, jsonType, fmt.Appendf(nil, `{"more":Infinity,"resourceSpans":[%s]}`, spans(unused))).Is(http.StatusOK).JSON()
	webtest.Same(t, "unused", fmt.Sprint(answer, g.Count("counted_events")), "map[] 1")
}

// A span whose text is no UTF-8, as of a prompt that was cut, or that is cut itself, is rejected alone in protobuf.
func TestTracesUnreadableInProtobuf(t *testing.T) {
	g := webtest.NewGateway(t)
	of := []any{"user.id", g.Ada}
	body := inProtobuf(t, of, call("01", "prompt", "zebra"), call("02"))
	broken := []byte(strings.Replace(string(body), "zebra", "zebr\xff", 1))
	answer := protobufFields(t, exported(g, protobufType, broken).Is(http.StatusOK).Body)
	partial := protobufFields(t, []byte(answer[1]))
	webtest.Same(t, "rejected", partial[1], "1")
	if !strings.Contains(partial[2], "resourceSpans[0].scopeSpans[0].spans[0]: ") || strings.Contains(partial[2], "proto:") {
		t.Errorf("rejected: %s", partial[2])
	}
	webtest.Same(t, "counted", g.Count("counted_events"), 1)
	broken = []byte(strings.Replace(string(inProtobuf(t, of, call("03", "tollgate.virtual_key", g.Key))), g.Ada, "\xff"+g.Ada[1:], 1))
	answer = protobufFields(t, exported(g, protobufType, broken).Is(http.StatusOK).Body)
	webtest.Same(t, "of a resource", protobufFields(t, []byte(answer[1]))[1], "1")
	webtest.Same(t, "counted beside a resource", g.Count("counted_events"), 2)
}
