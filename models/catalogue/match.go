package catalogue

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tollgate/models/input"
)

// LongestModel is how many characters the name of a model may have.
const LongestModel = 255

// IsModelName reports whether text could name one model.
func IsModelName(text string) bool { return modelNameProblem(text) == "" }

// modelNameProblem says what to do about a text that cannot name a model; "" when it can. The catalogue, profiles,
// prices and decisions all use it, so that each can match what another accepts.
func modelNameProblem(text string) string {
	switch {
	case text == "":
		return "Enter a model name."
	case utf8.RuneCountInString(text) > LongestModel:
		return "Shorten the model name to 255 characters or fewer."
	case !input.Legible(text, false):
		return "Remove invisible or control characters from the model name."
	case input.Tidy(text) != text:
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

// SplitModel returns the provider and the model of a call, the same two for all spellings of one model. Without a
// provider it is the text before the first slash; "" when there is none.
func SplitModel(provider, model string) (string, string) {
	if provider == "" {
		before, after, found := strings.Cut(model, "/")
		if !found || before == "" {
			return "", model
		}
		provider, model = before, after
	}
	return provider, BareModel(provider, model)
}

// BareModel removes the provider prefix from a model's name.
func BareModel(provider, model string) string {
	if rest, found := strings.CutPrefix(model, provider); found && provider != "" && strings.HasPrefix(rest, "/") {
		return rest[1:]
	}
	return model
}
