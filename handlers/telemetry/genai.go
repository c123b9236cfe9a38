package telemetry

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"tollgate/models/input"
	"tollgate/models/usage"
)

// The attributes of a call, the one that counts first in front. Names of the GenAI conventions come before older ones,
// then those of OpenInference, Bifrost and agentgateway.
var (
	keyNames      = []string{"tollgate.virtual_key"}
	userNames     = []string{"user.id", "enduser.id", "metadata.user_api_key_user_id"}
	providerNames = []string{"gen_ai.provider.name", "gen_ai.system", "llm.provider"}
	modelNames    = []string{"gen_ai.request.model", "llm.model_name", "gen_ai.response.model"}
	inputNames    = []string{
		"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens",
	}
	outputNames = []string{
		"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
		"llm.usage.completion_tokens",
	}
	totalNames = []string{"gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens"}
	readNames  = []string{"gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read"}
	writeNames = []string{
		"gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens",
		"llm.token_count.prompt_details.cache_write",
	}
	reasoningNames = []string{
		"gen_ai.usage.reasoning.output_tokens", "llm.token_count.completion_details.reasoning",
	}
	costNames   = []string{"gen_ai.usage.cost", "agw.ai.usage.cost.total", "llm.cost.total"}
	serverNames = []string{"mcp.server.name"}
	toolNames   = []string{"gen_ai.tool.name", "tool.name"}
)

// modelOperations are the operations that call a model. Those of agents and workflows only contain calls.
var modelOperations = []string{
	"chat", "generate_content", "text_completion", "embeddings", "completion", "responses", "image_generation",
	"speech", "transcription", "rerank", "LLM", "EMBEDDING", "RERANKER",
}

// providerOf are the providers that the conventions name otherwise than gateways do.
var providerOf = map[string]string{
	"aws.bedrock": "bedrock", "azure.ai.openai": "azure", "az.ai.openai": "azure", "azure.ai.inference": "azure",
	"gcp.vertex_ai": "vertex", "vertex_ai": "vertex", "gcp.gemini": "gemini", "gcp.gen_ai": "gemini", "mistral_ai": "mistral",
	"x_ai": "xai",
}

// callKind is what a span is about.
type callKind int

const (
	noCall callKind = iota
	modelCall
	toolCall
)

func (s span) call() callKind {
	operation := s.text([]string{"gen_ai.operation.name", "openinference.span.kind"})
	switch {
	case operation == "execute_tool" && s.text(serverNames) != "":
		return toolCall
	case slices.Contains(modelOperations, operation), operation == "" && s.hasUsage():
		return modelCall
	case operation == "" && strings.HasPrefix(s.name, "gen_ai.") && s.text(modelNames) != "":
		return modelCall
	}
	return noCall
}

// hasUsage reports a span that says how much was used.
func (s span) hasUsage() bool {
	for _, names := range [][]string{inputNames, outputNames, totalNames} {
		if _, ok := s.count(names); ok {
			return true
		}
	}
	return s.cost() != ""
}

// first is the first of the attributes that fits.
func (of attributes) first(names []string, fits func(attribute) bool) (attribute, bool) {
	for _, name := range names {
		if a, ok := of[name]; ok && fits(a) {
			return a, true
		}
	}
	return attribute{}, false
}

func (of attributes) text(names []string) string {
	a, _ := of.first(names, func(a attribute) bool { return a.kind == 's' && a.text != "" })
	return a.text
}

func (s span) text(names []string) string { return s.own.text(names) }

// count is a number of tokens; one below 0 is none. Some libraries write whole numbers as doubles.
func (s span) count(names []string) (int64, bool) {
	a, ok := s.own.first(names, func(a attribute) bool {
		return a.kind == 'i' && a.i >= 0 || a.kind == 'd' && a.d >= 0 && a.d == math.Trunc(a.d) && a.d <= input.MaxCount
	})
	if a.kind == 'd' {
		return int64(a.d), ok
	}
	return a.i, ok
}

// cost is the shortest decimal of a number of dollars, "" when there is none.
func (s span) cost() string {
	a, ok := s.own.first(costNames, func(a attribute) bool {
		return a.kind == 'i' && a.i >= 0 || a.kind == 'd' && a.d >= 0 && !math.IsNaN(a.d)
	})
	switch {
	case !ok:
		return ""
	case a.kind == 'i':
		return strconv.FormatInt(a.i, 10)
	case math.IsInf(a.d, 1):
		return "1e400" // too much, and rejected as that
	}
	return strconv.FormatFloat(a.d, 'f', -1, 64)
}

