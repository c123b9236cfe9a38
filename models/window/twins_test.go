package window_test

import (
	"slices"
	"testing"
	"time"

	"tollgate/models/dbtest"
	"tollgate/models/modelstest"
	"tollgate/models/window"
)

// The twins of windows are what one would write first. What the tests of windows look at must find what is wrong with
// them.

// rolling counts months from an anchor in a way of its own; all other windows are right.
func rolling(monthOf func(anchor, moment time.Time) (start, end time.Time)) windowing {
	return func(duration string, quarter int, calendar window.Calendar, anchor, moment time.Time) (start, end time.Time) {
		if duration == "1M" && !calendar.CalendarAligned {
			return monthOf(anchor, moment)
		}
		return window.Window(duration, quarter, calendar, anchor, moment)
	}
}

// I-23, I-25: of TestWindowsHoldTheirInstantAndFollowEachOther.
func TestTwinsOfWindowsThatRoll(t *testing.T) {
	t.Parallel()
	cases := slices.DeleteFunc(windowCases(t, modelstest.Randomly(t)), func(c windowCase) bool { return c.calendar.CalendarAligned })
	for name, twin := range map[string]windowing{
		"month by month, which drifts": rolling(func(anchor, moment time.Time) (start, end time.Time) {
			for start = anchor; start.After(moment); {
				start = start.AddDate(0, -1, 0)
			}
			for end = start.AddDate(0, 1, 0); !moment.Before(end); {
				start, end = end, end.AddDate(0, 1, 0)
			}
			return start, end
		}),
		"calendar months from the anchor, of which some end before the next begins": rolling(func(anchor, moment time.Time) (start, end time.Time) {
			n := 12*(moment.Year()-anchor.Year()) + int(moment.Month()-anchor.Month())
			if start = anchor.AddDate(0, n, 0); start.After(moment) {
				start = anchor.AddDate(0, n-1, 0)
			}
			return start, start.AddDate(0, 1, 0)
		}),
		"a window that holds its end": func(duration string, quarter int, calendar window.Calendar, anchor, moment time.Time) (start, end time.Time) {
			return window.Window(duration, quarter, calendar, anchor, moment.Add(-modelstest.Microsecond))
		},
		"a window that begins with its first event": func(duration string, _ int, _ window.Calendar, _, moment time.Time) (start, end time.Time) {
			return moment, moment.Add(lengths[duration])
		},
		"before the anchor it moves the other way": rolling(func(anchor, moment time.Time) (start, end time.Time) {
			start = anchor.Add(moment.Sub(anchor).Truncate(lengths["1M"]))
			return start, start.Add(lengths["1M"])
		}),
	} {
		if twin.fault(cases) == "" {
			t.Errorf("%s: nothing is found", name)
		}
	}
}

// I-23, I-24: of TestWindowsAreTheSameInGoAndInSQL.
func TestTwinsOfWindowsThatFollowTheCalendar(t *testing.T) {
	t.Parallel()
	cases := slices.DeleteFunc(windowCases(t, modelstest.Randomly(t)), func(c windowCase) bool { return c.calendar != modelstest.Utc || c.duration == "1Q" })
	conn, err := dbtest.New(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := askInSQL(t, conn, cases)
	apia, err := time.LoadLocation("Pacific/Apia")
	if err != nil {
		t.Fatal(err)
	}
	sunday := func(duration string, quarter int, calendar window.Calendar, anchor, moment time.Time) (start, end time.Time) {
		if duration != "1w" {
			return window.Window(duration, quarter, calendar, anchor, moment)
		}
		start, end = window.Window(duration, quarter, calendar, anchor, moment.Add(24*time.Hour))
		return start.Add(-24 * time.Hour), end.Add(-24 * time.Hour)
	}
	for name, twin := range map[string]struct {
		window windowing
		carry  carrying
	}{
		"weeks from Sunday": {sunday, window.Carried},
		"days of where this machine is": {
			func(duration string, quarter int, _ window.Calendar, anchor, moment time.Time) (start, end time.Time) {
				return window.Window(duration, quarter, window.Calendar{CalendarAligned: true, TimeZone: moment.Location().String()}, anchor, moment)
			},
			window.Carried,
		},
		"a window that was carried on is forgotten": {
			window.Window,
			func(duration string, quarter int, calendar window.Calendar, anchor time.Time, _, _ *time.Time, moment time.Time) (start, end time.Time) {
				return window.Window(duration, quarter, calendar, anchor, moment)
			},
		},
		"a window that was carried on holds its end": {
			window.Window,
			func(duration string, quarter int, calendar window.Calendar, anchor time.Time, from, until *time.Time, moment time.Time) (start, end time.Time) {
				if until != nil && moment.Equal(*until) {
					moment = moment.Add(-modelstest.Microsecond)
				}
				return window.Carried(duration, quarter, calendar, anchor, from, until, moment)
			},
		},
	} {
		if difference(twin.window, twin.carry, apia, cases, answers) == "" {
			t.Errorf("%s: nothing is found", name)
		}
	}
	if found := difference(window.Window, window.Carried, apia, cases, answers); found != "" {
		t.Error(found)
	}

	// Go and SQL may be wrong alike.
	for i, c := range cases {
		start, end := sunday(c.duration, c.quarter, c.calendar, c.anchor, c.moment)
		answers[i].Start, answers[i].End, answers[i].Carried = start.UnixMicro(), end.UnixMicro(), start.UnixMicro()
	}
	uncarried := func(duration string, quarter int, calendar window.Calendar, anchor time.Time, _, _ *time.Time, moment time.Time) (start, end time.Time) {
		return sunday(duration, quarter, calendar, anchor, moment)
	}
	if difference(sunday, uncarried, apia, cases, answers) == "" {
		t.Error("weeks from Sunday in Go and in SQL: nothing is found")
	}
}
