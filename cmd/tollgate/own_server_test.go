package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/models/dbtest"
	"tollgate/models/pgserver"
	"tollgate/models/secret"
)

// ownServer is a database server that consoles of a test share, and that the test may stop.
type ownServer struct {
	*pgserver.Server
	dir         string
	environment []string
	key         string // an API key for everything
}

func newOwnServer(t *testing.T) ownServer {
	t.Helper()
	dir := migratedFolder(t)
	server := dbtest.StartServer(t, dir, nil)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+server.URL("tollgate"),
		"TOLLGATE_MIGRATE_URL="+server.URL("tollgate_owner"), "TOLLGATE_SECRET="+secret.NewSecret())
	return ownServer{server, dir, environment, strings.TrimSpace(must(t, environment, "", "api-key", "create", "--name", "test"))}
}

// program is one of PostgreSQL's, of the version of the server.
func (s ownServer) program(t *testing.T, name string) string {
	t.Helper()
	running, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", postmaster(t, s.dir)))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(running), name)
}

// baseBackup is a copy of the server's folder that pg_basebackup makes while it runs, with empty files added.
func (s ownServer) baseBackup(t *testing.T, added ...string) (dir string) {
	t.Helper()
	dir = dataFolder(t)
	data := filepath.Join(dir, "data")
	runs(t, s.program(t, "pg_basebackup"), "--pgdata="+data, "--checkpoint=fast", "--dbname="+s.URL("tollgate_owner"))
	for _, name := range added {
		if err := os.WriteFile(filepath.Join(data, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runs(t, "chown", "-R", "--reference="+filepath.Join(s.dir, "data"), data)
	return dir
}

func runs(t *testing.T, program string, arguments ...string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), program, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(arguments, " "), err, output)
	}
}

// A console that is given a standby reads reports from it.
func TestConsoleReadsFromAReplica(t *testing.T) {
	t.Parallel()
	s := newOwnServer(t)
	standby := dbtest.StartServer(t, s.baseBackup(t, "standby.signal"), map[string]string{"primary_conninfo": s.URL("tollgate_owner")})
	c := start(t, append(s.environment, "TOLLGATE_REPLICA_URL="+standby.URL("tollgate")))
	eventually(t, "the replica answers", func() bool {
		request, err := http.NewRequestWithContext(t.Context(), "GET", c.address+"/api/usage", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+s.key)
		answer, err := http.DefaultClient.Do(request)
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK && answer.Header.Get("X-Data-As-Of") != ""
	})
	if _, metrics := c.get(t, c.address+"/metrics", s.key); !strings.Contains(string(metrics), `tollgate_replica_reads_total{server="replica"} `) {
		t.Errorf("the metrics are %s", metrics)
	}
}

// A console that starts while its database is away, or is a standby, ends, also with a spool: what supervises it tries
// again.
func TestConsoleStartsOnThePrimaryAlone(t *testing.T) {
	t.Parallel()
	s := newOwnServer(t)
	standby := dbtest.StartServer(t, s.baseBackup(t, "standby.signal"), nil)
	for address, said := range map[string]string{
		standby.URL("tollgate"):                    "standby",
		"postgres://tollgate@127.0.0.1:1/tollgate": "connection refused",
	} {
		r := do(t, append(slices.Clip(s.environment), "DATABASE_URL="+address, "TOLLGATE_MIGRATE_URL=", "TOLLGATE_SPOOL="+t.TempDir()), "", "serve")
		if r.code != exitFailure || !strings.Contains(r.stderr, said) {
			t.Errorf("%s: %+v", address, r)
		}
	}
}

