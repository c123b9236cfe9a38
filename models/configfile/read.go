package configfile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tollgate/models/input"
)

const (
	maxFile = 1 << 20
	maxAll  = 8 << 20
)

// Stdin is the path that stands for what is piped in.
const Stdin = "-"

// File is one file with its documents.
type File struct {
	Path      string
	Content   []byte
	Documents []Node
	Comments  bool // it has comments, which a rewrite would lose
	Problems  []Problem
}

// Read reads files and folders to any depth, in the order of their paths. Names that begin with a point and symbolic
// links inside folders are passed over.
func Read(paths []string, stdin io.Reader) ([]File, error) {
	var files []File
	size := 0
	for _, path := range paths {
		names, err := below(path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			content, err := contentOf(name, stdin)
			if err != nil {
				return nil, err
			}
			if size += len(content); size > maxAll {
				return nil, fmt.Errorf("read %s: the files have more than 8 MiB together", name)
			}
			files = append(files, Parse(name, content))
		}
	}
	return files, nil
}

// below lists the files of a path.
func below(path string) (names []string, err error) {
	if path == Stdin {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return []string{path}, nil
	}
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		hidden := name != path && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case hidden && entry.IsDir():
			return filepath.SkipDir
		case !hidden && entry.Type().IsRegular() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)):
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

func contentOf(name string, stdin io.Reader) ([]byte, error) {
	from := stdin
	most := int64(maxAll)
	if name != Stdin {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from, most = file, maxFile
	}
	content, err := io.ReadAll(io.LimitReader(from, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("read %s: it has more than %d MiB", name, most>>20)
	}
	return content, err
}

// Parse reads the documents of one file: JSON when its name or its first character says so, else YAML.
func Parse(path string, content []byte) File {
	r := &reader{file: path}
	file := File{Path: path, Content: content}
	if path == Stdin {
		r.file = "stdin"
	}
	if text, ok := r.decoded(content); ok {
		start := bytes.TrimLeft(text, " \t\r\n")
		if filepath.Ext(path) == ".json" || path == Stdin && len(start) > 0 && (start[0] == '{' || start[0] == '[') {
			file.Documents = r.readJSON(text)
		} else {
			file.Documents = r.readYAML(text)
		}
	}
	for _, document := range file.Documents {
		if document.Kind != input.Object && len(r.problems) == 0 {
			r.refuse(document.Place.Line, document.Place.Column, "expected_object", "Write a document as fields, kind first.")
		}
	}
	file.Comments, file.Problems = r.comments, r.problems
	return file
}
