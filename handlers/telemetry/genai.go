package telemetry

import (
	"bytes"
	"slices"
	"strings"
)

// The attributes of a call, the one that counts first in front. Names of the GenAI conventions come before older ones,
// then those of OpenInference, Bifrost and agentgateway.
var (
	eventNames    = []string{"tollgate.event_id"}
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

	operationNames = []string{"gen_ai.operation.name", "openinference.span.kind"}
)

// attributeNames are the same, by the field of an event that they are read into.
var attributeNames = map[string][]string{
	"event_id": eventNames, "virtual_key": keyNames, "user_id": userNames, "provider": providerNames, "model": modelNames,
	"input_tokens": slices.Concat(inputNames, readNames, writeNames), "output_tokens": outputNames, "tokens": totalNames,
	"cached_input_tokens": readNames, "cache_write_input_tokens": writeNames, "reasoning_output_tokens": reasoningNames,
	"cost": costNames, "mcp_client_id": serverNames, "tool_name": toolNames,
}

// isRead are all of them.
var isRead = func() map[string]bool {
	all := map[string]bool{}
	for _, names := range attributeNames {
		for _, name := range names {
			all[name] = true
		}
	}
	return all
}()

// modelOperations are the operations that call a model. Those of agents and workflows only contain calls.
var modelOperations = []string{
	"chat", "generate_content", "text_completion", "embeddings", "completion", "responses", "image_generation",
	"speech", "transcription", "rerank", "LLM", "EMBEDDING", "RERANKER",
}

// callKind is what a span is about.
type callKind int

const (
	noCall callKind = iota
	modelCall
	toolCall
)

func (s span) call() callKind {
	operation := s.own.text(operationNames)
	switch {
	case operation == "execute_tool" && s.own.text(serverNames) != "":
		return toolCall
	case slices.Contains(modelOperations, operation), operation == "" && s.hasUsage():
		return modelCall
	case operation == "" && strings.HasPrefix(s.name, "gen_ai.") && s.own.text(modelNames) != "":
		return modelCall
	}
	return noCall
}

// hasUsage reports a span that says how much was used, also when that cannot be read.
func (s span) hasUsage() bool {
	for _, names := range [][]string{inputNames, outputNames, totalNames, costNames} {
		if _, ok := s.own.first(names); ok {
			return true
		}
	}
	return false
}

// calls are the events of the spans that are calls, or cannot be read. A call that contains another with usage is the
// same call, tried more than once; one that failed and used nothing was none.
func calls(spans []span) []event {
	type key struct{ trace, id string }
	of := func(trace, id []byte) key { return key{string(trace), string(id)} }
	at := make(map[key]span, len(spans))
	for _, s := range spans {
		if len(s.unread) == 0 {
			at[of(s.trace, s.id)] = s
		}
	}
	contains := map[key]bool{}
	for _, s := range spans {
		if len(s.unread) > 0 || s.call() != modelCall || !s.hasUsage() {
			continue
		}
		for parent := s.parent; len(parent) > 0 && !contains[of(s.trace, parent)] && !bytes.Equal(parent, s.id); {
			contains[of(s.trace, parent)] = true
			parent = at[of(s.trace, parent)].parent
		}
	}
	events := []event{}
	for _, s := range spans {
		call := s.call()
		if len(s.unread) > 0 {
			events = append(events, s.event(call))
			continue
		}
		if call == noCall || call == modelCall && contains[of(s.trace, s.id)] || s.failed && !s.hasUsage() {
			continue
		}
		events = append(events, s.event(call))
	}
	return events
}
