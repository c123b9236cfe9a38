package report

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/tally"
)

// sums says which days of usage_days are added up already, and has what pages show about a whole report. The zero value
// means that no day is added up.
type sums struct {
	Through    sql.NullTime // the last of them
	ComputedAt sql.NullTime
	Revision   sql.NullTime // when they last changed
	RolledUp   bool         // the coarser sums are of the same days
	Revised    []string     `bun:",array"` // those changed since, which count as not added up

	UserName, ProfileName string // of those that the report is narrowed to, also when they were deleted
	Quarantined           int64

	DroppedUntil sql.NullTime // events that arrived before are dropped
}

// prepare begins a report in its snapshot. It turns JIT off, allows more memory and avoids parallel workers: for these
// queries JIT and workers cost more time than they save.
func (q *Query) prepare(ctx context.Context, db bun.IDB) error {
	q.sums = sums{}
	err := db.NewRaw(`SELECT through, computed_at, coalesce(rolled_up_at = computed_at, false) AS rolled_up,
CASE WHEN noted_at = computed_at THEN revised_at ELSE computed_at END AS revision,
ARRAY(SELECT DISTINCT day::text FROM usage_revised_days) AS revised,
coalesce((SELECT name FROM users WHERE id = ?0), (SELECT name FROM former_names WHERE kind = 'user' AND id = ?0), '')
    AS user_name,
coalesce((SELECT name FROM access_profiles WHERE id = ?1), (SELECT name FROM former_names
    WHERE kind = 'access_profile' AND id = ?1::bigint::text), '') AS profile_name,
(SELECT count(*) FROM usage_quarantine WHERE outcome IS NULL) AS quarantined,
`+tally.DroppedUntil+` AS dropped_until
FROM usage_totals_state, set_config('jit', 'off', true) AS jit, set_config('work_mem', '64MB', true) AS work_mem,
    set_config('parallel_setup_cost', '50000', true) AS parallel_setup_cost`, q.UserID, q.ProfileID).Scan(ctx, &q.sums)
	if err != nil {
		return fmt.Errorf("look for usage that is added up: %w", err)
	}
	return q.zoneKnown(q.sums.DroppedUntil)
}

// asOf is the time up to which usage of past days is complete in the report; nil when no sums are used.
func (s sums) asOf(q Query) *time.Time {
	if !s.Through.Valid || !s.ComputedAt.Valid || q.Since.After(s.Through.Time) {
		return nil
	}
	at := s.ComputedAt.Time.UTC()
	return &at
}

// source is where the days of a report are read: usage_days itself, or sums of it by user, by what was called, or by
// one thing alone.
type source int

const (
	fromDays source = iota
	fromTotals
	fromUsers
	fromAll
	fromProviders
	fromModels
	fromProfiles
)

// alone are the sums by one thing.
var alone = map[string]source{"day": fromAll, "provider": fromProviders, "model": fromModels, "profile": fromProfiles}

const sumsOf = "cost, tokens, requests, unpriced FROM "

// sumColumns are the columns of a source; those that sums lack stand empty.
var sumColumns = map[source]string{
	fromDays: "day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced " +
		"FROM usage_days WHERE true",
	fromTotals: "day, '' AS user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced " +
		"FROM usage_totals WHERE true",
	fromUsers: "day, user_id, 0::bigint AS access_profile_id, '' AS provider, '' AS model, " + sumsOf + "usage_people WHERE true",
	fromAll: "day, '' AS user_id, 0::bigint AS access_profile_id, '' AS provider, '' AS model, " + sumsOf +
		"usage_groups WHERE grouping = 'day'",
	fromProviders: "day, '' AS user_id, 0::bigint AS access_profile_id, key AS provider, '' AS model, " + sumsOf +
		"usage_groups WHERE grouping = 'provider'",
	fromModels: "day, '' AS user_id, 0::bigint AS access_profile_id, split_part(key, '/', 1) AS provider, " +
		"substr(key, strpos(key, '/') + 1) AS model, " + sumsOf + "usage_groups WHERE grouping = 'model'",
	fromProfiles: "day, '' AS user_id, key::bigint AS access_profile_id, '' AS provider, '' AS model, " + sumsOf +
		"usage_groups WHERE grouping = 'profile'",
}

