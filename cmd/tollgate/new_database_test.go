package main

import (
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
