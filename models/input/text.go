package input

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold is the form in which names are compared and texts are searched: compatible characters (②, ㎏, full-width
// letters) and cases are the same. It is the compatibility caseless match of Unicode; the database's lower() is not
// enough (ß, final sigma).
func Fold(text string) string {
	if plain(text) {
		return strings.ToLower(text)
	}
	fold := cases.Fold()
	return norm.NFKC.String(fold.String(norm.NFKC.String(fold.String(norm.NFD.String(text)))))
}

// FoldCase is the form in which tags and email addresses are compared: NFC, full case folding, NFC again. Addresses
// are looked up by it, so one that only looks alike never matches another.
func FoldCase(text string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(text)))
}

// NameKey is what makes a name unique in a table: the name folded. One character may become eighteen, so a key that is
// too long for an index ends in its hash.
func NameKey(name string) string {
	const longest = 1500
	key := Fold(name)
	if len(key) <= longest {
		return key
	}
	return fmt.Sprintf("%s %x", strings.ToValidUTF8(key[:longest/2], ""), sha256.Sum256([]byte(key)))
}

// Either lists what may be chosen: a, b or c.
func Either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// plain reports whether text is ASCII.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

// Tidy trims all Unicode white space and composes the text.
func Tidy(text string) string {
	return norm.NFC.String(strings.TrimSpace(text))
}

// Legible reports whether text has only visible characters: no control, format, private-use or unassigned
// ones, no invisible fillers, and at most four combining marks on a base.
func Legible(text string, newlines bool) bool {
	marks := 0
	var base rune
	for _, r := range text {
		switch {
		case r >= ' ' && r < '\x7f', r == '\n' && newlines:
			marks, base = 0, r
		case unicode.Is(unicode.Variation_Selector, r):
			// One of them says how a symbol looks; more of them would only make another name that looks the same.
			if !unicode.IsSymbol(base) || marks > 0 {
				return false
			}
			marks++
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp,
			unicode.Other_Default_Ignorable_Code_Point):
			return false
		case unicode.IsMark(r):
			if marks++; marks > 4 {
				return false
			}
		case unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S, unicode.Zs) && r != '\u2800':
			marks, base = 0, r
		default:
			return false
		}
	}
	return true
}
