package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/dbtest"
	"tollgate/models/secret"
)

// copyOf restores a backup of a database beside it, and returns the owner's address of the copy.
func copyOf(t *testing.T, owner, name string) string {
	t.Helper()
	parts, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	source := strings.TrimPrefix(parts.Path, "/")
	parts.Path = "/postgres"
	beside := opened(t, parts.String())
	made := source + "_" + name
	for _, statement := range []string{
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + source + "'",
		fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", made, source),
	} {
		if _, err := beside.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if _, err := beside.Exec("DROP DATABASE " + made + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	parts.Path = "/" + made
	return parts.String()
}

// A copy that was restored fits, also when estimates in it have been replaced since; one whose events, counters or audit rows are not those of the live database does not.
func TestBackupVerify(t *testing.T) {
	t.Parallel()
	serving, owner := dbtest.URLs(t)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner, "TOLLGATE_SECRET="+secret.NewSecret())
	key := strings.TrimSpace(must(t, environment, "", "api-key", "create", "--name", "test"))
	c := start(t, environment)
	l := newServiceLoad(t, c, key)
	for l.counted.Load() < 10 {
		l.run(300*time.Millisecond, c)
	}
	estimate := l.call(fmt.Sprintf(`, "event_id": %q`, uuid.NewString()))
	c.demand(t, http.StatusOK, "POST", "/api/usage", key, strings.TrimSuffix(estimate, "}")+`, "cost": 1, "estimated": true}`)
	aged := opened(t, owner)
	if _, err := aged.Exec("UPDATE weekly_events SET received_at = received_at - interval '2 minutes' WHERE event_id IN (SELECT event_id FROM counted_events ORDER BY estimated DESC, event_id LIMIT 5)"); err != nil {
		t.Fatal(err)
	}
	if code := c.signal(t, syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	copied := copyOf(t, owner, "copy")
	c = start(t, environment)
	c.demand(t, http.StatusOK, "PUT", l.profile, key, `{"description": "after the backup"}`)
	c.demand(t, http.StatusOK, "POST", "/api/usage", key, strings.TrimSuffix(estimate, "}")+`, "cost": 1.5}`)
	l.run(200*time.Millisecond, c)
	said := must(t, environment, "", "backup", "verify", copied)
	if !regexp.MustCompile(`^The copy fits: \d+ audit rows, of which this database has [1-9]\d* more; [1-9]\d* counters; 5 events stored until `).MatchString(said) {
		t.Errorf("said %q", said)
	}
	for i, damage := range []struct{ statement, said string }{
		{"WITH unsealed AS (UPDATE usage_sealing SET sealed_until = '-infinity'), open AS (UPDATE limit_windows SET sealed = 0) " +
			"UPDATE weekly_events SET received_at = received_at - interval '1 day' WHERE received_at < (SELECT max(received_at) - interval '1 minute' FROM counted_events)", "the copy has"},
		{"WITH unsealed AS (UPDATE usage_sealing SET sealed_until = '-infinity'), open AS (UPDATE limit_windows SET sealed = 0) " +
			"UPDATE weekly_events SET cost = cost + CASE WHEN received_at < last.at - interval '1 minute' THEN 1 ELSE -1 END FROM (SELECT max(received_at) AS at FROM counted_events) AS last " +
			"WHERE event_id IN ((SELECT event_id FROM counted_events WHERE NOT estimated ORDER BY received_at LIMIT 1), (SELECT event_id FROM counted_events ORDER BY received_at DESC LIMIT 1))", "the copy has"},
		{"UPDATE limit_windows SET used = used + 1", "are not what their events add up to"},
		{"DELETE FROM audit_logs WHERE id = (SELECT min(id) + 1 FROM audit_logs)", "is broken at row"},
	} {
		damaged := copyOf(t, copied, fmt.Sprint(i))
		if _, err := opened(t, damaged).Exec(damage.statement); err != nil {
			t.Fatal(err)
		}
		if r := do(t, environment, "", "backup", "verify", damaged); r.code != exitFailure || !strings.Contains(r.stderr, damage.said) {
			t.Errorf("%s: exit code %d, said %q", damage.statement, r.code, r.stderr)
		}
	}
	other, _, _ := given(t)
	if r := do(t, other, "", "backup", "verify", copied); r.code != exitFailure || !strings.Contains(r.stderr, "is not in this database") {
		t.Errorf("a copy of another: exit code %d, said %q", r.code, r.stderr)
	}
}
