package ui

import (
	"strconv"
	"strings"
	"time"

	"tollgate/models/money"
)

// Dollars writes an amount for pages: $1,234.56, with up to 9 decimals when they matter.
func Dollars(m money.Money) string {
	whole, fraction, _ := strings.Cut(m.String(), ".")
	for len(fraction) < 2 {
		fraction += "0"
	}
	sign, digits := "", whole
	if rest, negative := strings.CutPrefix(whole, "-"); negative {
		sign, digits = "-", rest
	}
	return sign + "$" + grouped(digits) + "." + fraction
}

// Count writes a whole number with separators: 100,000.
func Count(n int64) string {
	if n < 0 {
		return "-" + grouped(strconv.FormatInt(-n, 10))
	}
	return grouped(strconv.FormatInt(n, 10))
}

// ShortCount writes round thousands and millions short: 100k, 2.5M; other numbers whole.
func ShortCount(n int64) string {
	for _, unit := range []struct {
		size   int64
		letter string
	}{{1_000_000_000, "bn"}, {1_000_000, "M"}, {1_000, "k"}} {
		if n >= unit.size && n%(unit.size/10) == 0 {
			return strings.TrimSuffix(Count(n/unit.size)+"."+strconv.FormatInt(n%unit.size/(unit.size/10), 10), ".0") +
				unit.letter
		}
	}
	return Count(n)
}

func grouped(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Unit names a window's length: the day of "$50.00 / day".
func Unit(duration string) string {
	return map[string]string{
		"1h": "hour", "1d": "day", "1w": "week", "1M": "month", "1Q": "quarter", "1Y": "year",
	}[duration]
}

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

// Counted is a count with its noun: 1 user, 2 users.
func Counted[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(int64(n)) + " " + noun + "s"
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

// Moment is a point in time as pages show it: 23 Nov 2026, 16:00 UTC.
func Moment(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// Exact is the same to the second, for titles and machines.
func Exact(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Ago says how long before now t was.
func Ago(t, now time.Time) string {
	switch since := now.Sub(t); {
	case since < time.Minute:
		return "just now"
	case since < time.Hour:
		return strconv.Itoa(int(since/time.Minute)) + " min ago"
	case since < 24*time.Hour:
		return strconv.Itoa(int(since/time.Hour)) + " h ago"
	case since < 30*24*time.Hour:
		return Counted(int(since/(24*time.Hour)), "day") + " ago"
	}
	return t.UTC().Format("2 Jan 2006")
}
