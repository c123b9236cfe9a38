package web_test

import (
	"fmt"
	"testing"
	"time"

	"tollgate/models/ledger"
	"tollgate/web/webtest"
)

// A batch over many days, months, models and tools counts what its events count one by one.
func TestBatchCountsWhatItsEventsCount(t *testing.T) {
	g := webtest.NewGateway(t)
	_, bobs := g.Give(g.Bob, webtest.Research)
	now := time.Now().UTC()
	var batch []webtest.Object
	for n := range 40 {
		daysAgo := []int{33, 0, 1, 9}[n%4]
		more := []any{
			"occurred_at", now.AddDate(0, 0, -daysAgo).Add(-time.Duration(n) * time.Second).Format(time.RFC3339Nano),
			"cost", 0.125 * float64(n), "tokens", n,
		}
		one := webtest.Event(bobs, more...)
		if n%3 == 0 {
			one = webtest.With(one, "provider", nil, "model", nil, "mcp_client_id", "github", "tool_name", fmt.Sprint("tool-", n%2))
		}
		g.Admin.Counted(one)
		batch = append(batch, webtest.With(one, "virtual_key", g.Key, "event_id", fmt.Sprint("batched-", n)))
	}
	batch = append(batch, batch[7])
	answer := g.Admin.API("POST", "/api/usage", webtest.Object{"events": batch}).Is(200).JSON()
	webtest.Same(t, "counted", answer["counted"], any(40.0))
	webtest.Same(t, "duplicates", answer["duplicates"], any(1.0))
	counted := func(user string) (days, latest string) {
		err := g.DB.QueryRowContext(t.Context(), `
SELECT (SELECT string_agg(concat_ws(' ', day, provider, model, cost, tokens, requests, unpriced), E'\n'
    ORDER BY day, provider, model) FROM usage_days WHERE user_id = u),
    (SELECT concat_ws(' ', last_used_at, month, cost) FROM usage_latest WHERE id = u) FROM (SELECT '`+user+`' AS u) AS s`).
			Scan(&days, &latest)
		if err != nil {
			t.Fatal(err)
		}
		return days, latest
	}
	days, latest := counted(g.Ada)
	wantDays, wantLatest := counted(g.Bob)
	webtest.Same(t, "days", days, wantDays)
	webtest.Same(t, "latest", latest, wantLatest)
	if _, skewed, err := ledger.Verify(t.Context(), g.DB); err != nil || len(skewed) > 0 {
		t.Errorf("counters: %v, %+v", err, skewed)
	}
}
