package discovery

import (
	"encoding/json"
	"strings"
	"unicode"

	"tollgate/models/input"
)

const (
	maxDescription = 500 // characters
	shortSecret    = 8   // shorter words of a credential, such as Bearer, may occur in any text
)

// describe keeps what a server says of a tool, as one line of visible characters.
func (o *outboundCall) describe(tool string, description json.RawMessage) {
	var text string
	if json.Unmarshal(description, &text) != nil || o.leaks(text) {
		return
	}
	if text = visibleLine(text); text != "" && !o.leaks(text) && o.descriptions[tool] == "" {
		o.descriptions[tool] = text
	}
}

// leaks reports whether a text repeats the credential, or a word of it that is long enough to be the secret.
func (o *outboundCall) leaks(text string) bool {
	if o.request.Credential == nil {
		return false
	}
	value := o.request.Credential.Value
	if strings.Contains(text, value) {
		return true
	}
	for word := range strings.FieldsSeq(value) {
		if len(word) >= shortSecret && strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// visibleLine drops what cannot be seen, makes all white space single spaces, and cuts what is too long.
func visibleLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !input.Legible(string(r), false):
			return -1
		}
		return r
	}, input.Tidy(text))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxDescription {
		text = strings.TrimSpace(string(runes[:maxDescription-1])) + "…"
	}
	if !input.Legible(text, false) { // too many marks on one character
		return ""
	}
	return text
}
