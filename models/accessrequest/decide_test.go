package accessrequest_test

import (
	"testing"
	"time"

	"tollgate/models/accessrequest"
)

// A grant without an end lasts until Sunday is over: this one, or on a Sunday and a Monday the next one to come.
func TestEndOfWeek(t *testing.T) {
	t.Parallel()
	for granted, want := range map[string]string{
		"2026-11-23T00:00:00Z": "2026-11-30", "2026-11-23T09:00:00Z": "2026-11-30", "2026-11-25T09:00:00Z": "2026-11-30",
		"2026-11-28T23:59:59Z": "2026-11-30", "2026-11-29T00:00:00Z": "2026-12-07", "2026-11-29T23:59:59Z": "2026-12-07",
		"2026-11-29T20:00:00-08:00": "2026-12-07", "2026-12-30T09:00:00Z": "2027-01-04",
	} {
		at, err := time.Parse(time.RFC3339, granted)
		if err != nil {
			t.Fatal(err)
		}
		if got := accessrequest.EndOfWeek(at).Format(time.RFC3339); got != want+"T00:00:00Z" {
			t.Errorf("granted at %s it ends %s, want %s", granted, got, want)
		}
	}
}
