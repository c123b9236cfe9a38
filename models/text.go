package models

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold is the form under which names are compared: NFC, full case folding, NFC again. The database's lower() is not enough (ß, final sigma).
func Fold(text string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(text)))
}

// tidy trims all Unicode white space and composes the text.
func tidy(text string) string {
	return norm.NFC.String(strings.TrimSpace(text))
}

// legible reports whether text has only characters a person can see: no control, format, private-use or unassigned ones, no
// invisible fillers, and at most four combining marks on a base.
func legible(text string, newlines bool) bool {
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
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point):
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