// Consoles share what may be allowed from memory: one of two has half of it.
func TestConsolesShareWhatIsAllowedFromMemory(t *testing.T) {
	t.Parallel()
	s := newOwnServer(t)
	first := start(t, s.environment)
	l, second := newServiceLoad(t, first, s.key), start(t, s.environment)
	first.demand(t, http.StatusOK, "PUT", l.profile, s.key, `{"fail_open_for": 60, "rate_limit": {"request_max_limit": 10, "request_reset_duration": "1d"}}`)
	l.user = l.addUser(t, first, "open@example.com")
	// Once the second console has seen a later change, no poll evicts this user any more.
	last := &serviceLoad{}
	last.user = l.addUser(t, first, "last@example.com")
	decides := func(l *serviceLoad, decision string) bool {
		_, answer := second.ask(t, "POST", second.address+"/api/decisions", s.key, l.call(""))
		return strings.Contains(string(answer), `"decision":`+decision)
	}
	eventually(t, "the last user's call is allowed", func() bool { return decides(last, "true") })
	first.demand(t, http.StatusOK, "DELETE", "/api/users/"+last.user, s.key, "")
	eventually(t, "the last user's call is refused", func() bool { return decides(last, "false") })
	eventually(t, "a call is allowed", func() bool { return decides(l, "true") })
	for _, pid := range serverProcesses(t, s.dir) {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	}
	eventually(t, "calls are allowed from memory", func() bool {
		_, said := second.readiness(t)
		return said == "ready from memory: the database is away"
	})
	allowed := 0
	for allowed < 10 {
		if status, _ := second.ask(t, "POST", second.address+"/api/decisions", s.key, l.call("")); status != http.StatusOK {
			break
		}
		allowed++
	}
	if allowed != 3 {
		t.Errorf("%d calls of 10 are allowed, of which each of two consoles has half, to 90 %%", allowed)
	}
}

// What PostgreSQL's own programs have backed up is restored whole.
func TestBackupsOfPostgreSQLFit(t *testing.T) {
	t.Parallel()
	s := newOwnServer(t)
	c := start(t, s.environment)
	l := newServiceLoad(t, c, s.key)
	for l.counted.Load() < 10 {
		l.run(300*time.Millisecond, c)
	}
	owner := opened(t, s.URL("tollgate_owner"))
	if _, err := owner.Exec("CREATE DATABASE dumped"); err != nil {
		t.Fatal(err)
	}
	dumped := strings.Replace(s.URL("tollgate_owner"), "/tollgate?", "/dumped?", 1)
	file := filepath.Join(t.TempDir(), "dump")
	runs(t, s.program(t, "pg_dump"), "--format=custom", "--file="+file, s.URL("tollgate_owner"))
	runs(t, s.program(t, "pg_restore"), "--exit-on-error", "--dbname="+dumped, file)
	copied := dbtest.StartServer(t, s.baseBackup(t), nil)
	l.run(300*time.Millisecond, c)
	for _, backup := range []string{dumped, copied.URL("tollgate_owner")} {
		if said := must(t, s.environment, "", "backup", "verify", backup); !strings.HasPrefix(said, "The copy fits: ") {
			t.Errorf("%s: said %q", backup, said)
		}
	}
}

// A console starts with the roles and the database that operations.md makes; the one that serves owns no table.
func TestRolesOfOperations(t *testing.T) {
	t.Parallel()
	s := newOwnServer(t)
	_, statements, _ := strings.Cut(readPage(t, "../../docs/operations.md"), "```sql\n")
	statements, _, _ = strings.Cut(statements, "```")
	owner := opened(t, s.URL("tollgate_owner"))
	for statement := range strings.SplitSeq(strings.TrimSpace(statements), ";\n") {
		statement = strings.ReplaceAll(statement, "tollgate", "console") // the server has such roles already
		if _, err := owner.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	address := func(role string) string {
		return strings.Replace(s.URL(role), "/tollgate?", "/console?", 1)
	}
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+address("console"), "TOLLGATE_MIGRATE_URL="+address("console_owner"), "TOLLGATE_SECRET="+secret.NewSecret())
	c := start(t, environment)
	key := strings.TrimSpace(must(t, environment, "", "api-key", "create", "--name", "test"))
	createProfile(t, c, key, "Made")
	if n := number(t, opened(t, address("console")), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'console_owner'"); n != 0 {
		t.Errorf("%d tables are not the owner's", n)
	}
}
