package web_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/web"
	"tollgate/web/webtest"
)

// T-29: an export is a snapshot of one moment, each line once, even if usage is counted while it is read; its sum
// equals the page's.
func TestExportsAreConsistentSnapshots(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Fill()
	reader, when := g.APIKey("Usage:View"), time.Now().UTC()
	for _, path := range []string{
		"/api/usage/export?format=focus", "/api/governance/usage/export?format=focus", "/api/usage/export?format=csv&group_by=model",
		"/api/governance/usage/export?group_by=user",
	} {
		t.Run(path, func(t *testing.T) {
			before := reader.Get("/api/usage?group_by=day").Is(200).JSON()["total"].(webtest.Object)
			file := reader.Download(path)
			// The first of these is on the first day and the other on the last, both at once.
			first := webtest.Event(g.Key, "occurred_at", when.AddDate(0, 0, -25).Format(time.RFC3339), "model", "gpt-4o", "cost", 3)
			last := webtest.Event(g.Key, "occurred_at", when.Format(time.RFC3339), "model", "gpt-4o-mini", "cost", 4)
			g.Admin.Report(webtest.Object{"events": []webtest.Object{first, last}}).Is(200)
			content, err := file.Rest()
			g.Must(err)
			rows, seen, sum := webtest.Table(t, content), map[string]bool{}, int64(0)
			for _, row := range rows {
				cost, key := row["BilledCost"], row["ChargePeriodStart"]+row["x_UserId"]+row["ResourceId"]
				if cost == "" {
					cost, key = row["cost_usd"], row["model"]+row["user"]
				}
				if seen[key] {
					t.Errorf("%s is listed twice", key)
				}
				seen[key] = true
				sum += webtest.Dollars(t, cost)
			}
			if len(rows) < webtest.ManyUsed {
				t.Errorf("%d rows of %d", len(rows), webtest.ManyUsed)
			}
			webtest.Same(t, "sum", float64(sum)/1e9, before["cost"])
		})
	}
}

// The console's own links lead to the same files.
func TestExportsOfPageAndAPIAreEqual(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 2))
	for _, query := range []string{"?format=csv", "?format=focus", "?format=csv&group_by=day", "?format=csv&group_by=user&excel=1"} {
		byForm, byKey := g.Session.Get("/usage/export"+query).Is(200), g.APIKey("Usage:View").Get("/api/usage/export"+query).Is(200)
		webtest.Same(t, query, string(byForm.Body), string(byKey.Body))
		webtest.Same(t, "file name", byKey.Header.Get("Content-Disposition"), byForm.Header.Get("Content-Disposition"))
	}
	g.APIKey("Usage:Create").Get("/api/usage/export").Refuses(403, "forbidden", "")
	g.Admin.Get("/api/usage/export?format=xml").Refuses(400, "invalid_format", "format")
	g.Admin.Get("/api/usage/export?excel=yes").Refuses(400, "wrong_type", "excel")
	head := g.Admin.Send("HEAD", "/api/usage/export", "", nil).Is(200)
	webtest.Same(t, "body of HEAD", len(head.Body), 0)
}

// An error in the middle of a file breaks the connection: a short file never looks complete.
func TestFailedExportsBreakTheConnection(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Fill()
	_, err := g.Owner().Exec(`INSERT INTO audit_logs (actor, action, created_at, hash, new_values)
SELECT 'a user', 'create', now(), '', '{"value":"' || repeat('x', 800) || '"}' FROM generate_series(1, 15000)`)
	g.Must(err)
	for path, v := range map[string]webtest.Client{
		"/usage/export?format=csv&group_by=model": g.Session, "/usage/export?format=focus": g.Session, "/api/usage/export?format=focus": g.Admin,
		"/audit/export?format=csv": g.Session, "/audit/export?format=jsonl": g.Session,
	} {
		file := v.Download(path)
		_, err := g.Owner().Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'FETCH %'")
		g.Must(err)
		if content, err := file.Rest(); err == nil {
			t.Errorf("%s: %d bytes that look whole", path, len(content))
		}
	}
	if !strings.Contains(g.Log.String(), "answer broken off") {
		t.Error("nothing in the log")
	}
}

// A file takes as long as its reader, within the limit of an export; other answers do not.
func TestExportsOutlastTheTimeoutOfAnswers(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Fill()
	handler, err := web.New(web.Config{}, g.H)
	g.Must(err)
	server := httptest.NewUnstartedServer(handler)
	server.Config.WriteTimeout = 300 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	behind := *g.Console
	behind.Base = server.URL
	file := g.Admin.At(&behind).Download("/api/usage/export?format=focus")
	<-time.After(2 * server.Config.WriteTimeout)
	webtest.Same(t, "lines", len(file.Lines()), webtest.ManyUsed+1)
}

