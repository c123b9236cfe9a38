package pgserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/models/modelstest"
	"tollgate/models/pgserver"
)

const helperDir = "TOLLGATE_TEST_SUPERVISE"

func TestPostgresServesOneConsoleAtATime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := passableDir(t)
	server := startPostgres(t, dir)
	remember(t, server.URL("tollgate_owner"))

	_, err := pgserver.Start(ctx, pgserver.Config{Dir: dir})
	var inUse pgserver.InUseError
	if !errors.As(err, &inUse) || inUse != (pgserver.InUseError{Dir: dir, PID: os.Getpid()}) {
		t.Errorf("a second start: %v", err)
	}
	joined, err := pgserver.Join(ctx, dir)
	if err != nil || joined.URL("tollgate") != server.URL("tollgate") {
		t.Errorf("joined %q: %v", joined.URL("tollgate"), err)
	}
	db := modelstest.Open(t, server.URL("tollgate"))
	var powers string
	if err := db.QueryRow("SELECT concat(rolsuper, rolcreatedb, rolcreaterole) " +
		"FROM pg_roles WHERE rolname = current_user").Scan(&powers); err != nil || powers != "fff" {
		t.Errorf("the serving role has powers %s: %v", powers, err)
	}
	if err := server.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	<-server.Done()
	if err := server.Stop(ctx); err != nil {
		t.Errorf("stop again: %v", err)
	}
	soon, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if _, err := pgserver.Join(soon, dir); !errors.Is(err, pgserver.ErrNotRunning) {
		t.Errorf("join a stopped server: %v", err)
	}
	assertRemembered(t, startPostgres(t, dir))
}

