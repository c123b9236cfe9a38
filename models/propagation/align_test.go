package propagation_test

import (
	"context"
	"testing"
	"time"

	"tollgate/models/database"
	"tollgate/models/fieldgroup"
	"tollgate/models/modelstest"
	"tollgate/models/policy"
	"tollgate/models/window"
)

// anchoredLine is what the windows of one limit follow from.
type anchoredLine struct {
	ID, Duration    string
	Quarter         int
	window.Calendar `bun:",extend"`
	CreatedAt       time.Time
	F, U            *time.Time
	SQL             time.Time
}

func (l anchoredLine) window(now time.Time) (start, end time.Time) {
	return window.Carried(l.Duration, l.Quarter, l.Calendar, l.CreatedAt, l.F, l.U, now)
}

const anchoredLines = `
SELECT l.id, l.duration, coalesce(l.quarter, 0) AS quarter, p.calendar_aligned, p.time_zone, l.created_at, l.f, l.u,
    window_start(l.duration, l.quarter, p.calendar, l.created_at, l.f, l.u, ?) AS sql
FROM (SELECT CASE kind WHEN 'spend' THEN '' ELSE kind || ' ' END || id AS id, policy_id, reset_duration AS duration, quarter_start_month AS quarter, created_at, carried_from AS f, carried_until AS u
    FROM limit_lines) AS l
JOIN policies AS p ON p.id = l.policy_id WHERE p.id = ?`

// aligning is one policy that is pushed to at moments of the test's choice.
type aligning struct {
	modelstest.Harness
	policy int64
	latest map[string]time.Time // the latest start of each line's windows
}

func (a aligning) lines(now time.Time) []anchoredLine {
	a.Helper()
	var lines []anchoredLine
	a.Scan(&lines, anchoredLines, now, a.policy)
	return lines
}

func (a aligning) push(p policy.Policy, now time.Time, fields ...string) {
	a.Helper()
	a.Must(database.InTx(a.Context(), a.DB, func(ctx context.Context, tx database.Tx) error {
		before, err := policy.LoadPolicies(ctx, tx, []int64{a.policy})
		if err != nil {
			return err
		}
		return fieldgroup.Sync(ctx, tx, []int64{a.policy}, *before[a.policy], p, fields, now)
	}))
}

// look checks the windows of one moment: they hold it, Go and SQL agree, and none starts earlier than one before.
func (a aligning) look(lines []anchoredLine, now time.Time) {
	a.Helper()
	for _, l := range lines {
		start, end := l.window(now)
		if now.Before(start) || !now.Before(end) {
			a.Fatalf("%s: %s is not within %s to %s: %+v", l.Duration, now, start, end, l)
		}
		if start.Before(a.latest[l.ID]) {
			a.Fatalf("%s: at %s the window starts at %s, and one before started at %s: %+v", l.Duration, now, start, a.latest[l.ID], l)
		}
		a.latest[l.ID] = start
	}
}

func TestCalendarsChangeWithoutLosingUsage(t *testing.T) {
	t.Parallel()
	c := chance{modelstest.Randomly(t)}
	h := modelstest.NewHarness(t)
	a := aligning{Harness: h, latest: map[string]time.Time{}}
	h.Scan(&a.policy, "INSERT INTO policies (calendar_aligned) VALUES (false) RETURNING id")
	p := policy.Policy{MCPServers: []policy.ServerGrant{}, RateLimit: &policy.RateLimit{
		TokenMaxLimit: modelstest.Pointer(int64(1)), TokenResetDuration: modelstest.Pointer("1h"), RequestMaxLimit: modelstest.Pointer(int64(1)), RequestResetDuration: modelstest.Pointer("1w"),
	}, ProviderConfigs: []policy.ProviderConfig{{ProviderName: "openai", AllowedModels: []string{}, RateLimit: &policy.RateLimit{
		TokenMaxLimit: modelstest.Pointer(int64(1)), TokenResetDuration: modelstest.Pointer("1M"), RequestMaxLimit: modelstest.Pointer(int64(1)), RequestResetDuration: modelstest.Pointer("1d"),
	}}}}
	for _, duration := range policy.BudgetDurations[:4] {
		p.Budgets = append(p.Budgets, policy.Budget{MaxLimit: 1, ResetDuration: duration})
	}
	for month := 1; month <= 3; month++ {
		p.ProviderConfigs[0].Budgets = append(p.ProviderConfigs[0].Budgets, policy.Budget{
			MaxLimit: 1, ResetDuration: "1Q", ResetConfig: &policy.ResetConfig{QuarterStartMonth: month + 3*c.IntN(4)},
		})
	}
	p.ProviderConfigs[0].Budgets = append(p.ProviderConfigs[0].Budgets, policy.Budget{MaxLimit: 1, ResetDuration: "1Y"})
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(c.IntN(525_600)) * time.Minute)
	a.push(p, now, "provider_configs", "budgets", "rate_limit")
	steps := []time.Duration{modelstest.Microsecond, time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 31 * 24 * time.Hour, 370 * 24 * time.Hour}
	for range 60 {
		before := a.lines(now)
		fields := [][]string{{"budgets"}, {"rate_limit"}, {"budgets", "rate_limit"}, {"provider_configs"}, {"mcp_servers"}}[c.IntN(5)]
		had := before[0].Calendar
		moves := len(fields) == 2 || fields[0] == "budgets" || fields[0] == "rate_limit"
		for p.Calendar = had; p.Calendar == had; {
			p.Calendar = modelstest.Calendars[c.IntN(len(modelstest.Calendars))]
		}
		a.push(p, now, fields...)
		after := a.lines(now)
		if (after[0].Calendar == p.Calendar) != moves || (after[0].Calendar == had) == moves || len(after) != len(before) {
			t.Fatalf("pushed %v: the calendar went from %v to %v", fields, had, after[0].Calendar)
		}
		starts := map[string]time.Time{}
		for _, l := range before {
			starts[l.ID], _ = l.window(now)
		}
		for _, l := range after {
			start, end := l.window(now)
			if !start.Equal(starts[l.ID]) || !start.Equal(l.SQL) {
				t.Fatalf("%s: pushing %v at %s moved the window's start from %s to %s, in SQL to %s: %+v", l.Duration, fields, now, starts[l.ID], start, l.SQL, l)
			}
			if next, _ := l.window(end); !next.Equal(end) {
				t.Fatalf("%s: the window ends at %s, but the next starts at %s: %+v", l.Duration, end, next, l)
			}
		}
		// The next change falls anywhere, or on the very edge of a window.
		until := now.Add(steps[c.IntN(len(steps))])
		if c.coin() {
			_, end := after[c.IntN(len(after))].window(now)
			until = end.Add(time.Duration(c.IntN(3)-1) * modelstest.Microsecond)
		}
		a.look(after, now)
		for range 5 {
			if gap := until.Sub(now); gap > 0 {
				now = now.Add(time.Duration(c.Int64N(int64(gap)))).Truncate(modelstest.Microsecond)
			}
			a.look(after, now)
		}
		if now.Before(until) {
			now = until
		}
		a.look(after, now)
	}
}
