package ui

import (
	"strconv"
	"time"

	"tollgate/models/plural"
	"tollgate/models/window"
)

// Moment is a point in time in UTC, where no other zone matters: 23 Nov 2026, 16:00 UTC.
func Moment(t time.Time) string { return MomentIn(t, "") }

// MomentIn is a point in time by the clocks of the zone that decides it, "" for UTC: 24 Nov 2026, 00:00 Asia/Kolkata.
func MomentIn(t time.Time, zone string) string {
	return window.In(t, zone).Format("2 Jan 2006, 15:04 ") + zoneName(zone)
}

// ClockIn is the same without the day: 00:00 Asia/Kolkata.
func ClockIn(t time.Time, zone string) string {
	return window.In(t, zone).Format("15:04 ") + zoneName(zone)
}

func zoneName(zone string) string { return window.Calendar{TimeZone: zone}.Zone() }

// Exact is a point in time to the second in UTC, for titles and machines.
func Exact(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// ResetsIn says when a window ends, by the clocks of the zone that decides it: resets in 3 h 12 m, at 00:00 UTC.
func ResetsIn(end, now time.Time, zone string) string {
	left := end.Sub(now)
	if left < 24*time.Hour {
		return "resets in " + within(left) + ", at " + ClockIn(end, zone)
	}
	return "resets in " + plural.Of(int(left/(24*time.Hour)), "day") + " " +
		strconv.Itoa(int(left%(24*time.Hour)/time.Hour)) + " h, on " +
		window.In(end, zone).Format("2 Jan at ") + ClockIn(end, zone)
}

// within writes less than a day.
func within(left time.Duration) string {
	switch {
	case left < time.Minute:
		return "less than a minute"
	case left < time.Hour:
		return strconv.Itoa(int(left/time.Minute)) + " m"
	}
	return strconv.Itoa(int(left/time.Hour)) + " h " + strconv.Itoa(int(left%time.Hour/time.Minute)) + " m"
}

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
		return plural.Of(int(since/(24*time.Hour)), "day") + " ago"
	}
	return t.UTC().Format("2 Jan 2006")
}