func TestPostgresLogs(t *testing.T) {
	t.Parallel()
	var log strings.Builder // complete when the server has ended
	server, err := pgserver.Start(t.Context(), pgserver.Config{
		Dir:      passableDir(t),
		Settings: map[string]string{"fsync": "off"},
		Log:      slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	db := modelstest.Open(t, server.URL("tollgate"))
	modelstest.Run(t, db, "SELECT 'connected'")
	if _, err := db.Exec("SELECT 'a secret' / 0"); err == nil {
		t.Error("a failing statement succeeded")
	}
	if err := modelstest.Open(t, server.URL("stranger")).Ping(); err == nil {
		t.Error("a role that does not exist was let in")
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	var failures []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "level=ERROR") {
			failures = append(failures, line)
		}
	}
	if len(failures) != 1 || !strings.Contains(failures[0], "stranger") {
		t.Errorf("logged as errors: %q", failures)
	}
	if !strings.Contains(log.String(), "level=DEBUG") || strings.Contains(log.String(), "SELECT") {
		t.Errorf("logged: %s", log.String())
	}
}

// Where nothing reaps the dead, a process id in a stale file seems to be alive.
func TestPostgresStartsBesideStaleFiles(t *testing.T) {
	t.Parallel()
	alive, dir := passableDir(t), passableDir(t)
	startPostgres(t, alive)
	if err := startPostgres(t, dir).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, stale := range []string{"data/postmaster.pid", "run/.s.PGSQL.5432", "run/.s.PGSQL.5432.lock"} {
		content := fmt.Sprintf("%d\n", postmasterPID(t, alive))
		if err := os.WriteFile(filepath.Join(dir, stale), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	startPostgres(t, dir)
}

func TestPostgresSaysWhyItDoesNotStart(t *testing.T) {
	t.Parallel()
	_, err := pgserver.Start(t.Context(), pgserver.Config{
		Dir:      passableDir(t),
		Settings: map[string]string{"fsync": "off", "shared_buffers": "plenty"},
	})
	if err == nil || !strings.Contains(err.Error(), `"shared_buffers"`) {
		t.Errorf("an unusable setting: %v", err)
	}
}

func TestPostgresKeepsDataOfAnotherVersion(t *testing.T) {
	t.Parallel()
	dir := passableDir(t)
	marker := filepath.Join(dir, "data/PG_VERSION")
	if err := os.MkdirAll(filepath.Dir(marker), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(marker, []byte("9.6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := pgserver.Start(t.Context(), pgserver.Config{Dir: dir})
	var version pgserver.VersionError
	if !errors.As(err, &version) || version.Data != "9.6" || len(version.Installed) == 0 {
		t.Errorf("data of version 9.6: %v", err)
	}
	if content, err := os.ReadFile(marker); err != nil || string(content) != "9.6\n" {
		t.Errorf("the data was touched: %q, %v", content, err)
	}
}

func TestPostgresNamesTheFolderThatKeepsItOut(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root starts the server as another user")
	}
	t.Parallel()
	dir := t.TempDir()
	_, err := pgserver.Start(t.Context(), pgserver.Config{Dir: filepath.Join(dir, "deep/down")})
	if err == nil || !strings.Contains(err.Error(), "may not enter "+filepath.Dir(dir)+";") {
		t.Errorf("a closed folder above: %v", err)
	}
}

func TestPostgresFindsASocketForALongPath(t *testing.T) {
	t.Setenv("TMPDIR", passableDir(t))
	dir := filepath.Join(passableDir(t), strings.Repeat("long", 40))
	server := startPostgres(t, dir)
	joined, err := pgserver.Join(t.Context(), dir)
	if err != nil || joined.URL("tollgate") != server.URL("tollgate") {
		t.Errorf("joined %q, not %q: %v", joined.URL("tollgate"), server.URL("tollgate"), err)
	}
	remember(t, joined.URL("tollgate_owner"))
	assertRemembered(t, server)
}

func TestPostgresRecoversFromItsOwnCrash(t *testing.T) {
	t.Parallel()
	dir := passableDir(t)
	server := startPostgres(t, dir)
	remember(t, server.URL("tollgate_owner"))

	if err := syscall.Kill(postmasterPID(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-server.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the end of the server was not noticed")
	}
	if err := server.Stop(t.Context()); err == nil {
		t.Error("the crash went unreported")
	}
	assertRemembered(t, startPostgres(t, dir))
}

// The test runs itself once more as the console that is killed.
func TestPostgresRecoversFromAKilledConsole(t *testing.T) {
	if dir := os.Getenv(helperDir); dir != "" {
		remember(t, startPostgres(t, dir).URL("tollgate_owner"))
		fmt.Println("\nacknowledged")
		select {}
	}
	t.Parallel()
	dir := passableDir(t)
	console := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	console.Env = append(os.Environ(), helperDir+"="+dir)
	output, err := console.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := console.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() && lines.Text() != "acknowledged" {
		t.Log(lines.Text())
	}
	orphan := postmasterPID(t, dir)
	if err := console.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = console.Wait() // it was killed

	server := startPostgres(t, dir)
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", orphan)); err == nil && strings.HasPrefix(cwd, dir) {
		t.Error("the killed console's server goes on beside the new one")
	}
	assertRemembered(t, server)
}

// passableDir is a folder that the server's own user may pass through.
func passableDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func startPostgres(t *testing.T, dir string) *pgserver.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, err := pgserver.Start(ctx, pgserver.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop(context.Background()) })
	return server
}

func postmasterPID(t *testing.T, dir string) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "data/postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func remember(t *testing.T, url string) {
	t.Helper()
	if _, err := modelstest.Open(t, url).Exec("CREATE TABLE kept AS SELECT 42 AS answer"); err != nil {
		t.Fatal(err)
	}
}

func assertRemembered(t *testing.T, server *pgserver.Server) {
	t.Helper()
	var answer int
	err := modelstest.Open(t, server.URL("tollgate_owner")).QueryRow("SELECT answer FROM kept").Scan(&answer)
	if err != nil || answer != 42 {
		t.Errorf("the acknowledged row is now %d: %v", answer, err)
	}
}
