package window

import (
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	when := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	cases := []struct {
		name, duration string
		quarter        int
		aligned        bool
		anchor, now    string
		start, end     string
	}{
		{"a day rolls from its anchor", "1d", 0, false, "2026-11-01T10:30:00Z", "2026-11-23T10:29:59.999999Z", "2026-11-22T10:30:00Z", "2026-11-23T10:30:00Z"},
		{"the boundary belongs to the new window", "1d", 0, false, "2026-11-01T10:30:00Z", "2026-11-23T10:30:00Z", "2026-11-23T10:30:00Z", "2026-11-24T10:30:00Z"},
		{"a month rolls by 30 days", "1M", 0, false, "2026-01-31T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z", "2026-04-01T00:00:00Z"},
		{"a clock before the anchor", "1h", 0, false, "2026-11-01T10:30:00Z", "2026-11-01T10:00:00Z", "2026-11-01T09:30:00Z", "2026-11-01T10:30:00Z"},
		{"an hour keeps rolling when aligned", "1h", 0, true, "2026-11-01T10:30:00Z", "2026-11-01T11:00:00Z", "2026-11-01T10:30:00Z", "2026-11-01T11:30:00Z"},
		{"a calendar day in UTC", "1d", 0, true, "2026-11-01T10:30:00Z", "2026-11-24T00:30:00+05:45", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"},
		{"a week starts on Monday", "1w", 0, true, "2026-01-01T00:00:00Z", "2026-11-29T23:59:59.999999Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
		{"a leap month", "1M", 0, true, "2026-01-01T00:00:00Z", "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
		{"a January quarter", "1Q", 1, true, "2026-01-01T00:00:00Z", "2026-11-23T00:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"April quarters are the same windows", "1Q", 4, true, "2026-01-01T00:00:00Z", "2026-11-23T00:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"a February quarter over New Year", "1Q", 2, true, "2026-01-01T00:00:00Z", "2027-01-15T00:00:00Z", "2026-11-01T00:00:00Z", "2027-02-01T00:00:00Z"},
		{"a March quarter in December", "1Q", 3, true, "2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-03-01T00:00:00Z"},
		{"a year", "1Y", 0, true, "2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			start, end := Window(c.duration, c.quarter, Calendar{CalendarAligned: c.aligned}, when(c.anchor), when(c.now))
			if !start.Equal(when(c.start)) || !end.Equal(when(c.end)) {
				t.Errorf("window is %s to %s, want %s to %s", start, end, c.start, c.end)
			}
		})
	}
}

// Where clocks change at midnight a day begins when they show midnight first, or when they skip it.
func TestWindowInATimeZone(t *testing.T) {
	cases := []struct{ name, zone, duration, now, start, end string }{
		{"a day in winter", "Europe/Berlin", "1d", "2026-01-15T23:00:00Z", "2026-01-15T23:00:00Z", "2026-01-16T23:00:00Z"},
		{"an instant before it", "Europe/Berlin", "1d", "2026-01-15T22:59:59.999999Z", "2026-01-14T23:00:00Z", "2026-01-15T23:00:00Z"},
		{"a day of 23 hours", "Europe/Berlin", "1d", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"a day of 25 hours", "Europe/Berlin", "1d", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"a week from Monday in the zone", "America/New_York", "1w", "2026-11-02T04:59:59Z", "2026-10-26T04:00:00Z", "2026-11-02T05:00:00Z"},
		{"a month ahead of UTC", "Asia/Kathmandu", "1M", "2026-10-31T18:15:00Z", "2026-10-31T18:15:00Z", "2026-11-30T18:15:00Z"},
		{"a February quarter", "Australia/Sydney", "1Q", "2026-10-31T13:00:00Z", "2026-10-31T13:00:00Z", "2027-01-31T13:00:00Z"},
		{"a year behind UTC", "Pacific/Honolulu", "1Y", "2027-01-01T09:59:59Z", "2026-01-01T10:00:00Z", "2027-01-01T10:00:00Z"},
		{"midnight skipped", "Africa/Cairo", "1d", "2026-04-24T00:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"},
		{"midnight twice: the first counts", "America/Havana", "1d", "2026-11-01T04:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		{"the hour before midnight twice", "America/Santiago", "1d", "2026-04-05T03:30:00Z", "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z"},
		{"an hour keeps rolling", "Europe/Berlin", "1h", "2026-03-29T01:15:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			at := func(text string) time.Time { parsed, _ := time.Parse(time.RFC3339Nano, text); return parsed }
			start, end := Window(c.duration, 2, Calendar{true, c.zone}, at("2026-01-01T10:30:00Z"), at(c.now))
			if !start.Equal(at(c.start)) || !end.Equal(at(c.end)) {
				t.Errorf("window is %s to %s, want %s to %s", start, end, c.start, c.end)
			}
		})
	}
}
