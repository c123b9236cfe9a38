package web_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// takenTraces exports spans and returns how many were rejected, with the reasons.
func takenTraces(g webtest.Gateway, media string, spans ...span) (rejected, reasons string) {
	g.T.Helper()
	of := []any{"user.id", g.Ada}
	if media == jsonType {
		answer := exported(g, media, inJSON(of, spans...)).Is(http.StatusOK).JSON()
		partial, _ := answer["partialSuccess"].(webtest.Object)
		return fmt.Sprint(partial["rejectedSpans"]), fmt.Sprint(partial["errorMessage"])
	}
	answer := protobufFields(g.T, exported(g, media, inProtobuf(g.T, of, spans...)).Is(http.StatusOK).Body)
	partial := protobufFields(g.T, []byte(answer[1]))
	return partial[1], partial[2]
}

// A cost or a count of tokens that cannot be read as one rejects its span alone, under each of its names, and the reason
// names the attribute and the span.
func TestTracesWithWrongAmounts(t *testing.T) {
	g := webtest.NewGateway(t)
	wrong := []any{-7.0, math.NaN(), math.Inf(1), math.Inf(-1), true, "seven", "", "-7", "0x7", "1_000", "7 ", []string{}}
	names := map[string][]any{"gen_ai.usage.cost": {-7}}
	for _, name := range []string{"agw.ai.usage.cost.total", "llm.cost.total"} {
		names[name] = nil
	}
	for _, name := range []string{
		"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens",
		"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion", "llm.usage.completion_tokens",
		"gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens",
		"gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read",
		"gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens", "llm.token_count.prompt_details.cache_write",
		"gen_ai.usage.reasoning.output_tokens", "llm.token_count.completion_details.reasoning",
	} {
		names[name] = []any{-1, 5000.5, "5000.5", 1e300}
	}
	for _, media := range []string{protobufType, jsonType} {
		n := 0
		for name, more := range names {
			spans := []span{}
			for i, value := range append(wrong[:len(wrong):len(wrong)], more...) {
				spans = append(spans, call(fmt.Sprintf("%02x", i+1), "tollgate.event_id", fmt.Sprint(media, name, i), name, value))
			}
			spans = append(spans, call("ff", "tollgate.event_id", fmt.Sprint(media, name), "gen_ai.usage.input_tokens", 1))
			n++
			rejected, reasons := takenTraces(g, media, spans...)
			webtest.Same(t, name+" as "+media, rejected, fmt.Sprint(len(spans)-1))
			for _, want := range []string{"spans[0].attributes[" + name + "] of span 0101010101010101", "spans[4].attributes[" + name + "]"} {
				if !strings.Contains(reasons, want) {
					t.Errorf("%s as %s: %q is not in %s", name, media, want, reasons)
				}
			}
			webtest.Same(t, "counted beside "+name+" as "+media, g.Count("counted_events"), n)
		}
		g.Exec("DELETE FROM weekly_events")
	}
}

// A number written as text is that number, as emitters write it whose attributes are all text.
func TestTracesWithAmountsAsText(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, media := range []string{protobufType, jsonType} {
		for _, c := range []struct {
			attributes []any
			want       string
		}{
			{[]any{"gen_ai.usage.cost", "7"}, "0 7000000000"},
			{[]any{"gen_ai.usage.cost", "8.375e-05", "gen_ai.usage.input_tokens", "40", "gen_ai.usage.output_tokens", "7.0"}, "47 83750"},
			{[]any{"llm.cost.total", "0", "llm.token_count.prompt", "5000000"}, "5000000 0"},
			{[]any{"gen_ai.usage.cost", 0.5, "llm.cost.total", true}, "0 500000000"}, // the first name counts
			{[]any{"gen_ai.usage.cost", math.Copysign(0, -1), "gen_ai.usage.total_tokens", "12"}, "12 0"},
		} {
			g.Exec("DELETE FROM weekly_events")
			rejected, reasons := takenTraces(g, media, span{id: "01", end: time.Now(), attributes: call("01", c.attributes...).attributes})
			if rejected != "" && rejected != "<nil>" {
				t.Errorf("%v as %s: %s", c.attributes, media, reasons)
			}
			var row string
			g.Scan(&row, "SELECT concat(tokens, ' ', cost) FROM counted_events")
			webtest.Same(t, fmt.Sprint(c.attributes, " as ", media), row, c.want)
		}
	}
}