// liveKeys are the keys of the sums by one thing, of usage_days.
var liveKeys = map[source]string{
	fromProviders: "provider", fromModels: "provider || '/' || model", fromProfiles: "access_profile_id::text",
}

// columns are those of a source, and of usage_days beside it; the key is that of the sums by one thing.
func (s source) columns() (summed, live string) {
	if key, ok := liveKeys[s]; ok {
		return "key, " + sumColumns[s], key + " AS key, " + sumColumns[fromDays]
	}
	return "'' AS key, " + sumColumns[s], "'' AS key, " + sumColumns[fromDays]
}

// key is how the rows of a grouping are keyed. What sums have as their key is not put together again.
func (q Query) key(from source, groupBy string) string {
	if _, ok := liveKeys[from]; ok && q.Zone == nil {
		return "d.key"
	}
	return groupColumns[groupBy]
}

// source is the smallest one that can answer the report grouped by something: sums know users or calls, not both.
func (q Query) source(groupBy string) source {
	filtered := q.Provider != "" || q.Model != "" || q.ProfileID != 0
	switch ofUsers := groupBy == "user" || q.UserID != "" || q.users != nil; {
	case !ofUsers && !filtered && q.sums.RolledUp:
		return alone[groupBy]
	case !ofUsers:
		return fromTotals
	case groupBy != "user" && groupBy != "day", filtered:
		return fromDays
	}
	return fromUsers
}

// days are the rows of a source from one day to another: sums as far as they are up to date, usage_days for the rest.
func (q Query) days(db bun.IDB, s source, since, until time.Time) *bun.RawQuery {
	ofSums, live := s.columns()
	if s == fromDays || !q.sums.Through.Valid || since.After(q.sums.Through.Time) {
		return db.NewRaw("SELECT "+live+" AND day BETWEEN ?::date AND ?::date", date(since), date(until))
	}
	through := q.sums.Through.Time
	summed := until
	if through.Before(until) {
		summed = through
	}
	return db.NewRaw("SELECT "+ofSums+" AND day BETWEEN ?0::date AND ?1::date AND day <> ALL (?3::date[]) "+
		"UNION ALL SELECT "+live+" AND day BETWEEN ?4::date AND ?2::date "+
		"UNION ALL SELECT "+live+" AND day = ANY (?3::date[]) AND day BETWEEN ?0::date AND ?1::date",
		date(since), date(summed), date(until), pgdialect.Array(q.sums.Revised), date(through.AddDate(0, 0, 1)))
}

func date(day time.Time) string { return day.Format(time.DateOnly) }

// filter reads the days of the report that match, as d.
func (q Query) filter(s *bun.SelectQuery, from source) *bun.SelectQuery {
	if q.Zone == nil {
		s = s.TableExpr("(?) AS d", q.days(s.DB(), from, q.Since, q.Until))
	} else {
		s = s.TableExpr("("+zonedDays+") AS d", q.zonedDaysArgs(s.DB(), from)...)
	}
	s = s.Where("d.day BETWEEN ?::date AND ?::date", date(q.Since), date(q.Until))
	if q.Provider != "" {
		s = s.Where("d.provider = ?", q.Provider)
	}
	if q.Model != "" {
		s = s.Where("d.model = ?", q.Model)
	}
	if q.UserID != "" {
		s = s.Where("d.user_id = ?", q.UserID)
	}
	if q.users != nil {
		s = s.Where("d.user_id = ANY (?)", pgdialect.Array(q.users))
	}
	if q.ProfileID != 0 {
		s = s.Where("d.access_profile_id = ?", q.ProfileID)
	}
	return s
}
