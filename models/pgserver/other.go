//go:build !linux

package pgserver

import (
	"errors"
	"syscall"
)

// childAttributes keep a Ctrl-C in the terminal away from the server, which has to outlive
// the last request. A server whose console is killed goes on until the next start.
func childAttributes(user *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: user, Setpgid: true}
}

// serverProcesses is the postmaster of a data folder, as long as it lives.
func serverProcesses(data string) []int {
	pid := readPostmaster(data).pid
	if pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return nil
	}
	return []int{pid}
}
