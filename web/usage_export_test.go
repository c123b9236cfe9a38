package web_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/web"
)

// download is an answer whose first part has arrived, and whose reader waits.
type download struct {
	t    testing.TB
	body io.ReadCloser
	read []byte
}

// download requests a file, without compression, and reads its beginning.
func (v client) download(path string) *download {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.base+path, nil)
	v.must(err)
	request.Header = v.header.Clone()
	request.Header.Set("Accept-Encoding", "identity")
	response, err := http.DefaultTransport.RoundTrip(request)
	v.must(err)
	v.t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(response.Body)
		v.t.Fatalf("%s: %d %s", path, response.StatusCode, content)
	}
	d := &download{t: v.t, body: response.Body, read: make([]byte, 1024)}
	_, err = io.ReadFull(d.body, d.read)
	v.must(err)
	return d
}

// rest reads to the end.
func (d *download) rest() ([]byte, error) {
	rest, err := io.ReadAll(d.body)
	return append(d.read, rest...), err
}

func (d *download) lines() []string {
	d.t.Helper()
	content, err := d.rest()
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

// table reads CSV: its header, and its rows keyed by the header.
func table(t testing.TB, content []byte) (rows []map[string]string) {
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

func dollars(t testing.TB, text string) (nanos int64) {
	t.Helper()
	whole, fraction, _ := strings.Cut(text, ".")
	nanos, err := strconv.ParseInt(whole+(fraction + "000000000")[:9], 10, 64)
	if err != nil {
		t.Fatalf("%q is no amount", text)
	}
	return nanos
}

// manyUsed is more rows than connections and sockets buffer, so that a file is not completely sent before its reader
// continues.
const manyUsed = 60_000

// fill reports usage of many users, once each; the first and the last row of every order are ada's.
func (g gateway) fill() {
	g.t.Helper()
	g.exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT current_date - 1 - n % 20, gen_random_uuid()::text, 0, 'openai', 'gpt-4o-with-a-long-name-' || md5(n::text) || md5((-n)::text), n * 1000000.0, n, 1, 0
FROM generate_series(1, ?) AS n`, manyUsed)
}

// T-29: an export is a snapshot of one moment, each line once, even if usage is counted while it is read; its sum
// equals the page's.
func TestExportsAreConsistentSnapshots(t *testing.T) {
	g := newGateway(t)
	g.fill()
	reader, when := g.apiKey("Usage:View"), time.Now().UTC()
	for _, path := range []string{
		"/api/usage/export?format=focus", "/api/governance/usage/export?format=focus", "/api/usage/export?format=csv&group_by=model",
		"/api/governance/usage/export?group_by=user",
	} {
		t.Run(path, func(t *testing.T) {
			before := reader.get("/api/usage?group_by=day").is(200).json()["total"].(object)
			file := reader.download(path)
			// The first of these is on the first day and the other on the last, both at once.
			first := event(g.key, "occurred_at", when.AddDate(0, 0, -25).Format(time.RFC3339), "model", "gpt-4o", "cost", 3)
			last := event(g.key, "occurred_at", when.Format(time.RFC3339), "model", "gpt-4o-mini", "cost", 4)
			g.admin.report(object{"events": []object{first, last}}).is(200)
			content, err := file.rest()
			g.must(err)
			rows, seen, sum := table(t, content), map[string]bool{}, int64(0)
			for _, row := range rows {
				cost, key := row["BilledCost"], row["ChargePeriodStart"]+row["x_UserId"]+row["ResourceId"]
				if cost == "" {
					cost, key = row["cost_usd"], row["model"]+row["user"]
				}
				if seen[key] {
					t.Errorf("%s is listed twice", key)
				}
				seen[key] = true
				sum += dollars(t, cost)
			}
			if len(rows) < manyUsed {
				t.Errorf("%d rows of %d", len(rows), manyUsed)
			}
			same(t, "sum", float64(sum)/1e9, before["cost"])
		})
	}
}

// The console's own links lead to the same files.
func TestExportsOfPageAndAPIAreEqual(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "cost", 2))
	for _, query := range []string{"?format=csv", "?format=focus", "?format=csv&group_by=day", "?format=csv&group_by=user&excel=1"} {
		byForm, byKey := g.session.get("/usage/export"+query).is(200), g.apiKey("Usage:View").get("/api/usage/export"+query).is(200)
		same(t, query, string(byForm.body), string(byKey.body))
		same(t, "file name", byKey.Header.Get("Content-Disposition"), byForm.Header.Get("Content-Disposition"))
	}
	g.apiKey("Usage:Create").get("/api/usage/export").refuses(403, "forbidden", "")
	g.admin.get("/api/usage/export?format=xml").refuses(400, "invalid_format", "format")
	g.admin.get("/api/usage/export?excel=yes").refuses(400, "wrong_type", "excel")
	head := g.admin.send("HEAD", "/api/usage/export", "", nil).is(200)
	same(t, "body of HEAD", len(head.body), 0)
}

// An error in the middle of a file breaks the connection: a short file never looks complete.
func TestFailedExportsBreakTheConnection(t *testing.T) {
	g := newGateway(t)
	g.fill()
	_, err := g.owner().Exec(`INSERT INTO audit_logs (actor, action, created_at, hash, new_values)
SELECT 'somebody', 'create', now(), '', '{"name":"' || repeat('x', 200) || '"}' FROM generate_series(1, 60000)`)
	g.must(err)
	for path, v := range map[string]client{
		"/usage/export?format=csv&group_by=model": g.session, "/usage/export?format=focus": g.session, "/api/usage/export?format=focus": g.admin,
		"/audit/export?format=csv": g.session, "/audit/export?format=jsonl": g.session,
	} {
		file := v.download(path)
		_, err := g.owner().Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'FETCH %'")
		g.must(err)
		if content, err := file.rest(); err == nil {
			t.Errorf("%s: %d bytes that look whole", path, len(content))
		}
	}
	if !strings.Contains(g.log.String(), "answer broken off") {
		t.Error("nothing in the log")
	}
}

// A file takes as long as its reader, within the limit of an export; other answers do not.
func TestExportsOutlastTheTimeoutOfAnswers(t *testing.T) {
	g := newGateway(t)
	g.fill()
	handler, err := web.New(web.Config{}, g.h)
	g.must(err)
	server := httptest.NewUnstartedServer(handler)
	server.Config.WriteTimeout = 300 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	behind := *g.console
	behind.base = server.URL
	file := g.admin.at(&behind).download("/api/usage/export?format=focus")
	<-time.After(2 * server.Config.WriteTimeout)
	same(t, "lines", len(file.lines()), manyUsed+1)
}

// Every row of the table is exported, beyond the rows that the page shows.
func TestUsageTableIsExportedWhole(t *testing.T) {
	s := newStage(t)
	s.exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT current_date, ?, 0, 'openai', 'm' || n, n * 1000000000.0, 10, 1, 0 FROM generate_series(1, 250) AS n`, s.ada)
	rows := table(t, s.session.get("/usage/export?format=csv&group_by=model").is(200).body)
	same(t, "rows", len(rows), 250)
	same(t, "the first and the last", []string{rows[0]["name"], rows[249]["name"]}, []string{"openai/m250", "openai/m1"})
	same(t, "days", len(table(t, s.session.get("/usage/export?format=csv&group_by=day").is(200).body)), 30)
}

// T-21: a CSV for spreadsheets runs no formulas and is read in its encoding; one for programs is unchanged.
func TestExportsForSpreadsheetsAndForPrograms(t *testing.T) {
	s := newStage(t)
	s.exec("UPDATE users SET name = '=1+1' WHERE id = ?", s.ada)
	s.exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
VALUES (current_date, ?, 0, 'openai', '@m', 1000000000, 10, 1, 0)`, s.ada)
	const mark = "\ufeff"
	for _, row := range []struct {
		query, column, want string
		marked              bool
	}{
		{"?format=csv&group_by=user", "name", "'=1+1", false},
		{"?format=csv&group_by=user&excel=1", "name", "'=1+1", true},
		{"?format=focus", "x_UserName", "=1+1", false},
		{"?format=focus&excel=0", "ResourceId", "@m", false},
		{"?format=focus&excel=1", "x_UserName", "'=1+1", true},
	} {
		body := s.admin.get("/api/usage/export" + row.query).is(200).body
		same(t, row.query+" is marked", strings.HasPrefix(string(body), mark), row.marked)
		same(t, row.query, table(t, body)[0][row.column], row.want)
	}
	// The links on pages are for spreadsheets.
	for _, path := range []string{"/usage", "/audit"} {
		if links := string(s.session.get(path).is(200).body); !strings.Contains(links, "format=csv&amp;excel=1") {
			t.Errorf("%s leads to no file for spreadsheets", path)
		}
	}
	for _, query := range []string{"?format=csv", "?format=csv&excel=1", "?format=csv&excel=1&action=restore"} {
		body := s.session.get("/audit/export" + query).is(200).body
		same(t, "audit "+query+" is marked", strings.HasPrefix(string(body), mark), strings.Contains(query, "excel"))
	}
}

// Names of deleted users stay: on the page, in answers of the API, and in every file.
func TestReportsNameDeletedUsers(t *testing.T) {
	g := newGateway(t)
	g.exec("UPDATE users SET name = 'Ada Gone' WHERE id = ?", g.ada)
	g.admin.counted(event(g.key))
	g.admin.api("DELETE", "/api/users/"+g.ada, nil).is(200)
	g.admin.api("DELETE", fmt.Sprint("/api/access-profiles/", g.work), nil).is(200)
	for by, want := range map[string]string{"user": "Ada Gone", "profile": "Work"} {
		rows := objects(g.admin.get("/api/usage?group_by=" + by).is(200).json()["usage"])
		same(t, "by "+by, rows[0]["name"], any(want))
		same(t, "page by "+by, text(g.session.get("/usage?group_by="+by).is(200).all("th", "scope", "row")[0]), want)
		same(t, "CSV by "+by, table(t, g.admin.get("/api/usage/export?group_by="+by).is(200).body)[0]["name"], want)
	}
	focus := table(t, g.admin.get("/api/usage/export?format=focus").is(200).body)[0]
	same(t, "FOCUS", []string{focus["x_UserName"], focus["SubAccountName"]}, []string{"Ada Gone", "Work"})
	var chips []string
	for _, chip := range g.session.get(fmt.Sprint("/usage?user_id=", g.ada, "&access_profile_id=", g.work)).is(200).all("a", "class", "chip") {
		chips = append(chips, text(chip))
	}
	same(t, "chips", chips, []string{"Ada Gone", "Work"})
}

// FOCUS types tools as tools.
func TestFOCUSTypesTools(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key))
	g.admin.counted(object{"event_id": event("")["event_id"], "virtual_key": g.key, "mcp_client_id": "github", "tool_name": "create_issue", "cost": 1})
	var kinds []string
	for _, row := range table(t, g.admin.get("/api/usage/export?format=focus").is(200).body) {
		kinds = append(kinds, fmt.Sprint(row["ResourceType"], " ", row["SkuMeter"], " of ", row["ServiceName"], ": ", row["ResourceId"]))
	}
	slices.Sort(kinds)
	same(t, "kinds", kinds, []string{"Model Tokens of openai: gpt-4o", "Tool Tool Calls of github: github/create_issue"})
}
