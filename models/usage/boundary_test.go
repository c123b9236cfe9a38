package usage

import (
	"testing"
	"time"

	"tollgate/models/entitlement"
	"tollgate/models/policy"
	"tollgate/models/window"
)

// I-23: what is counted in the last microsecond belongs to the old window, at the boundary to the new one.
func TestBoundaryOfCharges(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	anchor := time.Date(2026, 1, 31, 10, 30, 0, 123456000, time.UTC)
	for _, calendar := range []window.Calendar{{}, {CalendarAligned: true}, {CalendarAligned: true, TimeZone: "Europe/Berlin"}} {
		for _, duration := range append([]string{"1m"}, policy.BudgetDurations...) {
			start, end := window.Window(duration, 2, calendar, anchor, now)
			l := entitlement.Limit{
				LimitTerms: &entitlement.LimitTerms{Kind: policy.KindSpend, Duration: duration, Quarter: 2, Calendar: calendar, Max: 5},
				Counter:    &entitlement.Counter{Anchor: anchor.UnixMicro(), Start: start.UnixMicro(), Used: 5},
			}
			for at, want := range map[time.Time]time.Time{
				start: start, start.Add(time.Microsecond): start, end.Add(-time.Microsecond): start, end: end, end.Add(time.Microsecond): end,
			} {
				set := (&Event{OccurredAt: at, Lines: []entitlement.Limit{l}}).chargeSet()
				if counted := time.UnixMicro(set.Charges[0].Start); !counted.Equal(want) {
					t.Errorf("%s, calendar %v: %s is counted in the window of %s, want %s", duration, calendar, at, counted, want)
				}
			}
			set := (&Event{OccurredAt: start.Add(-time.Microsecond), Lines: []entitlement.Limit{l}}).chargeSet()
			if counted := time.UnixMicro(set.Charges[0].Start); !counted.Before(start) {
				t.Errorf("%s, calendar %v: what came before %s is counted at %s", duration, calendar, start, counted)
			}
		}
	}
}
