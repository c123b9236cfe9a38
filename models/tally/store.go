package tally

import (
	"slices"
	"time"

	"tollgate/models/database"
)

// Last adds the sums to what a transaction does last. Rows are locked in the order of the arrays: counters, days, then
// the latest use.
func (t *Tally) Last(tx database.Tx) {
	if len(t.counters) > 0 {
		t.addCounters(tx)
	}
	t.addDays(tx)
	t.endReservations(tx)
	t.addLatest(tx)
}

const addCounters = `
INSERT INTO limit_windows AS w (line_id, kind, reset_duration, window_start, used)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[])
ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = w.used + excluded.used`

func (t *Tally) addCounters(tx database.Tx) {
	n := len(t.counters)
	lines, kinds, durations := make([][16]byte, 0, n), make([]string, 0, n), make([]string, 0, n)
	starts, amounts := make([]time.Time, 0, n), make([]int64, 0, n)
	for _, c := range t.counters {
		lines, kinds, durations = append(lines, c.Line), append(kinds, c.Kind), append(durations, c.Duration)
		starts, amounts = append(starts, time.UnixMicro(c.Start)), append(amounts, c.Amount)
	}
	tx.Last(addCounters, lines, kinds, durations, starts, amounts)
}

const addDays = `
INSERT INTO usage_days AS d (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT date '1970-01-01' + day, user_id, profile, provider, model, cost, tokens, requests, unpriced
FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::bigint[]) AS s(day, user_id, profile, provider, model, cost, tokens, requests, unpriced)
ON CONFLICT (day, user_id, access_profile_id, provider, model) DO UPDATE
SET cost = d.cost + excluded.cost, tokens = d.tokens + excluded.tokens, requests = d.requests + excluded.requests,
    unpriced = d.unpriced + excluded.unpriced`

// reviseDays records the days before today, whose totals may have been read.
const reviseDays = `
INSERT INTO usage_revised_days SELECT date '1970-01-01' + day FROM unnest($1::integer[]) AS s(day)
WHERE date '1970-01-01' + day < (clock_timestamp() AT TIME ZONE 'UTC')::date`

func (t *Tally) addDays(tx database.Tx) {
	n := len(t.days)
	days, users, profiles := make([]int64, 0, n), make([]string, 0, n), make([]int64, 0, n)
	providers, models := make([]string, 0, n), make([]string, 0, n)
	costs, tokens, requests, unpriced := make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	for _, s := range t.days {
		days, users, profiles = append(days, s.day.day), append(users, s.user), append(profiles, s.profile)
		providers, models = append(providers, s.provider), append(models, s.model)
		costs, tokens = append(costs, s.cost), append(tokens, s.tokens)
		requests, unpriced = append(requests, s.requests), append(unpriced, s.unpriced)
	}
	tx.Last(addDays, days, users, profiles, providers, models, costs, tokens, requests, unpriced)
	tx.Last(reviseDays, slices.Compact(slices.Clone(days)))
}

const endReservations = `
DELETE FROM reservations AS r USING unnest($1::uuid[], $2::text[]) AS s(id, user_id)
WHERE r.id = s.id AND r.user_id = s.user_id`

func (t *Tally) endReservations(tx database.Tx) {
	if len(t.reservations) == 0 {
		return
	}
	var ids, users []string
	for _, r := range t.reservations {
		ids, users = append(ids, r.id), append(users, r.user)
	}
	tx.Last(endReservations, ids, users)
}

const addLatest = `
INSERT INTO usage_latest AS l (id, last_used_at, month, cost)
SELECT id, at, date '1970-01-01' + month, cost
FROM unnest($1::text[], $2::timestamptz[], $3::integer[], $4::bigint[]) AS s(id, at, month, cost)
ON CONFLICT (id) DO UPDATE SET last_used_at = greatest(l.last_used_at, excluded.last_used_at),
    month = greatest(l.month, excluded.month),
    cost = CASE WHEN excluded.month >= l.month THEN excluded.cost ELSE 0 END +
        CASE WHEN excluded.month <= l.month THEN l.cost ELSE 0 END`

func (t *Tally) addLatest(tx database.Tx) {
	n := len(t.latest)
	ids, at, months, costs := make([]string, n), make([]time.Time, n), make([]int64, n), make([]int64, n)
	for i, l := range t.latest {
		ids[i], at[i], months[i], costs[i] = l.id, time.UnixMicro(l.at), l.month, l.cost
	}
	tx.Last(addLatest, ids, at, months, costs)
}
