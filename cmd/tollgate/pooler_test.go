package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/models/dbtest"
	"tollgate/models/secret"
)

// freePort is one that no program listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// pooled is the address of a database through a pgbouncer that runs until the test ends.
func pooled(t *testing.T, mode string, addresses ...string) (through []string) {
	t.Helper()
	first, err := url.Parse(addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	// The program gives up root, and reads its files afterwards.
	folder, port := dataFolder(t), freePort(t)
	config := fmt.Sprintf("[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\nunix_socket_dir =\n"+
		"auth_type = trust\nauth_file = %s/users\npool_mode = %s\nlogfile =\npidfile =\n%s", first.Query().Get("host"), first.Query().Get("port"), port, folder, mode,
		map[string]string{"transaction": "default_pool_size = 4\n"}[mode])
	if os.Geteuid() == 0 {
		config += "user = " + ownerOf(t, first.Query().Get("host")) + "\n"
	}
	for name, content := range map[string]string{"pgbouncer.ini": config, "users": "\"tollgate\" \"\"\n\"tollgate_owner\" \"\"\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		t.Fatalf("%v: run make test, which unpacks it", err)
	}
	pgbouncer := exec.CommandContext(context.WithoutCancel(t.Context()), program, filepath.Join(folder, "pgbouncer.ini"))
	libraries, _ := filepath.Glob(filepath.Join(filepath.Dir(program), "../lib/*-linux-gnu"))
	pgbouncer.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	var log bytes.Buffer
	pgbouncer.Stderr = &log
	pgbouncer.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := pgbouncer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = pgbouncer.Process.Kill()
		_ = pgbouncer.Wait()
		if t.Failed() {
			t.Logf("pgbouncer:\n%.1000s", log.String())
		}
	})
	eventually(t, "pgbouncer listens", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		return err == nil && conn.Close() == nil
	})
	for _, address := range addresses {
		parts, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		through = append(through, fmt.Sprintf("postgres://%s@127.0.0.1:%s%s?sslmode=disable", parts.User.Username(), port, parts.Path))
	}
	return through
}

// ownerOf is who may reach the socket of a database server.
func ownerOf(t *testing.T, folder string) string {
	t.Helper()
	found, err := os.Stat(folder)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := user.LookupId(strconv.Itoa(int(found.Sys().(*syscall.Stat_t).Uid)))
	if err != nil {
		t.Fatal(err)
	}
	return owner.Username
}

// behindPooler are two consoles behind a pooler, under load. In session mode it is one: pgbouncer gives a user 20 sessions
// unless told otherwise, and a console keeps twelve.
func behindPooler(t *testing.T, mode string, settings ...string) (l *serviceLoad, first *instance, verify func()) {
	t.Helper()
	serving, owner := dbtest.URLs(t)
	through := pooled(t, mode, serving, owner)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+through[0], "TOLLGATE_MIGRATE_URL="+through[1], "TOLLGATE_SECRET="+secret.NewSecret())
	environment = append(environment, settings...)
	key := strings.TrimSpace(must(t, environment, "", "api-key", "create", "--name", "load"))
	first, second := start(t, environment), &instance{log: &lines{}}
	consoles := []*instance{first}
	if mode == "transaction" {
		second = start(t, environment)
		consoles = append(consoles, second)
	}
	l = newServiceLoad(t, first, key)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the consoles log:\n%s%s", first.log.complaints(), second.log.complaints())
		}
	})
	for range 3 { // a machine that stands still for two seconds puts requests off
		l.clear()
		l.run(time.Duration(rounds(10)+1)*time.Second, consoles...)
		if l.failed(t) || len(l.wrong("503")) == 0 {
			break
		}
		l.putOff = true
	}
	return l, first, func() {
		t.Helper()
		if stored := number(t, opened(t, owner), "SELECT count(*) FROM counted_events"); stored != l.counted.Load() {
			t.Errorf("%d events are stored, %d were acknowledged", stored, l.counted.Load())
		}
		must(t, environment, "", "ledger", "verify")
		must(t, environment, "", "audit", "verify")
	}
}

// A pooler that keeps a session for each connection needs no setting.
func TestBehindPoolerOfSessions(t *testing.T) {
	t.Parallel()
	l, first, verify := behindPooler(t, "session")
	l.fitsIn(t)
	l.failed(t, "503")
	verify()
	for line := range strings.Lines(first.log.complaints()) {
		busy := l.putOff || strings.Contains(line, "deadline exceeded") || strings.Contains(line, "status=503")
		if !busy {
			t.Errorf("logged %s", line)
		}
	}
}

// A pooler that changes the session with each transaction needs one setting; the role then has the limits.
func TestBehindPoolerOfTransactions(t *testing.T) {
	t.Parallel()
	l, first, verify := behindPooler(t, "transaction", "TOLLGATE_DATABASE_POOLER=1")
	l.fitsIn(t)
	l.failed(t, "503")
	verify()
	for _, limit := range []string{"statement_timeout = '5s'", "lock_timeout = '2s'", "idle_in_transaction_session_timeout = '10s'"} {
		if complaints := first.log.complaints(); !strings.Contains(complaints, "ALTER ROLE tollgate SET "+limit) {
			t.Errorf("%s is not missed: %s", limit, complaints)
		}
	}
}

// The twin of TestBehindPoolerOfTransactions: without the setting, statements that were prepared are gone or there
// already. That is answered as busy, never as a fault of the console.
func TestTwinOfBehindPooler(t *testing.T) {
	t.Parallel()
	serving, owner := dbtest.URLs(t)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner, "TOLLGATE_SECRET="+secret.NewSecret())
	key := strings.TrimSpace(must(t, environment, "", "api-key", "create", "--name", "load"))
	environment = append(environment, "DATABASE_URL="+pooled(t, "transaction", serving)[0])
	first, second := start(t, environment), start(t, environment)
	l := &serviceLoad{key: key, profile: "/api/access-profiles", seen: map[string]int{}}
	eventually(t, "a request meets another session", func() bool {
		l.run(100*time.Millisecond, first, second)
		return len(l.wrong("503")) > 0
	})
	for _, wrong := range l.wrong() {
		if strings.Contains(wrong, " 500 ") {
			t.Error(wrong)
		}
	}
}
