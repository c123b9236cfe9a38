package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const samples = "../../models/importer/testdata/"

// An import writes new files, says what became of each field, and ends with 2 when something is lost.
func TestImport(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "files")
	r := do(t, nil, "", "import", "litellm", samples+"litellm.yaml", "-o", folder)
	if r.code != 2 || !strings.Contains(r.stdout, "litellm.yaml:39:15: LOST    litellm_settings.max_budget") ||
		!strings.Contains(r.stderr, "13 fields are lost") {
		t.Errorf("with a loss: %+v", r)
	}
	written, err := os.ReadDir(folder)
	if err != nil || len(written) != 4 {
		t.Errorf("%v %v", written, err)
	}
	if r := do(t, nil, "", "import", "litellm", samples+"litellm.yaml", "-o", folder, "--accept-loss"); r.code != exitFailure || !strings.Contains(r.stderr, "is there already") {
		t.Errorf("into a folder with files: %+v", r)
	}
	if r := do(t, nil, "", "import", "bifrost", samples+"bifrost.json", "-o", folder+"2", "--accept-loss", "--json", "--set", "platform"); r.code != exitOK ||
		!strings.Contains(r.stdout, `"class": "secret"`) {
		t.Errorf("with the loss accepted: %+v", r)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "quickstart.yaml"), []byte("kind: set\nname: quickstart\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := do(t, nil, "", "import", "litellm", samples+"litellm.yaml", "-o", other); r.code != exitFailure || !strings.Contains(r.stderr, "has documents of the set quickstart") {
		t.Errorf("into the folder of another set: %+v", r)
	}
	for file, gateway := range map[string]string{"litellm.yaml": "bifrost", "bifrost.json": "litellm"} {
		r := do(t, nil, "", "import", gateway, samples+file, "-o", folder+"-wrong")
		if _, err := os.Stat(folder + "-wrong"); r.code != exitFailure || !strings.Contains(r.stderr, "use tollgate import "+strings.TrimSuffix(strings.TrimSuffix(file, ".yaml"), ".json")) || err == nil {
			t.Errorf("%s of %s: %+v", file, gateway, r)
		}
	}
	set, err := os.ReadFile(filepath.Join(folder+"2", "set.yaml"))
	if err != nil || string(set) != "kind: set\nname: platform\n" {
		t.Errorf("%s %v", set, err)
	}
	if r := do(t, nil, "", "import", "bifrost", samples+"bifrost.json", "-o", folder+"3", "--team-budget", "each"); r.code != 2 ||
		!strings.Contains(r.stdout, "changed governance.teams[0].budgets[0]  of Team, its one key gets it") {
		t.Errorf("with the budget of a team: %+v", r)
	}
	for _, wrong := range [][]string{{"import", "litellm"}, {"import", "litellm", samples + "litellm.yaml"}, {"import", "bifrost", "a", "b", "-o", folder}, {"import", "bifrost", samples + "bifrost.json", "-o", folder + "3", "--team-budget", "half"}} {
		if r := do(t, nil, "", wrong...); r.code != 64 {
			t.Errorf("%q: %+v", wrong, r)
		}
	}
	if r := do(t, nil, "", "import", "litellm", "no-such-file", "-o", folder); r.code != exitFailure {
		t.Errorf("no file: %+v", r)
	}
}

// What is imported is accepted by a console as it is.
func TestImportedFilesAreApplied(t *testing.T) {
	t.Parallel()
	data := migratedFolder(t)
	c := start(t, append(inFolder(data), "TOLLGATE_ADMIN_EMAIL=ada@example.com", "TOLLGATE_ADMIN_PASSWORD=correct horse battery"))
	key := strings.TrimSpace(must(t, inFolder(data), "", "api-key", "create", "--name", "files"))
	r := repository{t, t.TempDir(), []string{"TOLLGATE_URL=" + c.address, "TOLLGATE_API_KEY=" + key}}
	r.ends(2, "import bifrost "+samples+"bifrost.json -o DIR/bifrost", "LOST")
	r.ends(0, "plan -f DIR/bifrost", "7 to create, 0 to change")
	r.ends(2, "import litellm "+samples+"litellm.yaml -o DIR/litellm", "LOST")
	r.ends(0, "apply -f DIR/litellm --yes", "10 to create, 0 to change")
	r.ends(0, "plan -f DIR/litellm --exit-code", "10 unchanged")
}
