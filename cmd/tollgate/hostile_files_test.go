package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Names that another reader would take for something else are the same after an export, an apply to an empty console
// and another export; invisible characters are refused at their place.
func TestFilesWithOddNames(t *testing.T) {
	t.Parallel()
	console := func() repository {
		data := migratedFolder(t)
		c := start(t, append(inFolder(data), "TOLLGATE_ADMIN_EMAIL=ada@example.com", "TOLLGATE_ADMIN_PASSWORD="+adminPassword))
		key := strings.TrimSpace(must(t, inFolder(data), "", "api-key", "create", "--name", "files"))
		return repository{t, t.TempDir(), []string{"TOLLGATE_URL=" + c.address, "TOLLGATE_API_KEY=" + key}}
	}
	first := console()
	for _, name := range []string{
		"yes", "012", "1_000", "2026-01-01", "null", "~", "1e5", "a: b", "a #b", "#", "- a", "? a", "*a", "&a", "!a", "{a", "%a", "@a", "`a", `"a"`, `a\b`, "a, b]", "<<", "---", "日本",
	} {
		first.api("POST", "/api/access-profiles", fmt.Sprintf(`{"name": %q, "description": %q}`, name, name+"\n\n "+name))
	}
	first.ends(0, "export -o DIR/config")
	first.write("config/set.yaml", "kind: set\nname: odd\n")
	first.environment = console().environment
	first.ends(0, "apply -f DIR/config --yes", "25 to create")
	first.ends(0, "export -o DIR/again --set odd")
	names := 0
	err := filepath.WalkDir(first.file("config"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		names++
		before, err := os.ReadFile(path)
		if after := first.text("again" + strings.TrimPrefix(path, first.file("config"))); after != string(before) {
			t.Errorf("%s is exported as\n%s\nand then as\n%s", path, before, after)
		}
		return err
	})
	if err != nil || names != 26 {
		t.Errorf("%d files, %v", names, err)
	}
	for _, odd := range []string{"\u0085", "\u2028", "\uffff", "\t", "\u200b"} {
		first.write("invisible/a.json", fmt.Sprintf("[{\"kind\": \"set\", \"name\": \"other\"},\n{\"kind\": \"access_profile\", \"name\": %q}]", "a"+odd+"b"))
		first.ends(1, "apply -f DIR/invisible --yes", "a.json:2:28: Remove invisible or control characters")
	}
	if err := os.Mkdir(first.file("empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	first.ends(6, "apply -f DIR/empty --set odd --prune --yes", "no document")
	first.ends(0, "plan -f DIR/config --exit-code", "25 unchanged")
}
