package models

import (
	"testing"
	"time"
)

// I-23: what is counted in the last microsecond belongs to the old window, at the boundary to the new one.
func TestBoundaryOfCharges(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	anchor := time.Date(2026, 1, 31, 10, 30, 0, 123456000, time.UTC)
	for _, calendar := range []Calendar{{}, {CalendarAligned: true}, {CalendarAligned: true, TimeZone: "Europe/Berlin"}} {
		for _, duration := range BudgetDurations {
			start, end := Window(duration, 2, calendar, anchor, now)
			l := countedLine{
				lineForm: &lineForm{kind: kindSpend, duration: duration, quarter: 2, calendar: calendar, max: 5, scope: "total"},
				counter:  &counter{anchor: anchor.UnixMicro(), start: start.UnixMicro(), used: 5},
			}
			for at, want := range map[time.Time]time.Time{
				start: start, start.Add(time.Microsecond): start, end.Add(-time.Microsecond): start, end: end, end.Add(time.Microsecond): end,
			} {
				columns := &eventColumns{}
				columns.add(&usageEvent{occurredAt: at, lines: []countedLine{l}})
				if counted := columns.chargeStarts[0]; !counted.Equal(want) {
					t.Errorf("%s, calendar %v: %s is counted in the window of %s, want %s", duration, calendar, at, counted, want)
				}
			}
			columns := &eventColumns{}
			columns.add(&usageEvent{occurredAt: start.Add(-time.Microsecond), lines: []countedLine{l}})
			if counted := columns.chargeStarts[0]; !counted.Before(start) {
				t.Errorf("%s, calendar %v: what came before %s is counted at %s", duration, calendar, start, counted)
			}
		}
	}
}
