package refusal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"tollgate/models/database"
)

// writeFlush adds the cells of a flush in the order of their keys, so that consoles never wait for each other in a
// circle. The rows of users who are deleted meanwhile are left out.
const writeFlush = `
WITH mine AS (
    UPDATE decision_consoles SET flush = $2, flushed_until = CASE WHEN $3::bigint < 0 THEN flushed_until
        ELSE clock_timestamp() - $3 * interval '1 microsecond' END
    WHERE console = $1 AND flush = $2 - 1 RETURNING 1
), sums AS (
    INSERT INTO refusals AS r (user_id, minute, reason, watched, copy_id, line_id, key_id, asked, access_profile_id,
        template_version,
        granted, calls, estimated_cost, estimated_tokens, scope, kind, reset_duration, line_reason, used, reserved,
            most, resets_at,
        first_at, last_at)
    SELECT s.user_id, s.minute, s.reason, false, s.copy_id, s.line_id, s.key_id, s.asked, s.access_profile_id,
        c.template_version,
        s.granted, s.calls, s.cost, s.tokens, nullif(s.scope, ''), nullif(s.kind, ''), nullif(s.duration, ''),
            nullif(s.line_reason, ''),
        CASE WHEN s.kind <> '' THEN s.used END, CASE WHEN s.kind <> '' THEN s.reserved END, CASE WHEN s.kind <> ''
            THEN s.most END,
        CASE WHEN s.kind <> '' THEN s.resets_at END, s.first_at, s.last_at
    FROM mine, unnest($4::text[], $5::timestamptz[], $6::smallint[], $7::bigint[], $8::uuid[], $9::text[],
        $10::text[], $11::bigint[],
        $12::boolean[], $13::bigint[], $14::bigint[], $15::bigint[], $16::text[], $17::text[], $18::text[],
            $19::text[], $20::bigint[],
        $21::bigint[], $22::bigint[], $23::timestamptz[], $24::timestamptz[], $25::timestamptz[])
        AS s(user_id, minute, reason, copy_id, line_id, key_id, asked, access_profile_id, granted, calls, cost,
            tokens, scope, kind,
            duration, line_reason, used, reserved, most, resets_at, first_at, last_at)
        LEFT JOIN user_access_profiles AS c ON c.id = s.copy_id
    WHERE s.user_id = '' OR EXISTS (SELECT FROM users AS u WHERE u.id = s.user_id)
    ORDER BY s.user_id, s.minute, s.reason, s.copy_id, s.line_id, s.key_id, s.asked
    ON CONFLICT (user_id, minute, reason, watched, copy_id, line_id, key_id, asked) DO UPDATE SET
        calls = r.calls + excluded.calls, estimated_cost = r.estimated_cost + excluded.estimated_cost,
        estimated_tokens = r.estimated_tokens + excluded.estimated_tokens,
        first_at = least(r.first_at, excluded.first_at), last_at = greatest(r.last_at, excluded.last_at)
), hours AS (
    INSERT INTO decision_hours AS h (hour, access_profile_id, reason, watched, calls)
    SELECT s.hour, s.profile, s.reason, false, s.calls
    FROM mine, unnest($26::timestamptz[], $27::bigint[], $28::smallint[], $29::bigint[]) AS s(hour, profile, reason,
        calls)
    ORDER BY s.hour, s.profile, s.reason
    ON CONFLICT (hour, access_profile_id, reason, watched) DO UPDATE SET calls = h.calls + excluded.calls
)
SELECT count(*) > 0 FROM mine`

// write reports whether the flush was added now.
func (l *Log) write(ctx context.Context, f *flush) (counted bool, err error) {
	age := time.Since(f.taken).Microseconds()
	if f.more {
		age = -1
	}
	values := []any{l.console, f.number, age}
	values = append(values, f.cellColumns()...)
	values = append(values, f.hourColumns()...)
	if err := database.ScanPlanned(ctx, l.db, []any{&counted}, writeFlush, values...); err != nil {
		return false, fmt.Errorf("write the decision log: %w", err)
	}
	return counted, nil
}

// idText is how the tables have the id of a user or a key.
func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// column makes the values of a column.
func column[T, V any](rows []T, of func(T) V) []V {
	values := make([]V, len(rows))
	for i, row := range rows {
		values[i] = of(row)
	}
	return values
}

type keyedCell struct {
	cellKey
	*cell
}

func (f *flush) cellColumns() []any {
	rows := make([]keyedCell, 0, len(f.cells))
	for key, c := range f.cells {
		rows = append(rows, keyedCell{key, c})
	}
	return []any{
		column(rows, func(r keyedCell) string { return idText(r.user) }),
		column(rows, func(r keyedCell) time.Time { return time.Unix(r.minute, 0).UTC() }),
		column(rows, func(r keyedCell) int16 { return int16(r.reason) }),
		column(rows, func(r keyedCell) int64 { return r.copyID }),
		column(rows, func(r keyedCell) [16]byte { return r.limit }),
		column(rows, func(r keyedCell) string { return idText(r.key) }),
		column(rows, func(r keyedCell) string { return r.asked }),
		column(rows, func(r keyedCell) int64 { return r.first.ProfileID }),
		column(rows, func(r keyedCell) bool { return r.first.Granted }),
		column(rows, func(r keyedCell) int64 { return r.calls }),
		column(rows, func(r keyedCell) int64 { return r.cost }),
		column(rows, func(r keyedCell) int64 { return r.tokens }),
		column(rows, func(r keyedCell) string { return r.first.Limit.Scope }),
		column(rows, func(r keyedCell) string { return r.first.Limit.Kind }),
		column(rows, func(r keyedCell) string { return r.first.Limit.Duration }),
		column(rows, func(r keyedCell) string { return r.first.Limit.Reason }),
		column(rows, func(r keyedCell) int64 { return r.first.Limit.Used }),
		column(rows, func(r keyedCell) int64 { return r.first.Limit.Reserved }),
		column(rows, func(r keyedCell) int64 { return r.first.Limit.Most }),
		column(rows, func(r keyedCell) time.Time { return r.first.Limit.ResetsAt }),
		column(rows, func(r keyedCell) time.Time { return r.first.At }),
		column(rows, func(r keyedCell) time.Time { return r.last }),
	}
}

type keyedHour struct {
	hourCode
	calls int64
}

func (f *flush) hourColumns() []any {
	rows := make([]keyedHour, 0, len(f.hours))
	for key, calls := range f.hours {
		rows = append(rows, keyedHour{key, calls})
	}
	slices.SortFunc(rows, func(a, b keyedHour) int { return cmp.Compare(a.hour, b.hour) })
	return []any{
		column(rows, func(r keyedHour) time.Time { return time.Unix(r.hour, 0).UTC() }),
		column(rows, func(r keyedHour) int64 { return r.profile }),
		column(rows, func(r keyedHour) int16 { return int16(r.reason) }),
		column(rows, func(r keyedHour) int64 { return r.calls }),
	}
}
