package propagation_test

import (
	"slices"
	"testing"
	"time"

	"tollgate/models/modelstest"
	"tollgate/models/policy"
	"tollgate/models/window"
)

// An override of n windows raises the n windows from the one in which it was granted, although calendars come and go
// meanwhile, and none after.
func TestOverridesLastAsManyWindowsAsWereGranted(t *testing.T) {
	t.Parallel()
	c := chance{modelstest.Randomly(t)}
	h := modelstest.NewHarness(t)
	changed := 0
	for range 40 {
		a := aligning{Harness: h, latest: map[string]time.Time{}}
		h.Scan(&a.policy, "INSERT INTO policies (calendar_aligned) VALUES (false) RETURNING id")
		p := policy.Policy{Budgets: []policy.Budget{{MaxLimit: 1, ResetDuration: policy.BudgetDurations[c.IntN(len(policy.BudgetDurations))]}}}
		if p.Budgets[0].ResetDuration == "1Q" {
			p.Budgets[0].ResetConfig = &policy.ResetConfig{QuarterStartMonth: 1 + c.IntN(12)}
		}
		p.Calendar = modelstest.Calendars[c.IntN(len(modelstest.Calendars))]
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(c.IntN(525_600)) * time.Minute)
		a.push(p, now, "budgets")
		line := a.lines(now)[0]
		start, end := line.window(now)
		cycles := int64(1 + c.IntN(4))
		ends := window.After(line.Duration, line.Quarter, line.Calendar, line.CreatedAt, end, cycles)
		h.Exec(h.DB, "INSERT INTO budget_overrides (budget_id, amount, cycles, anchor, ends_at) VALUES (?, 1, ?, ?, ?)", line.ID, cycles, start, ends)

		for windows := []time.Time{start}; int64(len(windows)) < cycles+3; {
			if c.IntN(3) == 0 {
				had := p.Calendar
				for p.Calendar == had {
					p.Calendar = modelstest.Calendars[c.IntN(len(modelstest.Calendars))]
				}
				a.push(p, now, "budgets")
				changed++
			}
			line = a.lines(now)[0]
			start, end = line.window(now)
			if !slices.ContainsFunc(windows, start.Equal) {
				windows = append(windows, start)
			}
			var raised bool
			h.Scan(&raised, "SELECT ends_at > ? FROM budget_overrides WHERE budget_id = ?", now, line.ID)
			if want := int64(len(windows)) <= cycles; raised != want {
				t.Fatalf("%s: raised %v at %s in window %d of %d granted: %+v", line.Duration, raised, now, len(windows), cycles, line)
			}
			// No window is passed over: the next moment is within this one, its last or the first of the next.
			switch gap := end.Sub(now); c.IntN(3) {
			case 0:
				now = now.Add(time.Duration(c.Int64N(int64(gap)))).Truncate(modelstest.Microsecond)
			case 1:
				now = end.Add(-modelstest.Microsecond)
			default:
				now = end
			}
		}
	}
	if changed == 0 {
		t.Error("no calendar changed")
	}
}
