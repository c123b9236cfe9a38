package spool

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	drainedAtOnce = 500      // lines that are dealt with at once
	readAtOnce    = 64 << 10 // bytes
)

// Damage is a file with lines whose checksum does not fit. It is kept under this name.
type Damage struct {
	File  string
	Lines int
}

// Drain passes all lines to do, in their order, some at once. It stops at the first error; then the lines of that file
// are passed again next time. It returns the files that were damaged, of which the other lines were passed.
func (s *Spool) Drain(
	ctx context.Context, do func(ctx context.Context, lines [][]byte) error,
) (damaged []Damage, err error) {
	if err := s.closeFile(); err != nil {
		return nil, err
	}
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		lines, err := drainFile(ctx, file, do)
		if err != nil {
			return damaged, err
		}
		if err := s.remove(file, lines > 0); err != nil {
			return damaged, err
		}
		if lines > 0 {
			damaged = append(damaged, Damage{file + damagedName, lines})
		}
	}
	return damaged, nil
}

// drainFile passes the lines of a file to do, and returns how many are damaged.
func drainFile(
	ctx context.Context, file string, do func(ctx context.Context, lines [][]byte) error,
) (damaged int, err error) {
	var some [][]byte
	pass := func() error {
		err := errors.Join(ctx.Err(), do(ctx, some))
		some = nil
		return err
	}
	damaged, err = eachLine(file, func(line []byte) error {
		if some = append(some, line); len(some) < drainedAtOnce {
			return nil
		}
		return pass()
	})
	if err == nil && len(some) > 0 {
		err = pass()
	}
	return damaged, err
}

// remove removes a file whose lines are done, or gives it another name when some are damaged.
func (s *Spool) remove(file string, damaged bool) error {
	var err error
	if damaged {
		err = os.Rename(file, file+damagedName)
	} else {
		err = os.Remove(file)
	}
	if err := errors.Join(err, syncFolder(s.folder)); err != nil {
		return fmt.Errorf("remove a file of the spool: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.lines.Add(-s.closed[file])
	delete(s.closed, file)
	return nil
}

// closeFile ends the file that lines are added to, if there is one.
func (s *Spool) closeFile() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.end()
}

// end gives the file that lines were added to its final name, if there is one.
func (s *Spool) end() error {
	if s.file != nil {
		err := s.file.Close()
		if s.file = nil; err != nil {
			return fmt.Errorf("close a file of the spool: %w", err)
		}
	}
	open := filepath.Join(s.folder, openName)
	closed := filepath.Join(s.folder, fmt.Sprintf(closedName, time.Now().UnixNano()))
	err := os.Rename(open, closed)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := errors.Join(err, syncFolder(s.folder)); err != nil {
		return fmt.Errorf("close a file of the spool: %w", err)
	}
	s.closed[closed], s.added = s.added, 0
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

// eachLine passes the lines of a file to use, and returns how many are damaged: their checksum does not fit. A last
// line without an end is torn, and is neither.
func eachLine(file string, use func(line []byte) error) (damaged int, err error) {
	content, err := os.Open(file)
	if err != nil {
		return 0, fmt.Errorf("read a file of the spool: %w", err)
	}
	defer content.Close()
	for lines := bufio.NewReaderSize(content, readAtOnce); ; {
		line, err := lines.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF):
			return damaged, nil
		case err != nil:
			return damaged, fmt.Errorf("read a file of the spool: %w", err)
		}
		text, fits := checked(line)
		if !fits {
			damaged++
			continue
		}
		if err := use(text); err != nil {
			return damaged, err
		}
	}
}

// checked is the text of a line, and whether its checksum fits.
func checked(line []byte) (text []byte, fits bool) {
	sum, text, found := bytes.Cut(line[:len(line)-1], []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	return text, found && err == nil && uint32(want) == crc32.ChecksumIEEE(text)
}
