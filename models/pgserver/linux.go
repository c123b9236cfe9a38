package pgserver

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// childAttributes keep a Ctrl-C in the terminal away from the server, which has to outlive
// the last request, and ask the kernel to shut it down when the console is killed.
func childAttributes(user *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: user, Setpgid: true, Pdeathsig: syscall.SIGINT}
}

// serverProcesses are the server's processes at work in a data folder. Looking at each
// process's folder finds backends without a postmaster and no zombies, which
// a process id in a file would not tell apart from a living server.
func serverProcesses(data string) []int {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	var found []int
	for _, process := range processes {
		// A process that may not be looked at, or has just ended, is none of ours.
		if folder, err := os.Readlink(process + "/cwd"); err != nil || folder != data {
			continue
		}
		name, _ := os.ReadFile(process + "/comm")
		if strings.TrimSpace(string(name)) != "postgres" {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(process)); err == nil {
			found = append(found, pid)
		}
	}
	return found
}
