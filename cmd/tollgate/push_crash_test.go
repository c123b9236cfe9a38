package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/pgserver"
)

// privateDatabase is that of the console in a folder, for the owner of its tables.
func privateDatabase(t *testing.T, dir string) *bun.DB {
	t.Helper()
	socket, err := pgserver.Join(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, socket.URL("tollgate_owner"))
}

// opened is a database for the statements and locks of a test, however long they take on a busy machine.
func opened(t *testing.T, url string) *bun.DB {
	t.Helper()
	db, err := database.Open(url + "&idle_in_transaction_session_timeout=0&statement_timeout=60s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// number is what a query says.
func number(t *testing.T, db bun.IDB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.NewRaw(query, args...).Scan(t.Context(), &n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// demand sends JSON and returns what is answered; it has to be this status. Like a client it repeats what is put off.
func (c *instance) demand(t *testing.T, status int, method, path, key, body string) (answered map[string]any) {
	t.Helper()
	var got int
	var answer []byte
	eventually(t, method+" "+path+" is not put off", func() bool {
		got, answer = c.ask(t, method, c.address+path, key, body)
		return got == status || !putOff(got, answer)
	})
	if err := json.Unmarshal(answer, &answered); err != nil || got != status {
		t.Fatalf("%s %s: %d %s: %v", method, path, got, answer, err)
	}
	return answered
}

const holders = 600 // more than a push changes at once

// holdersOf gives a profile to many, of whom one has used some of it, and returns its path and a holder.
func (c *instance) holdersOf(t *testing.T, db *bun.DB, key, name string) (profile, user string) {
	t.Helper()
	body := fmt.Sprintf(`{"name": %q, "budgets": [{"max_limit": 10, "reset_duration": "1M"}, {"max_limit": 5, "reset_duration": "1d"}]}`, name)
	made := c.demand(t, http.StatusCreated, "POST", "/api/access-profiles", key, body)["access_profile"].(map[string]any)
	profile = fmt.Sprintf("/api/access-profiles/%v", made["id"])
	role := number(t, db, "INSERT INTO roles (name, name_key, created_at, updated_at) VALUES (?0, ?0, now(), now()) RETURNING id", strings.ToLower(name))
	if _, err := db.NewRaw(`INSERT INTO users (id, name, email, email_key, role_id)
SELECT gen_random_uuid(), n, n || ?0 || '@example.org', n || ?0 || '@example.org', ?1 FROM generate_series(1, ?2) AS n`,
		strings.ToLower(strings.ReplaceAll(name, " ", "")), role, holders).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.demand(t, http.StatusOK, "POST", profile+"/roles", key, fmt.Sprintf(`{"role_ids": [%d], "apply_to_existing": true}`, role))
	if err := db.NewRaw("SELECT user_id FROM user_access_profiles WHERE access_profile_id = ? ORDER BY id DESC LIMIT 1", made["id"]).Scan(t.Context(), &user); err != nil {
		t.Fatal(err)
	}
	c.demand(t, http.StatusOK, "POST", "/api/usage", key, fmt.Sprintf(`{"event_id": %q, "user_id": %q, "provider": "openai", "model": "m", "cost": 3}`, uuid.NewString(), user))
	return profile, user
}

// I-15: a console that is killed between two parts of a push, in the middle of the second, leaves nothing that the next
// one does not finish as if nothing had been.
func TestKilledConsoleFinishesItsPush(t *testing.T) {
	t.Parallel()
	dir := migratedFolder(t)
	key := strings.TrimSpace(must(t, inFolder(dir), "", "api-key", "create", "--name", "test"))
	for round := range rounds(5) {
		c := start(t, inFolder(dir))
		db := privateDatabase(t, dir)
		profile, user := c.holdersOf(t, db, key, fmt.Sprint("Round ", round))
		var id int64
		fmt.Sscanf(profile, "/api/access-profiles/%d", &id)
		spent := func(db bun.IDB) int64 {
			return number(t, db, `SELECT coalesce(sum(w.used), 0) FROM limit_windows AS w JOIN limit_lines AS b ON b.id = w.line_id AND b.kind = w.kind
JOIN user_access_profiles AS c USING (policy_id) WHERE c.user_id = ?`, user)
		}
		before := spent(db)
		if before != 6_000_000_000 {
			t.Fatalf("round %d: %d spent of two budgets", round, before)
		}
		c.demand(t, http.StatusOK, "PUT", profile, key, `{"budgets": [{"max_limit": 20, "reset_duration": "1M"}, {"max_limit": 6, "reset_duration": "1d"}], "calendar_aligned": true}`)
		number(t, db, `UPDATE user_access_profiles SET expires_at = now() - interval '1 day', direct = true, from_role = false
WHERE id = (SELECT min(id) FROM user_access_profiles WHERE access_profile_id = ?) RETURNING 1`, id)

		holding, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		number(t, holding, "SELECT id FROM user_access_profiles WHERE user_id = ? FOR UPDATE", user)
		go func() { _, _, _ = c.try(t, "POST", c.address+profile+"/propagate", key, `{"fields": ["budgets"]}`) }()
		done := func(state string) int64 {
			return number(t, db, "SELECT count(*) FROM propagation_items JOIN propagation_jobs ON id = job_id WHERE access_profile_id = ? AND propagation_items.state = ?", id, state)
		}
		eventually(t, "the second part of the push waits for the copy that is held", func() bool {
			return done("done") > 0 && number(t, db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%user_access_profiles%'") > 0
		})
		first := done("done")
		c.signal(t, syscall.SIGKILL)
		_ = holding.Rollback() // the server has ended with its console

		c = start(t, inFolder(dir))
		db = privateDatabase(t, dir)
		eventually(t, "the push is done", func() bool {
			return number(t, db, "SELECT count(*) FROM propagation_jobs WHERE access_profile_id = ? AND state = 'done'", id) == 1
		})
		if first == 0 || first >= holders-1 || done("done") != holders-1 || done("skipped") != 1 {
			t.Errorf("round %d: %d done before, %d after, %d skipped", round, first, done("done"), done("skipped"))
		}
		wrong := number(t, db, `SELECT count(*) FROM user_access_profiles AS c JOIN access_profiles AS a ON a.id = c.access_profile_id JOIN policies AS p ON p.id = c.policy_id
WHERE a.id = ? AND c.expires_at IS NULL AND (c.template_version <> a.version OR NOT p.calendar_aligned
    OR (SELECT string_agg(reset_duration || max_limit, ' ' ORDER BY reset_duration) FROM limit_lines WHERE policy_id = p.id) IS DISTINCT FROM '1M20000000000 1d6000000000')`, id)
		if wrong > 0 {
			t.Errorf("round %d: %d copies are not what the push makes of them", round, wrong)
		}
		if old := number(t, db, `SELECT count(*) FROM user_access_profiles AS c JOIN limit_lines AS b USING (policy_id)
WHERE access_profile_id = ? AND expires_at IS NOT NULL AND template_version = 1 AND b.max_limit IN (10000000000, 5000000000)`, id); old != 2 {
			t.Errorf("round %d: the copy that has expired has %d of its two budgets", round, old)
		}
		if twice := number(t, db, `SELECT count(*) - count(DISTINCT u) + abs(count(*) - ?) FROM (SELECT jsonb_array_elements_text(metadata::jsonb->'user_ids') AS u
FROM audit_logs WHERE action = 'propagate' AND access_profile_id = ?) AS named`, holders-1, id); twice != 0 {
			t.Errorf("round %d: the audit log does not name each holder once", round)
		}
		if after := spent(db); after != before {
			t.Errorf("round %d: %d spent before the push, %d after", round, before, after)
		}
		must(t, inFolder(dir), "", "audit", "verify")
		must(t, inFolder(dir), "", "ledger", "verify")
		c.signal(t, syscall.SIGTERM)
	}
	if left := serverProcesses(t, dir); left != nil {
		t.Errorf("left running: %v", left)
	}
}
