package models

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const longestModel = 255

// MatchModel reports whether a provider config grants a model, named as splitModel returns it. Names are compared exactly, and a listed
// name may have "provider/" in front; a config that allows every model asks no catalogue, but what can name no model is granted by none.
func (config ProviderConfig) MatchModel(model string) bool {
	if !isModelName(model) {
		return false
	}
	return config.AllModelsAllowed || slices.ContainsFunc(config.AllowedModels, func(listed string) bool {
		return bareModel(config.ProviderName, listed) == model
	})
}

// isModelName reports whether text could name one model.
func isModelName(text string) bool { return modelNameProblem(text) == "" }

// modelNameProblem says what to do about a text that can name no model; "" when it can. The catalogue, profiles, prices and decisions all
// go by it, so that what one of them accepts the others can match.
func modelNameProblem(text string) string {
	switch {
	case text == "":
		return "Enter a model name."
	case utf8.RuneCountInString(text) > longestModel:
		return "Shorten the model name to 255 characters or fewer."
	case !legible(text, false):
		return "Remove invisible or control characters from the model name."
	case tidy(text) != text:
		return "Write the model name without spaces around it and with composed characters."
	case strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && unicode.IsSpace(r) }):
		return "Write plain spaces inside the model name: it has one of another kind, such as a no-break space."
	case strings.ContainsAny(text, "*?"):
		return "Name one model: * and ? stand for nothing in a model name."
	case len(text) >= len(patternPrefix) && strings.EqualFold(text[:len(patternPrefix)], patternPrefix):
		return "Name one model: patterns such as regex: are not matched."
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "/") {
		switch part {
		case "":
			return "Write the model name without // and without / at its end."
		case "..":
			return "Write the model name without .. between slashes."
		}
	}
	return ""
}

// patternPrefix marks patterns in the configuration of other gateways.
const patternPrefix = "regex:"

// splitModel names the provider and the model of a call: of all spellings of one model it returns the same two. Without a provider it is
// what stands before the first slash; "" when nothing does.
func splitModel(provider, model string) (string, string) {
	if provider == "" {
		before, after, found := strings.Cut(model, "/")
		if !found || before == "" {
			return "", model
		}
		provider, model = before, after
	}
	return provider, bareModel(provider, model)
}

// bareModel takes the provider off the front of a model's name.
func bareModel(provider, model string) string {
	if rest, found := strings.CutPrefix(model, provider); found && provider != "" && strings.HasPrefix(rest, "/") {
		return rest[1:]
	}
	return model
}
