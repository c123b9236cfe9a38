package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// drainedAtOnce is how many lines are dealt with at once.
const drainedAtOnce = 500

// Drain passes all lines to do, in their order, some at once. It stops at the first error; then the lines of that file
// are passed again next time.
func (s *Spool) Drain(ctx context.Context, do func(ctx context.Context, lines [][]byte) error) error {
	if err := s.closeFile(); err != nil {
		return err
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	for _, file := range files {
		lines, _, err := read(file)
		if err != nil {
			return err
		}
		for rest := lines; len(rest) > 0; {
			n := min(len(rest), drainedAtOnce)
			if err := errors.Join(ctx.Err(), do(ctx, rest[:n])); err != nil {
				return err
			}
			rest = rest[n:]
		}
		if err := errors.Join(os.Remove(file), syncFolder(s.folder)); err != nil {
			return fmt.Errorf("remove a file of the spool: %w", err)
		}
		s.lines.Add(-int64(len(lines)))
	}
	return nil
}

// closeFile ends the file that lines are added to, if there is one.
func (s *Spool) closeFile() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.file != nil {
		if err := s.file.Close(); err != nil {
			return fmt.Errorf("close a file of the spool: %w", err)
		}
		s.file = nil
	}
	return s.rename()
}

// rename gives the file that lines were added to its final name, if there is one.
func (s *Spool) rename() error {
	open := filepath.Join(s.folder, openName)
	closed := filepath.Join(s.folder, fmt.Sprintf(closedName, time.Now().UnixNano()))
	err := os.Rename(open, closed)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := errors.Join(err, syncFolder(s.folder)); err != nil {
		return fmt.Errorf("close a file of the spool: %w", err)
	}
	return nil
}

// files are the closed files, the oldest first.
func (s *Spool) files() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(s.folder, "[0-9]*.journal"))
	if err != nil {
		return nil, fmt.Errorf("list the spool: %w", err)
	}
	return files, nil
}

// read reads the lines of a file. Damaged are those whose checksum does not fit: the last one may be torn.
func read(file string) (lines [][]byte, damaged int, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, fmt.Errorf("read a file of the spool: %w", err)
	}
	for line := range bytes.Lines(content) {
		sum, text, found := bytes.Cut(line, []byte(" "))
		text, whole := bytes.CutSuffix(text, []byte("\n"))
		if want, err := strconv.ParseUint(string(sum), 16, 32); !found || !whole || err != nil ||
			uint32(want) != crc32.ChecksumIEEE(text) {
			damaged++
			continue
		}
		lines = append(lines, text)
	}
	return lines, damaged, nil
}
