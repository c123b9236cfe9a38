package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// I-26: where a console and its database think they are changes nothing: days, weeks and months are those of UTC.
func TestZonesChangeNothing(t *testing.T) {
	t.Parallel()
	environment, key, db := given(t)
	if _, err := db.Exec("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone TO ''Pacific/Apia''', current_database()); END $$"); err != nil {
		t.Fatal(err)
	}
	var consoles []*instance
	for _, zone := range []string{"America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC"} {
		if _, err := time.LoadLocation(zone); err != nil {
			t.Fatal(err) // then the console would not know it either
		}
		consoles = append(consoles, start(t, append(slices.Clone(environment), "TZ="+zone)))
	}
	var user string
	must(t, environment, adminPassword, "user", "create", "--email", "ada@example.com", "--role", "Viewer")
	if err := db.NewRaw("SELECT id FROM users WHERE email = 'ada@example.com'").Scan(t.Context(), &user); err != nil {
		t.Fatal(err)
	}
	profile := createProfile(t, consoles[0], key, "Calendar")
	consoles[0].demand(t, http.StatusOK, "PUT", profile, key, `{"calendar_aligned": true, "budgets": [{"max_limit": 100, "reset_duration": "1d"},
{"max_limit": 100, "reset_duration": "1w"}, {"max_limit": 100, "reset_duration": "1M"}], "rate_limit": {"request_max_limit": 1000, "request_reset_duration": "1d"}}`)
	consoles[0].demand(t, http.StatusCreated, "POST", "/api/users/"+user+"/access-profiles", key, fmt.Sprintf(`{"access_profile_id": %s}`, filepath.Base(profile)))

	// The last microsecond of each of many days, the first of the next, and midnight elsewhere.
	const days = 33
	today, batches, sent := time.Now().UTC().Truncate(24*time.Hour), make([][]string, len(consoles)), 0
	for n := range days {
		for _, offset := range []time.Duration{-time.Microsecond, 0, -5*time.Hour - 45*time.Minute, -11 * time.Hour} {
			at := today.AddDate(0, 0, -n).Add(offset).In(time.FixedZone("", 5*3600+45*60))
			i := sent % len(consoles)
			batches[i] = append(batches[i], fmt.Sprintf(`{"event_id": %q, "user_id": %q, "provider": "openai", "model": "m", "cost": 0.01, "occurred_at": %q}`,
				uuid.NewString(), user, at.Format(time.RFC3339Nano)))
			sent++
		}
		batches[0], batches[1], batches[2], batches[3] = batches[1], batches[2], batches[3], batches[0] // each console sees each kind
	}
	for i, c := range consoles {
		got := c.demand(t, http.StatusOK, "POST", "/api/usage", key, `{"events": [`+strings.Join(batches[i], ",")+`]}`)
		if got["counted"] != float64(len(batches[i])) {
			t.Fatalf("counted %v of %d", got["counted"], len(batches[i]))
		}
	}

	elsewhere := func(zone string) int64 {
		return number(t, db, `SELECT count(*) FROM counted_events, unnest(line_durations, window_starts) AS w (duration, start)
WHERE start <> date_trunc(CASE duration WHEN '1d' THEN 'day' WHEN '1w' THEN 'week' ELSE 'month' END, occurred_at, ?)`, zone)
	}
	if wrong := elsewhere("UTC"); wrong > 0 {
		t.Errorf("%d windows do not begin with UTC's day, week or month", wrong)
	}
	if elsewhere("Asia/Kathmandu") == 0 {
		t.Error("the windows of Nepal are the same: this test finds nothing")
	}
	if wrong := number(t, db, `SELECT count(*) FROM usage_days FULL JOIN (SELECT (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n FROM counted_events GROUP BY 1) AS d USING (day)
WHERE requests IS DISTINCT FROM n`); wrong > 0 {
		t.Errorf("%d days are not UTC's", wrong)
	}
	for _, path := range []string{
		fmt.Sprintf("/api/usage?group_by=day&since=%s&until=%s", today.AddDate(0, 0, -days).Format(time.DateOnly), today.Format(time.DateOnly)),
		"/api/usage?group_by=day", "/api/users/" + user + "/access-profiles", profile,
	} {
		_, want := consoles[3].get(t, consoles[3].address+path, key)
		for i, c := range consoles {
			if status, got := c.get(t, c.address+path, key); status != http.StatusOK || string(got) != string(want) {
				t.Errorf("%s by console %d: %d\n%s\nby one in UTC:\n%s", path, i, status, got, want)
			}
		}
	}
	must(t, append(environment, "TZ=Asia/Kathmandu"), "", "ledger", "verify")
}