// Every row of the table is exported, beyond the rows that the page shows.
func TestUsageTableIsExportedWhole(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT current_date, ?, 0, 'openai', 'm' || n, n * 1000000000.0, 10, 1, 0 FROM generate_series(1, 250) AS n`, s.Ada)
	rows := webtest.Table(t, s.Session.Get("/usage/export?format=csv&group_by=model").Is(200).Body)
	webtest.Same(t, "rows", len(rows), 250)
	webtest.Same(t, "the first and the last", []string{rows[0]["name"], rows[249]["name"]}, []string{"openai/m250", "openai/m1"})
	webtest.Same(t, "days", len(webtest.Table(t, s.Session.Get("/usage/export?format=csv&group_by=day").Is(200).Body)), 30)
}

// T-21: a CSV for spreadsheets runs no formulas and is read in its encoding; one for programs is unchanged.
func TestExportsForSpreadsheetsAndForPrograms(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec("UPDATE users SET name = '=1+1' WHERE id = ?", s.Ada)
	s.Exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
VALUES (current_date, ?, 0, 'openai', '@m', 1000000000, 10, 1, 0)`, s.Ada)
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
		body := s.Admin.Get("/api/usage/export" + row.query).Is(200).Body
		webtest.Same(t, row.query+" is marked", strings.HasPrefix(string(body), mark), row.marked)
		webtest.Same(t, row.query, webtest.Table(t, body)[0][row.column], row.want)
	}
	// The links on pages are for spreadsheets.
	for _, path := range []string{"/usage", "/audit"} {
		if links := string(s.Session.Get(path).Is(200).Body); !strings.Contains(links, "format=csv&amp;excel=1") {
			t.Errorf("%s leads to no file for spreadsheets", path)
		}
	}
	for _, query := range []string{"?format=csv", "?format=csv&excel=1", "?format=csv&excel=1&action=restore"} {
		body := s.Session.Get("/audit/export" + query).Is(200).Body
		webtest.Same(t, "audit "+query+" is marked", strings.HasPrefix(string(body), mark), strings.Contains(query, "excel"))
	}
}

// Names of deleted users stay: on the page, in answers of the API, and in every file.
func TestReportsNameDeletedUsers(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Exec("UPDATE users SET name = 'Ada Gone' WHERE id = ?", g.Ada)
	g.Admin.Counted(webtest.Event(g.Key))
	g.Admin.API("DELETE", "/api/users/"+g.Ada, nil).Is(200)
	g.Admin.API("DELETE", fmt.Sprint("/api/access-profiles/", g.Work), nil).Is(200)
	for by, want := range map[string]string{"user": "Ada Gone", "profile": "Work"} {
		rows := webtest.Objects(g.Admin.Get("/api/usage?group_by=" + by).Is(200).JSON()["usage"])
		webtest.Same(t, "by "+by, rows[0]["name"], any(want))
		webtest.Same(t, "page by "+by, webtest.Text(g.Session.Get("/usage?group_by="+by).Is(200).All("th", "scope", "row")[0]), want)
		webtest.Same(t, "CSV by "+by, webtest.Table(t, g.Admin.Get("/api/usage/export?group_by="+by).Is(200).Body)[0]["name"], want)
	}
	focus := webtest.Table(t, g.Admin.Get("/api/usage/export?format=focus").Is(200).Body)[0]
	webtest.Same(t, "FOCUS", []string{focus["x_UserName"], focus["SubAccountName"]}, []string{"Ada Gone", "Work"})
	var chips []string
	for _, chip := range g.Session.Get(fmt.Sprint("/usage?user_id=", g.Ada, "&access_profile_id=", g.Work)).Is(200).All("a", "class", "chip") {
		chips = append(chips, webtest.Text(chip))
	}
	webtest.Same(t, "chips", chips, []string{"Ada Gone", "Work"})
}

// FOCUS types tools as tools.
func TestFOCUSTypesTools(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key))
	g.Admin.Counted(webtest.Object{"event_id": webtest.Event("")["event_id"], "virtual_key": g.Key, "mcp_client_id": "github", "tool_name": "create_issue", "cost": 1})
	var kinds []string
	for _, row := range webtest.Table(t, g.Admin.Get("/api/usage/export?format=focus").Is(200).Body) {
		kinds = append(kinds, fmt.Sprint(row["ResourceType"], " ", row["SkuMeter"], " of ", row["ServiceName"], ": ", row["ResourceId"]))
	}
	slices.Sort(kinds)
	webtest.Same(t, "kinds", kinds, []string{"Model Tokens of openai: gpt-4o", "Tool Tool Calls of github: github/create_issue"})
}
