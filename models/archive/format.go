package archive

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// Format is how files are written; a file is read as its name says.
type Format string

// The formats of files.
const (
	Parquet Format = "parquet"
	CSV     Format = "csv" // compressed by zstd, with a header
)

// file is the name of the one file of a folder.
func (f Format) file(folders ...string) string {
	name := "part-000.parquet"
	if f == CSV {
		name = "part-000" + csvSuffix
	}
	return filepath.Join(append(folders, name)...)
}

type rowWriter[T any] interface {
	Write(rows []T) (int, error)
	Close() error
}

type rowReader[T any] interface {
	Read(rows []T) (int, error)
	Close() error
}

// write writes the rows that each passes on, to a file that is there as a whole or not at all.
func write[T any](path string, each func(use func(T) error) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(path+".tmp"))
		}
	}()
	out, err := newWriter[T](file, path)
	if err != nil {
		return err
	}
	part := make([]T, 0, writtenAtOnce)
	flush := func() error {
		_, err := out.Write(part)
		part = part[:0]
		return err
	}
	err = each(func(row T) error {
		if part = append(part, row); len(part) < writtenAtOnce {
			return nil
		}
		return flush()
	})
	if err := errors.Join(err, flush(), out.Close(), file.Sync()); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func newWriter[T any](file io.Writer, path string) (rowWriter[T], error) {
	if strings.HasSuffix(path, csvSuffix) {
		return newCSVWriter[T](file)
	}
	return parquet.NewGenericWriter[T](file, parquet.Compression(&zstd.Codec{})), nil
}

func newReader[T any](file *os.File, path string) (rowReader[T], error) {
	if strings.HasSuffix(path, csvSuffix) {
		return newCSVReader[T](file)
	}
	return parquet.NewGenericReader[T](file), nil
}

// syncFolder makes a new name durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// read passes the rows of a file to use, and returns the hash of the file.
func read[T any](path string, use func(T) error) (hash []byte, err error) {
	defer func() {
		// The reader of Parquet panics at some damages of a file.
		if broken := recover(); broken != nil {
			err = fmt.Errorf("%s is damaged: %v", path, broken)
		}
	}()
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	in, err := newReader[T](file, path)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	defer in.Close()
	for rows := make([]T, writtenAtOnce); ; {
		n, err := in.Read(rows)
		for _, row := range rows[:n] {
			if err := use(row); err != nil {
				return nil, err
			}
		}
		clear(rows)
		if errors.Is(err, io.EOF) {
			return digest.Sum(nil), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", path, err)
		}
	}
}
