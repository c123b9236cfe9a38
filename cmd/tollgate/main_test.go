package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take on a busy machine.
const patience = time.Minute

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tollgate")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "tollgate")
		build := exec.Command("go", "build", "-tags=nomsgpack", "-buildvcs=false", "-ldflags=-X main.version=v0.0.0-test", "-o", binary, ".")
		if output, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, output)
			return 1
		}
		defer func() { os.RemoveAll(copied) }()
		return m.Run()
	}())
}

// dataFolder is an empty folder, in memory when there is room, that the server's user may pass through to.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir, err := newFolder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// migratedFolder is a data folder with a database, of which making one takes longer than copying it.
func migratedFolder(t *testing.T) string {
	t.Helper()
	made, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	dir := dataFolder(t)
	if output, err := exec.CommandContext(t.Context(), "cp", "-a", made+"/.", dir).CombinedOutput(); err != nil {
		t.Fatalf("copy a data folder: %v\n%s", err, output)
	}
	return dir
}

var copied string // the folder that is copied, "" before the first copy

var migrated = sync.OnceValues(func() (string, error) {
	var err error
	if copied, err = newFolder(); err != nil {
		return "", err
	}
	if output, err := command(context.Background(), inFolder(copied), "migrate").CombinedOutput(); err != nil {
		return "", fmt.Errorf("make a data folder: %w\n%s", err, output)
	}
	return copied, nil
})

func newFolder() (string, error) {
	base := os.TempDir()
	var space syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &space); err == nil && space.Bavail*uint64(space.Bsize) > 1<<30 {
		base = "/dev/shm"
	}
	dir, err := os.MkdirTemp(base, "tollgate-cmd-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// inFolder is the environment of a console with a private database, on a port of its own.
func inFolder(dir string) []string {
	return []string{"TOLLGATE_DATA_DIR=" + dir, "TOLLGATE_ADDR=127.0.0.1:0", "TOLLGATE_DRAIN=0"}
}

func command(ctx context.Context, environment []string, arguments ...string) *exec.Cmd {
	return commandOf(ctx, binary, environment, arguments...)
}

func commandOf(ctx context.Context, program string, environment []string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, arguments...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, environment...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

// result is what a command that ran to its end has left.
type result struct {
	code           int
	stdout, stderr string
}

// do runs a command to its end.
func do(t *testing.T, environment []string, stdin string, arguments ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := command(ctx, environment, arguments...)
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := c.Run()
	if c.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("tollgate %s: %v\n%s", strings.Join(arguments, " "), err, stderr.String())
	}
	return result{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// must runs a command that has to succeed and returns what it prints.
func must(t *testing.T, environment []string, stdin string, arguments ...string) string {
	t.Helper()
	r := do(t, environment, stdin, arguments...)
	if r.code != 0 {
		t.Fatalf("tollgate %s: exit code %d\n%s", strings.Join(arguments, " "), r.code, r.stderr)
	}
	return r.stdout
}

// instance is a running console.
type instance struct {
	process *os.Process
	address string // http://127.0.0.1:PORT
	banner  []string
	log     *lines
	ended   chan struct{}
	state   *os.ProcessState // readable once ended is closed
}

// start runs a console until it says what it serves; it is killed with the test.
func start(t *testing.T, environment []string) *instance {
	t.Helper()
	return startOf(t, binary, environment)
}

// startOf runs a console of some release.
func startOf(t *testing.T, program string, environment []string) *instance {
	t.Helper()
	c := commandOf(context.Background(), program, environment)
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	running := &instance{log: &lines{}, ended: make(chan struct{})}
	c.Stderr = running.log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	running.process = c.Process
	announced := make(chan struct{})
	go func() {
		output := bufio.NewScanner(stdout)
		for len(running.banner) < 5 && output.Scan() {
			running.banner = append(running.banner, output.Text())
		}
		close(announced)
		for output.Scan() {
			running.log.Write(append(output.Bytes(), '\n'))
		}
		_ = c.Wait()
		running.state = c.ProcessState
		close(running.ended)
	}()
	t.Cleanup(func() {
		_ = running.process.Kill()
		<-running.ended
	})
	select {
	case <-announced:
	case <-time.After(patience):
		t.Fatalf("the console does not start:\n%s", running.log)
	}
	if len(running.banner) < 5 {
		<-running.ended
		t.Fatalf("the console ended (%v):\n%s", running.state, running.log)
	}
	_, api, _ := strings.Cut(running.banner[2], "API ")
	running.address = strings.TrimSuffix(strings.TrimSpace(api), "/api/access-profiles")
	eventually(t, "the console is ready", func() bool {
		answer, err := http.Get(running.address + "/readyz")
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	})
	return running
}

// end waits for the console to end by itself.
func (c *instance) end(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case <-c.ended:
		return c.state.ExitCode()
	case <-time.After(within):
		t.Fatalf("the console is still running after %v:\n%s", within, c.log)
		return -1
	}
}

// signal sends s and waits for the end.
func (c *instance) signal(t *testing.T, s syscall.Signal) int {
	t.Helper()
	if err := c.process.Signal(s); err != nil {
		t.Fatal(err)
	}
	return c.end(t, patience)
}

// lines collects what a process writes while others read it.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// complaints are the lines of a log that warn.
func (l *lines) complaints() string {
	var found []string
	for line := range strings.Lines(l.String()) {
		if !strings.Contains(line, "level=INFO") {
			found = append(found, line)
		}
	}
	return fmt.Sprintf("%.4000s", strings.Join(found, ""))
}

func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !happened() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// serverProcesses are the database processes at work in a data folder; a zombie works nowhere.
func serverProcesses(t *testing.T, dir string) []int {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, folder := range folders {
		if at, err := os.Readlink(folder); err == nil && strings.HasPrefix(at, dir+"/") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
			found = append(found, pid)
		}
	}
	return found
}

func postmaster(t *testing.T, dir string) int {
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
