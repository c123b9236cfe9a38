package web_test

import (
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/models/archive"
	"tollgate/models/audit"
	"tollgate/models/ledger"
	"tollgate/models/modelstest"
	"tollgate/views/ui"
	"tollgate/web/webtest"
)

// oldLog is a console whose first rows of the audit log are 200 days old, the next 100, and the last new.
func oldLog(t *testing.T) (c webtest.Cast, old, kept int) {
	c = webtest.NewCast(t)
	change := func() (last int64) {
		c.Admin.API("PUT", "/api/access-profiles/1", webtest.Object{"description": time.Now().String()}).Is(http.StatusOK)
		c.Scan(&last, "SELECT max(id) FROM audit_logs")
		return last
	}
	owner := c.Owner()
	first := change()
	old = c.Count("audit_logs")
	second := change()
	c.Must(modelstest.AgeAudit(t.Context(), owner, second, 100))
	c.Must(modelstest.AgeAudit(t.Context(), owner, first, 200))
	change()
	return c, old, c.Count("audit_logs") - old
}

// Audit rows go by whole months when they are old enough. The chain of those that are kept begins at a row that is
// signed, and pages and files say since when the log is kept.
func TestOldAuditRowsGo(t *testing.T) {
	c, old, kept := oldLog(t)
	drop := func(days int) error {
		b := ledger.NewReconciler(c.DB, slog.New(slog.DiscardHandler), ledger.Keep{Events: 90, Days: 800, Windows: 400, Audit: days})
		b.AuditKey = c.H.Keys.Audit
		c.Looked()
		c.Exec("UPDATE usage_sealing SET checked_at = NULL, lease_until = to_timestamp(0)")
		return b.Reconcile(t.Context())
	}
	for _, days := range []int{0, 110} {
		c.Must(drop(days))
		webtest.Same(t, "rows that are kept longer", c.Count("audit_logs"), old+kept)
	}
	webtest.Same(t, "the header without a need", c.Admin.Get("/api/access-profiles/audit-logs").Header.Get("X-Kept-Since"), "")
	// A row that was changed stays, and all others with it, so that it can be found.
	owner := c.Owner()
	for _, statement := range []string{
		"UPDATE audit_logs SET actor = actor || '!' WHERE id = 2", "UPDATE audit_logs SET actor = rtrim(actor, '!') WHERE id = 2",
	} {
		webtest.Same(t, "rows beside one that was changed", c.Count("audit_logs"), old+kept)
		c.Must(execAll(owner, statement))
		if err := drop(90); (err == nil) == strings.Contains(statement, "||") {
			t.Errorf("after %s: %v", statement, err)
		}
	}
	webtest.Same(t, "rows that are kept", c.Count("audit_logs"), kept)
	c.Fits(t, int64(kept))
	c.Must(drop(90))
	webtest.Same(t, "rows of the last months", c.Count("audit_logs"), kept)

	var since time.Time
	c.Scan(&since, "SELECT min(created_at) FROM audit_logs")
	since = since.UTC()
	answer := c.Admin.Get("/api/access-profiles/audit-logs").Is(http.StatusOK)
	webtest.Same(t, "the count of the API", answer.JSON()["total_count"], any(float64(kept)))
	webtest.Same(t, "the header of the API", answer.Header.Get("X-Kept-Since"), since.Format(time.RFC3339))
	session := c.Login(webtest.Admin)
	for _, page := range []string{"/audit", "/audit?action=purge", "/access-profiles/1/audit"} {
		if text := webtest.Text(session.Get(page).Is(http.StatusOK).One("main")); !strings.Contains(text, "Kept since "+ui.Moment(since)+"; earlier rows were dropped.") {
			t.Errorf("%s says %s", page, text)
		}
	}
	for _, format := range []string{"csv", "jsonl"} {
		name := session.Get("/audit/export?format=" + format).Is(http.StatusOK).Header.Get("Content-Disposition")
		webtest.Same(t, "the name of the file", name, `attachment; filename="audit-kept-since-`+since.Format(time.DateOnly)+`.`+format+`"`)
	}
}

