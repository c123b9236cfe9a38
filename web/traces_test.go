package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"tollgate/web/webtest"
)

// span is a span as a test writes it: an id of two hexadecimal digits, those of its parent, and attributes in pairs.
type span struct {
	id, parent string
	failed     bool
	end        time.Time
	attributes []any
}

func call(id string, attributes ...any) span {
	return span{id: id, end: time.Now(), attributes: append([]any{
		"gen_ai.operation.name", "chat", "gen_ai.provider.name", "openai", "gen_ai.request.model", "gpt-4o",
	}, attributes...)}
}

func traceID() []byte { return bytes.Repeat([]byte{7}, 16) }

func spanID(id string) []byte {
	if id == "" {
		return nil
	}
	last, _ := hex.DecodeString(id)
	return append(bytes.Repeat([]byte{1}, 7), last...)
}

// inProtobuf and inJSON are an export of spans, whose resource has attributes too.
func inProtobuf(t testing.TB, of []any, spans ...span) []byte {
	t.Helper()
	data := &trace.TracesData{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: pairs(of)}, ScopeSpans: []*trace.ScopeSpans{{}},
	}}}
	for _, s := range spans {
		one := &trace.Span{
			TraceId: traceID(), SpanId: spanID(s.id), ParentSpanId: spanID(s.parent), Name: "call", EndTimeUnixNano: uint64(s.end.UnixNano()),
			Attributes: pairs(s.attributes),
		}
		if s.end.IsZero() {
			one.EndTimeUnixNano = 0
		}
		if s.failed {
			one.Status = &trace.Status{Code: trace.Status_STATUS_CODE_ERROR}
		}
		scope := data.ResourceSpans[0].ScopeSpans[0]
		scope.Spans = append(scope.Spans, one)
	}
	body, err := proto.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func pairs(list []any) (all []*common.KeyValue) {
	for i := 0; i < len(list); i += 2 {
		value := &common.AnyValue{}
		switch v := list[i+1].(type) {
		case string:
			value.Value = &common.AnyValue_StringValue{StringValue: v}
		case int:
			value.Value = &common.AnyValue_IntValue{IntValue: int64(v)}
		case float64:
			value.Value = &common.AnyValue_DoubleValue{DoubleValue: v}
		case bool:
			value.Value = &common.AnyValue_BoolValue{BoolValue: v}
		case []string:
			value.Value = &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{}}
		}
		all = append(all, &common.KeyValue{Key: list[i].(string), Value: value})
	}
	return all
}

func inJSON(of []any, spans ...span) []byte {
	var all []string
	for _, s := range spans {
		status := `{}`
		if s.failed {
			status = `{"code":2}`
		}
		all = append(all, fmt.Sprintf(`{"traceId":"%x","spanId":"%X","parentSpanId":"%x","name":"call","kind":3,"endTimeUnixNano":"%d","attributes":%s,"status":%s,"more":[1]}`,
			traceID(), spanID(s.id), spanID(s.parent), s.end.UnixNano(), pairsInJSON(s.attributes), status))
	}
	return fmt.Appendf(nil, `{"resourceSpans":[{"resource":{"attributes":%s},"scopeSpans":[{"scope":{"name":"x"},"spans":[%s]}]}]}`,
		pairsInJSON(of), strings.Join(all, ","))
}

