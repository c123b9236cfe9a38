package web_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"tollgate/web/webtest"
)

// A small body can be packed out of millions of logs or spans: one with too many is refused as a whole, in every form.
func TestTooManyLogsAndSpans(t *testing.T) {
	g := webtest.NewGateway(t)
	by := g.APIKey("Usage:Create")
	// The document describes only what ought to be sent; a body of this media type is not held against it.
	const ndjson, jsonType = "application/x-ndjson", "application/json; charset=utf-8"
	const most, many = 10_000, 2_000_000
	list := func(item string, n int) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	spans := func(items string) string { return `{"resourceSpans":[{"scopeSpans":[{"spans":` + items + `}]}]}` }
	message := func(field protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), content)
	}
	empty := func(field protowire.Number, n int) []byte { return bytes.Repeat(message(field, nil), n) }
	for what, c := range map[string]struct {
		path, media string
		body        []byte
	}{
		"a list of logs":        {"/api/usage/litellm", jsonType, []byte(list("0", many))},
		"one log too many":      {"/api/usage/litellm", jsonType, []byte(list("0", most+1))},
		"logs one by one":       {"/api/usage/litellm", jsonType, []byte(strings.Repeat("0 ", many))},
		"logs in lines":         {"/api/usage/litellm", ndjson, []byte("{\n" + strings.Repeat("0\n", many))},
		"spans":                 {"/v1/traces", jsonType, []byte(spans(list("0", many)))},
		"one span too many":     {"/v1/traces", jsonType, []byte(spans(list("0", most+1)))},
		"scopes":                {"/v1/traces", jsonType, []byte(`{"resourceSpans":[{"scopeSpans":` + list("0", many) + `}]}`)},
		"resources":             {"/v1/traces", jsonType, []byte(`{"resourceSpans":` + list("0", many) + `}`)},
		"spans in protobuf":     {"/v1/traces", protobufType, message(1, message(2, empty(2, many)))},
		"one in protobuf":       {"/v1/traces", protobufType, message(1, message(2, empty(2, most+1)))},
		"resources in protobuf": {"/v1/traces", protobufType, bytes.Repeat(message(1, message(2, []byte{0xff})), most+1)},
	} {
		packed := &bytes.Buffer{}
		to := gzip.NewWriter(packed)
		_, err := to.Write(c.body)
		g.Must(errors.Join(err, to.Close()))
		answer := sent(by, c.path, c.media, packed.Bytes(), "Content-Encoding", "gzip").Is(http.StatusRequestEntityTooLarge)
		if !strings.Contains(string(answer.Body), "Send at most 10000 ") {
			t.Errorf("%s: %.200s", what, answer.Body)
		}
	}
	sent(by, "/api/usage/litellm", jsonType, []byte(list("0", many))).Refuses(http.StatusRequestEntityTooLarge, "too_many_items", "")

	// Of as many as may be sent, the first that are rejected are named.
	answer := sent(by, "/api/usage/litellm", jsonType, []byte(list("0", most))).Is(http.StatusOK).JSON()
	webtest.Same(t, "rejected", fmt.Sprint(answer["rejected_count"], len(answer["rejected"].([]any))), "10000 100")
	partial := sent(by, "/v1/traces", jsonType, []byte(spans(list("0", most)))).Is(http.StatusOK).JSON()["partialSuccess"].(webtest.Object)
	webtest.Same(t, "rejected spans", partial["rejectedSpans"], any("10000"))
}

// A span or a resource with too many attributes is rejected alone.
func TestTooManyAttributes(t *testing.T) {
	g := webtest.NewGateway(t)
	of := []any{"user.id", g.Ada}
	many := call("01")
	for i := range 10_001 {
		many.attributes = append(many.attributes, fmt.Sprint("x", i), "")
	}
	for _, media := range []string{protobufType, jsonType} {
		body := inProtobuf(t, of, many, call("02"))
		if media == jsonType {
			body = inJSON(of, many, call("02"))
		}
		answer := exported(g, media, body).Is(http.StatusOK)
		if !strings.Contains(string(answer.Body), "at most 10000 attributes") {
			t.Errorf("%s: %s", media, answer.Body)
		}
		webtest.Same(t, "counted as "+media, g.Count("counted_events"), 1)
	}
	exported(g, protobufType, inProtobuf(t, many.attributes, call("03", "user.id", g.Ada))).Is(http.StatusOK)
	webtest.Same(t, "counted beside a resource", g.Count("counted_events"), 2)
}
