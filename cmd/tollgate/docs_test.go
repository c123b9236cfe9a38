package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tollgate/models/dbtest"
	"tollgate/models/secret"
)

// page is a document with commands, which are run as they stand there.
type page struct {
	file   string
	notRun []string // the first lines of the blocks that it marks as not run here
	given  string   // what the page takes as done once its first commands have run
	after  string   // looks at what the commands did
	says   []string // what they print, beside the output that the page shows
}

var pages = []page{
	{
		file: "README.md", notRun: []string{"make run     # installs what is missing, starts the console with a private PostgreSQL, prints the address to open"},
		after: "echo; api \"usage?provider=openai&user_id=$USER_ID\"\n",
		says:  []string{"201 Created", `"name":"Research"`, `"decision":true`, `"status":"counted"`, `"cost":0.02`},
	},
	{file: "docs/quickstart.md", notRun: []string{"make run"}},
	{
		file: "docs/config-as-code.md", given: "./bin/tollgate apply -f docs/config-example.yaml --yes\n", // else there is nothing
		says: []string{"documents are valid"},
	},
	{file: "docs/import.md", notRun: []string{"export LITELLM_API_KEY=the-key-of-an-admin"}},
	{file: "docs/sign-in.md", says: []string{"ada@example.com is a break-glass admin", "Passwords are accepted"}},
	{file: "docs/telemetry.md", notRun: []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://tollgate.example.com/v1/traces"}},
}

// The commands of all pages do what the pages say, against a console; those that are not run are marked.
func TestDocs(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, p := range pages {
		known[p.file] = true
		t.Run(p.file, func(t *testing.T) {
			t.Parallel()
			p.run(t)
		})
	}
	all, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		text := readPage(t, path)
		if file := "docs/" + filepath.Base(path); strings.Contains(text, "```sh\n") && !known[file] {
			t.Errorf("the commands of %s are not run", file)
		}
	}
}

// The pages can be followed one after the other, in one folder and with one console.
func TestDocsInOrder(t *testing.T) {
	t.Parallel()
	var script strings.Builder
	for _, file := range []string{"docs/quickstart.md", "docs/config-as-code.md", "docs/import.md", "README.md"} {
		run, _ := blocks(readPage(t, "../../"+file))
		fmt.Fprintf(&script, "echo '--- %s'\n", file)
		for _, b := range run {
			script.WriteString(b.commands)
		}
	}
	said := runPage(t, script.String())
	_, last, _ := strings.Cut(said, "--- README.md")
	for _, want := range []string{`"name":"Research"`, `"decision":true`, `"status":"counted"`} {
		if !strings.Contains(last, want) {
			t.Errorf("no %s in what the last page prints:\n%s", want, last)
		}
	}
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is a block of commands, with the output that the page shows below it.
type block struct{ commands, output string }

const notRunHere = "not run here"

// fenced finds a block with its language; what stands before it is what was not matched.
var fenced = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```\n")

// lastParagraph is the one that introduces a block, on one line.
func lastParagraph(text string) string {
	text = strings.TrimSpace(text)
	return strings.Join(strings.Fields(text[strings.LastIndex(text, "\n\n")+1:]), " ")
}

// blocks are the commands of a page that are run, and the first lines of those that are not.
func blocks(text string) (run []block, notRun []string) {
	end, last := 0, ""
	for _, at := range fenced.FindAllStringSubmatchIndex(text, -1) {
		between, language, content := text[end:at[0]], text[at[2]:at[3]], text[at[4]:at[5]]
		end = at[1]
		switch {
		case language == "sh" && strings.Contains(lastParagraph(between), notRunHere):
			first, _, _ := strings.Cut(content, "\n")
			notRun = append(notRun, first)
		case language == "sh":
			run = append(run, block{commands: content})
		case language == "text" && last == "sh" && len(run) > 0:
			run[len(run)-1].output = content
		}
		last = language
	}
	return run, notRun
}

func (p page) run(t *testing.T) {
	text := readPage(t, "../../"+p.file)
	run, notRun := blocks(text)
	if strings.Join(notRun, "\n") != strings.Join(p.notRun, "\n") {
		t.Errorf("not run here are %q, want %q", notRun, p.notRun)
	}
	if len(run) == 0 {
		return
	}
	var script strings.Builder
	for i, b := range run {
		fmt.Fprintf(&script, "echo '%s'\n%s", marker(i), b.commands)
		if i == 0 {
			script.WriteString(p.given)
		}
	}
	script.WriteString(p.after)
	said := runPage(t, script.String())
	for i, b := range run {
		_, output, _ := strings.Cut(said, marker(i)+"\n")
		output, _, _ = strings.Cut(output, marker(i+1)+"\n")
		if missing := firstMissing(b.output, output); missing != "" {
			t.Errorf("no line\n%s\nin what the commands print:\n%s%s", missing, b.commands, output)
		}
	}
	for _, want := range p.says {
		if !strings.Contains(said, want) {
			t.Errorf("no %s in what they print:\n%s", want, said)
		}
	}
}

func marker(block int) string { return fmt.Sprintf("--- block %d", block) }

// runPage runs commands beside a console of their own, as its first user would: in a folder with the program and the
// documents.
func runPage(t *testing.T, script string) string {
	t.Helper()
	serving, owner := dbtest.URLs(t)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner,
		"TOLLGATE_SECRET="+secret.NewSecret(), "TOLLGATE_ADMIN_EMAIL=ada@example.com", "TOLLGATE_ADMIN_PASSWORD="+adminPassword)
	c := start(t, environment)
	dir := t.TempDir()
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range []error{
		os.Mkdir(filepath.Join(dir, "bin"), 0o755), os.Symlink(binary, filepath.Join(dir, "bin/tollgate")),
		os.Symlink(docs, filepath.Join(dir, "docs")),
	} {
		if made != nil {
			t.Fatal(made)
		}
	}
	shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c",
		"exec 2>&1\n"+strings.ReplaceAll(script, "http://127.0.0.1:8080", c.address))
	shell.Dir = dir
	shell.Env = append([]string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + dir}, environment...)
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return string(said)
}

// firstMissing is the first line shown that no further line printed fits; … stands for anything.
func firstMissing(shown, printed string) string {
	lines := strings.Split(printed, "\n")
	for line := range strings.Lines(shown) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		fits := regexp.MustCompile(`\A` + strings.Join(parts, ".*") + `\z`)
		for len(lines) > 0 && !fits.MatchString(lines[0]) {
			lines = lines[1:]
		}
		if len(lines) == 0 {
			return strings.TrimSuffix(line, "\n")
		}
		lines = lines[1:]
	}
	return ""
}
