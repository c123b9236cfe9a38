package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const postgresGrace = 5 * time.Second

// ErrNotRunning says that no console serves the data folder.
var ErrNotRunning = errors.New("no console is running on this data folder")

// InUseError says that another process serves the data folder.
type InUseError struct {
	Dir string
	PID int // 0 when the other process has not said who it is
}

func (e InUseError) Error() string {
	holder := "another process"
	if e.PID != 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("the data folder %s is in use by %s; stop it, or choose another folder", e.Dir, holder)
}

// Made reports whether a folder has a database, or may have one that this user cannot see.
func Made(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "data", "PG_VERSION"))
	return !errors.Is(err, fs.ErrNotExist)
}

// Join finds the server of a console that is running on dir.
// It never starts one; without a console the error is [ErrNotRunning].
func Join(ctx context.Context, dir string) (Socket, error) {
	tick := time.NewTicker(postgresPoll)
	defer tick.Stop()
	for {
		if err := checkServed(dir); err != nil {
			return Socket{}, err
		}
		if postmaster := readPostmaster(filepath.Join(dir, "data")); postmaster.ready {
			return Socket{postmaster.socket}, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return Socket{}, fmt.Errorf("wait for the database server in %s: %w", dir, ctx.Err())
		}
	}
}

func checkServed(dir string) error {
	lock, err := os.Open(filepath.Join(dir, "lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", dir, ErrNotRunning)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	switch err := flock(lock, syscall.LOCK_SH|syscall.LOCK_NB); {
	case err == nil:
		return fmt.Errorf("%s: %w", dir, ErrNotRunning)
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil
	default:
		return fmt.Errorf("look at the lock of %s: %w", dir, err)
	}
}

// lockFolder takes a lock that dies with this process and that the server does not inherit.
func lockFolder(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	// A program that only checks the lock has it for a moment.
	for range 5 {
		if err = flock(lock, syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		time.Sleep(postgresPoll)
	}
	if err == nil {
		_, err = lock.WriteAt(fmt.Appendf(nil, "%-10d\n", os.Getpid()), 0)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = InUseError{Dir: dir, PID: firstNumber(lock.Name())}
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

func flock(file *os.File, how int) error {
	for {
		if err := syscall.Flock(int(file.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func firstNumber(path string) int {
	content, _ := os.ReadFile(path)
	first, _, _ := strings.Cut(string(content), "\n")
	number, _ := strconv.Atoi(strings.TrimSpace(first))
	return number
}

// postmaster is what a server writes about itself into its data folder.
type postmaster struct {
	pid    int
	socket string
	ready  bool
}

func readPostmaster(data string) postmaster {
	path := filepath.Join(data, "postmaster.pid")
	content, err := os.ReadFile(path)
	lines := strings.Split(string(content), "\n")
	if err != nil || len(lines) < 8 {
		return postmaster{pid: firstNumber(path)}
	}
	return postmaster{firstNumber(path), lines[4], strings.TrimSpace(lines[7]) == "ready"}
}

// endLeftovers waits until nothing serves the folder any more. The caller has the lock,
// so a remaining server has lost its console.
func endLeftovers(ctx context.Context, folder string) error {
	started := time.Now()
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}
	tick := time.NewTicker(postgresPoll)
	defer tick.Stop()
	for sent := 0; ; {
		left := serverProcesses(folder)
		if len(left) == 0 {
			return nil
		}
		if sent < len(signals) && time.Since(started) >= time.Duration(sent)*postgresGrace {
			signalServer(folder, left, signals[sent])
			sent++
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for process %d to leave %s: %w", left[0], folder, ctx.Err())
		}
	}
}

// signalServer asks the postmaster, or, as the last resort, ends every process:
// those whose postmaster has died leave by themselves when they notice.
func signalServer(folder string, processes []int, signal syscall.Signal) {
	first := readPostmaster(folder).pid
	for _, pid := range processes {
		if pid == first || signal == syscall.SIGKILL {
			_ = syscall.Kill(pid, signal)
		}
	}
}

// removeStale removes a lock file that would keep the server from starting: its process is gone,
// but the number is taken, or a zombie has it. Where the number is free the server clears up
// by itself, and needs the file to find the shared memory that the crash left behind.
func removeStale(path string) error {
	pid := firstNumber(path)
	if pid > 0 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// serverUser is whom the server runs as; it refuses to run as root.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("find a user that the database server may run as: %w", err)
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// checkPassage names the folder that would keep the server's user out.
func checkPassage(dir string, as *syscall.Credential) error {
	if as == nil {
		return nil
	}
	for folder := dir; ; folder = filepath.Dir(folder) {
		found, err := os.Stat(folder)
		if err != nil {
			return err
		}
		owner := found.Sys().(*syscall.Stat_t)
		needed := fs.FileMode(0o001)
		switch {
		case owner.Uid == as.Uid:
			needed = 0o100
		case owner.Gid == as.Gid:
			needed = 0o010
		}
		if found.Mode()&needed == 0 {
			return fmt.Errorf("the database server runs as user %d, who may not enter %s; "+
				"open it with chmod o+x, or choose another folder", as.Uid, folder)
		}
		if folder == filepath.Dir(folder) {
			return nil
		}
	}
}

type serverPrograms struct{ bin, major string }

// installedServers lists what can be started here, newest first. Distributions
// keep the programs out of PATH, so PATH is only the last place to look.
func installedServers() []serverPrograms {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	others, _ := filepath.Glob("/usr/pgsql-*/bin")
	folders = append(folders, others...)
	if initdb, err := exec.LookPath("initdb"); err == nil {
		folders = append(folders, filepath.Dir(initdb))
	}
	var found []serverPrograms
	for _, bin := range folders {
		if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
			continue
		}
		// It says: postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)
		version, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
		if words := strings.Fields(string(version)); err == nil && len(words) > 2 {
			major, _, _ := strings.Cut(words[2], ".")
			found = append(found, serverPrograms{bin, major})
		}
	}
	slices.SortStableFunc(found, func(a, b serverPrograms) int {
		newer, _ := strconv.Atoi(b.major)
		older, _ := strconv.Atoi(a.major)
		return newer - older
	})
	return found
}

// startOwned starts a program whose life is bound to this process. The kernel binds it
// to the thread that started it, so that thread is kept until the program ends.
func startOwned(command *exec.Cmd) (<-chan error, error) {
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			ended <- command.Wait()
		}
	}()
	return ended, <-started
}
