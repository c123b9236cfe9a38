package main

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tollgate/models/dbtest"
	"tollgate/models/modelstest"
	"tollgate/models/secret"
)

// Months of the audit log are archived before they are dropped, and the files continue the chain. What is left fits
// from a row on that the console has signed.
func TestArchiveOfTheAuditLog(t *testing.T) {
	t.Parallel()
	serving, owner := dbtest.URLs(t)
	own := secret.NewSecret()
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner, "TOLLGATE_SECRET="+own)
	folder := t.TempDir()
	keeping := func(days string) []string {
		return append(environment, "TOLLGATE_ARCHIVE="+folder, "TOLLGATE_KEEP_AUDIT="+days)
	}
	must(t, environment, "", "api-key", "create", "--name", "first")
	db := opened(t, owner)
	var ends []int64
	for _, name := range []string{"second", "third", "fourth"} {
		ends = append(ends, number(t, db, "SELECT max(id) FROM audit_logs"))
		must(t, environment, "", "api-key", "create", "--name", name)
	}
	for i, end := range slices.Backward(ends) {
		if err := modelstest.AgeAudit(t.Context(), db, end, 100*(len(ends)-i)); err != nil {
			t.Fatal(err)
		}
	}
	all := number(t, db, "SELECT count(*) FROM audit_logs")
	if said := must(t, append(environment, "TOLLGATE_ARCHIVE="+folder), "", "archive", "run", "--format", "csv"); said != "No further week is over.\n" {
		t.Errorf("a log that is kept forever: %q", said)
	}
	if said := must(t, keeping("150d"), "", "archive", "run", "--format", "csv"); strings.Count(said, "The audit log of ") != 1 {
		t.Errorf("the first month: %q", said)
	}
	checkDamage(t, keeping("150d"), filepath.Join(folder, "audit", "month=*", "part-000.csv.zst"), []string{"archive", "verify"})
	if left := number(t, db, "SELECT count(*) FROM audit_logs"); left != all {
		t.Errorf("%d of %d rows are left before they may go", left, all)
	}

	copied := copyOf(t, owner, "copy")
	_, err := opened(t, copied).Exec(`DELETE FROM audit_logs WHERE id > ?;
UPDATE audit_head SET hash = (SELECT hash FROM audit_logs ORDER BY id DESC LIMIT 1)`, ends[0])
	if err != nil {
		t.Fatal(err)
	}
	db = opened(t, owner)
	c := start(t, keeping("90d"))
	eventually(t, "the rows of two months are dropped", func() bool {
		return number(t, db, "SELECT count(*) FROM audit_logs WHERE id <= ?", ends[1]) == 0
	})
	if code := c.signal(t, syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	if said := must(t, keeping("90d"), "", "archive", "verify"); !strings.HasPrefix(said, "All 2 files with 0 events and ") {
		t.Errorf("said %q", said)
	}
	checkDamage(t, keeping("90d"), filepath.Join(folder, "audit", "month=*", "part-000.parquet"), []string{"archive", "verify"})
	if said := must(t, environment, "", "audit", "verify"); !strings.Contains(said, " rows of the audit log, which is kept since ") {
		t.Errorf("said %q", said)
	}
	for what, value := range map[string]string{"the secret of another": secret.NewSecret(), "no secret": ""} {
		if r := do(t, append(environment, "TOLLGATE_SECRET="+value), "", "audit", "verify"); r.code != exitFailure || !strings.Contains(r.stderr, "TOLLGATE_SECRET") {
			t.Errorf("%s: exit code %d, said %q", what, r.code, r.stderr)
		}
	}
	if r := do(t, environment, "", "backup", "verify", copied); r.code != exitFailure || !strings.Contains(r.stderr, "is older than those of this database") {
		t.Errorf("a copy from before: exit code %d, said %q", r.code, r.stderr)
	}
	if said := must(t, environment, "", "backup", "verify", copyOf(t, owner, "later")); !strings.HasPrefix(said, "The copy fits: ") {
		t.Errorf("a copy that begins at the same row: said %q", said)
	}
	db = opened(t, owner)
	if _, err := db.Exec("DELETE FROM audit_logs WHERE id = ?", ends[2]); err != nil {
		t.Fatal(err)
	}
	if r := do(t, environment, "", "audit", "verify"); r.code != exitFailure || !strings.Contains(r.stderr, "the audit log is broken at row ") {
		t.Errorf("a row in the middle is gone: exit code %d, said %q", r.code, r.stderr)
	}
}
