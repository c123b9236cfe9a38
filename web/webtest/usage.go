package webtest

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/models/modelstest"
	"tollgate/models/totals"
)

// Quarantine is the API path of quarantined usage.
const Quarantine = "/api/usage/quarantine"

// Stray reports an event of an unknown user, and returns its row in the quarantine.
func (g Gateway) Stray(more ...any) Object {
	g.T.Helper()
	event := With(Event("sk-bf-unknown", "cost", 2), more...)
	Same(g.T, "status", g.Admin.Report(event).Is(200).JSON()["status"], any("quarantined"))
	for _, row := range Objects(g.Admin.Get(Quarantine + "?limit=100").Is(200).JSON()["quarantined_events"]) {
		if row["event_id"] == event["event_id"] {
			return row
		}
	}
	g.T.Fatal("the event is not in the quarantine")
	return nil
}

// Settle is the path that assigns or dismisses quarantined usage.
func Settle(row Object, how string) string { return fmt.Sprint(Quarantine, "/", row["id"], "/", how) }

// Logged are the sums of the decision log, after a flush: "reason asked" and how many calls.
func (c *Console) Logged() map[string]int64 {
	c.T.Helper()
	c.Must(c.H.Refusals.Flush(c.T.Context()))
	var rows []struct {
		Of    string
		Calls int64
	}
	c.Scan(&rows, "SELECT reason || ' ' || asked AS of, sum(calls)::bigint AS calls FROM refusals GROUP BY 1")
	sums := map[string]int64{}
	for _, row := range rows {
		sums[row.Of] = row.Calls
	}
	return sums
}

// RefusedRows answers what was refused, after a flush.
func (g Gateway) RefusedRows(query string) []Object {
	g.T.Helper()
	g.Must(g.H.Refusals.Flush(g.T.Context()))
	return Objects(g.Admin.Get("/api/refusals" + query).Is(200).JSON()["refusals"])
}

// Yesterday makes what is in the log a day older.
func (g Gateway) Yesterday() {
	g.T.Helper()
	g.Must(g.H.Refusals.Flush(g.T.Context()))
	g.Exec("UPDATE refusals SET minute = minute - interval '1 day', first_at = first_at - interval '1 day', last_at = last_at - interval '1 day'")
}

// Download is an answer whose first part has arrived, and whose reader waits.
type Download struct {
	T    testing.TB
	Body io.ReadCloser
	Read []byte
}

// Download requests a file, without compression, and reads its beginning.
func (v Client) Download(path string) *Download {
	v.T.Helper()
	request, err := http.NewRequestWithContext(v.T.Context(), http.MethodGet, v.Base+path, nil)
	v.Must(err)
	request.Header = v.Header.Clone()
	request.Header.Set("Accept-Encoding", "identity")
	response, err := http.DefaultTransport.RoundTrip(request)
	v.Must(err)
	v.T.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(response.Body)
		v.T.Fatalf("%s: %d %s", path, response.StatusCode, content)
	}
	d := &Download{T: v.T, Body: response.Body, Read: make([]byte, 1024)}
	_, err = io.ReadFull(d.Body, d.Read)
	v.Must(err)
	return d
}

// Rest reads to the end.
func (d *Download) Rest() ([]byte, error) {
	rest, err := io.ReadAll(d.Body)
	return append(d.Read, rest...), err
}

