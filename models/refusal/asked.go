package refusal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What stands in the place of a name.
const (
	Others  = "(others)"     // more names than are kept apart
	Masked  = "(masked)"     // what looks like a secret
	notName = "(not a name)" // what is not legible
)

const longestName = 255

// secretStarts are how keys and tokens of the field begin, at the start of a name or of a part of it.
var secretStarts = []string{
	"sk-", "sk_", "pk-", "pk_", "rk_", "tg-", "tg_", "tgs_", "tollgate_", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_",
	"glpat-", "xoxa-", "xoxb-", "xoxp-", "xoxs-", "AKIA", "ASIA", "AIza", "eyJ", "hf_", "gsk_", "r8_", "pplx-", "ya29.",
	"Bearer ", "bearer ", "Basic ",
}

// secretStartsOf are secretStarts by their first byte.
var secretStartsOf = func() (of [256][]string) {
	for _, start := range secretStarts {
		of[start[0]] = append(of[start[0]], start)
	}
	return of
}()

// longestWord is how long a name's words get. A longer one with letters and digits is taken for a secret.
const longestWord = 24

// legible is a name as it may be kept.
func legible(name string) string {
	if len(name) > longestName || !utf8.ValidString(name) {
		return notName
	}
	for _, r := range name {
		if !unicode.IsGraphic(r) || strings.ContainsRune("<>&\"'`\\", r) {
			return notName
		}
	}
	if beginsLikeSecret(name) || looksRandom(name) {
		return Masked
	}
	return name
}

// beginsLikeSecret reports whether a part of a name begins as keys do.
func beginsLikeSecret(name string) bool {
	for i := range len(name) {
		if i > 0 && !strings.ContainsRune("/:=, @", rune(name[i-1])) {
			continue
		}
		for _, start := range secretStartsOf[name[i]] {
			if strings.HasPrefix(name[i:], start) {
				return true
			}
		}
	}
	return strings.Contains(name, "sk-bf-")
}

// looksRandom reports a long word of letters and digits mixed, as keys are and names of models are not.
func looksRandom(name string) bool {
	length, letters, digits := 0, false, false
	for i := range len(name) {
		switch c := name[i]; {
		case c >= '0' && c <= '9':
			digits = true
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			letters = true
		case c == '_', c == '+':
		default:
			length, letters, digits = -1, false, false
		}
		if length++; length >= longestWord && letters && digits {
			return true
		}
	}
	return false
}
