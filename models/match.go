package models

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const longestModel = 255

// MatchModel reports whether a provider config grants a model that was asked for, with or without "provider/" in front. Names are compared
// exactly; a config that allows every model never asks a catalogue, but what can be no model's name is granted by none.
func (config ProviderConfig) MatchModel(model string) bool {
	if !isModelName(model) {
		return false
	}
	if config.AllModelsAllowed {
		return true
	}
	bare, prefixed := strings.CutPrefix(model, config.ProviderName+"/")
	return slices.Contains(config.AllowedModels, model) || prefixed && slices.Contains(config.AllowedModels, bare)
}

// isModelName reports whether text could name one model: no pattern, no path, nothing unseen.
func isModelName(text string) bool {
	if utf8.RuneCountInString(text) > longestModel || strings.ContainsAny(text, "*?") || !legible(text, false) {
		return false
	}
	for part := range strings.SplitSeq(text, "/") {
		if part == "" || part == ".." {
			return false
		}
	}
	return true
}

// splitModel takes the provider from a model's name when it was not told by itself.
func splitModel(provider, model string) (string, string) {
	if provider != "" {
		return provider, model
	}
	before, after, found := strings.Cut(model, "/")
	if !found {
		return "", model
	}
	return before, after
}