// A month whose file is damaged or gone by the time that it is dropped stays, and is written again.
func TestDamagedFileKeepsItsMonth(t *testing.T) {
	c, old, kept := oldLog(t)
	folder := t.TempDir()
	drop := func() {
		t.Helper()
		b := ledger.NewReconciler(c.DB, slog.New(slog.DiscardHandler), ledger.Keep{Events: 90, Days: 800, Windows: 400, Audit: 90, Archive: folder})
		b.AuditKey = c.H.Keys.Audit
		c.Looked()
		c.Exec("UPDATE usage_sealing SET checked_at = NULL, lease_until = to_timestamp(0)")
		c.Must(b.Reconcile(t.Context()))
	}
	c.Must(audit.CloseMonths(t.Context(), c.DB, c.H.Keys.Audit, 90))
	for what, damage := range damages {
		_, err := archive.RunAudit(t.Context(), c.DB, folder, archive.Parquet)
		c.Must(err)
		var file string
		c.Scan(&file, "SELECT min(file) FROM audit_months")
		c.Must(damage(filepath.Join(folder, file)))
		drop()
		webtest.Same(t, what+": rows", c.Count("audit_logs"), old+kept)
	}
	drop()
	webtest.Same(t, "rows that are in a file", c.Count("audit_logs"), kept)
	verified, err := archive.Verify(t.Context(), c.DB, folder)
	c.Must(err)
	webtest.Same(t, "rows in files", verified.AuditRows, int64(old))
}

// A log without its first rows is whole only if a console has dropped them.
func TestAuditLogBeginsAtASignedRow(t *testing.T) {
	c, _, kept := oldLog(t)
	owner, key := c.Owner(), c.H.Keys.Audit
	c.Must(audit.CloseMonths(t.Context(), c.DB, key, 90))
	if _, err := c.DB.Exec("DELETE FROM audit_logs WHERE id = 1"); err == nil {
		t.Error("the console may delete audit rows")
	}
	months, err := audit.DropMonths(t.Context(), c.DB, key, func(_, _ audit.Month) error { return nil })
	if err != nil || len(months) != 0 {
		t.Errorf("dropped %v, %v before it is archived", months, err)
	}
	if months, err = audit.DropMonths(t.Context(), c.DB, key, nil); err != nil || len(months) != 1 {
		t.Fatalf("dropped %v, %v", months, err)
	}
	c.Fits(t, int64(kept))
	for what, key := range map[string][]byte{"no secret": nil, "another secret": []byte("another")} {
		if _, err := audit.Verify(t.Context(), c.DB, key); err == nil || errors.As(err, new(audit.Break)) {
			t.Errorf("with %s: %v", what, err)
		}
		if err := audit.CloseMonths(t.Context(), c.DB, key, 36); err == nil {
			t.Errorf("with %s a further month was closed", what)
		}
	}
	forged := `UPDATE audit_months AS m SET last_id = a.id, hash = a.hash FROM audit_logs AS a
WHERE a.id = (SELECT min(id) FROM audit_logs)`
	for _, damage := range [][]string{
		{"DELETE FROM audit_logs WHERE id = (SELECT min(id) FROM audit_logs)"},
		{"DELETE FROM audit_logs WHERE id = (SELECT max(id) FROM audit_logs)"},
		{"DELETE FROM audit_logs WHERE id = (SELECT id FROM audit_logs ORDER BY id OFFSET 1 LIMIT 1)"},
		{forged},
		{forged, "DELETE FROM audit_logs WHERE id = (SELECT min(id) FROM audit_logs)"},
		{"UPDATE audit_months SET hash = sha256(hash)"},
		{"UPDATE audit_months SET signature = sha256(signature)"},
		{"UPDATE audit_months SET dropped_at = NULL, signature = NULL"},
		{"DELETE FROM audit_months"},
		{"INSERT INTO audit_months SELECT '2000-01-01', rows, last_id, hash, file, sha256, dropped_at, signature FROM audit_months", "DELETE FROM audit_months WHERE month > '2000-01-01'"},
	} {
		c.Must(execAll(owner, "CREATE TABLE kept AS SELECT * FROM audit_logs", "CREATE TABLE months AS SELECT * FROM audit_months"))
		c.Must(execAll(owner, damage...))
		if _, err := audit.Verify(t.Context(), c.DB, key); err == nil {
			t.Errorf("after %s the log fits", damage)
		}
		c.Must(execAll(owner, "DELETE FROM audit_logs", "INSERT INTO audit_logs OVERRIDING SYSTEM VALUE SELECT * FROM kept", "DELETE FROM audit_months",
			"INSERT INTO audit_months SELECT * FROM months", "DROP TABLE kept, months"))
	}
	c.Fits(t, int64(kept))
}
