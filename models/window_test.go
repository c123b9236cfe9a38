package models

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
			start, end := Window(c.duration, c.quarter, c.aligned, when(c.anchor), when(c.now))
			if !start.Equal(when(c.start)) || !end.Equal(when(c.end)) {
				t.Errorf("window is %s to %s, want %s to %s", start, end, c.start, c.end)
			}
		})
	}
}
