package window

import (
	"time"
)

// Day is a day of 24 hours.
const Day = 24 * time.Hour

// Span is how long a window lasts that does not follow the calendar.
var Span = map[string]time.Duration{
	"1m": time.Minute, "1h": time.Hour, "1d": Day, "1w": 7 * Day, "1M": 30 * Day, "1Q": 90 * Day, "1Y": 365 * Day,
}

// Unit is the word for a duration in a sentence: the day of "$50.00 per day".
func Unit(duration string) string {
	return map[string]string{
		"1m": "minute", "1h": "hour", "1d": "day", "1w": "week", "1M": "month", "1Q": "quarter", "1Y": "year",
	}[duration]
}

// Rolls reports a duration whose windows follow each other in equal steps, in profiles that follow the calendar too.
func Rolls(duration string) bool { return duration == "1m" || duration == "1h" }

// Window returns the window that now falls into: start ≤ now < end, in UTC. Aligned windows follow the calendar of a
// time zone (a minute and an hour keep rolling; quarterStart is the month 1–12 in which a fiscal year's first quarter
// begins); others follow each other in equal steps from anchor.
func Window(duration string, quarterStart int, calendar Calendar, anchor, now time.Time) (start, end time.Time) {
	if !calendar.CalendarAligned || Rolls(duration) {
		length := Span[duration]
		n := now.Sub(anchor) / length
		if now.Before(anchor) && now.Sub(anchor)%length != 0 {
			n--
		}
		start = anchor.UTC().Add(n * length)
		return start, start.Add(length)
	}
	zone := calendar.location()
	now = now.In(zone)
	year, month, date := now.Date()
	at := func(year int, month time.Month, date int) time.Time { return Midnight(year, month, date, zone) }
	switch duration {
	case "1d":
		return at(year, month, date), at(year, month, date+1)
	case "1w":
		monday := date - (int(now.Weekday())+6)%7
		return at(year, month, monday), at(year, month, monday+7)
	case "1M":
		return at(year, month, 1), at(year, month+1, 1)
	case "1Q":
		first := month - time.Month((int(month)-quarterStart+12)%3)
		return at(year, first, 1), at(year, first+3, 1)
	}
	return at(year, time.January, 1), at(year+1, time.January, 1)
}

// Carried is Window for a limit whose alignment changed: the window that was current then continues until until.
func Carried(
	duration string, quarterStart int, calendar Calendar, anchor time.Time, from, until *time.Time, now time.Time,
) (start, end time.Time) {
	if from != nil && until != nil && !now.Before(*from) && now.Before(*until) {
		return from.UTC(), until.UTC()
	}
	return Window(duration, quarterStart, calendar, anchor, now)
}

// After is the end of the nth window of a limit, counting the one that starts at start as the first. A window that was
// carried on ends where the limit's own windows begin.
func After(duration string, quarterStart int, calendar Calendar, anchor, end time.Time, n int64) time.Time {
	if !calendar.CalendarAligned || Rolls(duration) {
		return end.Add(time.Duration(n-1) * Span[duration])
	}
	for range n - 1 {
		_, end = Window(duration, quarterStart, calendar, anchor, end)
	}
	return end
}

// Until counts the windows of a limit from the one that ends at end up to the one that ends at last, at most limit.
func Until(duration string, quarterStart int, calendar Calendar, anchor, end, last time.Time, limit int64) (n int64) {
	for n = 1; n < limit && end.Before(last); n++ {
		_, end = Window(duration, quarterStart, calendar, anchor, end)
	}
	return n
}
