package report

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/tally"
	"tollgate/models/window"
)

// zonedDays builds the days of a time zone from UTC days, then moves the events between the two midnights to the right
// day, and what was taken back of them. Its rows are parts that have to be added up. Its arguments are pairs of a day
// and a UTC day of it, then the gaps between the midnights, each with the day that gains its events and the day that
// loses them.
const zonedDays = `
SELECT z.day, u.user_id, u.access_profile_id, u.provider, u.model, u.cost, u.tokens, u.requests, u.unpriced
FROM unnest(?0::date[], ?1::date[]) AS z(day, utc_day) JOIN (?6) AS u ON u.day = z.utc_day
UNION ALL
SELECT moved.day, s.user_id, s.access_profile_id, s.provider, s.model,
       moved.sign * s.cost, moved.sign * s.tokens, moved.sign * s.requests, moved.sign * s.unpriced
FROM unnest(?2::timestamptz[], ?3::timestamptz[], ?4::date[], ?5::date[]) AS gap(first, behind, gains, loses)
    CROSS JOIN LATERAL (
        SELECT gap.gains, gap.loses, ` + keysOfEvent + `,
               coalesce(sum(e.cost), 0) AS cost, sum(e.tokens) AS tokens, sum(e.requests)::bigint AS requests,
               count(*) FILTER (WHERE e.cost IS NULL AND e.tool_name = '') AS unpriced
        FROM counted_events AS e WHERE e.occurred_at >= gap.first AND e.occurred_at < gap.behind GROUP BY 3, 4, 5, 6
    ) AS s
    CROSS JOIN LATERAL (VALUES (s.gains, 1), (s.loses, -1)) AS moved(day, sign)
UNION ALL
SELECT moved.day, ` + keysOfEvent + `, moved.sign * a.amount, 0, 0, 0
FROM usage_adjustments AS a JOIN counted_events AS e ON e.event_id = a.event_id AND e.week = a.week
    JOIN unnest(?2::timestamptz[], ?3::timestamptz[], ?4::date[], ?5::date[]) AS gap(first, behind, gains, loses)
        ON e.occurred_at >= gap.first AND e.occurred_at < gap.behind
    CROSS JOIN LATERAL (VALUES (gap.gains, 1), (gap.loses, -1)) AS moved(day, sign)`

// keysOfEvent are what a day has sums by, of an event e.
const keysOfEvent = `e.user_id, coalesce(e.access_profile_id, 0) AS access_profile_id,
    CASE WHEN e.tool_name = '' THEN e.provider ELSE 'mcp' END AS provider,
    CASE WHEN e.tool_name = '' THEN e.model ELSE e.mcp_client_id || '/' || e.tool_name END AS model`

// isUsed excludes sums of parts that cancel each other out.
const isUsed = "sum(d.cost) <> 0 OR sum(d.tokens) <> 0 OR sum(d.requests) <> 0 OR sum(d.unpriced) <> 0"

// zonedDaysArgs are the arguments of zonedDays for the days of q.
func (q Query) zonedDaysArgs(db bun.IDB, from source) []any {
	var days, utcDays, gapFirsts, gapBehinds, gains, loses []string
	for day := q.Since; !day.After(q.Until.AddDate(0, 0, 1)); day = day.AddDate(0, 0, 1) {
		begins := q.Midnight(day)
		nearest := begins.Add(12 * time.Hour).Truncate(24 * time.Hour)
		if !day.After(q.Until) {
			next := q.Midnight(day.AddDate(0, 0, 1)).Add(12 * time.Hour).Truncate(24 * time.Hour)
			for utcDay := nearest; utcDay.Before(next); utcDay = utcDay.Add(24 * time.Hour) {
				days, utcDays = append(days, date(day)), append(utcDays, date(utcDay))
			}
		}
		before := day.AddDate(0, 0, -1)
		first, behind, gain, lose := nearest, begins, before, day
		if begins.Before(nearest) {
			first, behind, gain, lose = begins, nearest, day, before
		}
		if first.Before(behind) {
			gapFirsts = append(gapFirsts, first.Format(time.RFC3339))
			gapBehinds = append(gapBehinds, behind.Format(time.RFC3339))
			gains, loses = append(gains, date(gain)), append(loses, date(lose))
		}
	}
	args := []any{}
	for _, list := range [][]string{days, utcDays, gapFirsts, gapBehinds, gains, loses} {
		args = append(args, pgdialect.Array(list))
	}
	return append(args, q.days(db, from, q.Since.AddDate(0, 0, -1), q.Until.AddDate(0, 0, 1)))
}

// checkZone is zoneKnown for an export, which reads nothing else before its rows.
func (q Query) checkZone(ctx context.Context, db bun.IDB) error {
	if q.Zone == nil {
		return nil
	}
	var dropped sql.NullTime
	if err := db.NewRaw("SELECT "+tally.DroppedUntil).Scan(ctx, &dropped); err != nil {
		return fmt.Errorf("look for the events that are kept: %w", err)
	}
	return q.zoneKnown(dropped)
}

// zoneKnown refuses days of a time zone that begin before the first event that is kept: usage is added up by days of
// UTC, and only events say which of them belong to the day before or after.
func (q Query) zoneKnown(dropped sql.NullTime) error {
	if q.Zone == nil || !dropped.Valid || q.Midnight(q.Since.AddDate(0, 0, -1)).After(dropped.Time) {
		return nil
	}
	year, month, day := dropped.Time.In(q.Zone).Date()
	from := time.Date(year, month, day+2, 0, 0, 0, 0, time.UTC)
	return problem.Refuse(problem.Unreadable, "since", "events_dropped", "Days of "+q.ZoneName()+" are known from "+
		date(from)+" on, since earlier events are dropped. Ask for later days, or for days of UTC.")
}

// Midnight is when a day of the report begins.
func (q Query) Midnight(day time.Time) time.Time {
	year, month, date := day.Date()
	return window.Midnight(year, month, date, q.location())
}

func (q Query) location() *time.Location {
	if q.Zone == nil {
		return time.UTC
	}
	return q.Zone
}

// ZoneName is the IANA name of the time zone whose days the report has.
func (q Query) ZoneName() string { return q.location().String() }

// Today is the current date in the zone of the report.
func (q Query) Today(now time.Time) time.Time {
	year, month, date := now.In(q.location()).Date()
	return time.Date(year, month, date, 0, 0, 0, 0, time.UTC)
}

// Zone reads the IANA name of a time zone; nil is UTC.
func Zone(name string) (zone *time.Location, ok bool) {
	if name == "UTC" {
		return nil, true
	}
	if !profile.ZoneName.MatchString(name) || name == "Local" {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}