func pairsInJSON(list []any) string {
	all := []string{}
	for i := 0; i < len(list); i += 2 {
		value := ""
		switch v := list[i+1].(type) {
		case string:
			value = fmt.Sprintf(`{"stringValue":%q}`, v)
		case int:
			value = fmt.Sprintf(`{"intValue":"%d"}`, v)
		case float64:
			value = fmt.Sprintf(`{"doubleValue":%g}`, v)
			if math.IsNaN(v) || math.IsInf(v, 0) {
				value = fmt.Sprintf(`{"doubleValue":%q}`, strings.Replace(fmt.Sprint(v), "Inf", "Infinity", 1))
			}
		case bool:
			value = fmt.Sprintf(`{"boolValue":%t}`, v)
		case []string:
			value = `{"arrayValue":{"values":[]}}`
		}
		all = append(all, fmt.Sprintf(`{"key":%q,"value":%s}`, list[i], value))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func exported(g webtest.Gateway, media string, body []byte, header ...string) webtest.Answer {
	g.T.Helper()
	key := g.APIKey("Usage:Create")
	return g.Answered(func() webtest.Answer { return sent(key, "/v1/traces", media, body, header...) })
}

func sent(by webtest.Client, path, media string, body []byte, header ...string) webtest.Answer {
	by.T.Helper()
	by.Header = by.Header.Clone()
	for i := 0; i < len(header); i += 2 {
		by.Header.Set(header[i], header[i+1])
	}
	return by.Send("POST", path, media, bytes.NewReader(body))
}

// protobufFields are the fields of a message by number, numbers as text.
func protobufFields(t testing.TB, body []byte) map[int]string {
	t.Helper()
	fields := map[int]string{}
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			t.Fatalf("no protobuf: %x", body)
		}
		body = body[n:]
		if kind == protowire.VarintType {
			value, n := protowire.ConsumeVarint(body)
			fields[int(number)], body = fmt.Sprint(value), body[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(body)
		fields[int(number)], body = string(value), body[n:]
	}
	return fields
}

const protobufType, jsonType = "application/x-protobuf", "application/json"

// A span is counted once, with its cost or by the prices here, in whichever encoding it comes, packed or not, and however
// often it is sent.
func TestTracesAreCountedOnce(t *testing.T) {
	g := webtest.NewGateway(t)
	of := []any{"service.name", "gateway", "user.id", g.Ada}
	spans := []span{
		call("01", "gen_ai.usage.input_tokens", 100, "gen_ai.usage.output_tokens", 20, "gen_ai.usage.cost", 0.00012345),
		call("02", "gen_ai.usage.input_tokens", 7.0, "gen_ai.usage.cost", 8.375e-05, "gen_ai.tool.definitions", []string{}),
	}
	webtest.Same(t, "answer", string(exported(g, protobufType, inProtobuf(t, of, spans...)).Is(http.StatusOK).Body), "")
	used := func() (sums struct{ Cost, Tokens, Requests int64 }) {
		g.Scan(&sums, "SELECT sum(cost)::bigint AS cost, sum(tokens)::bigint AS tokens, sum(requests)::bigint AS requests FROM usage_days WHERE user_id = ?", g.Ada)
		return sums
	}
	want := struct{ Cost, Tokens, Requests int64 }{207200, 127, 2}
	webtest.Same(t, "nano-dollars, tokens, requests", used(), want)
	webtest.Same(t, "again", len(exported(g, jsonType, inJSON(of, spans...)).Is(http.StatusOK).JSON()), 0)
	packed := &bytes.Buffer{}
	to := gzip.NewWriter(packed)
	_, err := to.Write(inProtobuf(t, of, spans...))
	g.Must(errors.Join(err, to.Close()))
	exported(g, protobufType, packed.Bytes(), "Content-Encoding", "gzip").Is(http.StatusOK)
	webtest.Same(t, "still", used(), want)
}

// Which spans are calls, what they used, and who pays.
func TestTracesOfCalls(t *testing.T) {
	g := webtest.NewGateway(t)
	older := span{id: "11", end: time.Now(), attributes: []any{
		"gen_ai.system", "openai", "gen_ai.request.model", "gpt-4o",
		"gen_ai.usage.prompt_tokens", 5, "gen_ai.usage.completion_tokens", 2, "enduser.id", g.Ada,
	}}
	inference := span{id: "12", end: time.Now(), attributes: []any{
		"openinference.span.kind", "LLM", "llm.provider", "openai", "llm.model_name", "gpt-4o",
		"llm.token_count.prompt", 10, "llm.token_count.completion", 4, "llm.cost.total", 0.5, "user.id", g.Ada,
	}}
	tool := span{id: "13", end: time.Now(), attributes: []any{
		"gen_ai.operation.name", "execute_tool", "mcp.server.name", "github",
		"gen_ai.tool.name", "create_issue", "user.id", g.Ada,
	}}
	byKey := call("14", "tollgate.virtual_key", g.Key, "gen_ai.usage.input_tokens", 100, "gen_ai.usage.cache_read.input_tokens", 900,
		"gen_ai.usage.output_tokens", 30, "gen_ai.usage.reasoning.output_tokens", 20)
	under := func(parent string, s span) span { s.parent = parent; return s }
	for what, c := range map[string]struct {
		spans []span
		want  string
	}{
		"older names":         {[]span{older}, "openai/gpt-4o 7 –"},
		"OpenInference":       {[]span{inference}, "openai/gpt-4o 14 500000000"},
		"a tool":              {[]span{tool}, "github/create_issue 0 –"},
		"a key, cached input": {[]span{byKey}, "openai/gpt-4o 1030 –"},
		"an agent":            {[]span{{id: "15", end: time.Now(), attributes: []any{"gen_ai.operation.name", "invoke_agent", "gen_ai.usage.input_tokens", 9, "user.id", g.Ada}}}, ""},
		"a web request":       {[]span{{id: "16", end: time.Now(), attributes: []any{"http.route", "/v1/chat", "user.id", g.Ada}}}, ""},
		"a call that failed":  {[]span{{id: "17", failed: true, end: time.Now(), attributes: call("17", "user.id", g.Ada).attributes}}, ""},
		"a failure that cost": {[]span{{id: "18", failed: true, end: time.Now(), attributes: call("18", "user.id", g.Ada, "gen_ai.usage.input_tokens", 3).attributes}}, "openai/gpt-4o 3 –"},
		"two attempts": {[]span{
			call("20", "user.id", g.Ada, "gen_ai.usage.input_tokens", 8), under("20", call("21", "user.id", g.Ada)),
			under("20", call("22", "user.id", g.Ada, "gen_ai.usage.input_tokens", 8)),
		}, "openai/gpt-4o 0 –, openai/gpt-4o 8 –"},
	} {
		for _, media := range []string{protobufType, jsonType} {
			g.Exec("DELETE FROM weekly_events")
			body := inProtobuf(t, nil, c.spans...)
			if media == jsonType {
				body = inJSON(nil, c.spans...)
			}
			exported(g, media, body).Is(http.StatusOK)
			var rows []string
			g.Scan(&rows, `SELECT concat(provider || '/' || nullif(model, ''), nullif(mcp_client_id, '') || '/' || tool_name, ' ', tokens, ' ',
				coalesce(CASE WHEN cost_computed THEN NULL ELSE cost::text END, '–')) FROM counted_events ORDER BY tokens`)
			webtest.Same(t, what+" as "+media, strings.Join(rows, ", "), c.want)
		}
	}
}

// A span that cannot be counted is rejected alone, and told; one of an unknown user is kept.
func TestTracesRejected(t *testing.T) {
	g := webtest.NewGateway(t)
	of := []any{"user.id", g.Ada}
	never, short := call("05"), call("06")
	never.end, short.id = time.Time{}, ""
	bad := []span{
		call("01", "gen_ai.usage.input_tokens", math.MaxInt64), call("02", "gen_ai.usage.cost", 1e300), never, short,
		call("07", "tollgate.event_id", strings.Repeat("x", 5000)),
	}
	answer := protobufFields(t, exported(g, protobufType, inProtobuf(t, of, append(bad, call("08"))...)).Is(http.StatusOK).Body)
	partial := protobufFields(t, []byte(answer[1]))
	webtest.Same(t, "rejected", partial[1], "5")
	for _, want := range []string{"number of tokens", "cost of one call", "35 days", "an id of its own", "255 visible"} {
		if !strings.Contains(partial[2], want) {
			t.Errorf("%q is not in %s", want, partial[2])
		}
	}
	webtest.Same(t, "counted", g.Count("counted_events"), 1)
	inJSONToo := exported(g, jsonType, inJSON(of, bad[0])).Is(http.StatusOK).JSON()["partialSuccess"].(webtest.Object)
	webtest.Same(t, "rejected in JSON", inJSONToo["rejectedSpans"], any("1"))
	nobody := exported(g, jsonType, inJSON(nil, call("09"))).Is(http.StatusOK).JSON()["partialSuccess"].(webtest.Object)
	if message := fmt.Sprint(nobody["errorMessage"]); !strings.Contains(message, "virtual key") || !strings.Contains(message, "user.id") {
		t.Errorf("without a holder: %s", message)
	}
	exported(g, jsonType, inJSON([]any{"user.id", "nobody-here"}, call("0a"))).Is(http.StatusOK)
	webtest.Same(t, "kept", g.Count("usage_quarantine"), 1)
	many := []span{}
	for i := range 1001 {
		many = append(many, call("0b", "tollgate.event_id", fmt.Sprint("many-", i)))
	}
	exported(g, protobufType, inProtobuf(t, of, many...)).Is(http.StatusOK)
	webtest.Same(t, "more than one report has", g.Count("counted_events"), 1002)
}

// A request that is no export, or too much, is answered by a status, and its credential is checked before its body.
func TestTracesRefused(t *testing.T) {
	g := webtest.NewGateway(t)
	bomb := &bytes.Buffer{}
	to := gzip.NewWriter(bomb)
	for range 200 {
		_, err := to.Write(make([]byte, 1<<20))
		g.Must(err)
	}
	g.Must(to.Close())
	gateway := g.APIKey("Usage:Create")
	byKey := g.Anonymous()
	byKey.Header = http.Header{"Authorization": {"Bearer " + fmt.Sprint(g.Key)}}
	for what, c := range map[string]struct {
		by     webtest.Client
		media  string
		body   []byte
		header []string
		status int
		code   string
	}{
		"no protobuf":     {gateway, protobufType, []byte("{}"), nil, 400, "3"},
		"no JSON":         {gateway, jsonType, []byte(`{"resourceSpans":[`), nil, 400, "3"},
		"snake_case":      {gateway, jsonType, []byte(`{"resource_spans":[]}`), nil, 400, "3"},
		"a list":          {gateway, jsonType, []byte(`[]`), nil, 400, "3"},
		"another type":    {gateway, "text/plain", []byte("x"), nil, 415, "3"},
		"another packing": {gateway, protobufType, []byte("x"), []string{"Content-Encoding", "br"}, 415, "3"},
		"no gzip":         {gateway, protobufType, []byte("x"), []string{"Content-Encoding", "gzip"}, 400, "3"},
		"5 MB":            {gateway, protobufType, make([]byte, 5_000_000), nil, 413, "8"},
		"a bomb":          {gateway, protobufType, bomb.Bytes(), []string{"Content-Encoding", "gzip"}, 413, "8"},
		"no credential":   {g.Anonymous(), protobufType, []byte("no protobuf"), nil, 401, "16"},
		"a virtual key":   {byKey, protobufType, []byte("no protobuf"), nil, 401, "16"},
		"no permission":   {g.APIKey("Usage:View"), protobufType, []byte("no protobuf"), nil, 403, "7"},
	} {
		answer := sent(c.by, "/v1/traces", c.media, c.body, c.header...).Is(c.status)
		if c.media == protobufType {
			webtest.Same(t, what, protobufFields(t, answer.Body)[1], c.code)
		} else {
			webtest.Same(t, what, fmt.Sprint(answer.JSON()["code"]), c.code)
			if message := fmt.Sprint(answer.JSON()["message"]); what == "snake_case" && !strings.Contains(message, "Write resourceSpans") {
				t.Errorf("%s: %s", what, message)
			}
		}
	}
	release := g.LockWrites()
	answer := sent(gateway, "/v1/traces", jsonType, inJSON([]any{"user.id", g.Ada}, call("01"))).Is(http.StatusServiceUnavailable)
	release()
	if answer.Header.Get("Retry-After") == "" {
		t.Error("the exporter is not told when to try again")
	}
}