// event is the event of a span that is a call.
func (s span) event(call callKind) usage.EventInput {
	e := usage.EventInput{
		Row: input.Row{Kind: input.Object}, EventID: text(s.eventID()), OccurredAt: s.endedAt(), Cost: number(s.cost()),
	}
	// A program of one user says on its resource who that is.
	for _, of := range []attributes{s.resource, s.own} {
		if key := of.text(keyNames); key != "" {
			e.VirtualKey, e.UserID = text(key), input.Value{}
		} else if user := of.text(userNames); user != "" {
			e.VirtualKey, e.UserID = input.Value{}, text(user)
		}
	}
	if call == toolCall {
		e.MCPClientID, e.ToolName = text(s.text(serverNames)), text(s.text(toolNames))
		return e
	}
	provider := s.text(providerNames)
	if other, ok := providerOf[provider]; ok {
		provider = other
	}
	e.Provider, e.Model = text(provider), text(s.text(modelNames))
	s.tokens(&e)
	return e
}

// tokens puts how many tokens were used into an event. Where the parts of the input are more than the input, the sender
// counts them beside it.
func (s span) tokens(e *usage.EventInput) {
	in, hasInput := s.count(inputNames)
	read, hasRead := s.count(readNames)
	write, hasWrite := s.count(writeNames)
	if parts := read + write; parts > in && parts <= input.MaxCount-in {
		in, hasInput = in+parts, true
	}
	out, hasOutput := s.count(outputNames)
	reasoning, hasReasoning := s.count(reasoningNames)
	total, hasTotal := s.count(totalNames)
	for _, one := range []struct {
		n   int64
		has bool
		to  *input.Value
	}{
		{in, hasInput, &e.InputTokens},
		{out, hasOutput, &e.OutputTokens},
		{read, hasRead, &e.CachedTokens},
		{write, hasWrite, &e.CacheWriteTokens},
		{reasoning, hasReasoning && reasoning <= out, &e.ReasoningTokens},
		{total, hasTotal && !hasInput && !hasOutput, &e.Tokens},
	} {
		if one.has {
			*one.to = number(strconv.FormatInt(one.n, 10))
		}
	}
}

// spanIDs is the namespace of the event ids of spans, so that a span has the same one in protobuf and in JSON.
var spanIDs = uuid.MustParse("5b0f7f3c-6f0a-4c7d-9f0e-0d6f1d7c2a41")

// eventID is what the sender says, else made of the span's ids; "" when these are none.
func (s span) eventID() string {
	if id := s.text([]string{"tollgate.event_id"}); id != "" {
		return id
	}
	if len(s.trace) != 16 || len(s.id) != 8 {
		return ""
	}
	return uuid.NewSHA1(spanIDs, append(slices.Clone(s.trace), s.id...)).String()
}

func (s span) endedAt() input.Value {
	if s.end > math.MaxInt64 {
		return text("after the end of time") // refused as no time
	}
	return text(time.Unix(0, int64(s.end)).UTC().Format(time.RFC3339Nano))
}

// calls are the events of the spans that are calls. A call that contains another with usage is the same call, tried
// more than once; one that failed and used nothing was none.
func calls(spans []span) []usage.EventInput {
	type key struct{ trace, id string }
	of := func(trace, id []byte) key { return key{string(trace), string(id)} }
	at := make(map[key]span, len(spans))
	for _, s := range spans {
		at[of(s.trace, s.id)] = s
	}
	contains := map[key]bool{}
	for _, s := range spans {
		if s.call() != modelCall || !s.hasUsage() {
			continue
		}
		for parent := s.parent; len(parent) > 0 && !contains[of(s.trace, parent)] && !bytes.Equal(parent, s.id); {
			contains[of(s.trace, parent)] = true
			parent = at[of(s.trace, parent)].parent
		}
	}
	events := []usage.EventInput{}
	for _, s := range spans {
		call := s.call()
		if call == noCall || call == modelCall && contains[of(s.trace, s.id)] || s.failed && !s.hasUsage() {
			continue
		}
		events = append(events, s.event(call))
	}
	return events
}
