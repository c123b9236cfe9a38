package ui

import (
	"strconv"
	"strings"

	"tollgate/models/money"
	"tollgate/models/plural"
	"tollgate/models/window"
)

// Dollars writes an amount for pages as messages do.
func Dollars(m money.Money) string { return m.Dollars() }

// ShortCount writes round thousands and millions short: 100k, 2.5M; other numbers whole.
func ShortCount(n int64) string {
	for _, unit := range []struct {
		size   int64
		letter string
	}{{1_000_000_000, "bn"}, {1_000_000, "M"}, {1_000, "k"}} {
		if n >= unit.size && n%(unit.size/10) == 0 {
			return strings.TrimSuffix(plural.Count(n/unit.size)+"."+strconv.FormatInt(n%unit.size/(unit.size/10), 10), ".0") +
				unit.letter
		}
	}
	return plural.Count(n)
}

// Unit names a window's length as messages do: the day of "$50.00 / day".
func Unit(duration string) string { return window.Unit(duration) }

// Every is the same in a sentence: "a day", "an hour".
func Every(duration string) string {
	if duration == "1h" {
		return "an hour"
	}
	return "a " + Unit(duration)
}

// Months are their names, January first.
var Months = []string{
	"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
	"December",
}

// Sequence joins parts as a sentence does: a, b and c.
func Sequence(parts []string) string {
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}
