package plural

import (
	"strconv"
	"strings"
)

// Of is a count with its noun: 1 user, 2,000 users. The plural is the noun with an s, or the one that is given.
func Of[N int | int64](n N, noun string, many ...string) string {
	if n == 1 {
		return "1 " + noun
	}
	if len(many) > 0 {
		return Count(int64(n)) + " " + many[0]
	}
	return Count(int64(n)) + " " + noun + "s"
}

// Count writes a whole number with separators: 100,000.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		return "-" + Grouped(rest)
	}
	return Grouped(digits)
}

// Grouped puts a separator between thousands of digits.
func Grouped(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Choose is one of two words: was or were.
func Choose(first bool, yes, no string) string {
	if first {
		return yes
	}
	return no
}