// Lines are the lines of the file.
func (d *Download) Lines() []string {
	d.T.Helper()
	content, err := d.Rest()
	if err != nil {
		d.T.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

// Table reads CSV: its header, and its rows keyed by the header.
func Table(t testing.TB, content []byte) (rows []map[string]string) {
	t.Helper()
	cells, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff")))).ReadAll()
	if err != nil || len(cells) == 0 {
		t.Fatalf("no table: %v\n%.500s", err, content)
	}
	for _, row := range cells[1:] {
		named := map[string]string{}
		for i, cell := range row {
			named[cells[0][i]] = cell
		}
		rows = append(rows, named)
	}
	return rows
}

// Dollars reads an amount of money into nano-dollars.
func Dollars(t testing.TB, text string) (nanos int64) {
	t.Helper()
	whole, fraction, _ := strings.Cut(text, ".")
	nanos, err := strconv.ParseInt(whole+(fraction + "000000000")[:9], 10, 64)
	if err != nil {
		t.Fatalf("%q is no amount", text)
	}
	return nanos
}

// ManyUsed is more rows than connections and sockets buffer, so that a file is not completely sent before its reader
// continues.
const ManyUsed = 60_000

// Fill reports usage of many users, once each; the first and the last row of every order are ada's.
func (g Gateway) Fill() {
	g.T.Helper()
	slow := Connect(g.T, g.OwnerURL+"&statement_timeout=60s")
	_, err := slow.ExecContext(g.T.Context(), `INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT current_date - 1 - n % 20, gen_random_uuid()::text, 0, 'openai', 'gpt-4o-with-a-long-name-' || md5(n::text) || md5((-n)::text), n * 1000000.0, n, 1, 0
FROM generate_series(1, ?) AS n`, ManyUsed)
	g.Must(err)
}

// Usage is every row of usage.
func (g Gateway) Usage() map[string]string {
	g.T.Helper()
	tables, kept := g.Stored(), map[string]string{}
	for _, name := range []string{"weekly_events", "limit_windows", "usage_days", "usage_quarantine", "reservations"} {
		if kept[name] = tables[name]; kept[name] == "" {
			g.T.Fatalf("nothing is in %s", name)
		}
	}
	return kept
}

// AddUp lets a console add usage up now.
func (g Gateway) AddUp() {
	g.T.Helper()
	g.Exec("UPDATE usage_totals_state SET lease_until = to_timestamp(0)")
	g.Must(totals.NewWorker(g.DB, slog.New(slog.NewTextHandler(io.Discard, nil))).Refresh(g.T.Context()))
}

// Reports are the answers of reports of every grouping until today, with filters and in zones, and of pages by user, by
// their query: a quarter of them outside make soak.
func (g Gateway) Reports(bob string, today time.Time) map[string]string {
	g.T.Helper()
	reader, all := g.APIKey("Usage:View"), map[string]string{}
	days := func(since int) string {
		return "&since=" + today.AddDate(0, 0, -since).Format(time.DateOnly) + "&until=" + today.Format(time.DateOnly)
	}
	for i, since := range []int{12, 60} {
		for j, filter := range []string{
			"", "&provider=openai", "&provider=mcp", "&model=gpt-4o", "&user_id=" + g.Ada, "&user_id=" + bob, fmt.Sprint("&access_profile_id=", Research),
			fmt.Sprint("&provider=openai&access_profile_id=", Research), "&time_zone=Asia%2FKolkata", "&time_zone=America%2FSt_Johns&provider=openai",
		} {
			for k, by := range []string{"provider", "model", "user", "profile", "day"} {
				if !modelstest.Soaks() && (i+j+k)%4 > 0 {
					continue
				}
				query := "?group_by=" + by + days(since) + filter
				answer := reader.Get("/api/usage" + query).Is(200).JSON()
				delete(answer, "as_of")
				all[query] = fmt.Sprint(answer)
			}
		}
		page := "/usage?group_by=user" + days(since)
		for range 2 { // the second time from what the console keeps
			all[page] += Text(g.Session.Get(page).Is(200).All("tbody")[0]) + "\n"
		}
	}
	return all
}

// Exact compares every report with what usage_days adds up to.
func (g Gateway) Exact(what, bob string) {
	g.T.Helper()
	today := time.Now().UTC()
	got := g.Reports(bob, today)
	var state []struct{ Through *string }
	g.Scan(&state, "SELECT through::text FROM usage_totals_state")
	g.Exec("UPDATE usage_totals_state SET through = NULL")
	want := g.Reports(bob, today)
	g.Exec("UPDATE usage_totals_state SET through = ?", state[0].Through)
	for query, answer := range want {
		if got[query] != answer {
			g.T.Errorf("%s: %s\n got %s\nwant %s", what, query, got[query], answer)
		}
	}
	var days, reported []string
	g.Scan(&days, `SELECT day || ' ' || (sum(cost) / 1000000000)::float || ' ' || sum(tokens) || ' ' || sum(requests) || ' ' || sum(unpriced)
FROM usage_days GROUP BY day ORDER BY day`)
	since := time.Now().UTC().AddDate(0, 0, -60).Format(time.DateOnly)
	for _, day := range Objects(g.APIKey("Usage:View").Get("/api/usage?group_by=day&since=" + since).Is(200).JSON()["usage"]) {
		if day["requests"] != 0.0 {
			reported = append(reported, fmt.Sprint(day["key"], " ", day["cost"], " ", day["tokens"], " ", day["requests"], " ", day["unpriced_events"]))
		}
	}
	Same(g.T, what+": days", strings.Join(reported, "\n"), strings.Join(days, "\n"))
}

// Around reports events of ada's on both sides of midnight in zones: each has a cost of its own, so that a sum shows
// which events it includes.
func (g Gateway) Around(zones []string, day time.Time) {
	g.T.Helper()
	cost, all := int64(1), []Object{}
	for n := range 3 {
		for _, zone := range append(zones, "UTC") {
			at, err := time.LoadLocation(zone)
			g.Must(err)
			midnight := time.Date(day.Year(), day.Month(), day.Day()+n, 0, 0, 0, 0, at)
			for _, from := range []time.Duration{-13 * time.Hour, -time.Microsecond, 0, time.Microsecond, 13 * time.Hour} {
				for _, called := range []Object{{"model": "gpt-4o", "provider": "openai"}, {"model": nil, "provider": nil, "mcp_client_id": "github", "tool_name": "create_issue"}} {
					e := Event(g.Key, "occurred_at", midnight.Add(from).UTC().Format(time.RFC3339Nano), "cost", float64(cost)/1e9, "tokens", cost)
					for name, value := range called {
						e = With(e, name, value)
					}
					all = append(all, e)
					cost *= 2
					if cost > 1<<36 {
						cost = 3
					}
				}
			}
		}
	}
	for len(all) > 0 {
		part := all[:min(500, len(all))]
		all = all[len(part):]
		result := g.Admin.Report(Object{"events": part}).Is(200).JSON()
		if result["counted"] != float64(len(part)) {
			g.T.Fatalf("counted %v of %d", result["counted"], len(part))
		}
	}
}
