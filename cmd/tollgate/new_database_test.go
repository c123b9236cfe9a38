package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A command that makes a database, where there was none, says so and names the folder; the next one says nothing.
func TestCommandSaysOfItsNewDatabase(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	first := do(t, inFolder(data), "", "api-key", "create", "--name", "a")
	if first.code != exitOK || !strings.Contains(first.stderr, "made a new private database in "+data) || !strings.Contains(first.stderr, "TOLLGATE_DATA_DIR") {
		t.Errorf("the first: %+v", first)
	}
	if strings.Count(strings.TrimSpace(first.stdout), "\n") > 0 {
		t.Errorf("more than the key is printed: %q", first.stdout)
	}
	if second := do(t, inFolder(data), "", "api-key", "create", "--name", "b"); second.code != exitOK || strings.Contains(second.stderr, "private database") {
		t.Errorf("the second: %+v", second)
	}
}

// A command that checks a database makes none, in which all would fit.
func TestChecksMakeNoDatabase(t *testing.T) {
	t.Parallel()
	data := filepath.Join(dataFolder(t), "new")
	environment := append(inFolder(data), "TOLLGATE_ARCHIVE="+t.TempDir())
	for _, arguments := range [][]string{
		{"ledger", "verify"},
		{"ledger", "verify", "--full"},
		{"audit", "verify"},
		{"archive", "run"},
		{"archive", "verify"},
		{"backup", "verify", "postgres://localhost/copy"},
	} {
		if r := do(t, environment, "", arguments...); r.code != exitConfig || r.stdout != "" || !strings.Contains(r.stderr, "DATABASE_URL: is not set, and there is no private database in "+data) {
			t.Errorf("%v: %+v", arguments, r)
		}
	}
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}
