package window

import (
	"sync"
	"time"
	_ "time/tzdata" // for machines without zone files
)

// Calendar is what windows follow: none, or the calendar of a time zone.
type Calendar struct {
	CalendarAligned bool `json:"calendar_aligned"`
	// TimeZone is an IANA name, "" for UTC. It says nothing while windows are not aligned.
	TimeZone string `json:"time_zone,omitempty"`
}

// Zone is the time zone's name.
func (c Calendar) Zone() string {
	if c.TimeZone == "" {
		return "UTC"
	}
	return c.TimeZone
}

// ResetZone is the zone that decides when windows end; "" is UTC, which rolling windows follow.
func (c Calendar) ResetZone() string {
	if !c.CalendarAligned {
		return ""
	}
	return c.TimeZone
}

// In is a point in time by the clocks of a time zone; "" is UTC.
func In(t time.Time, zone string) time.Time { return t.In(Calendar{TimeZone: zone}.location()) }

// zones caches time zones; the meaning of a name does not change while the program runs.
var zones sync.Map

func (c Calendar) location() *time.Location {
	if c.TimeZone == "" {
		return time.UTC
	}
	if known, ok := zones.Load(c.TimeZone); ok {
		return known.(*time.Location)
	}
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return time.UTC // a save refuses zones that are not known
	}
	zones.Store(c.TimeZone, zone)
	return zone
}

// Midnight is when a day begins: the first moment at which the zone's clocks show midnight, or the one at which they
// skip it.
func Midnight(year int, month time.Month, date int, zone *time.Location) time.Time {
	shown := func(t time.Time) bool { return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 }
	first := time.Date(year, month, date-1, 12, 0, 0, 0, zone).Add(12 * time.Hour)
	if later := time.Date(year, month, date, 0, 0, 0, 0, zone); !shown(first) && shown(later) {
		return later.UTC()
	}
	return first.UTC()
}
