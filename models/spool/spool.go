package spool

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tollgate/models/batch"
)

const (
	openName    = "open.journal" // lines are added to it
	closedName  = "%020d.journal"
	damagedName = ".damaged" // behind the name of a closed file
	lockName    = "lock"
	addTime     = 10 * time.Second
	addedMost   = 4 << 20  // bytes written at once
	fileMost    = 16 << 20 // bytes of a file to which no further lines are added
)

// Spool is a folder of lines.
type Spool struct {
	folder string
	lock   *os.File
	adding batch.Batcher[[][]byte]
	lines  atomic.Int64 // that are not done

	mutex  sync.Mutex
	file   *os.File         // nil until a line is added
	size   int64            // of what is confirmed in it
	added  int64            // lines that are confirmed in it
	closed map[string]int64 // lines of files that are closed
}

// Open opens a folder, which must be there.
func Open(folder string) (*Spool, error) {
	lock, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another process uses the spool in %s: %w", folder, err), lock.Close())
	}
	s := &Spool{folder: folder, lock: lock, closed: map[string]int64{}}
	s.adding = batch.Batcher[[][]byte]{Run: s.write, Timeout: addTime, Max: addedMost, Size: sizeOf}
	if err := s.count(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// count counts the lines that were left before.
func (s *Spool) count() error {
	if err := s.closeFile(); err != nil {
		return err
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	for _, file := range files {
		var whole int64
		damaged, err := eachLine(file, func([]byte) error {
			whole++
			return nil
		})
		if err != nil {
			return err
		}
		s.closed[file] = whole + int64(damaged)
		s.lines.Add(s.closed[file])
	}
	return nil
}

// Close lets another process use the folder.
func (s *Spool) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var err error
	if s.file != nil {
		err, s.file = s.file.Close(), nil
	}
	return errors.Join(err, s.lock.Close())
}

// Lines is how many lines are not done.
func (s *Spool) Lines() int64 { return s.lines.Load() }

// Add adds lines, which must not have line ends. They are on disk when Add returns without an error.
func (s *Spool) Add(ctx context.Context, lines ...[]byte) error { return s.adding.Do(ctx, lines) }

func sizeOf(lines [][]byte) (n int) {
	for _, line := range lines {
		n += len(line)
	}
	return n
}

// write adds lines and waits for the disk. What was written before a failure is cut off.
func (s *Spool) write(_ context.Context, added [][][]byte) error {
	lines := slices.Concat(added...)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.file == nil || s.size >= fileMost {
		if err := s.open(); err != nil {
			return err
		}
	}
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&text, "%08x %s\n", crc32.ChecksumIEEE(line), line)
	}
	_, err := s.file.WriteString(text.String())
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		if s.file.Truncate(s.size) != nil {
			err, s.file = errors.Join(err, s.file.Close()), nil // the next line goes to another file
		}
		return fmt.Errorf("write to the spool: %w", err)
	}
	s.size += int64(text.Len())
	s.added += int64(len(lines))
	s.lines.Add(int64(len(lines)))
	return nil
}

// open begins a file, after one that is large enough or whose last line may be torn.
func (s *Spool) open() error {
	if err := s.end(); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(s.folder, openName), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err == nil {
		err = syncFolder(s.folder)
	}
	if err != nil {
		return fmt.Errorf("open a file of the spool: %w", err)
	}
	s.file, s.size = file, 0
	return nil
}

func syncFolder(folder string) error {
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}
