package dbtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const memory = "/dev/shm"

// claimSlot finds a cluster folder that no other test process works in.
func claimSlot() (dir string, slot *os.File, err error) {
	base := filepath.Join(memoryFolder(), fmt.Sprintf("tollgate-test-%d", os.Geteuid()))
	// The server may run as another user, who has to pass through.
	if err := os.Mkdir(base, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, err
	}
	found, err := os.Lstat(base)
	if err != nil {
		return "", nil, err
	}
	if owner := found.Sys().(*syscall.Stat_t).Uid; !found.IsDir() || int(owner) != os.Geteuid() {
		return "", nil, fmt.Errorf("%s belongs to another user", base)
	}
	for n := 0; ; n++ {
		dir := filepath.Join(base, strconv.Itoa(n))
		slot, err := os.OpenFile(dir+".lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return "", nil, err
		}
		err = syscall.Flock(int(slot.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return dir, slot, nil
		}
		slot.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return "", nil, err
		}
	}
}

// memoryFolder is much faster than a disk, where it is large enough.
func memoryFolder() string {
	const enough = 1 << 30
	var space syscall.Statfs_t
	if err := syscall.Statfs(memory, &space); err != nil || uint64(space.Bavail)*uint64(space.Bsize) < enough {
		return os.TempDir()
	}
	return memory
}
