package window_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/dbtest"
	"tollgate/models/modelstest"
	"tollgate/models/policy"
	"tollgate/models/window"
)

func instantOf(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// windowCase is a question to which Go and SQL must know the same answer.
type windowCase struct {
	duration    string
	quarter     int
	calendar    window.Calendar
	anchor      time.Time
	from, until *time.Time
	moment      time.Time
}

// momentsAround are the edges of windows, an instant before and after each, leap days, days on which clocks change, and
// chance.
func momentsAround(t *testing.T, random *rand.Rand, anchor time.Time) []time.Time {
	t.Helper()
	edges := []time.Time{anchor}
	for _, text := range []string{
		"2000-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z", "2100-03-01T00:00:00Z", "2026-12-28T00:00:00Z", // ISO week 53
		"2027-01-01T00:00:00Z", "2026-11-01T06:00:00Z", "2026-03-08T07:00:00Z", // New York's clocks change
		"2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z", // Apia left out a day
		"2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z", "2026-04-05T03:00:00Z", "2026-04-05T04:00:00Z", // Havana and Santiago at midnight
		"2026-09-06T04:00:00Z", "2026-04-23T22:00:00Z", "2026-10-29T21:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z",
	} {
		edges = append(edges, instantOf(t, text))
	}
	for month := time.January; month <= time.December; month++ {
		edges = append(edges, time.Date(1990+random.IntN(120), month, 1, 0, 0, 0, 0, time.UTC))
	}
	const hour = time.Hour
	for _, length := range []time.Duration{hour, 24 * hour, 7 * 24 * hour, 30 * 24 * hour, 90 * 24 * hour, 365 * 24 * hour} {
		for _, n := range []int{-40, -2, -1, 1, 2, 3 + random.IntN(200)} {
			edges = append(edges, anchor.Add(time.Duration(n)*length))
		}
	}
	moments := []time.Time{}
	for _, edge := range edges {
		moments = append(moments, edge.Add(-modelstest.Microsecond), edge, edge.Add(modelstest.Microsecond))
	}
	for range 40 {
		moments = append(moments, time.UnixMicro(random.Int64N(4_000_000_000)*1_000_000+random.Int64N(1_000_000)).UTC())
	}
	return moments
}

func windowCases(t *testing.T, random *rand.Rand) []windowCase {
	t.Helper()
	var cases []windowCase
	for _, duration := range append([]string{"1m"}, policy.BudgetDurations...) {
		for _, calendar := range modelstest.Calendars {
			quarters := []int{0}
			if duration == "1Q" {
				quarters = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
			}
			for _, quarter := range quarters {
				anchor := instantOf(t, "2026-01-31T10:30:00.123456Z").Add(time.Duration(random.IntN(100_000)) * time.Minute)
				for _, moment := range momentsAround(t, random, anchor) {
					// make soak leaves none out
					if !modelstest.Soaks() && random.IntN(2) == 0 {
						continue
					}
					one := windowCase{duration: duration, quarter: quarter, calendar: calendar, anchor: anchor, moment: moment}
					if random.IntN(4) == 0 { // at, before, within and after a window that was carried on
						from := moment.Add(time.Duration(random.IntN(5)-2) * modelstest.Microsecond)
						until := from.Add(time.Duration(random.IntN(4)) * modelstest.Microsecond)
						one.from, one.until = &from, &until
					}
					cases = append(cases, one)
				}
			}
		}
	}
	return cases
}

// askSQL has the database answer the cases, on a connection in another zone: start, end and carried start in
// microseconds.
const askSQL = `
SELECT (extract(epoch FROM window_start(d, nullif(q, 0), nullif(z, ''), anchor::timestamptz, NULL, NULL, moment::timestamptz)) * 1000000)::bigint AS start,
       (extract(epoch FROM window_end(d, nullif(q, 0), nullif(z, ''), anchor::timestamptz, moment::timestamptz)) * 1000000)::bigint AS "end",
       (extract(epoch FROM window_start(d, nullif(q, 0), nullif(z, ''), anchor::timestamptz, nullif(f, '')::timestamptz, nullif(u, '')::timestamptz,
           moment::timestamptz)) * 1000000)::bigint AS carried,
       coalesce((extract(epoch FROM CASE d WHEN '1d' THEN date_trunc('day', moment::timestamptz, 'UTC') WHEN '1w' THEN date_trunc('week', moment::timestamptz, 'UTC')
           WHEN '1M' THEN date_trunc('month', moment::timestamptz, 'UTC') WHEN '1Y' THEN date_trunc('year', moment::timestamptz, 'UTC')
           WHEN '1Q' THEN CASE WHEN q % 3 = 1 THEN date_trunc('quarter', moment::timestamptz, 'UTC') END END) * 1000000)::bigint, 0) AS calendar
FROM unnest(?::text[], ?::int[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[]) WITH ORDINALITY AS x(d, q, z, anchor, f, u, moment, n) ORDER BY n`

// sqlWindow is the database's answer to a case.
type sqlWindow struct{ Start, End, Carried, Calendar int64 }

// askInSQL has a connection answer the cases, some at a time: a statement must not take long.
func askInSQL(t *testing.T, conn bun.Conn, cases []windowCase) (all []sqlWindow) {
	t.Helper()
	written := func(moment *time.Time) string {
		if moment == nil {
			return ""
		}
		return moment.UTC().Format(time.RFC3339Nano)
	}
	for some := range slices.Chunk(cases, 4000) {
		durations, quarters, calendars := []string{}, []int{}, []string{}
		anchors, froms, untils, moments := []string{}, []string{}, []string{}, []string{}
		for _, c := range some {
			name := ""
			if c.calendar.CalendarAligned {
				name = c.calendar.Zone()
			}
			durations, quarters, calendars = append(durations, c.duration), append(quarters, c.quarter), append(calendars, name)
			anchors, froms, untils = append(anchors, written(&c.anchor)), append(froms, written(c.from)), append(untils, written(c.until))
			moments = append(moments, written(&c.moment))
		}
		var answers []sqlWindow
		err := conn.NewRaw(askSQL, pgdialect.Array(durations), pgdialect.Array(quarters), pgdialect.Array(calendars), pgdialect.Array(anchors),
			pgdialect.Array(froms), pgdialect.Array(untils), pgdialect.Array(moments)).Scan(t.Context(), &answers)
		if err != nil || len(answers) != len(some) {
			t.Fatalf("%d answers to %d cases: %v", len(answers), len(some), err)
		}
		all = append(all, answers...)
	}
	return all
}

// windowing is window.Window, or a twin of it that is wrong.
type windowing func(duration string, quarter int, calendar window.Calendar, anchor, moment time.Time) (start, end time.Time)

// carrying is window.Carried, or a twin of it that is wrong.
type carrying func(duration string, quarter int, calendar window.Calendar, anchor time.Time, from, until *time.Time, moment time.Time) (start, end time.Time)

// difference is the first case that Go and SQL answer differently, or both otherwise than the calendar; "" when there
// is none. Go is asked with times of a zone.
func difference(window windowing, carry carrying, zone *time.Location, cases []windowCase, answers []sqlWindow) string {
	for i, a := range answers {
		c := cases[i]
		start, end := window(c.duration, c.quarter, c.calendar, c.anchor.In(zone), c.moment.In(zone))
		carried, _ := carry(c.duration, c.quarter, c.calendar, c.anchor, c.from, c.until, c.moment.In(zone))
		if start.UnixMicro() != a.Start || end.UnixMicro() != a.End || carried.UnixMicro() != a.Carried {
			return fmt.Sprintf("%s: %+v\nGo says %s to %s, carried %s\nSQL says %s to %s, carried %s", zone, c, start, end, carried,
				time.UnixMicro(a.Start).UTC(), time.UnixMicro(a.End).UTC(), time.UnixMicro(a.Carried).UTC())
		}
		if c.calendar == modelstest.Utc && c.duration != "1h" && c.duration != "1m" && a.Calendar != 0 && a.Calendar != a.Start {
			return fmt.Sprintf("%s: %+v starts at %s, the calendar says %s", zone, c, start, time.UnixMicro(a.Calendar).UTC())
		}
	}
	return ""
}

func TestWindowsAreTheSameInGoAndInSQL(t *testing.T) {
	t.Parallel()
	random := modelstest.Randomly(t)
	db := dbtest.New(t)
	cases := windowCases(t, random)
	for _, zone := range []string{"UTC", "Pacific/Apia", "America/New_York"} {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.ExecContext(t.Context(), "SET timezone TO '"+zone+"'"); err != nil {
			t.Fatal(err)
		}
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		if found := difference(window.Window, window.Carried, location, cases, askInSQL(t, conn, cases)); found != "" {
			t.Fatal(found)
		}
	}
}

// lengths are those of windows that roll: a fixed lattice from their anchor.
var lengths = map[string]time.Duration{
	"1m": time.Minute, "1h": time.Hour, "1d": 24 * time.Hour, "1w": 7 * 24 * time.Hour, "1M": 30 * 24 * time.Hour, "1Q": 90 * 24 * time.Hour, "1Y": 365 * 24 * time.Hour,
}

// fault is the first case whose window does not hold its moment, is off the lattice, or does not follow another; ""
// when there is none.
func (w windowing) fault(cases []windowCase) string {
	cases = slices.SortedStableFunc(slices.Values(cases), func(a, b windowCase) int { return a.moment.Compare(b.moment) })
	type family struct {
		duration string
		quarter  int
		calendar window.Calendar
	}
	latest := map[family]time.Time{}
	for _, c := range cases {
		start, end := w(c.duration, c.quarter, c.calendar, c.anchor, c.moment)
		if c.moment.Before(start) || !c.moment.Before(end) {
			return fmt.Sprintf("%+v: not within %s to %s", c, start, end)
		}
		key := family{c.duration, c.quarter, c.calendar}
		if start.Before(latest[key]) {
			return fmt.Sprintf("%+v: %s is before %s, the start of an earlier moment", c, start, latest[key])
		}
		latest[key] = start
		if next, _ := w(c.duration, c.quarter, c.calendar, c.anchor, end); !next.Equal(end) {
			return fmt.Sprintf("%+v ends at %s, but the next starts at %s", c, end, next)
		}
		if first, _ := w(c.duration, c.quarter, c.calendar, c.anchor, start); !first.Equal(start) {
			return fmt.Sprintf("%+v: the window of its own start %s starts at %s", c, start, first)
		}
		length := lengths[c.duration]
		if rolls := !c.calendar.CalendarAligned || c.duration == "1h" || c.duration == "1m"; rolls && (end.Sub(start) != length || start.Sub(c.anchor)%length != 0) {
			return fmt.Sprintf("%+v: %s to %s is off the lattice", c, start, end)
		}
	}
	return ""
}

func TestWindowsHoldTheirInstantAndFollowEachOther(t *testing.T) {
	t.Parallel()
	if found := windowing(window.Window).fault(windowCases(t, modelstest.Randomly(t))); found != "" {
		t.Fatal(found)
	}
}
