package problem

import (
	"strconv"
)

// CountOf is a count with its noun: 1 profile, 2 profiles.
func CountOf[N int | int64](n N, singular, plural string) string {
	if n == 1 {
		return "1 " + singular
	}
	return strconv.FormatInt(int64(n), 10) + " " + plural
}

// Clip shortens a text that goes into a message.
func Clip(text string) string {
	runes := []rune(text)
	if len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}
